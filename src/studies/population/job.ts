/**
 * A population job: some models of one arm, grown and measured from the initialisation to the last step.
 *
 * A job is plain data, so that it can go to a worker, and what it tells is plain data too. How a population is cut into
 * jobs changes no bit of the results: models do not see each other.
 */
import type { Backend } from "../../graph/backend.ts";
import type { ArmSpec, ModelSeeds } from "./arm.ts";
import { type Look, openPopulation } from "./openPopulation.ts";

/** Some models of an arm. */
export interface PopulationJob {
  arm: ArmSpec;
  models: readonly ModelSeeds[];
  backend: { name: string; relaxed?: boolean };
}

/** What a job tells while it runs. */
export type JobEvent =
  | { kind: "progress"; step: number; loss: number }
  | ({ kind: "checkpoint"; step: number } & Look)
  | {
      kind: "end" /** [step][model] */;
      losses: Float64Array[];
      divergedAt: (number | null)[];
      kernelShare: number;
    };

/** Steps between reports of progress. */
const REPORT_EVERY = 16;

/**
 * Runs a job.
 *
 * @param tell   receives every event, in order
 * @param clock  a monotonic clock in milliseconds, for the share of time in kernels
 */
export async function runJob(
  { arm, models }: PopulationJob,
  backend: Backend,
  tell: (event: JobEvent) => void,
  clock?: () => number,
): Promise<void> {
  const population = openPopulation(arm, models, backend, { clock });
  const started = clock?.() ?? 0;
  const loop = population.grow({ checkpoints: arm.checkpoints, reportEvery: REPORT_EVERY });
  let next = await loop.next();
  for (; !next.done; next = await loop.next()) {
    const { kind, step, loss } = next.value;
    tell({ kind: "progress", step, loss });
    if (kind === "checkpoint") tell({ kind, step, ...(await population.look()) });
  }
  const elapsed = (clock?.() ?? 0) - started;
  const kernelShare = elapsed > 0 ? population.kernelMilliseconds() / elapsed : Number.NaN;
  population.close();
  tell({ kind: "end", ...next.value, kernelShare });
}
