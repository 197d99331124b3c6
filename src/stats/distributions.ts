/**
 * Tails of the F, t, normal and chi-squared distributions.
 *
 * Sharp tuning on thousands of activations gives p-values far below the smallest double (1e-308), and they must still
 * be ranked: the `log…Sf` functions return natural logarithms of survival probabilities and never underflow.
 * NaN statistics (0/0 of a dead unit) give NaN; wrong degrees of freedom are an error.
 */
import { exp } from "../base/exact.ts";
import { positive } from "./arguments.ts";
import { logBetaIncOdds } from "./betaInc.ts";
import { logErfc, logGammaIncUpper } from "./gammaInc.ts";

function degreesOfFreedom(where: string, value: number): number {
  return value === Number.POSITIVE_INFINITY ? value : positive(where, value);
}

/**
 * ln P(F_{d1,d2} > f), natural logarithm.
 *
 *   P = I_x(d2/2, d1/2),  x = d2/(d2 + d1 f)
 *
 * Edges: f ≤ 0 gives 0, f = ∞ gives −∞, f = NaN gives NaN.
 *
 * @param f   ratio of mean squares
 * @param d1  degrees of freedom of the numerator, > 0 and finite
 * @param d2  degrees of freedom of the denominator, > 0 and finite
 * @throws ArgumentError if a degree of freedom is not positive and finite
 */
export function fLogSf(f: number, d1: number, d2: number): number {
  positive("F distribution, d1", d1);
  positive("F distribution, d2", d2);
  if (Number.isNaN(f)) return f;
  return f <= 0 ? 0 : logBetaIncOdds(d2 / 2, d1 / 2, d2, d1 * f);
}

/** P(F_{d1,d2} > f); underflows to 0 below 1e-323, see {@link fLogSf}. */
export function fSf(f: number, d1: number, d2: number): number {
  return exp(fLogSf(f, d1, d2));
}

/**
 * P(T_df > t), the upper tail of Student's t.
 *
 *   P = ½ I_x(df/2, ½) for t ≥ 0,  x = df/(df + t²);  1 − P(−t) below
 *
 * Edges: df = ∞ is the normal distribution, t = ±∞ gives 0 or 1, NaN gives NaN.
 *
 * @throws ArgumentError if df is not positive
 */
export function tSf(t: number, df: number): number {
  degreesOfFreedom("t distribution, df", df);
  if (Number.isNaN(t)) return t;
  if (t < 0) return 1 - tSf(-t, df);
  if (df === Number.POSITIVE_INFINITY) return normalSf(t);
  return 0.5 * exp(logBetaIncOdds(df / 2, 0.5, df, t * t));
}

/** ln P(Z > z) of the standard normal, natural logarithm; −∞ gives 0, ∞ gives −∞, NaN gives NaN. */
export function normalLogSf(z: number): number {
  return logErfc(z / Math.SQRT2) - Math.LN2;
}

/** P(Z > z) of the standard normal; underflows to 0 beyond z = 38.5, see {@link normalLogSf}. */
export function normalSf(z: number): number {
  return exp(normalLogSf(z));
}

/** P(Z ≤ z) of the standard normal, with full relative precision in the lower tail. */
export function normalCdf(z: number): number {
  return normalSf(-z);
}

/**
 * ln P(χ²_df > x) = ln Q(df/2, x/2), natural logarithm.
 *
 * Edges: x ≤ 0 gives 0, x = ∞ gives −∞, NaN gives NaN.
 *
 * @throws ArgumentError if df is not positive and finite
 */
export function chi2LogSf(x: number, df: number): number {
  return logGammaIncUpper(positive("chi-squared distribution, df", df) / 2, x / 2);
}

/** P(χ²_df > x); underflows to 0 below 1e-323, see {@link chi2LogSf}. */
export function chi2Sf(x: number, df: number): number {
  return exp(chi2LogSf(x, df));
}
