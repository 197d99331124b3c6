/**
 * Permutation tests: p-values that assume exchangeability instead of a distribution.
 *
 * Exact where all rearrangements can be visited; otherwise (1 + #≥)/(1 + B) over B drawn ones, which is valid for any B
 * because the observed arrangement is counted among them.
 */
import { integerIn } from "../base/check.ts";
import type { RandomStream } from "../base/random.ts";
import { atLeast } from "./arguments.ts";
import { mean } from "./moments.ts";
import { DEFAULT_RESAMPLES, requireStream } from "./resample.ts";

const MOST_EXACT_SIGNS = 16; // 2^16 = 65 536 sign patterns
const MOST_EXACT_SPLITS = 200_000; // 10 against 10: 184 756
const ROUNDING = 1e-12; // sums of the same numbers in another order differ by less, relative to Σ|x|

/** Which departures count as extreme: both, only larger, or only smaller than the null. */
export type Alternative = "two-sided" | "greater" | "less";

/** Options of the permutation tests. */
export interface PermutationOptions {
  /** Default "two-sided". */
  alternative?: Alternative;
  /** Source of the rearrangements; required only where the test cannot be exact. */
  stream?: RandomStream;
  /** Rearrangements drawn where the test is not exact, default 10 000. */
  resamples?: number;
}

/** What a permutation test returns. */
export interface PermutationTest {
  /** The observed statistic. */
  estimate: number;
  /** In (0, 1]; NaN if a value is NaN. */
  p: number;
  /** True if every rearrangement was visited. */
  exact: boolean;
  /** Number of rearrangements, the observed one included. */
  arrangements: number;
}

/** Is a sum as far out as the observed one? Ties count as extreme; rounding must not break them. */
export function extremeness(
  observed: number,
  scale: number,
  alternative: Alternative,
): (value: number) => boolean {
  const slack = ROUNDING * scale;
  if (alternative === "greater") return (value) => value >= observed - slack;
  if (alternative === "less") return (value) => value <= observed + slack;
  const distance = Math.abs(observed) - slack;
  return (value) => Math.abs(value) >= distance;
}

function absoluteSum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += Math.abs(values[i]);
  return total;
}

/**
 * Sign-flip test that paired differences are symmetric about 0; the statistic is their mean.
 *
 * Exact over all 2ⁿ sign patterns for n ≤ 16. The smallest two-sided p is 2/2ⁿ: five seeds can never give less than
 * 1/16. Zeros are kept, and differences that are all zero give p = 1.
 *
 * @param differences  one per independent replicate
 * @throws ArgumentError if `differences` is empty, or there are more than 16 and no stream
 * @source Fisher 1935, section 21; Phipson & Smyth 2010 for the 1 + in both counts
 */
export function signFlip(
  differences: ArrayLike<number>,
  { alternative = "two-sided", stream, resamples = DEFAULT_RESAMPLES }: PermutationOptions = {},
): PermutationTest {
  const n = atLeast("sign-flip test", "differences", differences.length, 1);
  const estimate = mean(differences);
  const exact = n <= MOST_EXACT_SIGNS;
  const arrangements = exact ? 2 ** n : integerIn("sign-flip test, resamples", resamples, 1) + 1;
  if (Number.isNaN(estimate)) return { estimate, p: Number.NaN, exact, arrangements };
  const scale = absoluteSum(differences);
  const extreme = extremeness(estimate * n, scale, alternative);
  let count = 0;
  if (exact) {
    for (let pattern = 0; pattern < arrangements; pattern++) {
      let total = 0;
      for (let i = 0; i < n; i++) total += (pattern >> i) & 1 ? -differences[i] : differences[i];
      if (extreme(total)) count++;
    }
  } else {
    const source = requireStream("sign-flip test beyond 16 differences", stream);
    count = 1;
    for (let b = 0; b < resamples; b++) {
      let total = 0;
      let bits = 0;
      for (let i = 0; i < n; i++) {
        if (i % 32 === 0) bits = source.uint32();
        total += (bits >>> (i % 32)) & 1 ? -differences[i] : differences[i];
      }
      if (extreme(total)) count++;
    }
  }
  return { estimate, p: count / arrangements, exact, arrangements };
}

/** n over k, exact while below 2^53. */
function choose(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= k; i++) result = (result * (n - k + i)) / i;
  return Math.round(result);
}

/**
 * Two-sample permutation test of equal distributions; the statistic is mean(first) − mean(second).
 *
 * Exact over all ways to split the pooled values while there are at most 200 000 of them. Two-sided means at least as
 * far from 0 in either direction; doubling the smaller tail gives another p where the sample sizes differ.
 *
 * @throws ArgumentError if a sample is empty, or an inexact test has no stream
 * @source Pitman 1937; Phipson & Smyth 2010
 */
export function permutationTest(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  { alternative = "two-sided", stream, resamples = DEFAULT_RESAMPLES }: PermutationOptions = {},
): PermutationTest {
  const n = atLeast("permutation test, first sample", "values", first.length, 1);
  const m = atLeast("permutation test, second sample", "values", second.length, 1);
  const estimate = mean(first) - mean(second);
  const splits = choose(n + m, Math.min(n, m));
  const exact = splits <= MOST_EXACT_SPLITS;
  const arrangements = exact ? splits : integerIn("permutation test, resamples", resamples, 1) + 1;
  if (Number.isNaN(estimate)) return { estimate, p: Number.NaN, exact, arrangements };
  // about the pooled mean, the first sample's sum S decides: mean(first) − mean(second) = S (1/n + 1/m)
  const raw = Float64Array.from([...Array.from(first), ...Array.from(second)]);
  const centre = mean(raw);
  const pooled = raw.map((value) => value - centre);
  const extreme = extremeness(estimate / (1 / n + 1 / m), absoluteSum(raw), alternative);
  let count = 0;
  if (exact) {
    const visit = (from: number, left: number, total: number): void => {
      if (left === 0) {
        if (extreme(total)) count++;
        return;
      }
      for (let i = from; i <= n + m - left; i++) visit(i + 1, left - 1, total + pooled[i]);
    };
    visit(0, n, 0);
  } else {
    const source = requireStream(`permutation test of ${n} against ${m} values`, stream);
    count = 1;
    for (let b = 0; b < resamples; b++) {
      let total = 0;
      for (let i = 0; i < n; i++) {
        const j = i + source.integer(n + m - i); // the first n places of a Fisher–Yates shuffle
        [pooled[i], pooled[j]] = [pooled[j], pooled[i]];
        total += pooled[i];
      }
      if (extreme(total)) count++;
    }
  }
  return { estimate, p: count / arrangements, exact, arrangements };
}
