import fc from "fast-check";
import { expect, test } from "vitest";
import { mean, median, quantile, sd, sum, variance } from "../../src/stats/index.ts";
import { expectClose } from "./close.ts";
import reference from "./fixtures/intervals.json" with { type: "json" };

const RUNS = { seed: 3, numRuns: 300 };
const whole = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 2, maxLength: 40 });

test("compensated summation recovers what plain addition loses", () => {
  expect(sum([1, 1e100, 1, -1e100])).toBe(2); // Neumaier's own example, where Kahan's method gives 0
  expect(sum(new Float64Array(10).fill(0.1))).toBe(1);
  expect([sum([]), sum([Number.POSITIVE_INFINITY, 1])]).toEqual([0, Number.POSITIVE_INFINITY]);
  expect(sum([Number.NaN, 1])).toBeNaN();
});

test("equal values have exactly their mean and no variance", () => {
  for (const x of [0.1, 1 / 3, -7e300]) {
    const values = new Float64Array(7).fill(x);
    expect([mean(values), variance(values), median(values)]).toEqual([x, 0, x]);
  }
});

test("mean and variance equal their rational values, also beside a large offset", () => {
  fc.assert(
    fc.property(whole, (x) => {
      const n = x.length;
      const total = x.reduce((a, b) => a + b);
      const squares = x.reduce((a, b) => a + b * b, 0); // exact in whole numbers
      expectClose(mean(x), total / n, 1e-15);
      expectClose(variance(x), (n * squares - total * total) / (n * (n - 1)), 1e-13);
      expectClose(variance(x.map((v) => v + 1e9)), variance(x), 1e-9);
      expectClose(sd(x) ** 2, variance(x), 1e-14);
    }),
    RUNS,
  );
});

test("moments of too few values are undefined", () => {
  expect([mean([]), variance([]), variance([1]), sd([1]), median([])]).toEqual(new Array(5).fill(Number.NaN));
  expect([mean([1, Number.NaN]), variance([1, Number.NaN])]).toEqual([Number.NaN, Number.NaN]);
});

test("quantiles agree with numpy's default", () => {
  for (const { values, p, value } of reference.quantiles) expectClose(quantile(values, p), value, 1e-15);
});

test("quantiles rise from minimum to maximum, and mirror the data", () => {
  const p = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(whole, p, p, (x, p1, p2) => {
      expect([quantile(x, 0), quantile(x, 1)]).toEqual([Math.min(...x), Math.max(...x)]);
      expect(quantile(x, Math.min(p1, p2))).toBeLessThanOrEqual(quantile(x, Math.max(p1, p2)));
      const mirrored = x.map((v) => -v);
      expectClose(quantile(x, p1), -quantile(mirrored, 1 - p1), 1e-12);
    }),
    RUNS,
  );
  expect(quantile([1, Number.NaN], 0)).toBeNaN();
  expect(() => quantile([1], 1.1)).toThrow("quantile, p: must be a finite number, 0 to 1; got 1.1.");
});
