/**
 * A population job: some models of one arm, grown and measured from the initialisation to the last step.
 *
 * A job is plain data, so that it can go to a worker, and what it tells is plain data too. How a population is cut into
 * jobs changes no bit of the results: models do not see each other.
 */
import type { Backend } from "../../graph/backend.ts";
import type { Due, Past } from "../../train/grow.ts";
import type { ArmSpec, ModelSeeds } from "./arm.ts";
import { type GrowthState, type Look, openPopulation } from "./openPopulation.ts";

/** Some models of an arm. */
export interface PopulationJob {
  arm: ArmSpec;
  models: readonly ModelSeeds[];
  backend: { name: string; relaxed?: boolean };
}

/** What a job tells while it runs; the end is told once, and last. */
export type JobEvent =
  | { kind: "progress"; step: number; loss: number }
  | ({ kind: "checkpoint"; step: number } & Look)
  | { kind: "state"; state: JobState }
  | ({ kind: "end"; kernelShare: number } & Past);

/**
 * Where a job can be gone on with: all that its next step needs besides the job. Data are drawn by step and random
 * streams by key and place, so the step is where both stand.
 */
export interface JobState extends GrowthState, Past {}

/** How a job is begun, and told to stop. */
export interface JobControl {
  /** The state to go on from; the job's beginning unless given. What was told before it is not told again. */
  readonly from?: JobState;
  /** Asked after every step: `save` tells the state, `stop` tells it and ends the job without its end. */
  readonly due?: () => Due;
}

/** Checkpoints that a job has yet to tell: that of the state's own step was told before the state. */
export function checkpointsAfter(from: JobState | undefined, checkpoints: readonly number[]): number[] {
  return checkpoints.filter((step) => from === undefined || step > from.step);
}

/** Steps between reports of progress, or as many as the backend takes at once. */
const REPORT_EVERY = 16;

/**
 * Runs a job.
 *
 * From a state that it told, it tells what it would have told after it, to the bit; only `kernelShare` is of the part
 * that was run here.
 *
 * @param tell     receives every event, in order
 * @param options  `clock` is a monotonic one in milliseconds, for the share of time in kernels
 */
export async function runJob(
  { arm, models }: PopulationJob,
  backend: Backend,
  tell: (event: JobEvent) => void,
  { clock, from, due }: JobControl & { readonly clock?: () => number } = {},
): Promise<void> {
  const population = openPopulation(arm, models, backend, { clock, from });
  try {
    const started = clock?.() ?? 0;
    const checkpoints = checkpointsAfter(from, arm.checkpoints);
    const reportEvery = Math.max(REPORT_EVERY, backend.stepsAtOnce ?? 1);
    const loop = population.grow({ checkpoints, reportEvery, past: from, due });
    let next = await loop.next();
    for (; !next.done; next = await loop.next()) {
      const stop = next.value;
      const { kind, step, loss } = stop;
      if (kind === "state") {
        tell({ kind, state: { ...(await population.state(step)), ...stop.past } });
        continue;
      }
      tell({ kind: "progress", step, loss });
      if (kind === "checkpoint") tell({ kind, step, ...(await population.look()) });
    }
    const { losses, divergedAt, stopped } = next.value;
    if (stopped) return;
    const elapsed = (clock?.() ?? 0) - started;
    const kernelShare = elapsed > 0 ? population.kernelMilliseconds() / elapsed : Number.NaN;
    tell({ kind: "end", losses, divergedAt, kernelShare });
  } finally {
    population.close();
  }
}
