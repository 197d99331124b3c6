/** What runs in a worker: a thread in Node, a web worker in a page. It answers the pool's calls until it is ended. */
import workerpool from "workerpool";
import { backendNamed } from "../../backends/registry.ts";
import { UserError } from "../../base/errors.ts";
import {
  type ExperimentsEvent,
  type ExperimentsJob,
  runExperimentsJob,
} from "../../studies/experiments/job.ts";
import { type JobEvent, type PopulationJob, runJob } from "../../studies/population/job.ts";
import { runStudyJob, type StudyEvent, type StudyJob } from "../../studies/protocol/jobs.ts";
import { runTextJob, type TextEvent, type TextJob } from "../../studies/text/job.ts";
import { type BenchJob, type BenchMeasurement, measureTraining } from "./measureTraining.ts";

/** How a call ended. Errors cross as data: a class of ours would arrive as a plain Error. */
export type Answer<T> = { ok: true; value: T } | { ok: false; user: boolean; message: string };

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

workerpool.worker({
  population: (job: PopulationJob): Promise<Answer<null>> =>
    answered(async () => {
      const backend = await backendOf(job.backend);
      await runJob(job, backend, (event: JobEvent) => workerpool.workerEmit(event), clock);
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
  text: (job: TextJob): Promise<Answer<null>> =>
    answered(async () => {
      const backend = await backendOf(job.backend);
      await runTextJob(job, backend, (event: TextEvent) => workerpool.workerEmit(event));
      return null;
    }),
  bench: (job: BenchJob): Promise<Answer<BenchMeasurement>> =>
    answered(async () => measureTraining(job, await backendOf(job.backend), clock)),
});
