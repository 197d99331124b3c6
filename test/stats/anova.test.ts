import fc from "fast-check";
import { expect, test } from "vitest";
import { fLogSf, oneWayAnova, twoWayAnova } from "../../src/stats/index.ts";
import { expectClose, expectFields, expectRelative } from "./close.ts";
import reference from "./fixtures/anova.json" with { type: "json" };

const CLOSED_FORM = 1e-12; // sums of a few dozen terms
const TAIL = 1e-10; // relative, for p-values a double can hold
const RUNS = { seed: 11, numRuns: 200 };
const EFFECTS = ["a", "b", "interaction"] as const;

test("one-way ANOVA agrees with scipy on balanced and unbalanced groups", () => {
  for (const { groups, ...want } of reference.oneWay) {
    const got = oneWayAnova(groups);
    expect([got.n, got.between.df, got.within.df, got.total.df]).toEqual([
      want.n,
      want.k - 1,
      want.n - want.k,
      want.n - 1,
    ]);
    expectClose(got.grandMean, want.grandMean, CLOSED_FORM);
    expectClose(got.between.ss, want.ssBetween, CLOSED_FORM);
    expectClose(got.within.ss, want.ssWithin, CLOSED_FORM);
    expectClose(got.total.ss, want.ssTotal, CLOSED_FORM);
    expectFields(got.between, want, ["f", "eta2", "omega2", "epsilon2", "cohenF"], CLOSED_FORM);
    expectRelative(Math.exp(got.between.logP), want.p, TAIL);
    // with one factor, partial and plain effect sizes are the same quantity
    expectClose(got.between.partialEta2, want.eta2, CLOSED_FORM);
    expectClose(got.between.partialOmega2, want.omega2, CLOSED_FORM);
  }
});

test("the textbook 3 × 6 example comes out in whole numbers: 84 between, 68 within", () => {
  const got = oneWayAnova(reference.oneWay[0].groups);
  expectClose(got.between.ss, 84, CLOSED_FORM);
  expectClose(got.within.ss, 68, CLOSED_FORM);
  expectClose(got.between.f, 42 / (68 / 15), CLOSED_FORM);
  expectClose(got.between.eta2, 21 / 38, CLOSED_FORM);
});

test("two-way ANOVA agrees with the independent computation in all effect sizes", () => {
  for (const { values, shape, effects, ssResidual, ssTotal } of reference.twoWay) {
    const got = twoWayAnova(Float64Array.from(values), shape as [number, number, number]);
    expectClose(got.residual.ss, ssResidual, CLOSED_FORM);
    expectClose(got.total.ss, ssTotal, CLOSED_FORM);
    for (const name of EFFECTS) {
      const { p, ...want } = effects[name];
      expectFields(
        got[name],
        want,
        ["ss", "df", "f", "eta2", "partialEta2", "omega2", "partialOmega2", "epsilon2"],
        CLOSED_FORM,
      );
      expectRelative(Math.exp(got[name].logP), p, TAIL);
      expectClose(got[name].cohenF, Math.sqrt(want.ss / ssResidual), CLOSED_FORM);
    }
  }
});

test("the 2 × 3 × 2 table can be checked by hand: F = 32/3, 133/6 and 31/6, p = .01712 exactly", () => {
  const { values, shape } = reference.twoWay[0];
  const got = twoWayAnova(values, shape as [number, number, number]);
  expect(Array.from(got.cellMeans)).toEqual([5, 8, 3, 4, 13, 7]);
  expectClose(got.grandMean, 20 / 3, CLOSED_FORM);
  expect(got.residual).toEqual({ ss: 12, df: 6, ms: 2 });
  expectClose(got.a.f, 32 / 3, CLOSED_FORM);
  expectClose(got.b.f, 133 / 6, CLOSED_FORM);
  expectClose(got.interaction.f, 31 / 6, CLOSED_FORM);
  expectRelative(Math.exp(got.a.logP), 0.01712, 1e-13);
  expectClose(got.a.eta2, 16 / 107, CLOSED_FORM);
  expectClose(got.a.partialEta2, 16 / 25, CLOSED_FORM);
});

const value = fc.integer({ min: -50, max: 50 }).map((x) => x / 8);

