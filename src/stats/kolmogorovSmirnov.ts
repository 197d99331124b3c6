/** Kolmogorov–Smirnov test of one sample against a known distribution, e.g. of p-values against the uniform one. */
import { numberIn } from "../base/check.ts";
import { atLeast } from "./arguments.ts";
import { logBeta } from "./gamma.ts";

const DOUBLING = 4; // n d² from which p = 2 P(D⁺ ≥ d) but for a share e^(−6 n d²) < 4e-11
const MOST_EXACT = 1000; // the matrix has up to 4√n rows and is multiplied about 2 log₂ n times

/** What {@link kolmogorovSmirnov} returns. */
export interface KolmogorovSmirnov {
  /** D, the largest distance between the sample's distribution function and the given one, in [0, 1]. */
  d: number;
  /** P(D ≥ d) of a sample from the given distribution. */
  p: number;
}

/**
 * Kolmogorov–Smirnov test.
 *
 *   D = sup_x |F_n(x) − F(x)|
 *
 * p is exact (10 digits) for up to 1000 values and, whatever their number, for n d² ≥ 4; in between the limit distribution
 * with Vrbik's correction is within 3e-5.
 *
 * Edges: NaN values give NaN. F must be continuous: ties make the test conservative.
 *
 * @param values        at least one
 * @param distribution  F, with values in [0, 1]; uniform on [0, 1] unless given
 * @throws ArgumentError if there are no values or F leaves [0, 1]
 * @source Kolmogorov 1933; Marsaglia, Tsang & Wang 2003; Vrbik 2018
 */
export function kolmogorovSmirnov(
  values: ArrayLike<number>,
  { distribution = uniformCdf }: { distribution?: (x: number) => number } = {},
): KolmogorovSmirnov {
  const n = atLeast("Kolmogorov–Smirnov test", "values", values.length, 1);
  const sorted = Float64Array.from(values).sort();
  if (Number.isNaN(sorted[n - 1])) return { d: Number.NaN, p: Number.NaN }; // a typed array sorts NaN to the end
  let d = 0;
  for (let i = 0; i < n; i++) {
    const f = numberIn("Kolmogorov–Smirnov test, distribution function", distribution(sorted[i]), 0, 1);
    d = Math.max(d, (i + 1) / n - f, f - i / n);
  }
  return { d, p: kolmogorovSf(d, n) };
}

function uniformCdf(x: number): number {
  return Math.min(1, Math.max(0, x));
}

/** P(D_n ≥ d). */
function kolmogorovSf(d: number, n: number): number {
  if (d <= 1 / (2 * n)) return 1; // no sample comes closer
  if (d >= 1) return 0;
  if (n * d * d >= DOUBLING) return 2 * smirnovSf(d, n);
  return Math.min(1, Math.max(0, n <= MOST_EXACT ? 1 - exactCdf(d, n) : limitSf(Math.sqrt(n) * d, n)));
}

/**
 * P(D⁺ ≥ d) = d Σ_j C(n, j) (d + j/n)^(j−1) (1 − d − j/n)^(n−j), over j < n(1 − d): positive terms, in logarithms.
 *
 * @source Smirnov 1944; Birnbaum & Tingey 1951
 */
function smirnovSf(d: number, n: number): number {
  let total = 0;
  for (let j = 0; j < n * (1 - d); j++) {
    const logChoose = -Math.log(n + 1) - logBeta(j + 1, n - j + 1);
    total += Math.exp(logChoose + (j - 1) * Math.log(d + j / n) + (n - j) * Math.log1p(-d - j / n));
  }
  return d * total;
}

/** Product of square matrices, with a power of 2 taken out: entries · 2^exponent. */
interface Scaled {
  entries: Float64Array;
  exponent: number;
}

function multiply(a: Scaled, b: Scaled, m: number): Scaled {
  const entries = new Float64Array(m * m);
  for (let i = 0; i < m; i++)
    for (let k = 0; k < m; k++) {
      const value = a.entries[i * m + k];
      if (value !== 0) for (let j = 0; j < m; j++) entries[i * m + j] += value * b.entries[k * m + j];
    }
  const shift = Math.ceil(Math.log2(entries.reduce((largest, value) => Math.max(largest, value), 0)));
  return { entries: entries.map((value) => value * 2 ** -shift), exponent: a.exponent + b.exponent + shift };
}

/**
 * P(D_n < d) as an entry of the n-th power of a matrix of 2k − 1 rows, k = ⌊nd⌋ + 1.
 *
 * @source Marsaglia, Tsang & Wang 2003, after Durbin 1973
 */
function exactCdf(d: number, n: number): number {
  const k = Math.floor(n * d) + 1;
  const m = 2 * k - 1;
  const h = k - n * d;
  const entries = new Float64Array(m * m);
  for (let i = 0; i < m; i++) {
    let factorial = 1;
    for (let j = i + 1; j >= 0; j--) {
      factorial *= Math.max(1, i - j + 1);
      if (j >= m) continue;
      const column = j === 0 ? h ** (i + 1) : 0;
      const row = i === m - 1 ? h ** (m - j) : 0;
      const corner = j === 0 && i === m - 1 && 2 * h > 1 ? (2 * h - 1) ** m : 0;
      entries[i * m + j] = (1 - column - row + corner) / factorial;
    }
  }
  let base: Scaled = { entries, exponent: 0 };
  let power: Scaled | undefined;
  for (let left = n; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) power = power === undefined ? base : multiply(power, base, m);
    if (left > 1) base = multiply(base, base, m);
  }
  if (power === undefined) return 0;
  let probability = power.entries[(k - 1) * m + k - 1];
  let exponent = power.exponent;
  for (let i = 1; i <= n; i++) {
    probability *= i / n; // n!/nⁿ, which alone would underflow
    while (probability > 0 && probability < 0.5) {
      probability *= 2;
      exponent--;
    }
  }
  return probability * 2 ** exponent;
}

/** The limit distribution's tail at x = √n d, moved by 1/(6√n) + (x − 1)/(4n). */
function limitSf(x: number, n: number): number {
  const z = x + 1 / (6 * Math.sqrt(n)) + (x - 1) / (4 * n);
  let total = 0;
  if (z < 1) {
    for (let k = 1; k <= 9; k += 2) total += Math.exp((-k * k * Math.PI ** 2) / (8 * z * z));
    return 1 - (Math.sqrt(2 * Math.PI) / z) * total;
  }
  for (let k = 1; k <= 5; k++) total += (k % 2 === 1 ? 2 : -2) * Math.exp(-2 * k * k * z * z);
  return total;
}
