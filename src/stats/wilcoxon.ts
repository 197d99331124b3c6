/** Wilcoxon's signed-rank test of paired differences. */
import { atLeast } from "./arguments.ts";
import { averageRanks } from "./correlation.ts";
import { type PermutationOptions, type PermutationTest, signFlip } from "./permutation.ts";

/**
 * Wilcoxon's signed-rank test that paired differences are symmetric about 0: the sign-flip test of their signed ranks.
 *
 *   estimate = (W₊ − W₋)/(W₊ + W₋),  W±: sum of the ranks of |d| with that sign — the rank-biserial correlation
 *
 * A single wild seed counts as the largest rank, not by its size. Exact for up to 16 differences, ties included.
 *
 * Edges: zeros are left out, as Wilcoxon did; differences that are all zero give estimate 0 and p = 1; NaN gives NaN.
 *
 * @param differences  one per independent replicate
 * @throws ArgumentError if `differences` is empty, or more than 16 are not zero and there is no stream
 * @source Wilcoxon 1945; Kerby 2014 for the estimate
 */
export function wilcoxon(differences: ArrayLike<number>, options: PermutationOptions = {}): PermutationTest {
  atLeast("Wilcoxon test", "differences", differences.length, 1);
  const moved = Float64Array.from(differences).filter((d) => d !== 0);
  if (moved.length === 0) return { ...signFlip([0], options), estimate: 0 };
  const ranks = averageRanks(moved.map(Math.abs));
  const signed = ranks.map((rank, i) => (moved[i] < 0 ? -rank : rank));
  const test = signFlip(signed, options);
  return { ...test, estimate: test.estimate / ((moved.length + 1) / 2) }; // ranks average (n + 1)/2
}
