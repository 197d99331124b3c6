/**
 * A pool for backends on the graphics card: jobs run one after the other in this thread, which opened the card.
 *
 * A machine has one card, so more threads would not be faster; and the library that reaches it ends the whole process
 * where a thread that uses it is ended. The processor has little to do meanwhile: between updates the thread hears
 * signals and draws its display.
 */
import { backendNamed } from "../../backends/registry.ts";
import { inTurn } from "../../base/inTurn.ts";
import type { JobState } from "../../studies/population/job.ts";
import { askToStop, openControl, SAVE_EVERY, saved, watch } from "./control.ts";
import { doJob, type JobEvents } from "./doJob.ts";
import type { Jobs } from "./jobName.ts";
import { measureTraining } from "./measureTraining.ts";
import { type Care, interrupted, type Pool, type PoolOptions, type Tell } from "./pool.ts";

const clock = () => performance.now();

/** Where events of jobs are told from: one job is under way at a time. */
const PLACE = 0;

/** Opens the pool. A job that fails ends the call: what it told before is kept, and the run can be gone on with. */
export function openCardPool({
  signal,
  saveEvery = SAVE_EVERY,
}: Pick<PoolOptions, "signal" | "saveEvery">): Pool {
  /** Does one job; throws where it was stopped. */
  const run = async <K extends keyof Jobs>(
    kind: K,
    job: Jobs[K],
    tell: (event: JobEvents[K]) => void,
    care: { readonly from?: JobState; readonly keep?: (state: JobState) => void } | null,
  ): Promise<void> => {
    const stop = () => askToStop(control);
    const checkGoing = () => {
      if (signal?.aborted) throw interrupted(signal);
    };
    const control = openControl(saveEvery);
    const { due, told } = watch(control, clock);
    checkGoing();
    signal?.addEventListener("abort", stop);
    try {
      const on = (event: JobEvents[K]) => {
        if (event.kind === "state") {
          const began = clock();
          care?.keep?.(event.state);
          saved(control, clock() - began, saveEvery);
          told();
          return;
        }
        if (care === null) checkGoing(); // it has no state to tell first
        tell(event);
      };
      const backend = await backendNamed(job.backend.name);
      await doJob(kind, job, on, { backend, control: { from: care?.from, due }, clock });
    } finally {
      signal?.removeEventListener("abort", stop);
    }
    checkGoing();
  };

  const runAll = async <K extends keyof Jobs>(
    kind: K,
    jobs: readonly Jobs[K][],
    tell: Tell<JobEvents[K]>,
    care: Care | null,
  ): Promise<void> => {
    await inTurn(jobs, (job, index) => {
      const own = care && {
        from: care.from?.(index),
        keep: (state: JobState) => care.keep?.(index, state),
      };
      return run(kind, job, (event) => tell(index, event as Parameters<typeof tell>[1], PLACE), own);
    });
  };

  return {
    runJobs: (jobs, tell, care = {}) => runAll("population", jobs, tell, care),
    runExperiments: (jobs, tell) => runAll("experiments", jobs, tell, null),
    runStudy: (jobs, tell) => runAll("study", jobs, tell, null),
    runText: (jobs, tell, care = {}) => runAll("text", jobs, tell, care),
    measure: (jobs) =>
      inTurn(jobs, async (job) => measureTraining(job, await backendNamed(job.backend.name), clock)),
    close: async () => {},
  };
}
