/** Jobs of a study: some seeds of one arm, as plain data that can go to a worker and come back as plain data. */
import { InternalError } from "../../base/errors.ts";
import type { Backend } from "../../graph/backend.ts";
import type { Arm, Study } from "./study.ts";

/** Which executor computes a job; opened where the job runs. */
export interface JobBackend {
  readonly name: string;
}

/** Some seeds of one arm. */
export interface StudyJob {
  /** Name of the study. */
  readonly study: string;
  readonly arm: Arm;
  /** Of the arm's seeds, those of this job. */
  readonly seeds: readonly number[];
  readonly backend: JobBackend;
}

/** What a job tells while it runs; the end is told once, and last. */
export type StudyEvent =
  /** Share of the job that is done, in [0, 1], and the mean training loss, nats (NaN for none). */
  | { readonly kind: "progress"; readonly done: number; readonly loss: number }
  /** What every seed of the job told, in order. */
  | { readonly kind: "end"; readonly told: readonly unknown[] };

/** Two groups of the four networks that share a vector: enough to fill it, few enough to share jobs out evenly. */
export const seedsPerJob = 8;

/**
 * Cuts arms into jobs of at most `size` seeds, or fewer where an arm asks for that, dear ones first, so that no worker is
 * left alone with one at the end.
 *
 * Seeds do not see each other, so `size` decides no bit of what is told.
 *
 * @throws InternalError if two arms have one name: what they tell could not be told apart
 */
export function studyJobs(
  study: string,
  arms: readonly Arm[],
  backend: JobBackend,
  size: number = seedsPerJob,
): StudyJob[] {
  const twice = arms.find(({ name }, at) => arms.findIndex((arm) => arm.name === name) !== at);
  if (twice !== undefined)
    throw new InternalError({ where: `study ${study}`, rule: "arms need different names", got: twice.name });
  const jobs = arms.flatMap((arm) => {
    const most = Math.min(size, arm.seedsPerJob ?? size);
    return Array.from({ length: Math.ceil(arm.seeds.length / most) }, (_, part): StudyJob => {
      const seeds = arm.seeds.slice(part * most, (part + 1) * most);
      return { study, arm, seeds, backend };
    });
  });
  const cost = ({ arm, seeds }: StudyJob) => (arm.cost ?? 1) * seeds.length;
  return jobs.sort((a, b) => cost(b) - cost(a));
}

/**
 * Runs a job.
 *
 * @param tell  receives every event, in order
 * @throws InternalError if the study tells of more or fewer seeds than it was asked
 */
export async function runStudyJob(
  study: Study,
  { arm, seeds }: StudyJob,
  backend: Backend,
  tell: (event: StudyEvent) => void,
): Promise<void> {
  tell({ kind: "progress", done: 0, loss: Number.NaN });
  const told = await study.measure(arm, seeds, {
    backend,
    progress: (done, loss) => tell({ kind: "progress", done, loss }),
  });
  if (told.length !== seeds.length)
    throw new InternalError({
      where: `study ${study.plan.name}, arm ${arm.name}`,
      rule: `must tell of its ${seeds.length} seeds`,
      got: String(told.length),
    });
  tell({ kind: "end", told });
}
