import fc from "fast-check";
import { expect, test } from "vitest";
import {
  agrestiCoull,
  clopperPearson,
  jeffreys,
  randomIntercept,
  tInterval,
  tost,
  tTest,
  wilson,
} from "../../src/stats/index.ts";
import { expectClose, expectFields, expectRelative } from "./close.ts";
import reference from "./fixtures/intervals.json" with { type: "json" };

const QUANTILE = 1e-10; // limited by the 15 digits of the references' own quantiles
const RUNS = { seed: 7, numRuns: 300 };
const METHODS = { wilson, clopperPearson, jeffreys };
const names = Object.keys(METHODS) as (keyof typeof METHODS)[];

test("Wilson, Clopper–Pearson and Jeffreys limits agree with scipy, at both ends of the scale", () => {
  for (const { successes, n, ...limits } of reference.proportions)
    for (const name of names) {
      const { estimate, low, high } = METHODS[name](successes, n);
      expect(estimate).toBe(successes / n);
      expectClose(low, limits[name][0], QUANTILE, `${name} ${successes}/${n}`);
      expectClose(high, limits[name][1], QUANTILE, `${name} ${successes}/${n}`);
    }
});

test("proportion intervals are mirror images, contain the estimate, and touch 0 and 1 only at 0/n and n/n", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.double({ min: 0, max: 1, noNaN: true }), (n, share) => {
      const x = Math.round(share * n);
      for (const name of names) {
        const here = METHODS[name](x, n);
        const mirrored = METHODS[name](n - x, n);
        expectClose(here.low, 1 - mirrored.high, 1e-12, name);
        expect(here.low).toBeLessThanOrEqual(here.estimate);
        expect(here.high).toBeGreaterThanOrEqual(here.estimate);
        expect(here.low === 0).toBe(x === 0);
        expect(here.high === 1).toBe(x === n);
      }
    }),
    RUNS,
  );
});

test("Agresti–Coull is Wilson's centre with its own width, never narrower, and inside [0, 1]", () => {
  for (const [successes, n, centre] of [
    [25, 25, 0.93340387453],
    [18, 25, 0.690697704793],
    [0, 10, 0.138766399931],
    [5, 10, 0.5],
    [0, 1000, 0.001913379243],
  ]) {
    const [got, score] = [agrestiCoull(successes, n), wilson(successes, n)];
    expect(got.estimate).toBe(successes / n);
    if (got.low > 0 && got.high < 1) expectClose((got.low + got.high) / 2, centre, 1e-11);
    expectClose((score.low + score.high) / 2, centre, 1e-11);
    expect(got.low).toBeLessThanOrEqual(score.low);
    expect(got.high).toBeGreaterThanOrEqual(score.high);
  }
  // by hand: ñ = 10 + 1.96², half = 1.96 √(.25/ñ)
  const trials = 10 + 1.959963984540054 ** 2;
  expectClose(agrestiCoull(5, 10).low, 0.5 - (1.959963984540054 * 0.5) / Math.sqrt(trials), QUANTILE);
  expect(agrestiCoull(0, 0)).toEqual({ estimate: Number.NaN, low: 0, high: 1 });
  expect(() => agrestiCoull(3, 2)).toThrow("Agresti–Coull interval, successes");
});

test("no trials leave the whole range, and impossible counts are refused", () => {
  for (const name of names) {
    if (name === "wilson") expect(METHODS[name](0, 0)).toEqual({ estimate: Number.NaN, low: 0, high: 1 });
    expect(METHODS[name](0, 0).high).toBe(1);
    expect(() => METHODS[name](3, 2)).toThrow("successes: must be a finite number, 0 to 2; got 3.");
    expect(() => METHODS[name](1, 2, 95)).toThrow("level: must lie strictly between 0 and 1; got 95.");
  }
});

test("the t interval agrees with scipy and with its table value for five seeds", () => {
  for (const { values, low, high } of reference.tInterval) {
    const got = tInterval(Float64Array.from(values));
    expectClose(got.low, low, QUANTILE);
    expectClose(got.high, high, QUANTILE);
  }
  expectClose(tInterval([1, 1, 0.2, 0.8, 0.6]).low, 0.304459746527, 1e-11);
});

