import fc from "fast-check";
import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import {
  bootstrap,
  hierarchicalBootstrap,
  mean,
  normalQuantile,
  oneWayAnova,
  pearson,
  permutationTest,
  signFlip,
} from "../../src/stats/index.ts";
import { expectClose } from "./close.ts";
import reference from "./fixtures/resampling.json" with { type: "json" };

const LIMIT = 1e-12; // enumerated limits are order statistics of sums of a few decimals
const RUNS = { seed: 1979, numRuns: 100 };

test("enumerating all resamples reproduces the exact percentile and BCa limits", () => {
  for (const want of reference.bootstrap) {
    const got = bootstrap(want.values, mean, { enumerate: true });
    expect([got.sorted.length, got.undefinedResamples]).toEqual([want.resamples, 0]);
    expectClose(got.standardError, want.standardError, LIMIT);
    expectClose(got.bias, want.bias, LIMIT);
    expectClose(got.acceleration, want.acceleration, LIMIT);
    for (const name of ["percentile", "bca"] as const) {
      expectClose(got[name].low, want[name][0], LIMIT, `${name} low`);
      expectClose(got[name].high, want[name][1], LIMIT, `${name} high`);
    }
  }
});

test("drawn resamples approach the enumerated ones", () => {
  const { values, standardError, bias } = reference.bootstrap[1];
  const got = bootstrap(values, mean, { stream: randomStream("bootstrap", "drawn"), resamples: 20_000 });
  // four Monte Carlo standard errors: se/√(2B) of the spread; √(π/2)/√B of a normal quantile at the median
  expect(Math.abs(got.standardError - standardError)).toBeLessThan((4 * standardError) / Math.sqrt(40_000));
  expect(Math.abs(got.bias - bias)).toBeLessThan((4 * Math.sqrt(Math.PI / 2)) / Math.sqrt(20_000));
});

test("the bootstrap is the same for the same stream and moves with the data", () => {
  const options = () => ({ stream: randomStream("bootstrap", 1), resamples: 500 });
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 2, maxLength: 9 }), (x) => {
      const here = bootstrap(x, mean, options());
      const there = bootstrap(
        x.map((v) => 2 * v + 5),
        mean,
        options(),
      );
      expect(here).toEqual(bootstrap(x, mean, options()));
      expectClose(there.percentile.low, 2 * here.percentile.low + 5, LIMIT);
      if (!Number.isNaN(here.bca.high)) expectClose(there.bca.high, 2 * here.bca.high + 5, 1e-9);
    }),
    RUNS,
  );
});

test("units may be pairs, and resamples without a value are counted, not hidden", () => {
  const pairs: [number, number][] = [
    [1, 2],
    [2, 1],
    [3, 5],
    [4, 4],
  ];
  const correlation = (sample: readonly (readonly [number, number])[]) =>
    pearson(
      sample.map(([x]) => x),
      sample.map(([, y]) => y),
    );
  const got = bootstrap(pairs, correlation, { enumerate: true });
  expect(got.undefinedResamples).toBe(4); // the four resamples of one pair alone
  expect(got.sorted.length).toBe(256 - 4);
  expectClose(got.estimate, correlation(pairs), 0);
  const never = bootstrap([1, 2], () => Number.NaN, { enumerate: true });
  expect([never.percentile.low, never.bca.low, never.standardError]).toEqual(new Array(3).fill(Number.NaN));
});

test("one unit gives the whole line, equal units a point", () => {
  const alone = bootstrap([4], mean, { enumerate: true });
  expect(alone.bca).toEqual({ estimate: 4, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY });
  const equal = bootstrap([0.1, 0.1, 0.1], mean, { enumerate: true });
  for (const interval of [equal.percentile, equal.bca])
    expect(interval).toEqual({ estimate: 0.1, low: 0.1, high: 0.1 });
  expect(
    hierarchicalBootstrap([[1, 2]], (g) => mean(g[0]), { stream: randomStream(1) }).percentile.high,
  ).toBe(Number.POSITIVE_INFINITY);
});

test("an estimate beyond all its replicates has no BCa interval", () => {
  // distinct units only: resamples repeat some, so all but 6 of 27 fall below, and none above
  const distinct = (sample: readonly number[]) => new Set(sample).size;
  const got = bootstrap([1, 2, 3], distinct, { enumerate: true });
  expectClose(got.bias, normalQuantile((21 + 6 / 2) / 27), LIMIT);
  // a statistic that knows the original order lies above every replicate of it
  const original = [1, 2, 3];
  const beyond = bootstrap(original, (sample) => (sample.length === 2 || sample.join() === "1,2,3" ? 1 : 0), {
    stream: { ...randomStream(1), integer: () => 0 },
    resamples: 10,
  });
  expect([beyond.bias, beyond.bca.low, beyond.bca.high]).toEqual([
    Number.POSITIVE_INFINITY,
    Number.NaN,
    Number.NaN,
  ]);
  expect(beyond.percentile).toEqual({ estimate: 1, low: 0, high: 0 });
});

