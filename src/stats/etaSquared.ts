/** Between eta² and F: what a share of variance must exceed to be more than chance. */
import { integerIn, numberIn } from "../base/check.ts";
import { fCritical } from "./betaQuantile.ts";

function degreesOfFreedom(n: number, k: number): readonly [number, number] {
  integerIn("eta², groups", k, 2);
  integerIn("eta², values", n, k + 1);
  return [k - 1, n - k];
}

/**
 * The F statistic of a one-way eta².
 *
 *   F = eta²/(k − 1) / ( (1 − eta²)/(n − k) )
 *
 * @param eta2  in [0, 1]; 1 gives ∞
 * @param n     number of values
 * @param k     number of groups
 * @throws ArgumentError if eta² is outside [0, 1] or there are fewer than 2 groups, or no more values than groups
 */
export function fOfEtaSquared(eta2: number, n: number, k: number): number {
  numberIn("eta²", eta2, 0, 1);
  const [d1, d2] = degreesOfFreedom(n, k);
  return eta2 / d1 / ((1 - eta2) / d2);
}

/**
 * The smallest eta² that a one-way F test at level alpha calls significant. Its mean without any effect is (k−1)/(n−1).
 *
 *   d1 F/(d1 F + d2),  F the critical value on d1 = k − 1 and d2 = n − k
 *
 * With thousands of activations it is near 0.01: significance says next to nothing about selectivity.
 *
 * @param alpha  in (0, 1), e.g. 0.01/64 for a layer of 64 units
 * @throws ArgumentError as {@link fOfEtaSquared}, or if alpha is outside [0, 1]
 */
export function criticalEtaSquared(alpha: number, n: number, k: number): number {
  const [d1, d2] = degreesOfFreedom(n, k);
  const f = fCritical(alpha, d1, d2);
  return 1 / (1 + d2 / (d1 * f));
}
