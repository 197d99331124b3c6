/** A job of any kind, done in the thread that asks. */
import type { Backend } from "../../graph/backend.ts";
import { type ExperimentsEvent, runExperimentsJob } from "../../studies/experiments/job.ts";
import { type JobControl, type JobEvent, runJob } from "../../studies/population/job.ts";
import { runStudyJob, type StudyEvent } from "../../studies/protocol/jobs.ts";
import { runTextJob, type TextEvent } from "../../studies/text/job.ts";
import type { Jobs } from "./jobName.ts";

/** What the jobs of each kind tell. */
export interface JobEvents {
  readonly population: JobEvent;
  readonly experiments: ExperimentsEvent;
  readonly study: StudyEvent;
  readonly text: TextEvent;
}

/** What is given with a job. */
export interface JobSetting {
  readonly backend: Backend;
  /** Of kinds that have states. */
  readonly control: JobControl;
  /** A monotonic clock in milliseconds. */
  readonly clock: () => number;
}

type Deed<K extends keyof Jobs> = (
  job: Jobs[K],
  tell: (event: JobEvents[K]) => void,
  setting: JobSetting,
) => Promise<void>;

const deeds: { readonly [K in keyof Jobs]: Deed<K> } = {
  population: (job, tell, { backend, control, clock }) => runJob(job, backend, tell, { ...control, clock }),
  experiments: (job, tell, { backend }) => runExperimentsJob(job, backend, tell),
  study: async (job, tell, { backend }) => {
    // loaded only here: the studies bring their figures along, which no other job needs
    const { studyNamed } = await import("../../studies/registry.ts");
    await runStudyJob(studyNamed(job.study), job, backend, tell);
  },
  text: (job, tell, { backend, control }) => runTextJob(job, backend, tell, control),
};

/**
 * Does a job.
 *
 * @param tell  receives every event, in order
 */
export function doJob<K extends keyof Jobs>(
  kind: K,
  job: Jobs[K],
  tell: (event: JobEvents[K]) => void,
  setting: JobSetting,
): Promise<void> {
  return deeds[kind](job, tell, setting);
}
