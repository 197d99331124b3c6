/** Do groups differ more than their members would by luck alone? Counts of successes, a group (for Palimpsest: seed) each. */
import { integerIn, sameLength } from "../base/check.ts";
import { atLeast } from "./arguments.ts";
import type { PermutationOptions, PermutationTest } from "./permutation.ts";
import { DEFAULT_RESAMPLES, requireStream } from "./resample.ts";

/** Successes of trials, group by group. */
export interface GroupedCounts {
  /** [group], each from 0 to the group's trials. */
  successes: ArrayLike<number>;
  /** [group], each at least 1. */
  trials: ArrayLike<number>;
}

/** Checks counts and returns their sums. */
export function countsOf(
  where: string,
  { successes, trials }: GroupedCounts,
): { groups: number; success: number; trial: number } {
  sameLength(where, successes, trials);
  const groups = atLeast(where, "groups", trials.length, 2);
  let [success, trial] = [0, 0];
  for (let g = 0; g < groups; g++) {
    trial += integerIn(`${where}, trials of group ${g}`, trials[g], 1);
    success += integerIn(`${where}, successes of group ${g}`, successes[g], 0, trials[g]);
  }
  return { groups, success, trial };
}

/**
 * Intraclass correlation of yes-or-no outcomes: how much more alike two trials of one group are than two of different ones.
 *
 *   ρ = (MSB − MSW) / (MSB + (n₀ − 1) MSW),   n₀ = (N − Σ n_g²/N)/(k − 1)
 *   MSB = (Σ y_g²/n_g − Y²/N)/(k − 1),        MSW = (Y − Σ y_g²/n_g)/(N − k)
 *
 * with y_g successes of n_g trials, k groups, Y and N the sums. 0 is what independent trials with one common probability
 * give; the variance between groups is then multiplied by 1 + (n − 1) ρ. It may be negative, down to −1/(n₀ − 1): members
 * that take successes from each other.
 *
 * Edges: no trial or every trial a success, or one trial a group, gives NaN.
 *
 * @throws ArgumentError for counts that are none, or fewer than two groups; ShapeError if the lengths differ
 * @source Ridout, Demétrio & Firth 1999, section 3.1 (the analysis-of-variance estimator)
 */
export function intraclassCorrelation(counts: GroupedCounts): number {
  const { groups, success, trial } = countsOf("intraclass correlation", counts);
  let [within, sizes] = [0, 0];
  for (let g = 0; g < groups; g++) {
    within += counts.successes[g] ** 2 / counts.trials[g];
    sizes += counts.trials[g] ** 2;
  }
  const msBetween = (within - success ** 2 / trial) / (groups - 1);
  const msWithin = (success - within) / (trial - groups); // 0/0 with one trial a group
  const size = (trial - sizes / trial) / (groups - 1);
  return (msBetween - msWithin) / (msBetween + (size - 1) * msWithin);
}

/**
 * Exact test that all trials succeed independently with one common, unknown probability.
 *
 *   T = Σ y_g²/n_g;   p = (1 + #{drawn T ≥ observed})/(1 + B)
 *
 * Given the number of all successes, every way to put them onto the trials is equally likely under the null, whatever the
 * probability is; B such ways are drawn. T rises with {@link intraclassCorrelation}, which is the `estimate`: with
 * `alternative` "greater" (the default) the test finds groups that differ too much, with "less" too little.
 *
 * @param options  `stream` is required; "two-sided" is not offered, as T has no centre to be on either side of
 * @returns        p = NaN where the estimate is
 * @throws ArgumentError as {@link intraclassCorrelation}, or without a stream
 * @source Phipson & Smyth 2010 for the counts
 */
export function overdispersionTest(
  counts: GroupedCounts,
  {
    alternative = "greater",
    stream,
    resamples = DEFAULT_RESAMPLES,
  }: Omit<PermutationOptions, "alternative"> & { alternative?: "greater" | "less" } = {},
): PermutationTest {
  const estimate = intraclassCorrelation(counts);
  const source = requireStream("test of overdispersion", stream);
  const arrangements = integerIn("test of overdispersion, resamples", resamples, 1) + 1;
  if (Number.isNaN(estimate)) return { estimate, p: estimate, exact: false, arrangements };
  const { success, trial } = countsOf("test of overdispersion", counts);
  const { successes, trials } = counts;
  const squares = (of: ArrayLike<number>) => {
    let total = 0;
    for (let g = 0; g < trials.length; g++) total += of[g] ** 2 / trials[g];
    return total;
  };
  const observed = squares(successes);
  const side = alternative === "greater" ? 1 : -1;
  const slack = 1e-12 * observed; // the same counts in another order
  // the rarer outcome is dealt out, which takes fewer draws: onto the first places of the trials, shuffled so far
  const failing = 2 * success > trial;
  const dealt = failing ? trial - success : success;
  const slots = Int32Array.from(Array.from(trials).flatMap((n, g) => new Array<number>(n).fill(g)));
  const none = failing ? Float64Array.from(trials) : new Float64Array(trials.length);
  const drawn = none.slice();
  let count = 1;
  for (let b = 0; b < resamples; b++) {
    drawn.set(none);
    for (let i = 0; i < dealt; i++) {
      const other = i + source.integer(trial - i);
      const group = slots[other];
      slots[other] = slots[i];
      slots[i] = group;
      drawn[group] += failing ? -1 : 1;
    }
    if (side * (squares(drawn) - observed) >= -slack) count++;
  }
  return { estimate, p: count / arrangements, exact: false, arrangements };
}
