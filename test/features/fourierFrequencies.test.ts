import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import {
  amplifyFrequency,
  type FourierSpectrum,
  fourierSpectrum,
  frequencyShares,
  phaseMisalignment,
  shareGrowth,
} from "../../src/features/index.ts";

const PERIOD = 23;
const FREQUENCIES = (PERIOD - 1) / 2;
/** Sums of 23 products, all of order 1. */
const SUMS = 12; // decimals

/** Curves [t, unit] that are sums of planted cosines. */
function planted(...units: readonly (readonly { k: number; size: number; phase: number }[])[]): Float64Array {
  return Float64Array.from({ length: PERIOD * units.length }, (_, i) => {
    const t = Math.floor(i / units.length);
    const cosines = units[i % units.length].map(
      ({ k, size, phase }) => size * Math.cos((2 * Math.PI * k * t) / PERIOD + phase),
    );
    return cosines.reduce((sum, value) => sum + value, 0.7); // a mean that must not show
  });
}

const spectrumOf = (values: ArrayLike<number>, units: number) =>
  fourierSpectrum(values, { period: PERIOD, units });

function noise(key: string, units: number): Float64Array {
  const stream = randomStream("fourier", key);
  return Float64Array.from({ length: PERIOD * units }, () => stream.normal());
}

const amplitude = ({ real, imaginary }: FourierSpectrum, i: number) => Math.hypot(real[i], imaginary[i]);

test("planted cosines come back with their frequency, amplitude and phase", () => {
  const values = planted(
    [{ k: 3, size: 2, phase: 0.4 }],
    [
      { k: 11, size: 0.5, phase: -2.5 },
      { k: 1, size: 1.5, phase: 3 },
    ],
  );
  const spectrum = spectrumOf(values, 2);
  expect(spectrum).toMatchObject({ curves: 2, frequencies: FREQUENCIES });
  const at = (unit: number, k: number) => unit * FREQUENCIES + k - 1;
  for (const { unit, k, size, phase } of [
    { unit: 0, k: 3, size: 2, phase: 0.4 },
    { unit: 1, k: 11, size: 0.5, phase: -2.5 },
    { unit: 1, k: 1, size: 1.5, phase: 3 },
    { unit: 0, k: 4, size: 0, phase: Number.NaN },
  ]) {
    const i = at(unit, k);
    expect(amplitude(spectrum, i)).toBeCloseTo(size, SUMS);
    if (size > 0) expect(Math.atan2(spectrum.imaginary[i], spectrum.real[i])).toBeCloseTo(phase, SUMS);
  }
});

test("half the sum of squared amplitudes is the variance of the curve, and models come one after the other", () => {
  const values = noise("variance", 4);
  const spectrum = spectrumOf(values, 2); // two models of two units
  expect(spectrum.curves).toBe(4);
  for (let unit = 0; unit < 2; unit++) {
    const curve = Array.from({ length: PERIOD }, (_, t) => values[(PERIOD + t) * 2 + unit]); // second model
    const mean = curve.reduce((a, b) => a + b) / PERIOD;
    const variance = curve.reduce((sum, value) => sum + (value - mean) ** 2, 0) / PERIOD;
    let power = 0;
    for (let k = 0; k < FREQUENCIES; k++) power += amplitude(spectrum, (2 + unit) * FREQUENCIES + k) ** 2 / 2;
    expect(power).toBeCloseTo(variance, SUMS);
  }
});

test("shares average the curves of a unit whatever their lengths, and name the leading frequency", () => {
  const one = planted(
    [
      { k: 2, size: 3, phase: 0 },
      { k: 5, size: 1, phase: 1 },
    ],
    [{ k: 7, size: 1, phase: 0 }],
  );
  const other = planted([{ k: 5, size: 1e-3, phase: 2 }], [{ k: 7, size: 100, phase: 1 }]);
  const { share, leading, purity } = frequencyShares([spectrumOf(one, 2), spectrumOf(other, 2)]);
  expect(share[1]).toBeCloseTo(0.45, 10); // 9/10 of one curve and nothing of the other
  expect(share[4]).toBeCloseTo(0.55, 10);
  expect([...leading]).toEqual([4, 6]);
  expect(purity[0]).toBeCloseTo(0.55, 10);
  expect(purity[1]).toBeCloseTo(1, 10);
});

test("a unit with a flat curve has no frequency", () => {
  const { leading, purity } = frequencyShares([spectrumOf(new Float64Array(PERIOD * 2), 2)]);
  expect([...leading]).toEqual([-1, -1]);
  expect(purity[0]).toBeNaN();
});

