/** Confidence intervals for a quantile that suppose nothing about the distribution. */
import { atLeast, fraction } from "./arguments.ts";
import { binomialQuantile } from "./binomial.ts";
import type { Interval } from "./intervals.ts";
import { quantileSorted } from "./quantile.ts";

/**
 * A quantile with an interval between two of the values themselves.
 *
 *   [x₍l₎, x₍u₎],  P(B < l) ≤ (1 − level)/2,  P(B ≥ u) ≤ (1 − level)/2,  B ~ Binomial(n, p)
 *
 * with the largest such l and the smallest such u, counted from 1. B is the number of values below the quantile, whatever
 * their distribution, so the interval covers with at least `level`; with ties and in discrete distributions more often.
 *
 * Edges: where n is too small for an end, it is −∞ or ∞ (a 1 % quantile has a lower end from 368 values on, at 95 %);
 * empty gives NaN.
 *
 * @param values  independent, none of them NaN
 * @param p       which quantile, strictly between 0 and 1
 * @param level   confidence in (0, 1), default 0.95
 * @returns       `estimate` is the sample quantile of type 7
 * @throws ArgumentError if p or level is outside its range, or there are no values
 * @source David & Nagaraja 2003, section 7.1
 */
export function quantileInterval(values: ArrayLike<number>, p: number, level = 0.95): Interval {
  fraction("quantile interval, p", p);
  fraction("quantile interval, level", level);
  const n = atLeast("quantile interval", "values", values.length, 1);
  const sorted = Float64Array.from(values).sort();
  const [low, high] = orderRanks(n, p, level);
  return {
    estimate: quantileSorted(sorted, p),
    low: low === 0 ? Number.NEGATIVE_INFINITY : sorted[low - 1],
    high: high > n ? Number.POSITIVE_INFINITY : sorted[high - 1],
  };
}

/** Ranks l and u of {@link quantileInterval}; l = 0 and u = n + 1 where no value is far enough out. */
function orderRanks(n: number, p: number, level: number): [low: number, high: number] {
  const tail = (1 - level) / 2;
  // the largest l with P(B ≤ l − 1) ≤ tail is the smallest with P(B ≤ l) > tail
  const low = binomialQuantile(tail, n, p);
  // P(B ≥ u) ≤ tail is P(B ≤ u − 1) ≥ 1 − tail
  const high = binomialQuantile(1 - tail, n, p) + 1;
  return [low, high];
}
