import fc from "fast-check";
import { expect, test } from "vitest";
import { ArgumentError } from "../../src/base/errors.ts";
import { logSpaced } from "../../src/train/checkpoints.ts";
import { constantRate, rateFactor, type Schedule } from "../../src/train/schedules.ts";

/** A few roundings of float64. */
const ROUNDING = 1e-15;
const RUNS = { numRuns: 100, seed: 2 };

const schedule = fc.record({
  warmup: fc.integer({ min: 0, max: 50 }),
  decay: fc.constantFrom("none" as const, "linear" as const, "cosine" as const),
  final: fc.double({ min: 0, max: 1, noNaN: true }),
});

test("a constant rate is 1 at every step", () => {
  for (const step of [1, 2, 100]) expect(rateFactor(constantRate, step, 100)).toBe(1);
});

test("the warm-up rises from 1 / warmup to 1 in equal steps", () => {
  for (const decay of ["none", "linear", "cosine"] as const) {
    const factors = [1, 2, 3, 4].map((step) => rateFactor({ warmup: 4, decay, final: 0 }, step, 20));
    expect(factors).toEqual([0.25, 0.5, 0.75, 1]);
  }
});

test("a decay begins after the warm-up and reaches its final share at the last step", () => {
  const half = (decay: Schedule["decay"]) => rateFactor({ warmup: 4, decay, final: 0.2 }, 12, 20);
  expect(half("linear")).toBeCloseTo(0.6, 14);
  expect(half("cosine")).toBeCloseTo(0.6, 14);
  expect(half("none")).toBe(1);
  for (const decay of ["linear", "cosine"] as const)
    expect(rateFactor({ warmup: 4, decay, final: 0.2 }, 20, 20)).toBeCloseTo(0.2, 14);
  // a quarter of the way down: (1 + cos π/4) / 2 = (2 + √2) / 4
  expect(rateFactor({ warmup: 0, decay: "cosine", final: 0 }, 25, 100)).toBeCloseTo((2 + Math.SQRT2) / 4, 14);
});

test("the factor follows its formula, never leaves [0, 1], and falls after the warm-up", () => {
  fc.assert(
    fc.property(schedule, fc.integer({ min: 1, max: 200 }), (of, steps) => {
      let last = 0;
      for (let step = 1; step <= steps; step++) {
        const factor = rateFactor(of, step, steps);
        expect(factor >= 0 && factor <= 1).toBe(true);
        if (step <= of.warmup) expect(factor).toBe(step / of.warmup);
        else {
          const t = (step - of.warmup) / (steps - of.warmup);
          const shape = { none: 1, linear: 1 - t, cosine: (1 + Math.cos(Math.PI * t)) / 2 }[of.decay];
          const want = of.decay === "none" ? 1 : of.final + (1 - of.final) * shape;
          expect(Math.abs(factor - want)).toBeLessThan(ROUNDING);
          if (step > of.warmup + 1) expect(factor).toBeLessThanOrEqual(last + ROUNDING);
        }
        last = factor;
      }
    }),
    RUNS,
  );
});

test("log-spaced checkpoints are 0, the powers of two below the end, and the end", () => {
  expect(logSpaced(0)).toEqual([0]);
  expect(logSpaced(1)).toEqual([0, 1]);
  expect(logSpaced(2)).toEqual([0, 1, 2]);
  expect(logSpaced(10)).toEqual([0, 1, 2, 4, 8, 10]);
  expect(logSpaced(1280)).toEqual([0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1280]);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e9 }), (steps) => {
      const chosen = logSpaced(steps);
      expect([chosen[0], chosen[chosen.length - 1]]).toEqual([0, steps]);
      expect(
        chosen.every(
          (step, i) => i === 0 || (step > chosen[i - 1] && step <= 2 * Math.max(1, chosen[i - 1])),
        ),
      ).toBe(true);
    }),
    RUNS,
  );
  for (const steps of [-1, 1.5, Number.NaN]) expect(() => logSpaced(steps)).toThrow(ArgumentError);
});