test("the purity of noise is that of the largest of as many exponential shares", () => {
  // power of noise at a frequency is exponential, so the largest of K shares is (1 + 1/2 + … + 1/K)/K on average
  const { purity } = frequencyShares([spectrumOf(noise("purity", 4000), 4000)]);
  const expected =
    Array.from({ length: FREQUENCIES }, (_, i) => 1 / (i + 1)).reduce((a, b) => a + b) / FREQUENCIES;
  const mean = purity.reduce((a, b) => a + b) / purity.length;
  expect(Math.abs(mean - expected)).toBeLessThan(0.005); // sd 0.08 a unit, four errors of the mean
});

test("misalignment is the distance of the output's phase from the sum of the inputs' phases, around the circle", () => {
  const of = (phase: number) => spectrumOf(planted([{ k: 4, size: 1, phase }]), 1);
  const at = (a: number, b: number, out: number) => phaseMisalignment(of(a), of(b), of(out))[3];
  expect(at(0.5, 0.25, 0.75)).toBeCloseTo(0, 9);
  expect(at(0.5, 0.25, 1.75)).toBeCloseTo(1, 9);
  expect(at(3, 3, -0.2)).toBeCloseTo(2 * Math.PI - 6.2, 9); // 6 is −0.283…
  expect(at(-3, -3, 3)).toBeCloseTo(9 - 2 * Math.PI, 9);
  expect(at(1, 1, 2 - Math.PI)).toBeCloseTo(Math.PI, 9);
});

test("growth is the change of shares after a small step down the gradient, the lengths of the curves held", () => {
  const values = [noise("a", 3), noise("b", 3)];
  const slopes = [noise("slope a", 3), noise("slope b", 3)];
  const spectra = values.map((each) => spectrumOf(each, 3));
  const growth = shareGrowth(
    spectra,
    slopes.map((each) => spectrumOf(each, 3)),
  );
  const STEP = 1e-6;
  const power = (spectrum: FourierSpectrum, i: number) => amplitude(spectrum, i) ** 2;
  const total = (spectrum: FourierSpectrum, unit: number) =>
    Array.from({ length: FREQUENCIES }, (_, k) => power(spectrum, unit * FREQUENCIES + k)).reduce(
      (a, b) => a + b,
    );
  const moved = values.map((each, c) =>
    spectrumOf(
      each.map((value, i) => value - STEP * slopes[c][i]),
      3,
    ),
  );
  for (let i = 0; i < growth.length; i++) {
    const unit = Math.floor(i / FREQUENCIES);
    const change = spectra.map(
      (spectrum, c) => (power(moved[c], i) - power(spectrum, i)) / total(spectrum, unit),
    );
    expect((change[0] + change[1]) / 2 / STEP).toBeCloseTo(growth[i], 4); // second order in the step
  }
});

test("amplifying a frequency multiplies its amplitude and leaves everything else", () => {
  const values = noise("amplify", 2);
  const before = spectrumOf(values, 2);
  const kept = values.slice();
  amplifyFrequency(values, { from: 1, stride: 2, period: PERIOD, frequency: 6, factor: 1.5 });
  const after = spectrumOf(values, 2);
  for (let i = 0; i < 2 * FREQUENCIES; i++) {
    const factor = i === FREQUENCIES + 5 ? 1.5 : 1;
    expect(after.real[i]).toBeCloseTo(factor * before.real[i], SUMS);
    expect(after.imaginary[i]).toBeCloseTo(factor * before.imaginary[i], SUMS);
  }
  const sum = (all: Float64Array) => all.reduce((a, b, i) => (i % 2 === 1 ? a + b : a), 0);
  expect(sum(values)).toBeCloseTo(sum(kept), SUMS);
  expect(values[0]).toBe(kept[0]); // the other unit's
});

test("cycles without a phase for every frequency, and frequencies that do not exist, are refused", () => {
  expect(() => fourierSpectrum(new Float64Array(8), { period: 8, units: 1 })).toThrow(/odd/);
  expect(() => fourierSpectrum(new Float64Array(8), { period: 7, units: 1 })).toThrow(/whole networks/);
  expect(() => frequencyShares([])).toThrow(/at least one/);
  expect(() => frequencyShares([spectrumOf(noise("x", 1), 1), spectrumOf(noise("y", 2), 2)])).toThrow(
    /same units/,
  );
  expect(() => amplifyFrequency(new Float64Array(7), { period: 7, frequency: 4, factor: 1 })).toThrow(
    /1 to 3/,
  );
});
