import { expect, test } from "vitest";
import {
  correlationP,
  correlationPower,
  correlationSampleSize,
  criticalEtaSquared,
  detectableEffect,
  fCritical,
  fLogSf,
  fOfEtaSquared,
  fSf,
  oneWayAnova,
  pairedEffectSize,
  pearson,
  tTest,
  tTestPower,
  tTestSampleSize,
  welchTest,
} from "../../src/stats/index.ts";
import { ALPHA, contains, expectRate, normals } from "./calibrate.ts";
import { expectClose, expectFields, expectRelative } from "./close.ts";
import reference from "./fixtures/comparisons.json" with { type: "json" };

const NONCENTRAL = 1e-9; // SciPy's noncentral t has about that error
const ROOT = 1e-11;

test("power and sample sizes are the textbook's", () => {
  for (const [n, d, power] of [
    [30, 0.5, 0.753964715744],
    [5, 1, 0.401389917372],
    [10, 1, 0.803096856648],
  ])
    expectClose(tTestPower(n, d), power, NONCENTRAL);
  const sizes = (effects: number[], options = {}) => effects.map((d) => tTestSampleSize(d, options));
  expect(sizes([0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.5, 2])).toEqual([199, 90, 52, 34, 24, 15, 10, 6, 5]);
  expect(sizes([0.3, 0.5, 0.8, 1, 1.5], { arms: 2 })).toEqual([176, 64, 26, 17, 9]); // Cohen 1988: .5 takes 64 per arm
  expect(sizes([0.3, 0.5, 0.8, 1, 1.5, 2], { alpha: 0.05 / 12 })).toEqual([157, 60, 26, 18, 11, 8]);
  expect([0.1, 0.2, 0.3, 0.5].map((r) => correlationSampleSize(r))).toEqual([783, 194, 85, 30]);
  expect([5, 10, 20, 30, 50].map((n) => Number(detectableEffect(n).toFixed(2)))).toEqual([
    1.68, 1, 0.66, 0.53, 0.4,
  ]);
});

test("sample size is the smallest that has the power, and the detectable effect inverts it", () => {
  for (const arms of [1, 2] as const)
    for (const d of [0.15, 0.7, -1.1, 4]) {
      const n = tTestSampleSize(d, { power: 0.9, arms, alpha: 0.01 });
      expect(tTestPower(n, d, { arms, alpha: 0.01 })).toBeGreaterThanOrEqual(0.9);
      if (n > 2) expect(tTestPower(n - 1, d, { arms, alpha: 0.01 })).toBeLessThan(0.9);
      const least = detectableEffect(n, { power: 0.9, arms, alpha: 0.01 });
      expectClose(tTestPower(n, least, { arms, alpha: 0.01 }), 0.9, ROOT);
    }
  const n = correlationSampleSize(-0.35, { power: 0.95, alpha: 0.001 });
  expect(correlationPower(n, -0.35, { alpha: 0.001 })).toBeGreaterThanOrEqual(0.95);
  expect(correlationPower(n - 1, -0.35, { alpha: 0.001 })).toBeLessThan(0.95);
  // without an effect the power is the level
  expectClose(tTestPower(7, 0), 0.05, ROOT);
  expectClose(correlationPower(20, 0, { alpha: 0.1 }), 0.1, ROOT);
});

test("tests of simulated effects reject as often as their power says", () => {
  const [runs, d] = [1500, 0.8];
  expectRate("power paired", tTestPower(10, d), { runs }, (s) => tTest(normals(s, 10, d)).p < ALPHA);
  // Welch's test gives up a little of the pooled test's power
  expectRate(
    "power two arms",
    tTestPower(12, d, { arms: 2 }),
    { runs, slack: 0.01 },
    (s) => welchTest(normals(s, 12, d), normals(s, 12)).p < ALPHA,
  );
  expectRate("power correlation", correlationPower(30, 0.5), { runs, slack: 0.01 }, (s) => {
    const x = normals(s, 30);
    const y = x.map((value) => 0.5 * value + Math.sqrt(0.75) * s.normal());
    return correlationP(pearson(x, y), 30) < ALPHA;
  });
});

