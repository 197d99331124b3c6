import fc from "fast-check";
import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { kendall, kendallByChance, kendallInterval } from "../../src/stats/index.ts";
import { expectClose } from "./close.ts";

/** Sums of whole numbers are exact; one quotient and one root are rounded. */
const ROUNDING = 1e-13;

/** τ_b by its definition, all pairs one by one. */
function slow(x: readonly number[], y: readonly number[]): number {
  let [score, untiedX, untiedY] = [0, 0, 0];
  for (let i = 0; i < x.length; i++)
    for (let j = 0; j < i; j++) {
      const [signX, signY] = [Math.sign(x[i] - x[j]), Math.sign(y[i] - y[j])];
      score += signX * signY;
      untiedX += signX * signX;
      untiedY += signY * signY;
    }
  return score / Math.sqrt(untiedX * untiedY);
}

test("tau is what counting all pairs one by one comes to, with few and with many ties", () => {
  const values = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: -1e9, max: 1e9 }));
  fc.assert(
    fc.property(fc.array(fc.tuple(values, values), { minLength: 2, maxLength: 60 }), (pairs) => {
      const [x, y] = [pairs.map(([a]) => a), pairs.map(([, b]) => b)];
      if (Number.isNaN(slow(x, y))) expect(kendall(x, y)).toBeNaN();
      else expectClose(kendall(x, y), slow(x, y), ROUNDING);
    }),
    { seed: 1966, numRuns: 500 },
  );
});

test("a hundred thousand points are ranked, and a NaN among them gives NaN", () => {
  const stream = randomStream("tau");
  const x = Array.from({ length: 100_000 }, () => stream.normal());
  const y = x.map((value) => value + stream.normal());
  // of normal pairs with correlation r tau is 2/π·asin r, here 1/2; its error is below 0.003
  expect(kendall(x, y)).toBeCloseTo(0.5, 2);
  expect(
    kendall(
      x,
      x.map((value) => -value),
    ),
  ).toBe(-1);
  y[70_000] = Number.NaN;
  expect(kendall(x, y)).toBeNaN();
  expect([kendall([1, 1], [1, 2]), kendall([1], [1]), kendallByChance([1, 1, 1], [1, 2, 3])]).toEqual([
    ...[Number.NaN, Number.NaN, Number.NaN],
  ]);
});

/** All orders of a list. */
function orders<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, i) => orders(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}

/** The normal quantile of 0.975, from a table. */
const Z = 1.959963984540054;

test.each([
  [
    [1, 2, 3, 4, 5, 6],
    [1, 2, 3, 4, 5, 6],
  ],
  [
    [1, 1, 2, 3, 3, 3],
    [5, 7, 7, 7, 9, 9],
  ],
])("by chance tau varies as it does over all orders of the values: %j with %j", (x, y) => {
  const taus = orders(y).map((shuffled) => slow(x, shuffled));
  const variance = taus.reduce((sum, tau) => sum + tau * tau, 0) / taus.length;
  expectClose(kendallByChance(x, y), Z * Math.sqrt(variance), ROUNDING);
});

/**
 * The variance is that of large samples: at these sizes 94 to 97 of 100 intervals cover. Of 2,000 with a coverage of 0.95
 * the share is within 0.015 of that but once in 500 times.
 */
const COVERAGE = 0.03;

test.each([
  ["without ties", 0, 40, null],
  ["of a strong order", 0.95, 40, null],
  ["of few points", 0.6, 12, null],
  ["with ties", 0.6, 40, 1],
])("the interval covers the tau of the population: %s", (_, r, n, grain) => {
  const stream = randomStream("coverage", String(r), String(n), String(grain));
  const rounded = (value: number) => (grain === null ? value : Math.round(value / grain));
  const draw = (count: number) => {
    const x = Array.from({ length: count }, () => stream.normal());
    const y = x.map((value) => r * value + Math.sqrt(1 - r * r) * stream.normal());
    return [x.map(rounded), y.map(rounded)] as const;
  };
  // of normal pairs in closed form; of rounded ones by a sample whose error is a hundredth of the intervals
  const truth = grain === null ? (2 / Math.PI) * Math.asin(r) : kendall(...draw(400_000));
  let covered = 0;
  const runs = 2000;
  for (let run = 0; run < runs; run++) {
    const { low, high } = kendallInterval(...draw(n));
    if (low <= truth && truth <= high) covered++;
  }
  expect(Math.abs(covered / runs - 0.95)).toBeLessThan(COVERAGE);
});

test("a perfect order has the point as its interval, three values none", () => {
  expect(kendallInterval([1, 2, 3, 4], [4, 3, 2, 1])).toEqual({ estimate: -1, low: -1, high: -1 });
  expect(kendallInterval([1, 2, 3], [1, 3, 2])).toEqual({
    ...{ estimate: 1 / 3, low: Number.NaN, high: Number.NaN },
  });
  expect(() => kendallInterval([1, 2], [1, 2], 1)).toThrow("level");
});