test("the bootstrap asks for what it needs", () => {
  expect(() => bootstrap([1, 2], mean)).toThrow("bootstrap: drawing resamples needs a random stream.");
  expect(() => bootstrap(new Array(8).fill(0), mean, { enumerate: true })).toThrow(
    "at most 7 units; got 8 units.",
  );
  expect(() => bootstrap([], mean, { enumerate: true })).toThrow("needs at least 1 units");
  expect(() => hierarchicalBootstrap([[1], []], () => 0, { stream: randomStream(1) })).toThrow("group 1");
});

const grandMean = (groups: readonly (readonly number[])[]) => mean(groups.map(mean));

test("drawing groups alone is the bootstrap of group means, and drawing units too is wider", () => {
  const groups = [
    [1, 4, 2],
    [6, 3, 8],
    [5, 5, 9],
    [2, 0, 1],
    [7, 7, 3],
  ];
  const stream = () => randomStream("hierarchical");
  const alone = hierarchicalBootstrap(groups, grandMean, { stream: stream(), resamples: 4000 });
  const means = bootstrap(groups.map(mean), mean, { stream: stream(), resamples: 4000 });
  expect(alone.sorted).toEqual(means.sorted);
  const both = hierarchicalBootstrap(groups, grandMean, {
    stream: stream(),
    resamples: 4000,
    resampleUnits: true,
  });
  // variance of the replicates: (k−1)/k · s²_means/k for groups alone, plus Σ_g s²_g,pop / (m k²) for units
  const within = groups.map((g) => mean(g.map((y) => (y - mean(g)) ** 2)));
  const extra = mean(within) / (3 * 5);
  const want = Math.sqrt(bootstrap(groups.map(mean), mean, { enumerate: true }).standardError ** 2 + extra);
  expect(Math.abs(both.standardError / want - 1)).toBeLessThan(4 / Math.sqrt(2 * 4000));
});

test("the exact sign-flip test agrees with scipy, and five seeds can never give less than 1/16", () => {
  const { values, p } = reference.signFlip;
  expect(signFlip(values)).toMatchObject({ p, exact: true, arrangements: 256 });
  for (const [n, smallest] of [
    [5, 0.0625],
    [6, 0.03125],
    [8, 0.0078125],
    [10, 0.001953125],
  ])
    expect(signFlip(new Array(n).fill(0.3)).p).toBe(smallest);
  expect(signFlip([0, 0, 0]).p).toBe(1);
  expect(signFlip([0.1, Number.NaN]).p).toBeNaN();
});

test("one-sided sign-flip p-values share the ties: they add up to 1 plus the share of ties", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -6, max: 9 }), { minLength: 1, maxLength: 8 }), (x) => {
      const target = x.reduce((a, b) => a + b);
      let sums = [0];
      for (const d of x) sums = sums.flatMap((s) => [s + d, s - d]);
      const scaled = x.map((d) => d / 10); // decimals whose sums round differently in every order
      const share = (keep: (s: number) => boolean) => sums.filter(keep).length / sums.length;
      expect(signFlip(scaled, { alternative: "greater" }).p).toBe(share((s) => s >= target));
      expect(signFlip(scaled, { alternative: "less" }).p).toBe(share((s) => s <= target));
      expect(signFlip(scaled).p).toBe(share((s) => Math.abs(s) >= Math.abs(target)));
    }),
    RUNS,
  );
});

test("beyond 16 differences signs are drawn, and the observed pattern is counted among them", () => {
  const differences = Float64Array.from({ length: 40 }, (_, i) => 1 + (i % 5));
  const options = { stream: randomStream("signs"), resamples: 999 };
  expect(signFlip(differences, options)).toMatchObject({ p: 1 / 1000, exact: false, arrangements: 1000 });
  expect(() => signFlip(differences)).toThrow(
    "beyond 16 differences: drawing resamples needs a random stream",
  );
});

test("the exact two-sample permutation test agrees with counting all splits in whole numbers", () => {
  const { first, second, splits, p, less, greater } = reference.permutation;
  expect(permutationTest(first, second)).toMatchObject({ p, exact: true, arrangements: splits });
  expect(permutationTest(second, first).p).toBe(p);
  expect(permutationTest(first, second, { alternative: "less" }).p).toBe(less);
  expect(permutationTest(first, second, { alternative: "greater" }).p).toBe(greater);
  expect(permutationTest([1, 1], [1, 1, 1]).p).toBe(1);
  expect(permutationTest([1, 2], [Number.NaN]).p).toBeNaN();
});

test("large samples are split at random, close to the exact p-value of their t statistic", () => {
  const source = randomStream("two samples");
  const draw = (n: number, shift: number) => Float64Array.from({ length: n }, () => source.normal() + shift);
  const [a, b] = [draw(60, 0.35), draw(70, 0)];
  const resamples = 4000;
  const { p, exact, arrangements } = permutationTest(a, b, { stream: source, resamples });
  expect([exact, arrangements]).toEqual([false, resamples + 1]);
  const { between } = oneWayAnova([a, b]);
  const normal = Math.exp(between.logP); // for normal data of this size the two agree within about 1/(n + m)
  expect(Math.abs(p - normal)).toBeLessThan(4 * Math.sqrt((normal * (1 - normal)) / resamples) + 1 / 130);
  expect(() => permutationTest(a, b)).toThrow("permutation test of 60 against 70 values");
});
