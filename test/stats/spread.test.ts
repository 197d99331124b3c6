/** Distributions over groups. Oracles: SciPy, R's dip by its Python port, linear programmes, planted populations. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ArgumentError } from "../../src/base/errors.ts";
import { type RandomStream, randomStream } from "../../src/base/random.ts";
import {
  betaBinomialFit,
  betaBinomialPmf,
  betaBinomialTest,
  binomialCdf,
  binomialPmf,
  binomialQuantile,
  bootstrap,
  dip,
  dipTest,
  expectedTable,
  type GroupedCounts,
  intraclassCorrelation,
  overdispersionTest,
  precisionSampleSize,
  quantileInterval,
  randomIntercept,
  skewness,
  successTable,
  tInterval,
} from "../../src/stats/index.ts";
import { ALPHA, contains, expectRate, normals, share } from "./calibrate.ts";
import { expectClose } from "./close.ts";
import reference from "./fixtures/spread.json" with { type: "json" };

const ROUNDING = 1e-12;
const CDF = 1e-10; // continued fraction against Boost's
const MINIMUM = 1e-5; // two minimisers stop where the likelihood is flat to rounding: √1e-15 over its curvature, and wide
const PROGRAMME = 1e-9; // the linear programme's own tolerance is 1e-7 of its constraints; the fixture agrees to 1e-15

test("the binomial distribution is SciPy's, and its quantile is the smallest count that reaches the probability", () => {
  for (const { k, n, p, cdf } of reference.binomial) {
    expectClose(binomialCdf(k, n, p), cdf, CDF);
    const pmf = binomialPmf(n, p);
    expectClose(
      pmf.slice(0, k + 1).reduce((a, b) => a + b, 0),
      cdf,
      CDF,
    );
    for (const q of [0.025, 0.5, 0.975]) {
      const at = binomialQuantile(q, n, p);
      expect(binomialCdf(at, n, p)).toBeGreaterThanOrEqual(q);
      expect(binomialCdf(at - 1, n, p)).toBeLessThan(q);
    }
  }
  expect([binomialCdf(-1, 5, 0.3), binomialCdf(5, 5, 0.3), binomialCdf(4, 5, 1)]).toEqual([0, 1, 0]);
  expect([...binomialPmf(2, 1)]).toEqual([0, 0, 1]);
});

test("the beta-binomial distribution is SciPy's and sums to one", () => {
  for (const { n, mean, rho, pmf } of reference.betaBinomial) {
    const got = betaBinomialPmf(n, { mean, rho });
    for (let k = 0; k <= n; k++) expectClose(got[k], pmf[k], ROUNDING, `n ${n}, k ${k}`);
  }
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 40 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 0.99, noNaN: true }),
      (n, mean, rho) => {
        const pmf = betaBinomialPmf(n, { mean, rho });
        expectClose(
          pmf.reduce((a, b) => a + b, 0),
          1,
          ROUNDING,
        );
        expectClose(
          pmf.reduce((sum, p, k) => sum + k * p, 0),
          n * mean,
          ROUNDING,
        );
      },
    ),
    { seed: 5, numRuns: 200 },
  );
});

test("the beta-binomial fit is the best of many searches by SciPy, also with unequal trials", () => {
  for (const { successes, trials, mean, rho, logLikelihood } of reference.fits) {
    const got = betaBinomialFit({ successes, trials });
    expectClose(got.mean, mean, MINIMUM, "mean");
    expectClose(got.rho, rho, MINIMUM, "rho");
    expectClose(got.logLikelihood, logLikelihood, ROUNDING, "log likelihood");
  }
});

test("skewness is SciPy's, and none of too few or equal values", () => {
  for (const { x, skewness: want } of reference.skewness) expectClose(skewness(x), want, ROUNDING);
  expect([skewness([1, 2]), skewness([3, 3, 3])]).toEqual([Number.NaN, Number.NaN]);
});

test("the dip is that of R's package, and that of its definition as a linear programme", () => {
  for (const { x, dip: want } of reference.dips) expectClose(dip(x), want, ROUNDING, `${x.length} values`);
  for (const { x, dip: want } of reference.programmes) expectClose(dip(x), want, PROGRAMME);
  expect([dip([]), dip([1, Number.NaN]), dip([4]), dip([2, 2])]).toEqual([Number.NaN, Number.NaN, 0.5, 0.25]);
});

test("the dip does not depend on order, place, scale or direction", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 2, maxLength: 60 }),
      fc.integer({ min: 1, max: 9 }),
      (values, scale) => {
        const want = dip(values);
        expectClose(dip(values.map((value) => 7 - scale * value)), want, ROUNDING);
        expect(want).toBeGreaterThanOrEqual(1 / (2 * values.length));
        expect(want).toBeLessThanOrEqual(0.25 + ROUNDING);
      },
    ),
    { seed: 6, numRuns: 300 },
  );
});

test("the intraclass correlation is that of the random-intercept model on zeros and ones, also below zero", () => {
  const [successes, trials] = [
    [5, 3, 4, 0, 5, 5, 2],
    [5, 5, 5, 5, 5, 5, 5],
  ];
  const groups = successes.map((k, g) => Array.from({ length: trials[g] }, (_, i) => (i < k ? 1 : 0)));
  expectClose(intraclassCorrelation({ successes, trials }), randomIntercept(groups).icc, ROUNDING);
  // every group exactly half: as unlike within as can be, −1/(n − 1) in the limit of many groups
  const even = { successes: [2, 2, 2, 2], trials: [4, 4, 4, 4] };
  expectClose(intraclassCorrelation(even), -1 / 3, ROUNDING);
  const uneven = { successes: [2, 6], trials: [4, 12] };
  expect(intraclassCorrelation(uneven)).toBeLessThan(0);
  expect(intraclassCorrelation({ successes: [5, 5], trials: [5, 5] })).toBeNaN();
  expect(intraclassCorrelation({ successes: [1, 0, 1], trials: [1, 1, 1] })).toBeNaN();
});

test("the test of overdispersion has the p of all arrangements, counted one by one", () => {
  const counts = { successes: [3, 0, 2], trials: [3, 3, 3] };
  const square = (slots: number[]) =>
    [0, 3, 6].reduce((sum, at) => sum + slots.slice(at, at + 3).reduce((a, b) => a + b, 0) ** 2 / 3, 0);
  let [extreme, all] = [0, 0];
  for (let bits = 0; bits < 2 ** 9; bits++) {
    const slots = Array.from({ length: 9 }, (_, i) => (bits >> i) & 1);
    if (slots.reduce((a, b) => a + b, 0) !== 5) continue;
    all++;
    if (square(slots) >= square([1, 1, 1, 0, 0, 0, 1, 1, 0]) - ROUNDING) extreme++;
  }
  const resamples = 40_000;
  const { p } = overdispersionTest(counts, { stream: randomStream("enumerated"), resamples });
  const exact = extreme / all;
  expect(Math.abs(p - exact)).toBeLessThan(4 * Math.sqrt((exact * (1 - exact)) / resamples));
  // both tails together hold every arrangement, and those that tie twice
  const less = overdispersionTest(counts, { stream: randomStream("less"), resamples, alternative: "less" });
  expect(less.p + p).toBeGreaterThan(1);
});

/** Counts of a population of groups whose probabilities are drawn from a beta distribution, by its urn: rho planted. */
function planted(stream: RandomStream, groups: number, n: number, mean: number, rho: number): GroupedCounts {
  const theta = rho / (1 - rho);
  const successes = Float64Array.from({ length: groups }, () => {
    let k = 0;
    for (let i = 0; i < n; i++) if (stream.uniform() < (mean + k * theta) / (1 + i * theta)) k++;
    return k;
  });
  return { successes, trials: new Float64Array(groups).fill(n) };
}

