/** The error function in float64, which `Math` lacks. */

const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);
const INV_SQRT_PI = 1 / Math.sqrt(Math.PI);
/** Where the continued fraction takes over: below it erfc = 1 − erf loses less than two digits. */
const TAIL = 1.5;

/** e^(−x²) to full precision: rounding x² alone would cost x² ulp, so the square of its high half is split off. */
function gauss(x: number): number {
  const high = Math.fround(x); // 24 bits: its square is exact
  return Math.exp(-high * high) * Math.exp(-(x - high) * (x + high));
}

/** erf x = 2/√π · e^(−x²) · Σ 2^n x^(2n+1) / (2n+1)!!, all terms of one sign: nothing cancels. */
function series(x: number): number {
  let term = x;
  let total = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(total); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    total += term;
  }
  return TWO_OVER_SQRT_PI * gauss(x) * total;
}

/** erfc x = e^(−x²)/√π · 1/(x + (1/2)/(x + (2/2)/(x + (3/2)/…))) for x ≥ TAIL, from the inside out. */
function tail(x: number): number {
  if (x > 27.3) return 0; // below the smallest subnormal; also keeps ∞ out of the fraction
  let fraction = x;
  for (let k = 5 + Math.ceil(400 / (x * x)); k >= 1; k--) fraction = x + k / 2 / fraction;
  return (gauss(x) * INV_SQRT_PI) / fraction;
}

/**
 * Error function 2/√π ∫₀ˣ e^(−t²) dt. Relative error below 1e-15; erf(±∞) = ±1, erf(NaN) = NaN.
 *
 * @source Abramowitz & Stegun 1964, 7.1.6 (series) and 7.1.14 (continued fraction)
 */
export function erf(x: number): number {
  if (Math.abs(x) < TAIL) return series(x);
  if (Number.isNaN(x)) return x;
  return x > 0 ? 1 - tail(x) : tail(-x) - 1;
}

/** 1 − erf(x), without the cancellation where erf is near 1: relative error below 1e-14 until it underflows. */
export function erfc(x: number): number {
  return x >= TAIL ? tail(x) : 1 - erf(x);
}
