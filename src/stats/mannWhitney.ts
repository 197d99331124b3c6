/** Comparison of two samples by ranks: AUROC, Cliff's delta and the Mann–Whitney test. */
import { atLeast } from "./arguments.ts";
import { averageRanks } from "./correlation.ts";
import { type PermutationOptions, type PermutationTest, permutationTest } from "./permutation.ts";

/** Ranks of both samples together. */
function pooledRanks(first: ArrayLike<number>, second: ArrayLike<number>): Float64Array {
  return averageRanks([...Array.from(first), ...Array.from(second)]);
}

/**
 * Area under the ROC curve: the chance that a positive scores above a negative, ties counting half.
 *
 *   P(pos > neg) + ½ P(pos = neg) = ( Σ ranks of the positives − n₊(n₊ + 1)/2 ) / (n₊ n₋)
 *
 * ½ for scores that do not separate, in [0, 1]. NaN scores give NaN.
 *
 * @throws ArgumentError if there is no positive or no negative
 * @source Hanley & McNeil 1982
 */
export function auroc(positives: ArrayLike<number>, negatives: ArrayLike<number>): number {
  const n = atLeast("AUROC, positives", "scores", positives.length, 1);
  const m = atLeast("AUROC, negatives", "scores", negatives.length, 1);
  const ranks = pooledRanks(positives, negatives);
  let total = 0;
  for (let i = 0; i < n; i++) total += ranks[i];
  return (total - (n * (n + 1)) / 2) / (n * m);
}

/**
 * Cliff's delta, P(a > b) − P(a < b) = 2 AUROC − 1, in [−1, 1].
 *
 * @throws ArgumentError as {@link auroc}
 * @source Cliff 1993
 */
export function cliffsDelta(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return 2 * auroc(a, b) - 1;
}

/**
 * Mann–Whitney test that two samples have one distribution: the permutation test of their ranks.
 *
 * Exact while {@link permutationTest} is, ties included (the ranks' own distribution is visited).
 *
 * @returns `estimate` is {@link cliffsDelta}
 * @throws ArgumentError if a sample is empty, or an inexact test has no stream
 * @source Mann & Whitney 1947
 */
export function mannWhitney(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  options: PermutationOptions = {},
): PermutationTest {
  const estimate = cliffsDelta(first, second);
  const ranks = pooledRanks(first, second);
  return {
    ...permutationTest(ranks.subarray(0, first.length), ranks.subarray(first.length), options),
    estimate,
  };
}
