/** Metrics of patched runs as effects: shares of the way from the corrupt answer to the clean one. */
import { ArgumentError } from "../base/errors.ts";
import { type Estimate, overModels, overRows } from "./estimate.ts";
import type { Tensor } from "./tensor.ts";

/** What is put into what. */
export const patchDirections = {
  denoising: { from: "clean", into: "corrupt" },
  noising: { from: "corrupt", into: "clean" },
  cleanIntoClean: { from: "clean", into: "clean" },
  corruptIntoCorrupt: { from: "corrupt", into: "corrupt" },
} as const;

/**
 * What is put into what: clean into corrupt, or corrupt into clean. The other two are controls that patch a run with
 * itself; their effects are exactly 1 and exactly 0.
 */
export type PatchDirection = keyof typeof patchDirections;

/** Effects with their intervals, and the unpatched metrics they are measured by. */
export interface NormalisedEffects {
  /** [model, …], mean over pairs with a t interval. Of one pair the interval is (−∞, ∞), of none all three are NaN. */
  readonly effect: Estimate;
  /** […], mean over the models' means with a t interval over models; models without a pair are left out. */
  readonly acrossModels: Estimate;
  /** [model, …, batch], effects by pair; NaN where the metric does not tell clean from corrupt. */
  readonly effects: Tensor;
  /** Pairs that the means are of, by model: those where the metric tells clean from corrupt. */
  readonly pairs: readonly number[];
  /** The metric of the unpatched runs, [model, batch]. */
  readonly clean: Tensor;
  readonly corrupt: Tensor;
}

/**
 * Effects of patches.
 *
 *   effect = ( metric(patched) − metric(corrupt) ) / ( metric(clean) − metric(corrupt) )
 *
 * @param patched  [model, …, batch]; NaN stays NaN, with its means and intervals
 * @param clean    [model, batch]
 * @param corrupt  [model, batch]
 * @throws ArgumentError if no pair of any model has a difference
 */
export function normalisedEffects(
  patched: Tensor,
  {
    clean,
    corrupt,
    level,
    areChanges = false,
  }: { clean: Tensor; corrupt: Tensor; level: number; areChanges?: boolean },
): NormalisedEffects {
  const [models, batch] = clean.shape;
  const distance = Array.from(clean.data, (value, i) => value - corrupt.data[i]);
  const pairs = Array.from({ length: models }, (_, model) => {
    return distance.slice(model * batch, (model + 1) * batch).filter((apart) => apart !== 0).length;
  });
  if (pairs.every((count) => count === 0))
    throw new ArgumentError({
      where: "patching, metric",
      rule: "must differ between clean and corrupt",
      got: `the same value in every pair of every model, the first ${clean.data[0]}`,
      wayOut: "Take inputs that the networks answer differently, or another metric.",
    });
  const perModel = patched.data.length / models;
  const data = Float64Array.from(patched.data, (value, i) => {
    const row = Math.floor(i / perModel) * batch + (i % batch);
    if (distance[row] === 0) return Number.NaN;
    const moved = areChanges ? value : value - corrupt.data[row];
    return moved === 0 ? 0 : moved / distance[row]; // 0 over a negative distance is −0
  });
  const effects = { ...patched, data };
  const effect = overRows(effects, level, (model, row) => distance[model * batch + row] !== 0);
  const acrossModels = overModels(effect.estimate, level, (model) => pairs[model] > 0);
  return {
    effect: whereKnown(effect),
    acrossModels: whereKnown(acrossModels),
    effects,
    pairs,
    clean,
    corrupt,
  };
}

/** Where there is no estimate there is no interval: of a single NaN it would be (−∞, ∞). */
function whereKnown({ estimate, low, high }: Estimate): Estimate {
  const known = (end: Tensor): Tensor => ({
    ...end,
    data: Float64Array.from(end.data, (value, i) => (Number.isNaN(estimate.data[i]) ? Number.NaN : value)),
  });
  return { estimate, low: known(low), high: known(high) };
}
