/** Carries a study out: arms to jobs, jobs to what they tell, that to findings, and findings to what the rules say. */
import { InternalError } from "../../base/errors.ts";
import type { FigureSpec } from "../../figures/figure.ts";
import { type JobBackend, type StudyEvent, type StudyJob, seedsPerJob, studyJobs } from "./jobs.ts";
import { type StudyResult, studyResult } from "./result.ts";
import type { Study, StudySize } from "./study.ts";

/** What a study needs of the world. */
export interface CarryOutOptions {
  readonly backend: JobBackend;
  /** The command that gives the same result again. */
  readonly command: string;
  /** Runs jobs, in any order and anywhere, and tells what they tell; `job` is the index in `jobs`. */
  readonly runJobs: (
    jobs: readonly StudyJob[],
    tell: (job: number, event: StudyEvent) => void,
  ) => Promise<void>;
  /** Told once, when the measuring is over and the statistics begin. */
  readonly onMeasured?: () => void;
  /** Most seeds of a job; changes no bit. */
  readonly seedsPerJob?: number;
}

/** A study's result with its figures, which are no plain data. */
export interface CarriedOut {
  readonly result: StudyResult;
  readonly figures: readonly FigureSpec[];
}

/**
 * Carries a study out.
 *
 * @throws InternalError if a job ended without telling
 * @throws ArgumentError as {@link studyResult}, where a rule contradicts itself
 */
export async function carryOut(study: Study, size: StudySize, options: CarryOutOptions): Promise<CarriedOut> {
  const { backend, command, runJobs, onMeasured } = options;
  const { name } = study.plan;
  const arms = study.arms(size);
  const jobs = studyJobs(name, arms, backend, options.seedsPerJob ?? seedsPerJob);
  const told = new Map<StudyJob, readonly unknown[]>();
  await runJobs(jobs, (job, event) => {
    if (event.kind === "end") told.set(jobs[job], event.told);
  });
  onMeasured?.();
  const byArm = new Map(
    arms.map((arm) => {
      const bySeed = jobs
        .filter((job) => job.arm === arm)
        .flatMap((job) => toldBy(job, told).map((entry, i) => [job.seeds[i], entry] as const));
      const entries = new Map(bySeed);
      return [arm.name, arm.seeds.map((seed) => entries.get(seed))] as const;
    }),
  );
  const findings = study.conclude(byArm, size);
  return { result: studyResult(study.plan, size, findings, command), figures: findings.figures };
}

function toldBy(job: StudyJob, told: ReadonlyMap<StudyJob, readonly unknown[]>): readonly unknown[] {
  const entries = told.get(job);
  if (entries !== undefined) return entries;
  throw new InternalError({ where: `study ${job.study}, arm ${job.arm.name}`, rule: "a job told nothing" });
}
