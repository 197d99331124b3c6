/**
 * Does change depend on the starting value? Questions that regression to the mean answers wrongly by itself.
 *
 * Never correlate y − x with x: noise in x enters both with opposite signs. Of unrelated x and y with equal spread the
 * correlation is −√½, and units chosen for a large x come out smaller the second time without any change.
 */
import { integerIn, numberIn, sameLength } from "../base/check.ts";
import { tQuantile } from "./betaQuantile.ts";
import { correlationP, pearson } from "./correlation.ts";
import type { Interval } from "./intervals.ts";
import { linearRegression } from "./linearRegression.ts";
import { mean, sumOfSquares } from "./moments.ts";

/** What {@link oldham} returns. */
export interface Oldham {
  /** Correlation of the change with the mean of before and after, in [−1, 1]. */
  r: number;
  /** Two-sided, for normal independent pairs: it is Pitman's test that both have one variance. */
  p: number;
}

/**
 * Oldham's correlation of change with average: positive where what was large grew.
 *
 *   corr( y − x, (x + y)/2 ) = (s_y² − s_x²)/√( (s_x² + s_y²)² − 4 s_xy² )
 *
 * 0 where before and after have one variance, whatever their correlation and however noisy both are, as long as the noise
 * is as large before as after.
 *
 * Edges: y = x everywhere, or no variance, gives NaN.
 *
 * @param x  before, one value per independent unit
 * @param y  after
 * @throws ArgumentError if the lengths differ
 * @source Oldham 1962; Pitman 1939 for the test
 */
export function oldham(x: ArrayLike<number>, y: ArrayLike<number>): Oldham {
  sameLength("Oldham's method", x, y);
  const change = Float64Array.from(x, (value, i) => y[i] - value);
  const average = Float64Array.from(x, (value, i) => (value + y[i]) / 2);
  const r = pearson(change, average);
  return { r, p: correlationP(r, x.length) };
}

/**
 * Blomqvist's slope of true change on true baseline, given the reliability of the measured one.
 *
 *   (b + λ)/(1 − λ),  b: slope of y − x on x,  λ = 1 − reliability: the share of x's variance that is noise
 *
 * 0: change does not depend on the start; −1: the end does not. The interval takes λ as known, and is exact for normal
 * values whose noise is independent before and after.
 *
 * Edges as {@link linearRegression}.
 *
 * @param x            before, one value per independent unit
 * @param y            after
 * @param reliability  of x, in (0, 1]
 * @param level        confidence in (0, 1), default 0.95
 * @throws ArgumentError if the lengths differ, there are no values, reliability or level is out of range
 * @source Blomqvist 1977
 */
export function blomqvist(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  { reliability, level = 0.95 }: { reliability: number; level?: number },
): Interval {
  numberIn("Blomqvist's method, reliability", reliability, Number.MIN_VALUE, 1);
  const slope = linearRegression(x, y, level); // of y on x: b + 1
  const corrected = (value: number) => value / reliability - 1; // ((value − 1) + λ)/(1 − λ)
  return { estimate: corrected(slope.estimate), low: corrected(slope.low), high: corrected(slope.high) };
}

/** What {@link leaveTopOut} returns; the interval is for the difference, observed minus predicted. */
export interface LeaveTopOut extends Interval {
  /** Mean y of the top units. */
  observed: number;
  /** Mean y that the line through the other units predicts for them. */
  predicted: number;
}

/**
 * Are the units with the largest x different from what the others predict? The line is fitted without them, so that
 * neither their noise nor their selection can bend it.
 *
 *   difference = ȳ_top − (intercept + slope · x̄_top)
 *   ± t_{m−2} s √( 1/k + 1/m + (x̄_top − x̄)²/Σ(x − x̄)² ),  m: units outside the top
 *
 * Exact where y is linear in x with normal residuals of one spread, however the top is chosen by x. Ties in x go to the
 * lower index.
 *
 * Edges: fewer than three other units give NaN ends; the others without variance in x, or NaN values, give NaN.
 *
 * @param x      predictor, measured apart from y (another half of the probe)
 * @param y      outcome
 * @param top    k, number of units to predict, at least 1
 * @param level  confidence in (0, 1), default 0.95
 * @throws ArgumentError if the lengths differ, top is not a whole number below the number of units, or level is out of
 *   range
 */
export function leaveTopOut(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  { top, level = 0.95 }: { top: number; level?: number },
): LeaveTopOut {
  sameLength("leave-top-out prediction", x, y);
  integerIn("leave-top-out prediction, top", top, 1, x.length - 1);
  const order = Array.from({ length: x.length }, (_, i) => i).sort((i, j) => x[j] - x[i] || i - j);
  const pick = (values: ArrayLike<number>, from: number, to?: number) =>
    order.slice(from, to).map((i) => values[i]);
  const [others, topX] = [pick(x, top), mean(pick(x, 0, top))];
  const line = linearRegression(others, pick(y, top), level);
  const observed = mean(pick(y, 0, top));
  const predicted = line.intercept + line.estimate * topX;
  const spread = 1 / top + 1 / others.length + (topX - mean(others)) ** 2 / sumOfSquares(others);
  const half =
    line.df > 0
      ? tQuantile((1 + level) / 2, line.df) * Math.sqrt(line.residualVariance * spread)
      : Number.NaN;
  const estimate = observed - predicted;
  return { estimate, low: estimate - half, high: estimate + half, observed, predicted };
}
