/** Two yes-or-no outcomes: of the same items (McNemar), and over strata (Mantel–Haenszel). */
import { integerIn, numberIn } from "../base/check.ts";
import { normalQuantile } from "../base/normalQuantile.ts";
import { atLeast, fraction } from "./arguments.ts";
import { betaInc } from "./betaInc.ts";
import type { Interval } from "./intervals.ts";

/**
 * McNemar's exact test of paired yes-or-no outcomes: is "only the first" as frequent as "only the second"?
 *
 *   p = min(1, 2 P(X ≤ min(b, c))),  X ~ Binomial(b + c, ½)
 *
 * Pairs that agree say nothing and do not enter.
 *
 * Edges: no discordant pair gives p = 1. With five discordant pairs or fewer p cannot fall below 1/16.
 *
 * @param onlyFirst   b, number of pairs with yes in the first alone
 * @param onlySecond  c, number with yes in the second alone
 * @returns           two-sided p, in (0, 1]
 * @throws ArgumentError if a number is not whole or negative
 * @source McNemar 1947; exact form in Agresti 2013, section 11.1.4
 */
export function mcNemar(onlyFirst: number, onlySecond: number): number {
  integerIn("McNemar's test, only first", onlyFirst, 0);
  integerIn("McNemar's test, only second", onlySecond, 0);
  const [fewer, more] = [Math.min(onlyFirst, onlySecond), Math.max(onlyFirst, onlySecond)];
  return fewer === more ? 1 : Math.min(1, 2 * betaInc(0.5, more, fewer + 1)); // P(X ≤ k) = I_½(n − k, k + 1)
}

/** Counts of a stratum (for Palimpsest: a seed): [[a, b], [c, d]], rows the groups, columns yes and no. */
export type Stratum = readonly [readonly [a: number, b: number], readonly [c: number, d: number]];

/**
 * Mantel–Haenszel odds ratio over strata, with its interval on the log scale.
 *
 *   θ = Σ R / Σ S,  R = ad/n,  S = bc/n,  P = (a + d)/n,  Q = (b + c)/n
 *   Var ln θ = Σ PR/(2 (ΣR)²) + Σ (PS + QR)/(2 ΣR ΣS) + Σ QS/(2 (ΣS)²)
 *
 * Comparing within strata keeps seeds with different base rates from passing for an effect (Simpson's paradox). The
 * interval takes items of a stratum as independent.
 *
 * Edges: no stratum with both a and d gives 0, none with both b and c gives ∞, with the interval [0, ∞]; neither NaN.
 *
 * @param strata  at least one; an empty stratum adds nothing
 * @param level   confidence in (0, 1), default 0.95
 * @throws ArgumentError if there is no stratum, a count is negative or not finite, or level outside (0, 1)
 * @source Mantel & Haenszel 1959; Robins, Breslow & Greenland 1986, for the variance
 */
export function mantelHaenszel(strata: readonly Stratum[], level = 0.95): Interval {
  fraction("Mantel–Haenszel odds ratio, level", level);
  atLeast("Mantel–Haenszel odds ratio", "strata", strata.length, 1);
  let [sumR, sumS, sumPR, sumMixed, sumQS] = [0, 0, 0, 0, 0];
  for (const [index, stratum] of strata.entries()) {
    const [a, b, c, d] = stratum
      .flat()
      .map((count) => numberIn(`Mantel–Haenszel, stratum ${index}`, count, 0));
    const n = a + b + c + d;
    if (n === 0) continue;
    const [r, s, p, q] = [(a * d) / n, (b * c) / n, (a + d) / n, (b + c) / n];
    sumR += r;
    sumS += s;
    sumPR += p * r;
    sumMixed += p * s + q * r;
    sumQS += q * s;
  }
  const estimate = sumR / sumS;
  if (!(sumR > 0 && sumS > 0))
    return Number.isNaN(estimate)
      ? { estimate, low: estimate, high: estimate }
      : { estimate, low: 0, high: Number.POSITIVE_INFINITY };
  const logVariance = sumPR / (2 * sumR ** 2) + sumMixed / (2 * sumR * sumS) + sumQS / (2 * sumS ** 2);
  const factor = Math.exp(normalQuantile((1 + level) / 2) * Math.sqrt(logVariance));
  return { estimate, low: estimate / factor, high: estimate * factor };
}
