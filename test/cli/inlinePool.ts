/** A pool without workers: jobs run one after the other in this thread, and save after so many steps. */
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import type { Care, Pool, Tell } from "../../src/cli/workers/pool.ts";
import {
  type ExperimentsEvent,
  type ExperimentsJob,
  runExperimentsJob,
} from "../../src/studies/experiments/job.ts";
import { type JobControl, type JobState, runJob } from "../../src/studies/population/job.ts";
import { runStudyJob } from "../../src/studies/protocol/jobs.ts";
import type { Study } from "../../src/studies/protocol/study.ts";
import { runTextJob } from "../../src/studies/text/job.ts";
import { wasm } from "../studies/sampleJobs.ts";
import { tinyStudy } from "../studies/tinyStudy.ts";

type Event = { readonly kind: string; readonly state?: JobState };

const measured = new Map<string, Promise<ExperimentsEvent[]>>();

/** What a job of the experiments tells; carried out once for all who ask, for it takes half a second. */
function experimentsTold(job: ExperimentsJob): Promise<ExperimentsEvent[]> {
  const key = JSON.stringify(job);
  const known = measured.get(key) ?? carriedOut(job);
  measured.set(key, known);
  return known;
}

async function carriedOut(job: ExperimentsJob): Promise<ExperimentsEvent[]> {
  const told: ExperimentsEvent[] = [];
  await runExperimentsJob(job, wasm, (event) => told.push(event));
  return told;
}

/**
 * Opens the pool.
 *
 * @param saveEvery  steps between two states of a job
 * @param onEvent    called before an event is told on; it may throw, as a process may end there
 */
export function inlinePool(saveEvery: number, onEvent: (event: Event) => void = () => {}): Pool {
  const all = async <J, E extends Event>(
    jobs: readonly J[],
    tell: Tell<E>,
    care: Care,
    run: (job: J, tell: (event: Event) => void, control: JobControl) => Promise<void>,
  ) => {
    await inTurn(jobs, (job, index) => {
      let steps = 0;
      const due = () => (++steps % saveEvery === 0 ? "save" : "go");
      const on = (event: Event) => {
        // what crosses threads is a copy
        const copy = structuredClone(event);
        onEvent(copy);
        if (copy.kind === "state") care.keep?.(index, copy.state as JobState);
        else tell(index, copy as never, 0);
      };
      return run(structuredClone(job), on, { from: structuredClone(care.from?.(index)), due });
    });
  };
  return {
    runJobs: (jobs, tell, care = {}) =>
      all(jobs, tell, care, (job, on, control) => runJob(job, wasm, on, control)),
    runText: (jobs, tell, care = {}) =>
      all(jobs, tell, care, (job, on, control) => runTextJob(job, wasm, on, control)),
    runExperiments: (jobs, tell) =>
      all(jobs, tell, {}, async (job, on) => {
        for (const event of await experimentsTold(job)) on(event);
      }),
    runStudy: (jobs, tell) =>
      all(jobs, tell, {}, (job, on) => runStudyJob(tinyStudy() as Study, job, referenceBackend, on)),
    measure: async () => [],
    close: async () => {},
  };
}
