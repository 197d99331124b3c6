/** The regularised incomplete beta function, in log space: behind the F, t and beta distributions. */

import { numberIn } from "../base/check.ts";
import { exp, log, log1p } from "../base/exact.ts";
import { positive } from "./arguments.ts";
import { continuedFraction } from "./continuedFraction.ts";
import { logBeta } from "./gamma.ts";

/**
 * ln I_x(a, b) where x = u/(u + v) is given by its odds u : v.
 *
 *   I_x(a, b) = xᵃ (1−x)ᵇ / (a B(a, b)) · 1/(1 + d₁/(1 + d₂/(1 + …)))       for x ≤ (a+1)/(a+b+2)
 *   I_x(a, b) = 1 − I_{1−x}(b, a)                                           beyond
 *
 * Odds lose nothing at either end: an F statistic of 5000 on (9, 3990) is x = 0.081 and one of 1e-6 is 1 − x = 1e-9,
 * and ln x = −ln(1 + v/u) has all its digits in both. No part is ever exponentiated, so results of −1e5 are as exact
 * as those of −1.
 *
 * @param a  at least about 1e-3; far below, the complement cancels digits
 * @returns  a number ≤ 0; −∞ at u = 0, 0 at v = 0
 * @source Numerical Recipes 6.4.5–6 (DLMF 8.17.22) for the fraction
 */
export function logBetaIncOdds(a: number, b: number, u: number, v: number): number {
  if (u === 0 || v === Number.POSITIVE_INFINITY) return Number.NEGATIVE_INFINITY;
  if (v === 0 || u === Number.POSITIVE_INFINITY) return 0;
  const x = 1 / (1 + v / u);
  if (x > (a + 1) / (a + b + 2)) return log1p(-exp(logBetaIncOdds(b, a, v, u)));
  const fraction = continuedFraction(1, (k) => {
    const m = k >> 1;
    const d =
      k % 2 === 0
        ? (m * (b - m) * x) / ((a + k - 1) * (a + k))
        : (-(a + m) * (a + b + m) * x) / ((a + k - 1) * (a + k));
    return [d, 1];
  });
  return -a * log1p(v / u) - b * log1p(u / v) - log(a) - logBeta(a, b) + log(fraction);
}

/**
 * ln I_x(a, b), the logarithm of the regularised incomplete beta function.
 *
 * Edges: x = 0 gives −∞, x = 1 gives 0, NaN gives NaN.
 *
 * @param x  in [0, 1]
 * @throws ArgumentError if x is outside [0, 1], or a or b is not positive and finite
 */
export function logBetaInc(x: number, a: number, b: number): number {
  positive("incomplete beta, a", a);
  positive("incomplete beta, b", b);
  if (Number.isNaN(x)) return x;
  numberIn("incomplete beta, x", x, 0, 1);
  return logBetaIncOdds(a, b, x, 1 - x);
}

/** I_x(a, b) itself, in [0, 1]; see {@link logBetaInc}. */
export function betaInc(x: number, a: number, b: number): number {
  return exp(logBetaInc(x, a, b));
}
