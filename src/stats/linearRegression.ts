/** The straight line through pairs, with the interval of its slope. */
import { sameLength } from "../base/check.ts";
import { atLeast, fraction } from "./arguments.ts";
import { tQuantile } from "./betaQuantile.ts";
import type { Interval } from "./intervals.ts";
import { mean } from "./moments.ts";

/** What {@link linearRegression} returns; the interval is the slope's. */
export interface LinearRegression extends Interval {
  intercept: number;
  /** Share of y's variance on the line, in [0, 1]. */
  r2: number;
  /** Of the slope. */
  standardError: number;
  /** Residual variance, Σ e²/(n − 2). */
  residualVariance: number;
  /** n − 2. */
  df: number;
}

/**
 * Least squares of y on x.
 *
 *   slope = Σ(x − x̄)(y − ȳ)/Σ(x − x̄)²,  se = √( s²/Σ(x − x̄)² ),  s² = Σe²/(n − 2)
 *
 * `estimate`, `low` and `high` are the slope with its t interval: exact for normal residuals of one spread. A slope of y
 * on x is compared with 1, never that of y − x on x with 0, which noise in x alone makes negative.
 *
 * Edges: two points give the slope with the interval (−∞, ∞); fewer, or x without variance, gives NaN; y without variance
 * gives slope 0 and r2 NaN; NaN values give NaN.
 *
 * @param x      predictor, one value per independent replicate
 * @param y      outcome
 * @param level  confidence in (0, 1), default 0.95
 * @throws ArgumentError if the lengths differ, there are no values, or level is outside (0, 1)
 */
export function linearRegression(x: ArrayLike<number>, y: ArrayLike<number>, level = 0.95): LinearRegression {
  fraction("linear regression, level", level);
  sameLength("linear regression", x, y);
  const n = atLeast("linear regression", "pairs", x.length, 1);
  const [centreX, centreY] = [mean(x), mean(y)];
  let [xx, xy, yy] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    xx += (x[i] - centreX) ** 2;
    xy += (x[i] - centreX) * (y[i] - centreY);
    yy += (y[i] - centreY) ** 2;
  }
  const estimate = xy / xx;
  let residual = 0; // summed, not yy − xy²/xx, which cancels for a close fit
  for (let i = 0; i < n; i++) residual += (y[i] - centreY - estimate * (x[i] - centreX)) ** 2;
  const df = n - 2;
  const residualVariance = df > 0 ? residual / df : Number.NaN;
  const standardError = Math.sqrt(residualVariance / xx);
  const half =
    df > 0
      ? tQuantile((1 + level) / 2, df) * standardError
      : df === 0
        ? Number.POSITIVE_INFINITY
        : Number.NaN;
  return {
    estimate,
    low: estimate - half,
    high: estimate + half,
    intercept: centreY - estimate * centreX,
    r2: 1 - residual / yy,
    standardError,
    residualVariance,
    df,
  };
}
