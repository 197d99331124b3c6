/** What runs in a worker: a thread in Node, a web worker in a page. It answers the pool's calls until it is ended. */
import workerpool from "workerpool";
import { backendNamed } from "../../backends/registry.ts";
import { UserError } from "../../base/errors.ts";
import type { JobState } from "../../studies/population/job.ts";
import { type Control, watch } from "./control.ts";
import { doJob, type JobEvents } from "./doJob.ts";
import type { Jobs } from "./jobName.ts";
import { type BenchJob, type BenchMeasurement, measureTraining } from "./measureTraining.ts";

/** How a call ended. Errors cross as data: a class of ours would arrive as a plain Error. */
export type Answer<T> = { ok: true; value: T } | { ok: false; user: boolean; message: string };

/** How a job that can be stopped and gone on with is begun. */
export interface Beginning {
  /** The state that it goes on from. */
  readonly from?: JobState;
  /** Where it is told to stop; without one it neither stops nor saves. */
  readonly control?: Control;
}

async function answered<T>(work: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, user: error instanceof UserError, message };
  }
}

const clock = () => performance.now();

/** The backend of a job on one core: the workers share the processors out among themselves. */
const backendOf = ({ name, relaxed }: { name: string; relaxed?: boolean }) =>
  backendNamed(name, { relaxed, threads: 1 });

/** Does a job of a kind, telling its events to the pool. */
function deed<K extends keyof Jobs>(kind: K) {
  return (job: Jobs[K], { from, control }: Beginning = {}): Promise<Answer<null>> =>
    answered(async () => {
      const watched = control && watch(control, clock);
      const tell = (event: JobEvents[K]) => {
        workerpool.workerEmit(event);
        if (event.kind === "state") watched?.told();
      };
      const setting = { backend: await backendOf(job.backend), control: { from, due: watched?.due }, clock };
      await doJob(kind, job, tell, setting);
      return null;
    });
}

workerpool.worker({
  population: deed("population"),
  experiments: deed("experiments"),
  study: deed("study"),
  text: deed("text"),
  bench: (job: BenchJob): Promise<Answer<BenchMeasurement>> =>
    answered(async () => measureTraining(job, await backendOf(job.backend), clock)),
});