test("sums of squares add up, and shares do not change with scale and shift", () => {
  const design = fc
    .tuple(fc.integer({ min: 2, max: 4 }), fc.integer({ min: 2, max: 4 }), fc.integer({ min: 2, max: 4 }))
    .chain(([a, b, r]) =>
      fc.record({
        shape: fc.constant([a, b, r] as const),
        values: fc.array(value, { minLength: a * b * r, maxLength: a * b * r }),
      }),
    );
  fc.assert(
    fc.property(design, value, ({ shape, values }, shift) => {
      const got = twoWayAnova(values, shape);
      const centre = values.reduce((x, y) => x + y) / values.length;
      const total = values.reduce((sum, y) => sum + (y - centre) ** 2, 0);
      expectClose(got.a.ss + got.b.ss + got.interaction.ss + got.residual.ss, total, CLOSED_FORM);
      fc.pre(got.residual.ss > 1e-3);
      const moved = twoWayAnova(
        values.map((y) => -3 * y + shift),
        shape,
      );
      for (const name of EFFECTS)
        expectFields(moved[name], got[name], ["f", "eta2", "omega2", "partialOmega2", "logP"], 1e-9);
    }),
    RUNS,
  );
});

test("two groups give the square of the t test, and epsilon² its one-line formula", () => {
  fc.assert(
    fc.property(fc.array(value, { minLength: 3, maxLength: 12 }), (values) => {
      fc.pre(new Set(values).size > 1);
      const { between, n } = oneWayAnova([values, values.map((y) => y + 1)]);
      // equal spreads: the pooled two-sample t of a shift by 1 is 1 / (s √(2/n))
      const centre = values.reduce((x, y) => x + y) / values.length;
      const spread = values.reduce((sum, y) => sum + (y - centre) ** 2, 0) / (values.length - 1);
      expectClose(between.f, values.length / (2 * spread), 1e-9);
      expectClose(between.logP, fLogSf(between.f, 1, n - 2), 1e-12);
      expectClose(between.epsilon2, 1 - ((1 - between.eta2) * (n - 1)) / (n - 2), 1e-9);
    }),
    RUNS,
  );
});

test("values that depend on the cell alone are infinitely significant, absent effects stay undefined", () => {
  const token = [0.1, 0.7, 0.3];
  // additive in token and position, and exhaustively probed: the interaction is rounding noise over a residual of 0
  const values = token.flatMap((t) => [0.1, 0.9].flatMap((s) => [t + s, t + s]));
  const got = twoWayAnova(values, [3, 2, 2]);
  expect([got.a.f, got.a.logP, got.a.partialOmega2]).toEqual([
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    1,
  ]);
  expect([got.interaction.ss, got.interaction.f, got.interaction.logP]).toEqual([0, Number.NaN, Number.NaN]);
  expect(
    oneWayAnova([
      [1, 1],
      [2, 2, 2],
    ]).between.logP,
  ).toBe(Number.NEGATIVE_INFINITY);
});

test("a dead unit has NaN shares, whatever constant it is stuck at", () => {
  for (const stuck of [0, 0.1, -1e9 / 3]) {
    const { a, total } = twoWayAnova(new Float64Array(60).fill(stuck), [3, 4, 5]);
    expect(total.ss).toBe(0);
    for (const field of [
      "f",
      "logP",
      "eta2",
      "omega2",
      "epsilon2",
      "partialEta2",
      "partialOmega2",
      "cohenF",
    ] as const)
      expect(a[field]).toBeNaN();
    expect(oneWayAnova([[stuck, stuck], [stuck]]).between.eta2).toBeNaN();
  }
});

test("without replicates there is a share but no test, and NaN spreads", () => {
  const { a, residual } = twoWayAnova([1, 2, 3, 5], [2, 2, 1]);
  expect(residual.ms).toBeNaN();
  expect(a.eta2).toBeGreaterThan(0);
  expect([a.f, a.logP, a.omega2]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  expect(oneWayAnova([[1], [2]]).between.logP).toBeNaN();
  expect(twoWayAnova([1, 2, 3, Number.NaN, 1, 2, 3, 4], [2, 2, 2]).a.eta2).toBeNaN();
});

test("designs that cannot be analysed are refused", () => {
  expect(() => oneWayAnova([[1, 2]])).toThrow("one-way ANOVA: needs at least 2 groups; got 1.");
  expect(() => oneWayAnova([[1, 2], []])).toThrow("one-way ANOVA, group 1: needs at least 1 values; got 0.");
  expect(() => twoWayAnova([1, 2, 3], [2, 2, 1])).toThrow("[2, 2, 1]; got 3 values.");
  expect(() => twoWayAnova([1, 2], [1, 2, 1])).toThrow("levels of the first factor");
});