test("a planted correlation is found: the moments without bias, the likelihood near it", () => {
  for (const [mean, rho] of [
    [0.6, 0],
    [0.6, 0.15],
    [0.9, 0.3],
  ]) {
    const stream = randomStream("planted", String(rho));
    const repeats = 60;
    const moments: number[] = [];
    const likelihoods: number[] = [];
    for (let repeat = 0; repeat < repeats; repeat++) {
      const counts = planted(stream, 300, 5, mean, rho);
      moments.push(intraclassCorrelation(counts));
      likelihoods.push(betaBinomialFit(counts).rho);
    }
    const { low, high } = tInterval(moments, 0.9999);
    expect(low).toBeLessThan(rho);
    expect(high).toBeGreaterThan(rho);
    // at 0 the likelihood's rho can only be above: half of its spread is cut off
    const bias = likelihoods.reduce((a, b) => a + b, 0) / repeats - rho;
    expect(Math.abs(bias)).toBeLessThan(0.02);
  }
});

test("without overdispersion the test rejects as often as it says, and with it nearly always", () => {
  const rejects = (mean: number, rho: number, groups: number) => (stream: RandomStream) =>
    overdispersionTest(planted(stream, groups, 5, mean, rho), { stream, resamples: 199 }).p <= ALPHA;
  expectRate("binomial null", ALPHA, { runs: 800 }, rejects(0.6, 0, 30));
  // where the shares are near 1 there are few ways to arrange, and p takes few values
  expectRate("binomial null near one", ALPHA, { runs: 400, slack: 0.02 }, rejects(0.95, 0, 30));
  expect(share("overdispersed", 50, rejects(0.6, 0.2, 100))).toBeGreaterThan(0.95);
});

