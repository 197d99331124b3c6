/**
 * Which frequency a unit is tuned to, where inputs and outputs are numbers on a cycle.
 *
 * A unit of a network that adds modulo p has three curves over the cycle: how it answers to a, how it answers to b, and
 * how much it says for each sum c. Each is a sum of (p − 1)/2 cosines. A unit that computes the sum at one frequency has
 * all three at that frequency, with the phase of the output the sum of the phases of the inputs.
 */
import { integerIn, sameLength } from "../base/check.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";

/** Fourier components of curves over a cycle; [curve, frequency], the frequencies being 1 … (p − 1)/2 in order. */
export interface FourierSpectrum {
  readonly curves: number;
  readonly frequencies: number;
  /** Real part of the component: amplitude · cos(phase). */
  readonly real: Float64Array;
  /** Imaginary part: amplitude · sin(phase). */
  readonly imaginary: Float64Array;
}

/**
 * Fourier components of curves over a cycle of odd length p.
 *
 *   X_k = (2/p) Σ_t x(t) exp(−2πi k t/p),  x(t) = mean + Σ_k |X_k| cos(2π k t/p + arg X_k),  k = 1 … (p − 1)/2
 *
 * The variance of a curve over the cycle is Σ_k |X_k|²/2. The mean is not among the components.
 *
 * @param values  [model, t, unit], or [t, unit] of one network
 * @returns       curves in the order [model, unit]
 * @throws ArgumentError unless p is odd and at least 3: a frequency of p/2 would have no phase
 * @throws ShapeError if the values are not whole networks
 */
export function fourierSpectrum(
  values: ArrayLike<number>,
  { period, units }: { period: number; units: number },
): FourierSpectrum {
  integerIn("Fourier spectrum, period", period, 3);
  integerIn("Fourier spectrum, units", units, 1);
  if (period % 2 === 0)
    throw new ArgumentError({
      where: "Fourier spectrum",
      rule: "needs a cycle of odd length, so that every frequency has a phase",
      got: String(period),
    });
  const models = values.length / (period * units);
  if (!Number.isInteger(models))
    throw new ShapeError({
      where: "Fourier spectrum",
      rule: `takes values of whole networks, ${period} × ${units} each`,
      got: String(values.length),
    });
  const frequencies = (period - 1) / 2;
  const turn = Array.from({ length: period }, (_, t) => (2 * Math.PI * t) / period);
  const cosine = turn.map((angle) => (2 / period) * Math.cos(angle));
  const sine = turn.map((angle) => (2 / period) * Math.sin(angle));
  const real = new Float64Array(models * units * frequencies);
  const imaginary = new Float64Array(real.length);
  for (let model = 0; model < models; model++)
    for (let t = 0; t < period; t++)
      for (let unit = 0; unit < units; unit++) {
        const value = values[(model * period + t) * units + unit];
        const from = (model * units + unit) * frequencies;
        for (let k = 1; k <= frequencies; k++) {
          real[from + k - 1] += value * cosine[(k * t) % period];
          imaginary[from + k - 1] -= value * sine[(k * t) % period];
        }
      }
  return { curves: models * units, frequencies, real, imaginary };
}

/** How the variance of units is divided among frequencies. */
export interface FrequencyShares {
  readonly frequencies: number;
  /** [unit, frequency], adding up to 1 for each unit; NaN for a unit with a curve that is flat. */
  readonly share: Float64Array;
  /** Index of the frequency with the largest share, the lowest of equals; −1 where shares are NaN, [unit]. */
  readonly leading: Int32Array;
  /** Share of that frequency, in [1/frequencies, 1]; NaN where there is none, [unit]. */
  readonly purity: Float64Array;
}

/**
 * Shares of frequencies in the variance of units, over all curves of a unit.
 *
 *   share_k = mean over the curves of |X_k|² / Σ_j |X_j|²
 *
 * Every curve counts alike, so that shares do not change where a unit's inputs are scaled up and its output down, which a
 * rectifier does not notice.
 *
 * @param spectra  of the same units: a curve of each unit in each
 * @throws ArgumentError if there is none, or they are of different units
 */
