/** Power and sample size, before a study is run. */
import { integerIn } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";
import { normalQuantile } from "../base/normalQuantile.ts";
import { fraction, positive } from "./arguments.ts";
import { tQuantile } from "./betaQuantile.ts";
import { normalSf } from "./distributions.ts";
import { increasingRoot } from "./increasingRoot.ts";
import { noncentralTCdf, noncentralTSf } from "./noncentralT.ts";

/** The design of a two-sided t test. */
export interface TTestDesign {
  /** 1: one sample, or paired arms; 2: two independent arms of equal size. Default 1. */
  arms?: 1 | 2;
  /** Two-sided level, default 0.05; divide it by the number of tests for Bonferroni or Holm's first step. */
  alpha?: number;
}

/**
 * Power of a two-sided t test: the chance to reject when the standardised effect is d.
 *
 *   P(|T| > t_crit),  T noncentral t with δ = d√n on n − 1 degrees of freedom (two arms: d√(n/2) on 2n − 2)
 *
 * @param n  replicates, or replicates per arm; a whole number of at least 2
 * @param d  mean difference in standard deviations (paired: of the differences), finite
 * @returns  in [alpha, 1]
 * @throws ArgumentError if an argument is out of range
 * @source Cohen 1988, chapter 2, with the exact distribution
 */
export function tTestPower(n: number, d: number, { arms = 1, alpha = 0.05 }: TTestDesign = {}): number {
  integerIn("power of a t test, n", n, 2);
  fraction("power of a t test, alpha", alpha);
  const df = arms * (n - 1);
  const delta = d * Math.sqrt(n / arms);
  const critical = tQuantile(1 - alpha / 2, df);
  return noncentralTSf(critical, df, delta) + noncentralTCdf(-critical, df, delta);
}

function checkPower(where: string, power: number, alpha: number): void {
  fraction(`${where}, alpha`, alpha);
  if (power > alpha && power < 1) return;
  throw new ArgumentError({ where, rule: "power must lie between alpha and 1", got: String(power) });
}

/** The smallest whole n at which an increasing condition holds, from a guess that is not far off. */
function smallest(from: number, least: number, enough: (n: number) => boolean): number {
  let n = Math.max(least, Math.ceil(from));
  while (n > least && enough(n - 1)) n--;
  while (!enough(n)) n++;
  return n;
}

/**
 * Replicates (per arm) that a two-sided t test needs to find an effect d with the given power.
 *
 * @param d      effect in standard deviations, not 0
 * @param power  default 0.8
 * @returns      a whole number of at least 2
 * @throws ArgumentError if d is 0 or not finite, alpha is outside (0, 1), or power not between alpha and 1
 */
export function tTestSampleSize(
  d: number,
  { power = 0.8, arms = 1, alpha = 0.05 }: TTestDesign & { power?: number } = {},
): number {
  checkPower("sample size of a t test", power, alpha);
  const effect = positive("sample size of a t test, |d|", Math.abs(d));
  const normal = arms * ((normalQuantile(1 - alpha / 2) + normalQuantile(power)) / effect) ** 2;
  return smallest(normal, 2, (n) => tTestPower(n, effect, { arms, alpha }) >= power);
}

/**
 * The smallest effect d that a two-sided t test of n replicates (per arm) finds with the given power.
 *
 * @param n      a whole number of at least 2
 * @param power  default 0.8
 * @returns      d > 0, in standard deviations
 * @throws ArgumentError if n or alpha is out of range, or power not between alpha and 1
 */
export function detectableEffect(
  n: number,
  { power = 0.8, arms = 1, alpha = 0.05 }: TTestDesign & { power?: number } = {},
): number {
  checkPower("detectable effect", power, alpha);
  integerIn("detectable effect, n", n, 2);
  const miss = (d: number) => tTestPower(n, d, { arms, alpha }) - power;
  let high = 1;
  while (miss(high) < 0) high *= 2;
  return increasingRoot(miss, 0, high);
}

/**
 * Power of the two-sided test that a correlation is 0, by Fisher's transformation.
 *
 *   Φ( √(n−3) artanh|r| − z ) + Φ( −√(n−3) artanh|r| − z ),  z = Φ⁻¹(1 − alpha/2)
 *
 * @param n  pairs, at least 4
 * @param r  in (−1, 1)
 * @throws ArgumentError if an argument is out of range
 */
export function correlationPower(n: number, r: number, { alpha = 0.05 }: { alpha?: number } = {}): number {
  integerIn("power of a correlation, n", n, 4);
  fraction("power of a correlation, |r|", Math.max(Number.MIN_VALUE, Math.abs(r)));
  fraction("power of a correlation, alpha", alpha);
  const z = normalQuantile(1 - alpha / 2);
  const shift = Math.sqrt(n - 3) * Math.atanh(Math.abs(r));
  return normalSf(z - shift) + normalSf(z + shift);
}

/**
 * Pairs needed to find a correlation r with the given power; see {@link correlationPower}.
 *
 * @param r      in (−1, 1), not 0
 * @param power  default 0.8
 * @returns      a whole number of at least 4
 * @throws ArgumentError if r is 0, or an argument is out of range
 */
export function correlationSampleSize(
  r: number,
  { power = 0.8, alpha = 0.05 }: { power?: number; alpha?: number } = {},
): number {
  checkPower("sample size of a correlation", power, alpha);
  const size = fraction("sample size of a correlation, |r|", Math.abs(r));
  const normal = ((normalQuantile(1 - alpha / 2) + normalQuantile(power)) / Math.atanh(size)) ** 2 + 3;
  return smallest(normal, 4, (n) => correlationPower(n, size, { alpha }) >= power);
}