test("the paired effect size and its interval agree with SciPy's noncentral t, and cover", () => {
  for (const { differences, ...want } of reference.paired)
    expectFields(pairedEffectSize(differences), want, ["d", "g", "low", "high"], NONCENTRAL);
  const { low, high } = pairedEffectSize(reference.paired[0].differences);
  expect(low * high > 0).toBe(tTest(reference.paired[0].differences).p < ALPHA);
  expectRate("paired effect", 0.9, { runs: 1000 }, (stream) =>
    contains({ estimate: 0, ...pairedEffectSize(normals(stream, 6, 1.2), { confidence: 0.9 }) }, 1.2),
  );
  expect(pairedEffectSize([2])).toEqual({ d: Number.NaN, g: Number.NaN, low: Number.NaN, high: Number.NaN });
  expect(pairedEffectSize([1, 1]).low).toBe(Number.POSITIVE_INFINITY);
  expect(pairedEffectSize([1, 2]).g).toBeNaN();
});

test("critical F inverts the F tail, and agrees with a root at 40 digits", () => {
  for (const { upper, d1, d2, value } of reference.fCritical) {
    expectRelative(fCritical(upper, d1, d2), Number(value), ROOT);
    expectRelative(fSf(fCritical(upper, d1, d2), d1, d2), upper, ROOT);
  }
  expect([fCritical(0, 2, 3), fCritical(1, 2, 3)]).toEqual([Number.POSITIVE_INFINITY, 0]);
  expect(() => fCritical(-1, 2, 3)).toThrow("F quantile, upper tail");
});

test("eta² and F are two ways to say the same, also where p underflows", () => {
  for (const [eta2, n, k, f, log10] of [
    [0.366, 1600, 10, 101.98738170347, -149.77360748679],
    [0.366, 4000, 10, 255.93059936909, -385.8725576301],
    [0.774, 1600, 10, 605.04424778761, -504.78270430934],
    [0.115, 4000, 8, 74.104923325262, -100.51552254378],
  ]) {
    expectRelative(fOfEtaSquared(eta2, n, k), f, 1e-12);
    expectClose(fLogSf(fOfEtaSquared(eta2, n, k), k - 1, n - k) / Math.LN10, log10, ROOT);
  }
  const { between } = oneWayAnova([
    [1, 2, 4],
    [3, 3],
    [9, 7, 5, 6],
  ]);
  expectClose(fOfEtaSquared(between.eta2, 9, 3), between.f, 1e-12);
  expect(fOfEtaSquared(1, 9, 3)).toBe(Number.POSITIVE_INFINITY);
});

test("at the original study's level an eta² of one or two percent is significant", () => {
  const level = 0.01 / 64;
  for (const [n, k, f, eta2] of [
    [1600, 10, 3.652403304, 0.020255225],
    [1600, 8, 4.147607477, 0.017910337],
    [4000, 10, 3.634747256, 0.008132006],
    [4000, 8, 4.128984112, 0.007188159],
  ]) {
    expectClose(fCritical(level, k - 1, n - k), f, 1e-9);
    expectClose(criticalEtaSquared(level, n, k), eta2, 1e-9);
    expectClose(fOfEtaSquared(criticalEtaSquared(level, n, k), n, k), f, 1e-9);
  }
  expect(() => fOfEtaSquared(0.5, 3, 3)).toThrow("eta², values: must be a whole number, at least 4; got 3.");
});

test("impossible designs are refused", () => {
  expect(() => tTestPower(1, 1)).toThrow("n: must be a whole number, at least 2; got 1.");
  expect(() => tTestSampleSize(0)).toThrow("|d|: must be positive and finite; got 0.");
  expect(() => tTestSampleSize(1, { power: 0.01 })).toThrow("power must lie between alpha and 1; got 0.01.");
  expect(() => detectableEffect(10, { alpha: 2 })).toThrow("alpha");
  expect(() => correlationPower(10, 1)).toThrow("|r|: must lie strictly between 0 and 1; got 1.");
  expect(() => correlationSampleSize(0)).toThrow("|r|");
});
