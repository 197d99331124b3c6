/** One-sample t tests: of a difference from 0, and of equivalence to 0 within a margin. */
import { atLeast, fraction, positive } from "./arguments.ts";
import { tSf } from "./distributions.ts";
import { type Interval, tInterval } from "./intervals.ts";
import { mean, sd } from "./moments.ts";

/** What {@link tTest} returns: the mean with its interval, and the test that it is 0. */
export interface TTest extends Interval {
  /** x̄ √n / s. */
  t: number;
  df: number;
  /** Two-sided, in [0, 1]. */
  p: number;
}

/** t of a mean whose distance from the null value is `distance`; ±∞ or NaN where the spread is 0. */
function tStatistic(distance: number, values: ArrayLike<number>): number {
  return distance / (sd(values) / Math.sqrt(values.length));
}

/**
 * One-sample t test that a mean is 0; of paired arms when given their differences.
 *
 * Edges: one value gives t and p = NaN and the interval (−∞, ∞); equal values other than 0 give t = ±∞ and p = 0, all
 * zeros give NaN.
 *
 * @param values  one per independent replicate
 * @param level   confidence of the interval, default 0.95
 * @throws ArgumentError if `values` is empty or `level` outside (0, 1)
 */
export function tTest(values: ArrayLike<number>, level = 0.95): TTest {
  const interval = tInterval(values, level);
  const df = values.length - 1;
  const t = tStatistic(interval.estimate, values);
  return { ...interval, t, df, p: df === 0 ? Number.NaN : 2 * tSf(Math.abs(t), df) };
}

/** What {@link tost} returns. */
export interface Equivalence extends Interval {
  /** P-value against "the mean is at or below −margin". */
  pAbove: number;
  /** P-value against "the mean is at or above margin". */
  pBelow: number;
  /** The larger of the two: equivalence is claimed where p < alpha. */
  p: number;
  equivalent: boolean;
}

/**
 * Two one-sided t tests: is the mean of paired differences inside (−margin, margin)?
 *
 *   t₁ = (x̄ + δ)√n/s,  t₂ = (x̄ − δ)√n/s,  p = max( P(T > t₁), P(T < t₂) )
 *
 * `low` and `high` are the interval of confidence 1 − 2 alpha; it lies inside the margins exactly where p < alpha.
 * A difference that is not significant is not equivalence; this is the test for that.
 *
 * Edges: one value gives p = NaN and is never equivalent; equal values give p = 0 inside the margins, 1 outside, and NaN
 * (not equivalent) on one.
 *
 * @param differences  one per independent replicate
 * @param margin       δ > 0, in the unit of the differences, fixed before the data are seen
 * @param alpha        default 0.05
 * @throws ArgumentError if `differences` is empty, margin not positive, or alpha outside (0, 0.5)
 * @source Schuirmann 1987
 */
export function tost(
  differences: ArrayLike<number>,
  { margin, alpha = 0.05 }: { margin: number; alpha?: number },
): Equivalence {
  positive("TOST, margin", margin);
  const n = atLeast("TOST", "differences", differences.length, 1);
  const interval = tInterval(differences, 1 - fraction("TOST, twice alpha", 2 * alpha));
  const estimate = mean(differences);
  const tail = (distance: number) => (n === 1 ? Number.NaN : tSf(tStatistic(distance, differences), n - 1));
  const pAbove = tail(estimate + margin);
  const pBelow = tail(margin - estimate);
  const p = Math.max(pAbove, pBelow);
  return { ...interval, pAbove, pBelow, p, equivalent: p < alpha };
}
