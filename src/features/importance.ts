/** Do the units that keep their tuning matter for what a network predicts? */
import { integerIn, sameLength } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";
import { hasBias, type ModelConfig } from "../model/config.ts";
import type { Weights } from "../model/weights.ts";
import type { UnitSet } from "./variantLosses.ts";

/** Persistence averaged twice. */
export interface WeightedPersistence {
  /** Σ I r / Σ I. */
  readonly weighted: number;
  /** Mean of r over the same units. */
  readonly unweighted: number;
}

/**
 * Importance-weighted persistence beside the plain mean: if the weighted one is larger, what matters is what persists.
 *
 * Importances may be negative (a unit that does harm) and then count against. Units without one of the two numbers are
 * left out of both means. Σ I ≤ 0 gives NaN for the weighted one.
 *
 * @param importance   [unit]
 * @param persistence  [unit]
 * @throws ArgumentError if the lengths differ
 */
export function weightedPersistence(
  importance: ArrayLike<number>,
  persistence: ArrayLike<number>,
): WeightedPersistence {
  sameLength("importance-weighted persistence", importance, persistence);
  let [product, total, plain, units] = [0, 0, 0, 0];
  for (let unit = 0; unit < importance.length; unit++) {
    if (!Number.isFinite(importance[unit] + persistence[unit])) continue;
    product += importance[unit] * persistence[unit];
    total += importance[unit];
    plain += persistence[unit];
    units++;
  }
  return { weighted: total > 0 ? product / total : Number.NaN, unweighted: plain / units };
}

/**
 * Importance over the whole of a training: the sum over its checkpoints.
 *
 * A unit can matter on the way and no longer at the end. Checkpoints count alike; where they are spaced by logarithm,
 * so is the path.
 *
 * @param checkpoints  importance of every unit at each checkpoint, [checkpoint][unit]
 * @returns            [unit]; NaN where a unit has no importance at one of them
 * @throws ArgumentError if there is no checkpoint, or the numbers of units differ
 */
export function pathImportance(checkpoints: readonly ArrayLike<number>[]): Float64Array {
  integerIn("path importance, number of checkpoints", checkpoints.length, 1);
  const total = new Float64Array(checkpoints[0].length);
  for (const importance of checkpoints) {
    sameLength("path importance", total, importance);
    for (let unit = 0; unit < total.length; unit++) total[unit] += importance[unit];
  }
  return total;
}

/** Groups of units that are alike in one quantity and differ in another. */
export interface MatchedGroups {
  /** Units by strata of the quantity they are matched on, ascending. */
  readonly strata: readonly (readonly number[])[];
  /** The unit with the highest score of every stratum. */
  readonly highest: readonly number[];
  /** The unit with the lowest score of every stratum. */
  readonly lowest: readonly number[];
}

/**
 * Two groups of `size` units, one of high and one of low scores, matched on another quantity: the units are sorted by
 * it and cut into `size` strata of equal length (within one), and each stratum gives one unit to each group. One unit
 * drawn from each stratum at random is the control. Units without one of the two numbers take no part; of equal scores
 * the first unit is taken as highest and the last as lowest.
 *
 * @param score    what the groups shall differ in, [unit]
 * @param matched  what they shall be alike in, [unit]
 * @throws ArgumentError if the lengths differ, or fewer than 2 · size units have both numbers
 */
export function matchedGroups(
  score: ArrayLike<number>,
  matched: ArrayLike<number>,
  size: number,
): MatchedGroups {
  sameLength("matched groups", score, matched);
  const units = Array.from(score, (_, unit) => unit).filter((unit) =>
    Number.isFinite(score[unit] + matched[unit]),
  );
  if (!(size >= 1 && units.length >= 2 * size))
    throw new ArgumentError({
      where: "matched groups",
      rule: `two groups of ${size} need ${2 * size} units at least`,
      got: String(units.length),
      wayOut: "Take smaller groups.",
    });
  units.sort((a, b) => matched[a] - matched[b]);
  const strata = Array.from({ length: size }, (_, stratum) => {
    const end = (at: number) => Math.round((at * units.length) / size);
    return units.slice(end(stratum), end(stratum + 1)).sort((a, b) => a - b);
  });
  return {
    strata,
    highest: strata.map((of) => of.reduce((best, unit) => (score[unit] > score[best] ? unit : best))),
    lowest: strata.map((of) => of.reduce((best, unit) => (score[unit] <= score[best] ? unit : best))),
  };
}

/**
 * A network whose units say their mean, exactly: rows of W_out become 0 and b_out takes what they said on average.
 *
 *   b_out ← b_out + Σ_i ā_i W_out[i]
 *
 * @param weights  of one network, [1, ...shape]
 * @param means    ā, mean activation of every unit of the layer, [unit]
 * @throws ArgumentError if the network has no b_out
 */
export function withMeanUnits(
  config: ModelConfig,
  weights: Weights,
  { layer, units }: UnitSet,
  means: ArrayLike<number>,
): Weights {
  if (!hasBias(config, "mlp"))
    throw new ArgumentError({
      where: "units at their mean",
      rule: "needs a b_out that can take what they said",
      got: "a network without biases in its MLPs",
      wayOut: "Use resample ablation.",
    });
  const { dModel } = config;
  const [matrix, bias] = [`blocks.${layer}.mlp.W_out`, `blocks.${layer}.mlp.b_out`];
  const [rows, constant] = [weights[matrix].slice(), Float64Array.from(weights[bias])];
  for (const unit of units)
    for (let at = 0; at < dModel; at++) {
      constant[at] += means[unit] * rows[unit * dModel + at];
      rows[unit * dModel + at] = 0;
    }
  return { ...weights, [matrix]: rows, [bias]: constant };
}
