/** The label-permutation null: selectivity tested without pretending that contexts are noise. */
import { integerIn } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";
import type { RandomStream } from "../base/random.ts";
import { unitsOfSamples } from "./criterion.ts";

/** What {@link labelPermutation} returns, [unit]. */
export interface LabelPermutation {
  /** Observed share of variance that the labels explain; NaN for a unit without variance. */
  eta2: Float64Array;
  /** Permutation p-value in (0, 1]; NaN for a unit without variance. */
  p: Float64Array;
  /** Mean of eta² over the permutations: its value by chance, (k − 1)/(n − 1) in expectation. */
  chance: Float64Array;
}

/** Sums of the same numbers in another order differ by less than this share of the total sum of squares. */
const ROUNDING = 1e-12;

/**
 * Permutation test of one-way eta², null (f): the labels are shuffled over the samples, the activations stay.
 *
 *   p = (1 + #{eta²_permuted ≥ eta²}) / (1 + B)
 *
 * Every permutation is applied to all units at once. For many units correct the p-values for multiplicity; the smallest
 * possible one is 1/(1 + B).
 *
 * @param activations  [sample, unit]
 * @param labels       [sample], at least two different ones
 * @param options      `permutations` B, 999 unless given
 * @throws ArgumentError if there are fewer than two different labels, ShapeError if the lengths do not fit
 * @source Phipson & Smyth 2010 for the 1 + in both counts
 */
export function labelPermutation(
  activations: ArrayLike<number>,
  labels: ArrayLike<number>,
  { permutations = 999, stream }: { permutations?: number; stream: RandomStream },
): LabelPermutation {
  integerIn("label permutation, permutations", permutations, 1);
  const units = unitsOfSamples("label permutation", activations, labels);
  const samples = labels.length;
  const known = [...new Set(Array.from(labels))];
  if (known.length < 2)
    throw new ArgumentError({
      where: "label permutation",
      rule: "needs at least two different labels",
      got: `${known.length}`,
    });
  const group = Int32Array.from(labels, (label) => known.indexOf(label));
  const sizes = new Float64Array(known.length);
  for (const g of group) sizes[g]++;

  const { centred, total } = centredUnits(activations, units);
  const sums = new Float64Array(known.length * units);
  /** Σ_g n_g (mean of group g)² of every unit, the labels in the order given. */
  const between = (order: ArrayLike<number>): Float64Array => {
    sums.fill(0);
    for (let sample = 0; sample < samples; sample++) {
      const to = group[order[sample]] * units;
      const from = sample * units;
      for (let unit = 0; unit < units; unit++) sums[to + unit] += centred[from + unit];
    }
    const result = new Float64Array(units);
    for (let at = 0; at < sums.length; at++)
      result[at % units] += sums[at] ** 2 / sizes[Math.floor(at / units)];
    return result;
  };

  const observed = between(Int32Array.from({ length: samples }, (_, i) => i));
  const extreme = new Float64Array(units).fill(1);
  const chance = new Float64Array(units);
  for (let b = 0; b < permutations; b++) {
    const permuted = between(stream.permutation(samples));
    for (let unit = 0; unit < units; unit++) {
      chance[unit] += permuted[unit] / total[unit] / permutations;
      if (permuted[unit] >= observed[unit] - ROUNDING * total[unit]) extreme[unit]++;
    }
  }
  return {
    eta2: observed.map((value, unit) => value / total[unit]),
    p: extreme.map((count, unit) => (total[unit] > 0 ? count / (1 + permutations) : Number.NaN)),
    chance,
  };
}

/** Activations about each unit's mean, and Σ of their squares; taken about the first sample, so constants give 0. */
function centredUnits(activations: ArrayLike<number>, units: number) {
  const centred = Float64Array.from(activations, (value, at) => value - activations[at % units]);
  const mean = new Float64Array(units);
  const total = new Float64Array(units);
  for (let at = 0; at < centred.length; at++) mean[at % units] += (centred[at] * units) / centred.length;
  for (let at = 0; at < centred.length; at++) {
    centred[at] -= mean[at % units];
    total[at % units] += centred[at] ** 2;
  }
  return { centred, total };
}
