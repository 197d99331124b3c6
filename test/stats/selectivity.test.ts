import fc from "fast-check";
import { expect, test } from "vitest";
import {
  activityRatio,
  entropySelectivity,
  gini,
  hoyer,
  lifetimeSparseness,
  preferenceIndex,
  responseEntropy,
  tuningDepth,
} from "../../src/stats/index.ts";
import { expectClose } from "./close.ts";

const PRINTED = 2e-12; // the published values have twelve decimals
const RUNS = { seed: 1991, numRuns: 200 };

test("the indices of a worked curve have their published values", () => {
  const curve = [1, 2, 0, 5, 0, 0, 1, 3, 0, 8];
  for (const [index, value] of [
    [activityRatio, 0.384615384615],
    [lifetimeSparseness, 0.683760683761],
    [responseEntropy, 1.527489617417],
    [entropySelectivity, 0.336619687991],
    [gini, 0.64],
    [hoyer, 0.555486619925],
    [tuningDepth, 1],
    [preferenceIndex, 0.714285714286],
  ] as const)
    expectClose(index(curve), value, PRINTED, index.name);
});

const INDICES = [lifetimeSparseness, entropySelectivity, gini, hoyer, tuningDepth, preferenceIndex];

test("every index is 0 for equal responses, largest for a single one, and ignores order and scale", () => {
  const curves = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 2, maxLength: 12 });
  fc.assert(
    fc.property(curves, (curve) => {
      fc.pre(curve.some((value) => value > 0));
      for (const index of INDICES) {
        const value = index(curve);
        const only = index(curve.map((_, i) => (i === 0 ? 1 : 0)));
        expectClose(index(curve.map(() => 3)), 0, 1e-12, index.name);
        expectClose(only, index === gini ? 1 - 1 / curve.length : 1, 1e-12, index.name);
        expect(value, index.name).toBeGreaterThan(-1e-12);
        expect(value, index.name).toBeLessThan(only + 1e-12);
        expectClose(index(curve.map((r) => 0.25 * r).reverse()), value, 1e-12, index.name);
      }
    }),
    RUNS,
  );
});

test("the Gini coefficient is half the mean difference over the mean", () => {
  const curves = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 2, maxLength: 12 });
  fc.assert(
    fc.property(curves, (curve) => {
      const pairs = curve.flatMap((a) => curve.map((b) => Math.abs(a - b)));
      const total = (values: number[]) => values.reduce((a, b) => a + b);
      expectClose(gini(curve), total(pairs) / (2 * curve.length * total(curve)), 1e-12);
    }),
    RUNS,
  );
});

test("a dead unit has no selectivity, and a curve below 0 is refused by its condition", () => {
  for (const index of [activityRatio, responseEntropy, ...INDICES]) {
    expect(index([0, 0, 0]), index.name).toBeNaN();
    expect(() => index([1, -2])).toThrow("response 1: must be a finite number, at least 0; got -2.");
    expect(() => index([1])).toThrow("needs at least 2 conditions; got 1.");
  }
});