test("one seed knows nothing about spread, equal seeds know everything", () => {
  expect(tInterval([3])).toEqual({
    estimate: 3,
    low: Number.NEGATIVE_INFINITY,
    high: Number.POSITIVE_INFINITY,
  });
  expect(tInterval([0.1, 0.1, 0.1])).toEqual({ estimate: 0.1, low: 0.1, high: 0.1 });
  expect(tInterval([1, Number.NaN]).low).toBeNaN();
  expect(() => tInterval([])).toThrow("t interval: needs at least 1 values; got 0.");
});

test("the t test agrees with scipy, and rejects at .05 exactly where the 95% interval excludes 0", () => {
  const { values, p } = reference.tTest;
  expectRelative(tTest(values).p, p, QUANTILE);
  const sample = fc.array(fc.integer({ min: -40, max: 60 }), { minLength: 2, maxLength: 10 });
  fc.assert(
    fc.property(sample, (x) => {
      fc.pre(new Set(x).size > 1);
      const { p, low, high } = tTest(x);
      expect(p < 0.05).toBe(low > 0 || high < 0);
    }),
    RUNS,
  );
});

test("the t test of data without spread says so", () => {
  expect(tTest([2]).p).toBeNaN();
  expect(tTest([0, 0, 0]).p).toBeNaN();
  expect([tTest([2, 2]).t, tTest([2, 2]).p]).toEqual([Number.POSITIVE_INFINITY, 0]);
});

test("two one-sided tests agree with scipy, and claim equivalence exactly where the 90% interval fits the margins", () => {
  for (const { values, margin, p, low, high } of reference.tost) {
    const got = tost(values, { margin });
    expectRelative(got.p, p, 1e-9);
    expectClose(got.low, low, QUANTILE);
    expectClose(got.high, high, QUANTILE);
    expect(got.equivalent).toBe(p < 0.05);
  }
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 2, maxLength: 12 }), (x) => {
      fc.pre(new Set(x).size > 1);
      const { equivalent, low, high } = tost(x, { margin: 3.21 });
      expect(equivalent).toBe(low > -3.21 && high < 3.21);
    }),
    RUNS,
  );
});

test("equivalence is never claimed for one seed, and needs a margin", () => {
  expect(tost([0], { margin: 1 })).toMatchObject({ p: Number.NaN, equivalent: false });
  expect(tost([0.2, 0.2], { margin: 1 })).toMatchObject({ p: 0, equivalent: true });
  expect(tost([2, 2], { margin: 1 })).toMatchObject({ p: 1, equivalent: false });
  expect(tost([1, 1], { margin: 1 })).toMatchObject({ p: Number.NaN, equivalent: false });
  expect(() => tost([1, 2], { margin: 0 })).toThrow("TOST, margin: must be positive and finite; got 0.");
});

test("the balanced random-intercept model agrees with its reference: 20 units are worth 5.9", () => {
  const { groups, ...want } = reference.randomIntercept;
  const fields = Object.keys(want) as (keyof typeof want)[];
  expectFields(randomIntercept(groups), want, fields, QUANTILE);
  expectClose(randomIntercept(groups).nEffective, 5.944625407166, 1e-12);
});

test("the interval of a balanced random-intercept model is the t interval of its group means", () => {
  const table = fc.tuple(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 1, max: 5 })).chain(([k, m]) => {
    const unit = fc.double({ min: -5, max: 5, noNaN: true });
    return fc.array(fc.array(unit, { minLength: m, maxLength: m }), { minLength: k, maxLength: k });
  });
  fc.assert(
    fc.property(table, (groups) => {
      const got = randomIntercept(groups);
      const want = tInterval(groups.map((group) => group.reduce((x, y) => x + y) / group.length));
      expectFields(got, want, ["estimate", "low", "high"], 1e-9);
    }),
    RUNS,
  );
});

test("without variance between groups the units count in full, and the variances are pooled", () => {
  const got = randomIntercept([
    [1, 5],
    [2, 4],
    [3, 3],
  ]);
  expect(got).toMatchObject({
    varianceGroup: 0,
    icc: 0,
    designEffect: 1,
    nEffective: 6,
    varianceResidual: 2,
  });
  expect(randomIntercept([[1], [2]]).icc).toBeNaN();
  expect(
    randomIntercept([
      [2, 2],
      [2, 2],
    ]),
  ).toMatchObject({ icc: Number.NaN, low: 2, high: 2 });
  expect(() => randomIntercept([[1, 2], [3]])).toThrow("2 units in group 0, 1 in group 1");
});