test("the bootstrap interval of the correlation covers it nearly as often as it says", () => {
  const rho = 0.15;
  // rho's own estimate is skewed, and the bootstrap knows it from 60 groups only
  const slack = 0.05;
  expectRate("bootstrap of rho", 0.95, { runs: 200, slack }, (stream) => {
    const { successes, trials } = planted(stream, 60, 5, 0.6, rho);
    const units = Array.from(successes, (k, g) => [k, trials[g]]);
    const { bca } = bootstrap(
      units,
      (sample) =>
        intraclassCorrelation({ successes: sample.map(([k]) => k), trials: sample.map(([, n]) => n) }),
      { stream, resamples: 400 },
    );
    return contains(bca, rho);
  });
});

test("the goodness of fit rejects a beta-binomial as often as it says, and two kinds of groups", () => {
  const rejects = (counts: (stream: RandomStream) => GroupedCounts) => (stream: RandomStream) =>
    betaBinomialTest(counts(stream), { stream, resamples: 99 }).p <= ALPHA;
  expectRate(
    "beta-binomial null",
    ALPHA,
    { runs: 80, slack: 0.02 }, // the fit's own parameters are estimated
    rejects((stream) => planted(stream, 100, 5, 0.6, 0.2)),
  );
  const two = (stream: RandomStream) => {
    const [low, high] = [planted(stream, 100, 8, 0.1, 0), planted(stream, 100, 8, 0.6, 0)];
    return {
      successes: [...Array.from(low.successes), ...Array.from(high.successes)],
      trials: new Float64Array(200).fill(8),
    };
  };
  expect(share("two kinds", 10, rejects(two))).toBeGreaterThan(0.9);
  const same = { successes: [5, 5], trials: [5, 5] };
  expect(betaBinomialTest(same, { stream: randomStream("same"), resamples: 9 }).p).toBeNaN();
});

test("tables count groups by their successes, and expect them by their trials", () => {
  const counts = { successes: [0, 2, 2, 1], trials: [2, 2, 3, 3] };
  expect([...successTable(counts)]).toEqual([1, 1, 2, 0]);
  const expected = expectedTable(counts.trials, (n) => binomialPmf(n, 0.5));
  expect([...expected]).toEqual([2 / 4 + 2 / 8, 4 / 4 + 6 / 8, 2 / 4 + 6 / 8, 2 / 8]);
});

