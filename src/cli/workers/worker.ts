/** What runs in a worker: a thread in Node, a web worker in a page. It answers the pool's calls until it is ended. */
import workerpool from "workerpool";
import { backendNamed } from "../../backends/registry.ts";
import { UserError } from "../../base/errors.ts";
import {
  type ExperimentsEvent,
  type ExperimentsJob,
  runExperimentsJob,
} from "../../studies/experiments/job.ts";
import {
  type JobControl,
  type JobEvent,
  type JobState,
  type PopulationJob,
  runJob,
} from "../../studies/population/job.ts";
import { runStudyJob, type StudyEvent, type StudyJob } from "../../studies/protocol/jobs.ts";
import { runTextJob, type TextEvent, type TextJob } from "../../studies/text/job.ts";
import { type Control, watch } from "./control.ts";
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

/** How a job is begun, and where its events go. */
function begun<E extends { readonly kind: string }>({ from, control }: Beginning) {
  const watched = control && watch(control, clock);
  const jobControl: JobControl = { from, due: watched?.due };
  const tell = (event: E) => {
    workerpool.workerEmit(event);
    if (event.kind === "state") watched?.told();
  };
  return { control: jobControl, tell };
}

workerpool.worker({
  population: (job: PopulationJob, beginning: Beginning = {}): Promise<Answer<null>> =>
    answered(async () => {
      const backend = await backendOf(job.backend);
      const { control, tell } = begun<JobEvent>(beginning);
      await runJob(job, backend, tell, { ...control, clock });
      return null;
    }),
  experiments: (job: ExperimentsJob): Promise<Answer<null>> =>
    answered(async () => {
      const backend = await backendOf(job.backend);
      await runExperimentsJob(job, backend, (event: ExperimentsEvent) => workerpool.workerEmit(event));
      return null;
    }),
  study: (job: StudyJob): Promise<Answer<null>> =>
    answered(async () => {
      // loaded only here: the studies bring their figures along, which no other job needs
      const { studyNamed } = await import("../../studies/registry.ts");
      const backend = await backendOf(job.backend);
      await runStudyJob(studyNamed(job.study), job, backend, (event: StudyEvent) =>
        workerpool.workerEmit(event),
      );
      return null;
    }),
  text: (job: TextJob, beginning: Beginning = {}): Promise<Answer<null>> =>
    answered(async () => {
      const backend = await backendOf(job.backend);
      const { control, tell } = begun<TextEvent>(beginning);
      await runTextJob(job, backend, tell, control);
      return null;
    }),
  bench: (job: BenchJob): Promise<Answer<BenchMeasurement>> =>
    answered(async () => measureTraining(job, await backendOf(job.backend), clock)),
});
