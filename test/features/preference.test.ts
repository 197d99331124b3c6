/** Oracles: curves whose preferences one can see. */
import { expect, test } from "vitest";
import { ArgumentError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import { positionPhaseKept, preferenceKept, preferenceOverlap } from "../../src/features/preference.ts";
import { plantedCurves, smallProbe, type Unit } from "./planted.ts";

/** Sines of a few terms. */
const EXACT = 1e-12;

const probe = smallProbe(randomStream("preference"), { dVocab: 5, nPos: 6 });
const byToken =
  (curve: readonly number[]): Unit =>
  ({ token }) =>
    curve[token];
const byPosition =
  (curve: readonly number[]): Unit =>
  ({ pos }) =>
    curve[pos];
const curves = (...units: Unit[]) => plantedCurves(probe, [units]);

test("overlap is the share of the most preferred tokens that are still among them", () => {
  const before = curves(
    byToken([5, 4, 1, 0, 0]),
    byToken([5, 4, 1, 0, 0]),
    byToken([5, 4, 1, 0, 0]),
    () => 1,
  );
  const after = curves(
    byToken([4, 9, 0, 1, 2]),
    byToken([5, 1, 4, 0, 0]),
    byToken([0, 0, 1, 2, 3]),
    byToken([1, 2, 3, 4, 5]),
  );
  expect([...preferenceOverlap(before, after, "token")]).toEqual([1, 0.5, 0, Number.NaN]);
  expect([...preferenceOverlap(before, after, "token", { top: 1 })]).toEqual([0, 1, 0, Number.NaN]);
  expect(preferenceOverlap(before, after, "token", { top: 1 })).toEqual(
    preferenceKept(before, after, "token"),
  );
  expect([...preferenceOverlap(before, after, "position")].every(Number.isNaN)).toBe(true);
});

test("between curves that never met, overlap is the share that two points are of all, by average", () => {
  const source = randomStream("preference", "strangers");
  const random = () =>
    Array.from({ length: 400 }, () => byToken(Array.from({ length: 5 }, () => source.normal())));
  const found = preferenceOverlap(curves(...random()), curves(...random()), "token");
  const mean = found.reduce((sum, value) => sum + value, 0) / found.length;
  // one curve's overlap has the hypergeometric variance 0.09, so 400 have a standard error of 0.015
  expect(Math.abs(mean - 2 / 5)).toBeLessThan(4 * 0.015);
});

test("the phase of a position curve turns with the curve, whatever its height and level", () => {
  const wave = (turn: number, gain = 1) =>
    byPosition(Array.from({ length: 6 }, (_, s) => 3 + gain * Math.cos((2 * Math.PI * (s - turn)) / 6)));
  const first = curves(wave(0), wave(0), wave(0), wave(2, 5));
  const found = positionPhaseKept(first, curves(wave(0, 9), wave(1), wave(3), wave(1)));
  [1, 0.5, -1, 0.5].forEach((expected, unit) => {
    expect(Math.abs(found[unit] - expected)).toBeLessThan(EXACT);
  });
});

test("a curve with two equal sides has no phase, and a flat one has none either", () => {
  const twofold = byPosition([1, 0, 0, 1, 0, 0]);
  const peak = byPosition([1, 0, 0, 0, 0, 0]);
  const found = positionPhaseKept(
    curves(twofold, peak, () => 2),
    curves(peak, peak, peak),
  );
  expect([...found]).toEqual([Number.NaN, expect.closeTo(1, 12), Number.NaN]);
  const stranger = positionPhaseKept(curves(peak), curves(peak), { partner: () => Number.NaN });
  expect(stranger[0]).toBeNaN();
});

test("more points than a curve has, or all of them, are refused", () => {
  const one = curves(byToken([1, 2, 3, 4, 5]));
  for (const top of [0, 5, 1.5])
    expect(() => preferenceOverlap(one, one, "token", { top })).toThrow(ArgumentError);
  expect(() => preferenceOverlap(one, one, "position", { top: 6 })).toThrow("1 to 5");
});
