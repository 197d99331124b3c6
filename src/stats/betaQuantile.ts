/** Quantiles of the beta and t distributions, by one solver in the log-odds of x. */
import { numberIn } from "../base/check.ts";
import { normalQuantile } from "../base/normalQuantile.ts";
import { positive } from "./arguments.ts";
import { logBetaIncOdds } from "./betaInc.ts";

const WIDEST_LOGIT = 700; // e^700 and e^-700 are still normal numbers

/**
 * The zero of an increasing function between `low` and `high`, by Chandrupatla's method: inverse quadratic steps
 * where the last three points allow them, halving where not. Returns an end where the sign does not change.
 *
 * @source Chandrupatla 1997
 */
function increasingRoot(f: (x: number) => number, low: number, high: number): number {
  let [a, b] = [high, low];
  let [fa, fb] = [f(a), f(b)];
  if (fb >= 0) return low;
  if (fa <= 0) return high;
  let [c, fc] = [a, fa];
  let t = 0.5;
  for (;;) {
    const x = a + t * (b - a);
    const fx = f(x);
    if (fx > 0 === fa > 0) [c, fc] = [a, fa];
    else [c, fc, b, fb] = [b, fb, a, fa];
    [a, fa] = [x, fx];
    const best = Math.abs(fa) < Math.abs(fb) ? a : b;
    const tolerance = 2 ** -52 * Math.abs(best) + 2 ** -60;
    const smallest = tolerance / Math.abs(b - a);
    if (fx === 0 || smallest > 0.5) return fx === 0 ? x : best;
    const xi = (a - b) / (c - b);
    const phi = (fa - fb) / (fc - fb);
    const quadratic = phi * phi < xi && (1 - phi) * (1 - phi) < 1 - xi;
    t = quadratic
      ? (fa / (fb - fa)) * (fc / (fb - fc)) + ((c - a) / (b - a)) * (fa / (fc - fa)) * (fb / (fc - fb))
      : 0.5;
    t = Math.min(Math.max(t, smallest), 1 - smallest);
  }
}

/**
 * The log-odds ln(x/(1−x)) of the beta quantile x, solved on the smaller of the two tails.
 *
 * @param lower  I_x(a, b), in (0, 1)
 * @param upper  1 − lower, given apart because it may have digits that the subtraction loses
 */
function betaQuantileLogit(lower: number, upper: number, a: number, b: number): number {
  if (lower <= upper) {
    const target = Math.log(lower);
    return increasingRoot((w) => logBetaIncOdds(a, b, Math.exp(w), 1) - target, -WIDEST_LOGIT, WIDEST_LOGIT);
  }
  const target = Math.log(upper);
  return increasingRoot((w) => target - logBetaIncOdds(b, a, 1, Math.exp(w)), -WIDEST_LOGIT, WIDEST_LOGIT);
}

/**
 * The x with I_x(a, b) = p: the quantile of the beta distribution.
 *
 * Edges: p = 0 gives 0, p = 1 gives 1. A quantile below e^-700 = 1e-304 is returned as e^-700.
 *
 * @param p  in [0, 1]
 * @throws ArgumentError if p is outside [0, 1], or a or b is not positive and finite
 */
export function betaQuantile(p: number, a: number, b: number): number {
  numberIn("beta quantile, p", p, 0, 1);
  positive("beta quantile, a", a);
  positive("beta quantile, b", b);
  if (p === 0 || p === 1) return p;
  return 1 / (1 + Math.exp(-betaQuantileLogit(p, 1 - p, a, b)));
}

/**
 * The t with P(T_df ≤ t) = p: the quantile of Student's t.
 *
 *   2 min(p, 1−p) = I_x(df/2, ½)  and  t² = df (1−x)/x
 *
 * Edges: p = 0 gives −∞, p = 1 gives ∞, p = ½ gives 0; df = ∞ is the normal distribution.
 *
 * @param p   in [0, 1]
 * @param df  degrees of freedom, > 0
 * @throws ArgumentError if p is outside [0, 1] or df is not positive
 */
export function tQuantile(p: number, df: number): number {
  numberIn("t quantile, p", p, 0, 1);
  if (df === Number.POSITIVE_INFINITY) return normalQuantile(p);
  positive("t quantile, df", df);
  if (p === 0.5) return 0;
  const tail = Math.min(p, 1 - p);
  if (tail === 0) return p === 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const logit = betaQuantileLogit(2 * tail, 2 * Math.abs(p - 0.5), df / 2, 0.5);
  const t = Math.sqrt(df) * Math.exp(-logit / 2);
  return p < 0.5 ? -t : t;
}
