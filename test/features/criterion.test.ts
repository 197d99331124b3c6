import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { chanceCorrected, originalCriterion, originalEta2 } from "../../src/features/criterion.ts";

/** Shares like those of untrained units: beta-ish, with ties impossible. */
function shares(label: string, count: number): Float64Array {
  const stream = randomStream("criterion", label);
  return Float64Array.from({ length: count }, () => stream.uniform() * stream.uniform());
}

test("the five most selective are followed, and maintained above the floor and half of what they were", () => {
  const initial = [0.1, 0.9, 0.8, 0.7, 0.06, 0.08, 0.02];
  const final = [0.2, 0.46, 0.39, 0.36, 0.9, 0.049, 0.9];
  const { tracked, maintained, aboveFloor } = originalCriterion(initial, final, 1);
  expect([...tracked[0]]).toEqual([1, 2, 3, 0, 5]);
  // 0.46 > 0.45, 0.39 < 0.40, 0.36 > 0.35, 0.2 > 0.05, 0.049 < 0.05
  expect(maintained[0]).toBe(3 / 5);
  expect(aboveFloor[0]).toBe(6 / 7);
});

test("ties go to the lower index and exactly half is not enough", () => {
  const { tracked, maintained } = originalCriterion([0.4, 0.6, 0.4, 0.4], [0, 0.3, 0, 0], 1, { topK: 3 });
  expect([...tracked[0]]).toEqual([1, 0, 2]);
  expect(maintained[0]).toBe(0);
});

test("the closed-form null is the mean over ten thousand explicit shuffles of the trained layer", () => {
  const [initial, final] = [shares("initial", 64), shares("final", 64)];
  final[7] = Number.NaN; // a unit that died counts as not maintained in both
  const { nullShuffle } = originalCriterion(initial, final, 1);
  const shuffles = 10_000;
  const stream = randomStream("explicit shuffles");
  const rates = Float64Array.from({ length: shuffles }, () => {
    const order = stream.permutation(64);
    return originalCriterion(
      initial,
      Float64Array.from(order, (unit) => final[unit]),
      1,
    ).maintained[0];
  });
  const mean = rates.reduce((a, b) => a + b) / shuffles;
  const sd = Math.sqrt(rates.reduce((a, b) => a + (b - mean) ** 2, 0) / (shuffles - 1));
  expect(sd).toBeGreaterThan(0);
  expect(Math.abs(mean - nullShuffle[0])).toBeLessThan((4 * sd) / Math.sqrt(shuffles));
});

test("another model's units are judged by the bar of the model that they stand for", () => {
  const initial = [0.8, 0.1, 0.1, 0.6];
  const final = [0.8, 0.0, 0.45, 0.0];
  const { nullOtherModel, maintained } = originalCriterion(initial, final, 2, { topK: 1 });
  expect([...maintained]).toEqual([1, 0]);
  // unit 0 of model 0 needs 0.40 and finds 0.45; unit 1 of model 1 needs 0.30 and finds 0.0
  expect([...nullOtherModel]).toEqual([1, 0]);
  expect(originalCriterion([0.5, 0.4], [0.5, 0.4], 1, { topK: 1 }).nullOtherModel[0]).toBeNaN();
});

test("excess and kappa are zero in expectation for unrelated shares and one for a copy against no base rate", () => {
  const models = 400;
  const { excess } = originalCriterion(shares("a", models * 64), shares("b", models * 64), models);
  const mean = excess.reduce((a, b) => a + b) / models;
  const sd = Math.sqrt(excess.reduce((a, b) => a + (b - mean) ** 2, 0) / (models - 1));
  expect(Math.abs(mean)).toBeLessThan((3.5 * sd) / Math.sqrt(models));
  expect(chanceCorrected(1, 0.25)).toEqual({ excess: 0.75, kappa: 1 });
  expect(chanceCorrected(0.4, 0.4)).toEqual({ excess: 0, kappa: 0 });
  expect(chanceCorrected(1, 1).kappa).toBeNaN();
});

test("dead units are never followed, and a layer without a living unit has no rate", () => {
  const dead = Number.NaN;
  const { tracked, maintained, kappa } = originalCriterion([dead, 0.3, dead, dead], [0.3, 0.3, 0.3, 0.3], 2, {
    topK: 2,
  });
  expect(tracked.map((units) => [...units])).toEqual([[1], []]);
  expect([...maintained]).toEqual([1, Number.NaN]);
  expect(kappa[1]).toBeNaN();
});

test("the original's eta² is the one-way share of variance, whatever the labels are called", () => {
  // three groups of six: SSB = 84, SSW = 68, eta² = 21/38
  const groups = [
    [6, 8, 4, 5, 3, 4],
    [8, 12, 9, 11, 6, 8],
    [13, 9, 11, 8, 7, 12],
  ];
  const activations = groups.flatMap((group) => group.flatMap((value) => [value, -2 * value + 1, 5]));
  const labels = groups.flatMap((group, g) => group.map(() => 10 * g - 3));
  const [first, second, constant] = originalEta2(activations, labels);
  expect(first).toBeCloseTo(21 / 38, 12);
  expect(second).toBeCloseTo(21 / 38, 12);
  expect(constant).toBeNaN();
  expect(() => originalEta2([1, 2, 3], [0, 1])).toThrow(/3 values and 2 labels/);
});

test("lists that do not fit are refused", () => {
  expect(() => originalCriterion([0.1], [0.1, 0.2], 1)).toThrow(/1 and 2/);
  expect(() => originalCriterion([0.1, 0.2, 0.3], [0.1, 0.2, 0.3], 2)).toThrow(/3 values for 2 models/);
  expect(() => originalCriterion([0.1], [0.1], 1, { topK: 0 })).toThrow(/topK/);
});
