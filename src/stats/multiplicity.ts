/**
 * Adjusted p-values for families of tests, in the order of the input.
 *
 * Bonferroni, Holm, Holm–Šidák and Hochberg bound the chance of one false claim in the family; BH and BY bound the
 * expected share of false claims among those made. Each returns min(1, …), so comparing with alpha decides.
 */
import { numberIn } from "../base/check.ts";

/**
 * Sort, scale by rank, make monotone, put back.
 *
 * @param scaled  adjusted value of the p-value of rank k (1 = smallest) before monotonicity is enforced
 * @param stepUp  true: running minimum from the largest; false: running maximum from the smallest
 */
function adjust(
  pValues: ArrayLike<number>,
  scaled: (p: number, rank: number) => number,
  stepUp: boolean,
): Float64Array {
  const m = pValues.length;
  const order = Array.from({ length: m }, (_, i) => i);
  for (const i of order) numberIn(`p-value ${i}`, pValues[i], 0, 1);
  order.sort((i, j) => pValues[i] - pValues[j]);
  const adjusted = new Float64Array(m);
  let running = stepUp ? 1 : 0;
  for (let step = 0; step < m; step++) {
    const k = stepUp ? m - 1 - step : step;
    const value = Math.min(1, scaled(pValues[order[k]], k + 1));
    running = stepUp ? Math.min(running, value) : Math.max(running, value);
    adjusted[order[k]] = running;
  }
  return adjusted;
}

/**
 * Bonferroni: m p.
 *
 * @param pValues  in [0, 1]; an empty family gives an empty result
 * @throws ArgumentError if a p-value is NaN or outside [0, 1]: drop undefined tests before, and report their number
 */
export function bonferroni(pValues: ArrayLike<number>): Float64Array {
  return adjust(pValues, (p) => p * pValues.length, false);
}

/**
 * Holm's step-down: max over ranks j ≤ k of (m − j + 1) p₍ⱼ₎. Valid under any dependence.
 *
 * @throws ArgumentError as {@link bonferroni}
 * @source Holm 1979
 */
export function holm(pValues: ArrayLike<number>): Float64Array {
  return adjust(pValues, (p, rank) => p * (pValues.length - rank + 1), false);
}

/**
 * Holm–Šidák step-down: max over j ≤ k of 1 − (1 − p₍ⱼ₎)^(m − j + 1). Valid for independent tests.
 *
 * @throws ArgumentError as {@link bonferroni}
 * @source Šidák 1967; Holland & Copenhaver 1987
 */
export function holmSidak(pValues: ArrayLike<number>): Float64Array {
  // expm1 and log1p keep the digits of p below 1e-16
  return adjust(pValues, (p, rank) => -Math.expm1((pValues.length - rank + 1) * Math.log1p(-p)), false);
}

/**
 * Hochberg's step-up: min over j ≥ k of (m − j + 1) p₍ⱼ₎. Valid for independent or positively dependent tests.
 *
 * @throws ArgumentError as {@link bonferroni}
 * @source Hochberg 1988
 */
export function hochberg(pValues: ArrayLike<number>): Float64Array {
  return adjust(pValues, (p, rank) => p * (pValues.length - rank + 1), true);
}

/**
 * Benjamini–Hochberg false discovery rate: min over j ≥ k of m p₍ⱼ₎ / j.
 *
 * @throws ArgumentError as {@link bonferroni}
 * @source Benjamini & Hochberg 1995
 */
export function bh(pValues: ArrayLike<number>): Float64Array {
  return adjust(pValues, (p, rank) => (p * pValues.length) / rank, true);
}

/**
 * Benjamini–Yekutieli false discovery rate, valid under any dependence: BH times 1 + 1/2 + … + 1/m.
 *
 * @throws ArgumentError as {@link bonferroni}
 * @source Benjamini & Yekutieli 2001
 */
export function by(pValues: ArrayLike<number>): Float64Array {
  let harmonic = 0;
  for (let k = 1; k <= pValues.length; k++) harmonic += 1 / k;
  return adjust(pValues, (p, rank) => (p * pValues.length * harmonic) / rank, true);
}