test("one bump is rejected seldom, the uniform as often as the test says, and two bumps nearly always", () => {
  const rejects = (draw: (stream: RandomStream) => ArrayLike<number>) => (stream: RandomStream) =>
    dipTest(draw(stream), { stream, resamples: 199 }).p <= ALPHA;
  const uniform = (stream: RandomStream) => Float64Array.from({ length: 50 }, () => stream.uniform());
  expectRate("uniform", ALPHA, { runs: 400 }, rejects(uniform));
  expect(
    share(
      "one bump",
      100,
      rejects((stream) => normals(stream, 50)),
    ),
  ).toBeLessThan(ALPHA);
  const two = (stream: RandomStream) => [...normals(stream, 50), ...normals(stream, 50, 5)];
  expect(share("two bumps", 20, rejects(two))).toBeGreaterThan(0.95);
});

test("quantile intervals cover with at least their level, whatever the distribution", () => {
  const truth = { 0.05: Math.log(1 / 0.95), 0.5: Math.log(2), 0.9: Math.log(10) };
  for (const [p, quantile] of Object.entries(truth)) {
    const covered = share(`exponential quantile ${p}`, 2000, (stream) => {
      const values = Float64Array.from({ length: 120 }, () => -Math.log(stream.uniform()));
      return contains(quantileInterval(values, Number(p)), quantile);
    });
    // the ranks are whole numbers: never less than the level, and little more
    expect(covered).toBeGreaterThan(0.95 - 4 * Math.sqrt((0.05 * 0.95) / 2000));
    expect(covered).toBeLessThan(0.99);
  }
});

test("the ranks of a quantile interval are those of the tables, and an end that no value reaches is infinite", () => {
  const values = Array.from({ length: 10 }, (_, i) => i + 1);
  // the sign test's interval for a median of ten: x2 to x9, 97.9 %
  expect(quantileInterval(values, 0.5)).toEqual({ estimate: 5.5, low: 2, high: 9 });
  expect(quantileInterval(values, 0.01).low).toBe(Number.NEGATIVE_INFINITY);
  expect(quantileInterval(values, 0.99).high).toBe(Number.POSITIVE_INFINITY);
  const lowest = (n: number) =>
    quantileInterval(
      Array.from({ length: n }, (_, i) => i),
      0.01,
    ).low;
  expect([lowest(367), lowest(368)]).toEqual([Number.NEGATIVE_INFINITY, 0]);
});

test("the wanted half-width is reached with the number of seeds, and not with one less", () => {
  for (const [sd, half] of [
    [0.2, 0.01],
    [0.2, 0.05],
    [0.013, 0.02],
  ]) {
    const n = precisionSampleSize(sd, half);
    const width = (count: number) => {
      // a sample with exactly that standard deviation: all at 0 but two
      const values = new Float64Array(count);
      values[0] = sd * Math.sqrt((count - 1) / 2);
      values[1] = -values[0];
      return tInterval(values).high;
    };
    expect(width(n)).toBeLessThanOrEqual(half * (1 + ROUNDING));
    expect(width(n - 1)).toBeGreaterThan(half);
  }
  expect([precisionSampleSize(0, 0.01), precisionSampleSize(Number.NaN, 0.01)]).toEqual([2, Number.NaN]);
});

test("counts that are none, and options that are missing, are refused with the numbers", () => {
  const stream = randomStream("refused");
  const refusals = [
    () => intraclassCorrelation({ successes: [1], trials: [2] }),
    () => intraclassCorrelation({ successes: [3, 1], trials: [2, 2] }),
    () => betaBinomialFit({ successes: [1, 1.5], trials: [2, 2] }),
    () => overdispersionTest({ successes: [1, 2], trials: [2, 2] }),
    () => overdispersionTest({ successes: [1, 2], trials: [2, 2] }, { stream, resamples: 0 }),
    () => betaBinomialPmf(5, { mean: 0.5, rho: 1 }),
    () => dipTest([1, 2, 3], { stream }),
    () => quantileInterval([1, 2], 1),
    () => quantileInterval([], 0.5),
    () => precisionSampleSize(1, 0),
    () => binomialCdf(1, 2, 1.5),
  ];
  for (const refusal of refusals) expect(refusal).toThrow(ArgumentError);
});
