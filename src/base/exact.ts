/**
 * Transcendental functions that give the same bits on every machine.
 *
 * `Math.log`, `Math.exp`, `Math.sin` and their kin differ between engines and versions; IEEE 754 defines only
 * + − × ÷ and the square root. Everything that decides a result (random draws, initialisation, positions) uses these.
 * Accuracy against 60-digit references: within 4 ulp (test/base/exact.test.ts).
 */

const LN2_HI = 6.9314718036912381649e-1; // ln 2 to 32 bits: n * LN2_HI is exact for |n| < 2^20
const LN2_LO = 1.90821492927058770002e-10; // what is left of ln 2
const view = new DataView(new ArrayBuffer(8));

/**
 * Natural logarithm.
 *
 *   x = 2^n · m,  m in [√½, √2);  ln x = n ln 2 + 2 artanh s,  s = (m − 1)/(m + 1)
 *
 * Edges: log(0) = −∞, log(negative) = NaN, log(∞) = ∞.
 */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  let n = 0;
  if (x < 2.2250738585072014e-308) [x, n] = [x * 18014398509481984, -54]; // subnormal: scale into the normal range
  view.setFloat64(0, x);
  const high = view.getUint32(0);
  n += (high >>> 20) - 1023;
  view.setUint32(0, (high & 0xfffff) | 0x3ff00000);
  let m = view.getFloat64(0);
  if (m > Math.SQRT2) [m, n] = [m / 2, n + 1];
  const s = (m - 1) / (m + 1);
  return n * LN2_HI + (2 * s + (2 * s * artanhRest(s) + n * LN2_LO));
}

/** artanh(s) / s − 1 for |s| ≤ 0.172: z = s² is at most 0.0295, so z^11 / 23 is below 2^-58. */
function artanhRest(s: number): number {
  const z = s * s;
  let p = 0;
  for (let k = 23; k >= 3; k -= 2) p = (p + 1 / k) * z;
  return p;
}

/**
 * ln(1 + x), with all its digits where x is small.
 *
 *   1 + x in (√½, √2):  ln(1 + x) = 2 artanh s,  s = x / (2 + x)
 *
 * Edges: log1p(−1) = −∞, below −1 it is NaN, log1p(∞) = ∞, log1p(−0) = −0.
 */
export function log1p(x: number): number {
  if (!(x > Math.SQRT1_2 - 1 && x < Math.SQRT2 - 1)) return log(1 + x);
  if (Math.abs(x) < 2 ** -54) return x;
  const s = x / (2 + x);
  return 2 * s + 2 * s * artanhRest(s);
}

/**
 * Exponential.
 *
 *   x = n ln 2 + r, |r| ≤ ln 2 / 2;  e^x = 2^n · Σ r^k / k!
 *
 * Edges: exp(−∞) = 0, overflow gives ∞ above 709.78, below −745.2 it is 0.
 */
export function exp(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x > 709.782712893384) return Number.POSITIVE_INFINITY;
  if (x < -745.2) return 0;
  const n = Math.round(x / Math.LN2);
  const r = x - n * LN2_HI - n * LN2_LO;
  let p = 1;
  for (let k = 14; k >= 1; k--) p = 1 + (p * r) / k;
  // two factors, because 2^n alone may overflow or be subnormal
  const half = n >> 1;
  return p * powerOfTwo(half) * powerOfTwo(n - half);
}

function powerOfTwo(n: number): number {
  view.setUint32(0, (n + 1023) << 20);
  view.setUint32(4, 0);
  return view.getFloat64(0);
}

/**
 * π/2 in four parts, the first three of 33 bits: their products with |n| < 2^20 are exact, and so is what is left of x
 * where sine or cosine is all but 0.
 */
const HALF_PI = [
  1.57079632673412561417, 6.0771005063039659766e-11, 2.0222662487111664558e-21, 8.47842766036889956997e-32,
];

/** The nearest multiple n of π/2 and what is left of x: x = n π/2 + r, |r| ≤ π/4. */
function reduce(x: number): { r: number; quadrant: number } {
  const n = Math.round(x / (Math.PI / 2));
  const [a, b, c, d] = HALF_PI;
  return { r: x - n * a - n * b - n * c - n * d, quadrant: ((n % 4) + 4) % 4 };
}

/** Sine of x radians; |x| up to 2^20, beyond which the argument reduction loses digits. NaN for ±∞. */
export function sin(x: number): number {
  const { r, quadrant } = reduce(x);
  if (quadrant === 0) return sinKernel(r);
  if (quadrant === 1) return cosKernel(r);
  return quadrant === 2 ? -sinKernel(r) : -cosKernel(r);
}

/** Cosine of x radians; same range as {@link sin}. */
export function cos(x: number): number {
  const { r, quadrant } = reduce(x);
  if (quadrant === 0) return cosKernel(r);
  if (quadrant === 1) return -sinKernel(r);
  return quadrant === 2 ? -cosKernel(r) : sinKernel(r);
}

// Taylor on |r| ≤ π/4: the first term left out is below 2^-60
function sinKernel(r: number): number {
  const z = r * r;
  let p = 1;
  for (let k = 19; k >= 3; k -= 2) p = 1 - (p * z) / (k * (k - 1));
  return r * p;
}

function cosKernel(r: number): number {
  const z = r * r;
  let p = 1;
  for (let k = 20; k >= 2; k -= 2) p = 1 - (p * z) / (k * (k - 1));
  return p;
}

/**
 * base to a whole power, by squaring: `**` and Math.pow differ between engines in the last digit.
 *
 *   base^−n = 1 / base^n
 *
 * @param exponent  a whole number, negative ones included
 */
export function integerPower(base: number, exponent: number): number {
  let result = 1;
  for (
    let rest = Math.abs(exponent), factor = base;
    rest > 0;
    rest = Math.floor(rest / 2), factor *= factor
  ) {
    if (rest % 2 === 1) result *= factor;
  }
  return exponent < 0 ? 1 / result : result;
}
