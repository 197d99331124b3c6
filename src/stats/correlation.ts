/**
 * Correlation and agreement of two lists of equal length.
 *
 * A list without variance has no correlation: the result is NaN, never 0, so that a dead unit cannot pass for an
 * unrelated one.
 */
import { numberIn, sameLength } from "../base/check.ts";
import { normalQuantile } from "../base/normalQuantile.ts";
import { fraction } from "./arguments.ts";
import { tSf } from "./distributions.ts";
import { type Interval, tInterval } from "./intervals.ts";
import { mean } from "./moments.ts";

/** Σ (x − x̄)², Σ (y − ȳ)² and Σ (x − x̄)(y − ȳ), with the means. */
function crossMoments(where: string, x: ArrayLike<number>, y: ArrayLike<number>) {
  sameLength(where, x, y);
  const meanX = mean(x);
  const meanY = mean(y);
  let xx = 0;
  let yy = 0;
  let xy = 0;
  for (let i = 0; i < x.length; i++) {
    const dx = x[i] - meanX;
    const dy = y[i] - meanY;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  return { meanX, meanY, xx, yy, xy };
}

/**
 * Pearson's product-moment correlation, in [−1, 1].
 *
 * Edges: fewer than two values, or a list without variance, gives NaN; NaN values give NaN.
 *
 * @throws ArgumentError if the lengths differ
 */
export function pearson(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const { xx, yy, xy } = crossMoments("Pearson correlation", x, y);
  const r = xy / (Math.sqrt(xx) * Math.sqrt(yy)); // two roots: the product of tiny sums may underflow
  return Math.min(1, Math.max(-1, r));
}

/** Ranks from 1, ties getting the mean of the ranks they share; all NaN if a value is NaN. */
export function averageRanks(values: ArrayLike<number>): Float64Array {
  const n = values.length;
  const order = Array.from({ length: n }, (_, i) => i);
  for (const i of order) if (Number.isNaN(values[i])) return new Float64Array(n).fill(Number.NaN);
  order.sort((i, j) => values[i] - values[j]);
  const ranks = new Float64Array(n);
  for (let start = 0; start < n; ) {
    let end = start + 1;
    while (end < n && values[order[end]] === values[order[start]]) end++;
    for (let k = start; k < end; k++) ranks[order[k]] = (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
}

/** Spearman's rank correlation: {@link pearson} of {@link averageRanks}, with its edges. */
export function spearman(x: ArrayLike<number>, y: ArrayLike<number>): number {
  return pearson(averageRanks(x), averageRanks(y));
}

/**
 * Cosine of the angle between two lists, Σ xy/√(Σx² Σy²), in [−1, 1]: {@link pearson} without the centring.
 *
 * Edges: a list of zeros, or an empty one, gives NaN.
 *
 * @throws ArgumentError if the lengths differ
 */
export function cosine(x: ArrayLike<number>, y: ArrayLike<number>): number {
  sameLength("cosine", x, y);
  let [xx, yy, xy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    xx += x[i] * x[i];
    yy += y[i] * y[i];
    xy += x[i] * y[i];
  }
  return Math.min(1, Math.max(-1, xy / (Math.sqrt(xx) * Math.sqrt(yy))));
}

/**
 * Two-sided p-value of a Pearson correlation under independence and normality.
 *
 *   t = r √((n − 2)/(1 − r²)) on n − 2 degrees of freedom
 *
 * The usual approximation for Spearman's; of a partial correlation with k controls when given n − k.
 *
 * Edges: r = NaN or n ≤ 2 gives NaN, |r| = 1 gives 0.
 *
 * @throws ArgumentError if r is outside [−1, 1]
 */
export function correlationP(r: number, n: number): number {
  if (Number.isNaN(r) || n <= 2) return Number.NaN;
  numberIn("correlation", r, -1, 1);
  return 2 * tSf(Math.abs(r) * Math.sqrt((n - 2) / ((1 - r) * (1 + r))), n - 2);
}

/**
 * Confidence interval of a correlation by Fisher's transformation.
 *
 *   tanh( artanh r ± z / √(n − 3) )
 *
 * Edges: n ≤ 3 gives [−1, 1]; |r| = 1 gives the point; NaN gives NaN.
 *
 * @param r      Pearson correlation in [−1, 1], of n independent pairs (normal, for the level to be exact as n grows)
 * @param n      number of pairs
 * @param level  confidence in (0, 1), default 0.95
 * @throws ArgumentError if r is outside [−1, 1] or level outside (0, 1)
 * @source Fisher 1921
 */
export function fisherZ(r: number, n: number, level = 0.95): Interval {
  fraction("Fisher z interval, level", level);
  if (Number.isNaN(r)) return { estimate: r, low: r, high: r };
  numberIn("Fisher z interval, r", r, -1, 1);
  if (n <= 3) return { estimate: r, low: -1, high: 1 };
  const half = normalQuantile((1 + level) / 2) / Math.sqrt(n - 3);
  return { estimate: r, low: Math.tanh(Math.atanh(r) - half), high: Math.tanh(Math.atanh(r) + half) };
}

/**
 * Lin's concordance correlation: 1 only if y = x, lower where gain or baseline changed too.
 *
 *   2 s_xy / (s_x² + s_y² + (x̄ − ȳ)²),  all with divisor n
 *
 * Edges: two equal constants give NaN (0/0); one constant gives 0; empty gives NaN.
 *
 * @throws ArgumentError if the lengths differ
 * @source Lin 1989, with his divisor n
 */
export function concordance(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const { meanX, meanY, xx, yy, xy } = crossMoments("concordance", x, y);
  return (2 * xy) / (xx + yy + x.length * (meanX - meanY) ** 2);
}

/**
 * Mean of independent correlations (one per seed) with its t interval, both through Fisher's transformation.
 *
 *   tanh( z̄ ± t_{(1+level)/2, k−1} s_z/√k ),  z = artanh r
 *
 * The interval is for the correlation of the population of seeds: their spread is measured, not derived from the number
 * of units, which share a network and are not independent.
 *
 * Edges: one seed gives [−1, 1]; a correlation of ±1 has no finite z and gives NaN, as does a NaN.
 *
 * @param correlations  in [−1, 1], one per independent replicate
 * @param level         confidence in (0, 1), default 0.95
 * @throws ArgumentError if there are no correlations, one is outside [−1, 1], or level outside (0, 1)
 */
export function meanCorrelation(correlations: ArrayLike<number>, level = 0.95): Interval {
  const z = Float64Array.from(correlations, (r, i) => {
    if (!Number.isNaN(r)) numberIn(`mean correlation, correlation ${i}`, r, -1, 1);
    return Math.abs(r) < 1 ? Math.atanh(r) : Number.NaN;
  });
  const { estimate, low, high } = tInterval(z, level);
  return { estimate: Math.tanh(estimate), low: Math.tanh(low), high: Math.tanh(high) };
}
