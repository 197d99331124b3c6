/** Quantiles of the beta, t and F distributions, by one solver in the log-odds of x. */

import { numberIn } from "../base/check.ts";
import { exp, log } from "../base/exact.ts";
import { normalQuantile } from "../base/normalQuantile.ts";
import { positive } from "./arguments.ts";
import { logBetaIncOdds } from "./betaInc.ts";
import { increasingRoot } from "./increasingRoot.ts";

const WIDEST_LOGIT = 700; // e^700 and e^-700 are still normal numbers

/**
 * The log-odds ln(x/(1−x)) of the beta quantile x, solved on the smaller of the two tails.
 *
 * @param lower  I_x(a, b), in (0, 1)
 * @param upper  1 − lower, given apart because it may have digits that the subtraction loses
 */
function betaQuantileLogit(lower: number, upper: number, a: number, b: number): number {
  if (lower <= upper) {
    const target = log(lower);
    return increasingRoot((w) => logBetaIncOdds(a, b, exp(w), 1) - target, -WIDEST_LOGIT, WIDEST_LOGIT);
  }
  const target = log(upper);
  return increasingRoot((w) => target - logBetaIncOdds(b, a, 1, exp(w)), -WIDEST_LOGIT, WIDEST_LOGIT);
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
  return 1 / (1 + exp(-betaQuantileLogit(p, 1 - p, a, b)));
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
  const t = Math.sqrt(df) * exp(-logit / 2);
  return p < 0.5 ? -t : t;
}

/**
 * The f with P(F_{d1,d2} > f) = upper: the critical value of an F test at level `upper`.
 *
 *   upper = I_x(d2/2, d1/2)  and  f = d2/d1 · (1−x)/x
 *
 * Edges: upper = 0 gives ∞, upper = 1 gives 0.
 *
 * @param upper  in [0, 1]; given as the upper tail, because levels are small
 * @param d1     degrees of freedom of the numerator, > 0 and finite
 * @param d2     degrees of freedom of the denominator, > 0 and finite
 * @throws ArgumentError if upper is outside [0, 1] or a degree of freedom is not positive and finite
 */
export function fCritical(upper: number, d1: number, d2: number): number {
  numberIn("F quantile, upper tail", upper, 0, 1);
  positive("F quantile, d1", d1);
  positive("F quantile, d2", d2);
  if (upper === 0 || upper === 1) return upper === 0 ? Number.POSITIVE_INFINITY : 0;
  return (d2 / d1) * exp(-betaQuantileLogit(upper, 1 - upper, d2 / 2, d1 / 2));
}