export function frequencyShares(spectra: readonly FourierSpectrum[]): FrequencyShares {
  const { curves: units, frequencies } = sameUnits(spectra);
  const share = new Float64Array(units * frequencies);
  const leading = new Int32Array(units);
  const purity = new Float64Array(units);
  for (const spectrum of spectra) {
    const power = powerOf(spectrum);
    for (let unit = 0; unit < units; unit++) {
      const own = power.subarray(unit * frequencies, (unit + 1) * frequencies);
      const total = own.reduce((sum, value) => sum + value, 0);
      for (let k = 0; k < frequencies; k++)
        share[unit * frequencies + k] += own[k] / (total * spectra.length); // 0/0 is NaN: a flat curve
    }
  }
  for (let unit = 0; unit < units; unit++) {
    const own = share.subarray(unit * frequencies, (unit + 1) * frequencies);
    leading[unit] = own.every(Number.isFinite) ? own.indexOf(largest(own)) : -1;
    purity[unit] = leading[unit] < 0 ? Number.NaN : own[leading[unit]];
  }
  return { frequencies, share, leading, purity };
}

/**
 * How far the phase of a unit's output is from the sum of the phases of its inputs, at every frequency.
 *
 *   misalignment_k = |ψ_k − φ_k(a) − φ_k(b)|, wrapped to [0, π]
 *
 * 0: what the unit says for c = a + b is largest where the unit is. At random phases it is uniform on [0, π].
 *
 * @param a       spectrum of the answer to a
 * @param b       of the answer to b
 * @param output  of the output over c
 * @returns       [unit, frequency], radians
 * @throws ArgumentError if they are of different units
 * @source He et al. 2026, arXiv 2602.16849 (their ψ − 2φ: a and b are read by the same weights there)
 */
export function phaseMisalignment(
  a: FourierSpectrum,
  b: FourierSpectrum,
  output: FourierSpectrum,
): Float64Array {
  sameUnits([a, b, output]);
  return Float64Array.from(a.real, (_, i) => {
    const [phiA, phiB, psi] = [a, b, output].map(({ real, imaginary }) => Math.atan2(imaginary[i], real[i]));
    const apart = Math.abs(psi - phiA - phiB) % (2 * Math.PI);
    return Math.min(apart, 2 * Math.PI - apart);
  });
}

/**
 * How fast gradient descent raises the share of every frequency, the lengths of the curves held.
 *
 *   growth_k = mean over the curves of −2 Re( conj(X_k) G_k ) / Σ_j |X_j|²
 *
 * @param spectra  of the curves
 * @param slopes   of the gradients of the loss in the curves' values, in the same order
 * @returns        [unit, frequency]
 * @throws ArgumentError if they are of different units
 */
export function shareGrowth(
  spectra: readonly FourierSpectrum[],
  slopes: readonly FourierSpectrum[],
): Float64Array {
  sameLength("growth of frequencies", spectra, slopes);
  const { curves: units, frequencies } = sameUnits([...spectra, ...slopes]);
  const growth = new Float64Array(units * frequencies);
  for (const [at, spectrum] of spectra.entries()) {
    const power = powerOf(spectrum);
    for (let unit = 0; unit < units; unit++) {
      const from = unit * frequencies;
      const total = power.subarray(from, from + frequencies).reduce((sum, value) => sum + value, 0);
      for (let i = from; i < from + frequencies; i++) {
        const along = spectrum.real[i] * slopes[at].real[i] + spectrum.imaginary[i] * slopes[at].imaginary[i];
        growth[i] -= (2 * along) / (total * spectra.length);
      }
    }
  }
  return growth;
}

/** |X_k|², [curve, frequency]. */
function powerOf({ real, imaginary }: FourierSpectrum): Float64Array {
  return real.map((value, i) => value * value + imaginary[i] * imaginary[i]);
}

function largest(values: Float64Array): number {
  return values.reduce((best, value) => (value > best ? value : best), Number.NEGATIVE_INFINITY);
}

function sameUnits(spectra: readonly FourierSpectrum[]): FourierSpectrum {
  const [first] = spectra;
  const alike = spectra.every(
    ({ curves, frequencies }) => curves === first.curves && frequencies === first.frequencies,
  );
  if (first !== undefined && alike) return first;
  throw new ArgumentError({
    where: "Fourier spectra",
    rule: "must be of the same units over the same cycle, at least one",
    got: spectra.map(({ curves, frequencies }) => `${curves} × ${frequencies}`).join(", ") || "none",
  });
}
