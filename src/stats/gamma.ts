/** Logarithms of the gamma and beta functions, without the cancellation that ruins tails. */
import { log, log1p } from "../base/exact.ts";

const HALF_LOG_TWO_PI = 0.9189385332046728;
const STIRLING = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156];
const STIRLING_FROM = 10; // here the first term left out, 3617 / (122400 x^15), is below 3e-17

/**
 * What Stirling's formula leaves out.
 *
 *   Δ(x) = ln Γ(x) − (x − ½) ln x + x − ½ ln 2π ≈ 1/(12x) − 1/(360x³) + …
 *
 * @param x  at least 10, where seven terms reach the last bit
 * @source Abramowitz & Stegun 6.1.41
 */
export function stirlingCorrection(x: number): number {
  const z = 1 / (x * x);
  let s = 0;
  for (let k = STIRLING.length - 1; k >= 0; k--) s = s * z + STIRLING[k];
  return s / x;
}

/**
 * ln Γ(x) for x > 0.
 *
 * Below 10 the argument is raised by the recurrence Γ(x + 1) = x Γ(x). The error is about 1e-15 of max(1, |ln Γ|),
 * so digits are lost relative to the value only beside its zeros at 1 and 2.
 *
 * Edges: x = 0 and x = ∞ give ∞, x < 0 or NaN gives NaN (the sign of Γ is not represented).
 */
export function logGamma(x: number): number {
  if (!(x > 0)) return x === 0 ? Number.POSITIVE_INFINITY : Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  let product = 1;
  while (x < STIRLING_FROM) product *= x++;
  return (x - 0.5) * log(x) - x + HALF_LOG_TWO_PI + stirlingCorrection(x) - log(product);
}

/**
 * ln B(a, b) = ln Γ(a) + ln Γ(b) − ln Γ(a + b) for a, b > 0.
 *
 * Never computed as that difference where an argument is large: three numbers near 1e4 would leave 12 digits. With
 * Stirling's formula inserted, their common parts cancel on paper and only ratios remain (a ≤ b):
 *
 *   both ≥ 10:  (a − ½) ln(a/(a+b)) − b ln(1 + a/b) − ½ ln b + ½ ln 2π + Δ(a) + Δ(b) − Δ(a+b)
 *   b ≥ 10:     ln Γ(a) − (b − ½) ln(1 + a/b) − a ln(a+b) + a + Δ(b) − Δ(a+b)
 *
 * Edges: a or b equal to 0 gives ∞; negative or NaN gives NaN.
 *
 * @source Didonato & Morris 1992 (ACM TOMS 708), functions betaln and bcorr, for the idea
 */
export function logBeta(a: number, b: number): number {
  if (a > b) [a, b] = [b, a];
  if (!(a > 0)) return a === 0 && b >= 0 ? Number.POSITIVE_INFINITY : Number.NaN;
  if (b < STIRLING_FROM) return logGamma(a) + (logGamma(b) - logGamma(a + b));
  const total = a + b;
  const corrections = stirlingCorrection(b) - stirlingCorrection(total);
  if (a < STIRLING_FROM) return logGamma(a) - (b - 0.5) * log1p(a / b) - a * log(total) + a + corrections;
  return (
    (a - 0.5) * log(a / total) -
    b * log1p(a / b) -
    0.5 * log(b) +
    HALF_LOG_TWO_PI +
    stirlingCorrection(a) +
    corrections
  );
}

/**
 * ln of the gamma density's kernel, a ln x − x − ln Γ(a): the front factor of both incomplete gamma functions.
 *
 * For a ≥ 10 Stirling's formula is inserted, so that a ln x, x and ln Γ(a) do not cancel.
 */
export function logGammaKernel(a: number, x: number): number {
  if (a < STIRLING_FROM) return a * log(x) - x - logGamma(a);
  return a * log(x / a) + (a - x) + 0.5 * log(a) - HALF_LOG_TWO_PI - stirlingCorrection(a);
}
