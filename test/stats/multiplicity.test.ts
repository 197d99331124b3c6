import fc from "fast-check";
import { expect, test } from "vitest";
import { bh, bonferroni, by, hochberg, holm, holmSidak } from "../../src/stats/index.ts";
import { expectClose } from "./close.ts";
import reference from "./fixtures/multiplicity.json" with { type: "json" };

const METHODS = { bonferroni, holm, holmSidak, hochberg, bh, by };
const names = Object.keys(METHODS) as (keyof typeof METHODS)[];
const pValues = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 30 });
const RUNS = { seed: 1995, numRuns: 200 };
const ROUNDING = 1e-13;

test("all six adjustments agree with the reference, with ties and out of order", () => {
  for (const { p, ...adjusted } of reference.cases)
    for (const name of names) {
      const got = METHODS[name](p);
      for (const [i, want] of adjusted[name].entries()) expectClose(got[i], want, ROUNDING, `${name} ${i}`);
    }
});

test("at q = .05 Benjamini and Hochberg's 1995 example keeps four of fifteen, Bonferroni three", () => {
  const { p } = reference.cases[0];
  expect(bh(p).filter((q) => q <= 0.05).length).toBe(4);
  expect(bonferroni(p).filter((q) => q <= 0.05).length).toBe(3);
});

test("adjusted p-values stay in [p, 1] and keep the order of the raw ones", () => {
  fc.assert(
    fc.property(pValues, (p) => {
      const ascending = p.map((_, i) => i).sort((i, j) => p[i] - p[j]);
      for (const name of names) {
        const adjusted = METHODS[name](p);
        for (const [k, i] of ascending.entries()) {
          expect(adjusted[i]).toBeGreaterThanOrEqual(p[i] * (1 - ROUNDING));
          expect(adjusted[i]).toBeLessThanOrEqual(1);
          if (k > 0) expect(adjusted[i]).toBeGreaterThanOrEqual(adjusted[ascending[k - 1]]);
        }
      }
    }),
    RUNS,
  );
});

test("the methods are ordered by strictness: BH ≤ Hochberg ≤ Holm ≤ Bonferroni, Holm–Šidák ≤ Holm, BH ≤ BY", () => {
  const slack = 1 + ROUNDING;
  fc.assert(
    fc.property(pValues, (p) => {
      const got = Object.fromEntries(names.map((name) => [name, METHODS[name](p)])) as Record<
        keyof typeof METHODS,
        Float64Array
      >;
      for (let i = 0; i < p.length; i++) {
        expect(got.bh[i]).toBeLessThanOrEqual(got.hochberg[i] * slack);
        expect(got.hochberg[i]).toBeLessThanOrEqual(got.holm[i] * slack);
        expect(got.holm[i]).toBeLessThanOrEqual(got.bonferroni[i] * slack);
        expect(got.holmSidak[i]).toBeLessThanOrEqual(got.holm[i] * slack);
        expect(got.bh[i]).toBeLessThanOrEqual(got.by[i] * slack);
      }
    }),
    RUNS,
  );
});

test("an adjusted p-value is at most alpha exactly where the sequential procedure rejects", () => {
  const alpha = 0.05;
  const small = fc.array(fc.double({ min: 0, max: 0.2, noNaN: true }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(small, (p) => {
      const m = p.length;
      const sorted = [...p].sort((x, y) => x - y);
      // Holm as its author states it: go up until the first failure
      let rejected = 0;
      while (rejected < m && sorted[rejected] * (m - rejected) <= alpha) rejected++;
      expect(holm(p).filter((q) => q <= alpha).length).toBe(rejected);
      // Benjamini–Hochberg as stated: the largest k with p₍k₎ ≤ k alpha / m
      let discoveries = 0;
      for (let k = 1; k <= m; k++) if ((sorted[k - 1] * m) / k <= alpha) discoveries = k;
      expect(bh(p).filter((q) => q <= alpha).length).toBe(discoveries);
    }),
    RUNS,
  );
});

test("tiny p-values keep their digits and empty families stay empty", () => {
  expectClose(holmSidak([1e-200, 0.5])[0] / 2e-200, 1, ROUNDING);
  for (const name of names) {
    expect(METHODS[name]([]).length).toBe(0);
    expect(METHODS[name]([0, 1])).toEqual(Float64Array.of(0, 1));
  }
});

test("an undefined p-value is refused by its place in the family", () => {
  expect(() => holm([0.1, Number.NaN])).toThrow("p-value 1: must be a finite number, 0 to 1; got NaN.");
  expect(() => bh([1.2])).toThrow("p-value 0");
});
