import { expect, test } from "vitest";
import { counted, fixed, intervalText, listed, percent } from "../../src/figures/numberText.ts";
import { columnOf, meanFinite, meanInterval, spreadOf } from "../../src/figures/spread.ts";
import { stepTicks } from "../../src/figures/stepAxis.ts";

test("numbers have true minus signs, no signed zero, and a dash where there is none", () => {
  expect(fixed(-1.005, 1)).toBe("−1.0");
  expect(fixed(-0.001)).toBe("0.00");
  expect([Number.NaN, Number.POSITIVE_INFINITY, null, undefined].map((value) => fixed(value))).toEqual([
    "–",
    "–",
    "–",
    "–",
  ]);
  expect(intervalText([-0.5, 0.25])).toBe("[−0.50, 0.25]");
  expect(intervalText([0, Number.NaN])).toBe("–");
  expect(percent(0.346)).toBe("35 %");
});

test("counts and lists read as English", () => {
  expect([counted(1, "seed"), counted(30, "seed")]).toEqual(["1 seed", "30 seeds"]);
  expect([listed([]), listed(["a"]), listed(["a", "b", "c"])]).toEqual(["", "a", "a, b and c"]);
});

test("what is not finite is left out of means and spreads, and nothing left gives NaN", () => {
  expect(meanFinite([1, Number.NaN, 3, Number.POSITIVE_INFINITY])).toBe(2);
  expect(spreadOf([Number.NaN, 5])).toEqual({ low: 5, median: 5, high: 5 });
  expect(spreadOf([])).toEqual({ low: Number.NaN, median: Number.NaN, high: Number.NaN });
  // t₀.₉₇₅ of 1 degree of freedom is 12.7062047, s/√n of {1, 3} is 1
  expect(meanInterval([1, Number.NaN, 3]).low).toBeCloseTo(2 - 12.7062047, 6);
  expect(meanInterval([5])).toEqual({ mean: 5, low: Number.NaN, high: Number.NaN });
  expect(columnOf([[1, 2], [3]], 1)).toEqual([2]);
});

test("labelled steps begin with 0, end with the last and never crowd", () => {
  for (const last of [1, 2, 16, 160, 1280, 5120])
    for (const width of [90, 150, 400]) {
      const ticks = stepTicks(last, width);
      expect([ticks[0], ticks[ticks.length - 1]]).toEqual([0, last]);
      const places = ticks.map((step) => (width * Math.log1p(step)) / Math.log1p(last));
      for (let i = 1; i < places.length; i++) expect(places[i] - places[i - 1]).toBeGreaterThanOrEqual(33.99);
    }
  expect(stepTicks(0, 100)).toEqual([0]);
});
