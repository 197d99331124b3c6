import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import {
  auroc,
  bh,
  cliffsDelta,
  crossedEffects,
  holm,
  kolmogorovSmirnov,
  kruskalWallis,
  mannWhitney,
  mean,
  monteCarloTest,
  normalCdf,
  normalSf,
  oneWayAnova,
  pairBootstrap,
  permutationTest,
  randomIntercept,
  sd,
  signFlip,
  spearman,
  tInterval,
  twoWayAnova,
  welchAnova,
  welchTest,
  wilcoxon,
  wilson,
} from "../../src/stats/index.ts";
import { ALPHA, contains, expectRate, expectShare, fourErrors, normals, share } from "./calibrate.ts";
import { expectClose, expectFields, expectRelative } from "./close.ts";
import reference from "./fixtures/comparisons.json" with { type: "json" };

const CLOSED_FORM = 1e-12;
const TAIL = 1e-10; // relative, of p-values

test("Welch's t test agrees with SciPy", () => {
  for (const { a, b, p, ...want } of reference.twoSamples) {
    const got = welchTest(a, Float64Array.from(b));
    expectFields(got, want, ["estimate", "t", "df", "low", "high"], 1e-11);
    expectRelative(got.p, p, TAIL);
    expectClose(welchTest(b, a).t, -got.t, CLOSED_FORM);
    expectClose(welchAnova([a, b]).f, got.t ** 2, CLOSED_FORM);
    expectRelative(Math.exp(welchAnova([a, b]).logP), p, TAIL);
  }
});

test("AUROC, Cliff's delta and the exact Mann–Whitney test agree with SciPy, ties counting half", () => {
  for (const { a, b, auroc: area, rankP } of reference.twoSamples) {
    expectClose(auroc(a, b), area, CLOSED_FORM);
    expectClose(cliffsDelta(a, b), 2 * area - 1, CLOSED_FORM);
    const pairs = a.flatMap((x) => b.map((y): number => (x > y ? 1 : x === y ? 0.5 : 0)));
    expectClose(auroc(a, b), mean(pairs), CLOSED_FORM);
    const got = mannWhitney(a, b);
    expect([got.exact, got.estimate]).toEqual([true, cliffsDelta(a, b)]);
    if (rankP !== null) expectRelative(got.p, rankP, CLOSED_FORM);
    expectRelative(mannWhitney(a.map(Math.exp), b.map(Math.exp)).p, got.p, CLOSED_FORM);
  }
  expect(auroc([2, 3], [0, 1])).toBe(1);
  expect(auroc([1, 1], [1])).toBe(0.5);
  expect(mannWhitney([1, Number.NaN], [2]).p).toBeNaN();
  expect(() => auroc([], [1])).toThrow("AUROC, positives: needs at least 1 scores; got 0.");
});

test("Kruskal–Wallis and Welch's ANOVA agree with SciPy and with the published example", () => {
  for (const { groups, h, p, welchF, welchP } of reference.groups) {
    const got = kruskalWallis(groups);
    expectClose(got.h, h, CLOSED_FORM);
    expectRelative(got.p, p, TAIL);
    expectClose(welchAnova(groups).f, welchF, CLOSED_FORM);
    expectRelative(Math.exp(welchAnova(groups).logP), welchP, TAIL);
  }
  const [{ groups }] = reference.groups;
  const ranks = kruskalWallis(groups);
  expectFields(ranks, { h: 9.420684835779, epsilon2: 0.554157931516 }, ["h", "epsilon2"], 1e-11);
  expectRelative(ranks.p, 9.001694713345e-3, 1e-11);
  const welch = welchAnova(groups);
  expectFields(welch, { f: 9.939050243799, df1: 2, df2: 9.850613154961 }, ["f", "df1", "df2"], 1e-11);
  expectRelative(Math.exp(welch.logP), 4.337776053275e-3, 1e-11);
});

test("epsilon² of Kruskal–Wallis is eta² of the ranks", () => {
  const groups = [
    [1, 4, 2],
    [9, 7],
    [3, 8, 5, 6],
  ];
  expectClose(kruskalWallis(groups).epsilon2, oneWayAnova(groups).between.eta2, CLOSED_FORM); // the values are their ranks
});

test("Wilcoxon's exact test agrees with SciPy, leaves zeros out, and sees ranks only", () => {
  for (const { differences, p } of reference.wilcoxon) {
    expectRelative(wilcoxon(differences).p, p, CLOSED_FORM);
    expectRelative(wilcoxon([0, ...differences, 0]).p, p, CLOSED_FORM);
    expectRelative(wilcoxon(differences.map((d) => d ** 3)).p, p, CLOSED_FORM);
  }
  expect(wilcoxon([1, 2, 3]).estimate).toBe(1);
  expect(wilcoxon([1, -2, 3]).estimate).toBeCloseTo((1 + 3 - 2) / 6, 14);
  expect(wilcoxon([0, 0])).toMatchObject({ estimate: 0, p: 1 });
  expect(wilcoxon([1, Number.NaN]).p).toBeNaN();
  expect(() => wilcoxon(new Array(17).fill(1))).toThrow("random stream");
});

/** A sample whose distance from the uniform distribution is d: values at (i − ½)/n, moved by d − 1/(2n). */
function sampleAt(d: number, n: number): number[] {
  return Array.from({ length: n }, (_, i) => (i + 0.5) / n + (d - 0.5 / n));
}

test("Kolmogorov–Smirnov tails agree with SciPy, Noé's recursion and Durbin's matrix at 40 digits, and beyond 1000 values within 3e-5", () => {
  for (const { n, d, p } of [
    ...reference.kolmogorov,
    ...reference.kolmogorovExact,
    ...reference.kolmogorovDurbin,
  ]) {
    const got = kolmogorovSmirnov(sampleAt(d, n), { distribution: (x) => Math.min(1, x) });
    expectClose(got.d, d, CLOSED_FORM);
    expectRelative(got.p, p, TAIL, `n = ${n}, d = ${d}`);
  }
  for (const { n, d, p } of reference.kolmogorovLimit)
    expectClose(kolmogorovSmirnov(sampleAt(d, n)).p, p, 3e-5, `n = ${n}, d = ${d}`);
});

test("Kolmogorov–Smirnov of a worked sample, of another distribution, and at its edges", () => {
  expectFields(kolmogorovSmirnov([0.7, 0.1, 0.4]), { d: 0.3, p: 0.886222222222 }, ["d", "p"], 1e-11);
  const z = [-1.2, 0.3, 0.8];
  expect(kolmogorovSmirnov(z, { distribution: normalCdf })).toEqual(kolmogorovSmirnov(z.map(normalCdf)));
  expect(kolmogorovSmirnov([0.5])).toEqual({ d: 0.5, p: 1 });
  expect(kolmogorovSmirnov([2, 3])).toEqual({ d: 1, p: 0 });
  expect(kolmogorovSmirnov([0.5, Number.NaN]).p).toBeNaN();
  expect(() => kolmogorovSmirnov([])).toThrow("needs at least 1 values");
  expect(() => kolmogorovSmirnov([3], { distribution: (x) => x })).toThrow("distribution function");
});

test("a Monte Carlo test counts the observed statistic, ties and missing draws among the extreme", () => {
  const options = { stream: randomStream("monte carlo", 1), resamples: 99 };
  expect(monteCarloTest(2, () => 1, options)).toEqual({
    estimate: 2,
    p: 0.01,
    exact: false,
    arrangements: 100,
  });
  expect(monteCarloTest(2, () => 2 - 1e-15, options).p).toBe(1);
  expect(monteCarloTest(2, () => -3, options).p).toBe(1);
  expect(monteCarloTest(2, () => -3, { ...options, alternative: "greater" }).p).toBe(0.01);
  expect(monteCarloTest(2, () => Number.NaN, options).p).toBe(1);
  expect(monteCarloTest(Number.NaN, () => 1, options).p).toBeNaN();
  expect(() => monteCarloTest(1, () => 1)).toThrow(
    "Monte Carlo test: drawing resamples needs a random stream.",
  );
});

test("a Monte Carlo test of a mean difference approaches the exact permutation test", () => {
  const [a, b] = [
    [1.1, 2.3, 0.4, 1.9, 0.8],
    [3.1, 2.9, 2.2, 4.5],
  ];
  const pooled = [...a, ...b];
  const resamples = 4000;
  const exact = permutationTest(a, b).p;
  const { p } = monteCarloTest(
    mean(a) - mean(b),
    (stream) => {
      const order = Array.from(stream.permutation(9), (i) => pooled[i]);
      return mean(order.slice(0, 5)) - mean(order.slice(5));
    },
    { stream: randomStream("monte carlo", 2), resamples },
  );
  expect(Math.abs(p - exact)).toBeLessThan(fourErrors(exact, resamples));
});

test("without spread, values or groups there is no test", () => {
  expect(welchTest([1], [1, 2])).toMatchObject({
    t: Number.NaN,
    df: Number.NaN,
    p: Number.NaN,
    low: Number.NaN,
  });
  expect(welchTest([2, 2], [1, 1])).toMatchObject({ t: Number.POSITIVE_INFINITY, p: Number.NaN });
  expect(
    welchAnova([
      [1, 1],
      [1, 2],
    ]).logP,
  ).toBeNaN();
  expect(kruskalWallis([[1, 1], [1]]).p).toBeNaN();
  expect(() => welchAnova([[1, 2], [1]])).toThrow("Welch's ANOVA, group 1: needs at least 2 values; got 1.");
  expect(() => kruskalWallis([[1], []])).toThrow("Kruskal–Wallis test, group 1");
  expect(() => welchTest([], [1])).toThrow("first group");
});

test("crossed effects are the mean squares' method of moments, and recover planted variances", () => {
  const table = [
    [5, 7, 9],
    [1, 4, 4],
  ];
  const { a, b, interaction } = twoWayAnova(table.flat(), [2, 3, 1]);
  const got = crossedEffects(table);
  expectClose(got.varianceFirst, (a.ms - interaction.ms) / 3, CLOSED_FORM);
  expectClose(got.varianceSecond, (b.ms - interaction.ms) / 2, CLOSED_FORM);
  expectClose(
    got.shares.reduce((x, y) => x + y),
    1,
    CLOSED_FORM,
  );
  const stream = randomStream("crossed");
  const planted = () => {
    const [rows, columns] = [normals(stream, 6, 0, 2), normals(stream, 8)];
    return crossedEffects(Array.from(rows, (r) => Array.from(columns, (c) => r + c + 0.5 * stream.normal())));
  };
  const runs = Array.from({ length: 400 }, planted);
  for (const [name, truth] of [
    ["varianceFirst", 4],
    ["varianceSecond", 1],
    ["varianceRest", 0.25],
  ] as const) {
    const values = runs.map((run) => run[name]);
    expect(Math.abs(mean(values) - truth), name).toBeLessThan((4 * sd(values)) / Math.sqrt(runs.length));
  }
  // additive noise only: a negative estimate is cut at 0
  expect(
    crossedEffects([
      [1, 0],
      [0, 1],
    ]),
  ).toMatchObject({ varianceFirst: 0, varianceSecond: 0, shares: [0, 0, 1] });
  expect(
    crossedEffects([
      [2, 2],
      [2, 2],
    ]).shares[0],
  ).toBeNaN();
  expect(() => crossedEffects([[1, 2]])).toThrow("needs at least 2 levels of the first factor; got 1.");
});

test("the pair bootstrap averages pairs of different seeds, and knows when it knows nothing", () => {
  const options = () => ({ stream: randomStream("pairs"), resamples: 500 });
  const matrix = [
    [9, 1, 2],
    [3, 9, 4],
    [5, 6, 9],
  ];
  const got = pairBootstrap(matrix, options());
  expect(got.estimate).toBe(3.5);
  expect(got.undefinedResamples).toBeGreaterThan(0); // one seed three times: 1 resample in 9
  expectShare(got.undefinedResamples / 500, 1 / 9, 500);
  expect(
    pairBootstrap(
      matrix.map((row) => row.map((v) => 2 * v + 1)),
      options(),
    ).percentile.low,
  ).toBe(2 * got.percentile.low + 1);
  expect(
    pairBootstrap(
      [
        [0, 1],
        [2, 0],
      ],
      options(),
    ).percentile,
  ).toEqual({ estimate: 1.5, low: -1 / 0, high: 1 / 0 });
  expect(pairBootstrap([[0]], options()).estimate).toBeNaN();
  expect(() => pairBootstrap([[1, 2]], options())).toThrow("pair bootstrap: the matrix must be square");
});

test("the pair bootstrap covers where pairs taken as independent fail", () => {
  const [runs, seeds] = [250, 20];
  let [own, naive] = [0, 0];
  share("pair bootstrap", runs, (stream) => {
    const effects = normals(stream, seeds);
    const matrix = Array.from(effects, (a) => Array.from(effects, (b) => a + b));
    for (let a = 0; a < seeds; a++)
      for (let b = 0; b < a; b++) {
        matrix[a][b] += 0.5 * stream.normal();
        matrix[b][a] = matrix[a][b];
      }
    if (contains(pairBootstrap(matrix, { stream, resamples: 200 }).percentile, 0)) own++;
    if (contains(tInterval(matrix.flatMap((row, a) => row.filter((_, b) => b < a))), 0)) naive++;
    return true;
  });
  // a percentile interval of 20 seeds covers .93, as that of their mean; 200 resamples move the ends a little
  expectShare(own / runs, 0.93, runs, 0.02);
  expect(naive / runs).toBeLessThan(0.6);
});

test("tests of nothing reject at their level", () => {
  const runs = 1500;
  const unequal = { runs, slack: 0.006 }; // Welch's degrees of freedom and the χ² limit are approximations
  expectRate("Welch t", ALPHA, unequal, (s) => welchTest(normals(s, 6), normals(s, 12, 0, 3)).p < ALPHA);
  expectRate(
    "Welch F",
    ALPHA,
    unequal,
    (s) => welchAnova([normals(s, 8), normals(s, 10, 0, 3), normals(s, 12, 0, 0.5)]).logP < Math.log(ALPHA),
  );
  expectRate(
    "Kruskal–Wallis",
    ALPHA,
    { runs, slack: 0.01 },
    (s) => kruskalWallis([normals(s, 8), normals(s, 9), normals(s, 10)]).p < ALPHA,
  );
  expectRate(
    "Kolmogorov–Smirnov",
    ALPHA,
    { runs },
    (s) => kolmogorovSmirnov(normals(s, 12), { distribution: (z) => normalSf(-z) }).p < ALPHA,
  );
  // exact tests: the attainable level is the largest p-value k/arrangements that is not above alpha
  const [five, four] = [normals(randomStream(1), 5), normals(randomStream(2), 4)];
  expect(permutationTest(five, four).arrangements).toBe(126);
  expectRate(
    "permutation",
    6 / 126,
    { runs },
    (s) => permutationTest(normals(s, 5), normals(s, 4)).p <= ALPHA,
  );
  // rank sums of 5 against 4: P(U ≤ 1 or U ≥ 19) = 4/126, and one step further 8/126 is above .05
  expectRate("Mann–Whitney", 4 / 126, { runs }, (s) => mannWhitney(normals(s, 5), normals(s, 4)).p <= ALPHA);
  // signed ranks of 8: W ≤ 3 has 5 of 256 patterns on each side
  expectRate("Wilcoxon", 10 / 256, { runs }, (s) => wilcoxon(normals(s, 8)).p <= ALPHA);
  expectRate("Monte Carlo", ALPHA, { runs: 500 }, (s) => {
    const [x, y] = [normals(s, 8), normals(s, 8)];
    const draw = () =>
      spearman(
        x,
        Array.from(s.permutation(8), (i) => y[i]),
      );
    return (
      monteCarloTest(spearman(x, y), draw, { stream: s, resamples: 99, alternative: "greater" }).p <= ALPHA
    );
  });
  expectRate(
    "one-sided signs",
    ALPHA,
    { runs },
    (s) => signFlip(normals(s, 7), { alternative: "greater" }).p <= 0.05 + 0.05 / 128,
  );
});

test("Holm holds the chance of any false claim, and BH the share of false ones, among real effects", () => {
  const runs = 800;
  const tests = (s: Parameters<typeof normals>[0]) =>
    Float64Array.from({ length: 20 }, (_, i) => 2 * normalSf(Math.abs(s.normal() + (i < 10 ? 3 : 0))));
  // ten true nulls: the family-wise error is at most alpha, and not far below
  const any = share("holm", runs, (s) =>
    holm(tests(s))
      .subarray(10)
      .some((p) => p <= ALPHA),
  );
  expect(any).toBeLessThan(ALPHA + fourErrors(ALPHA, runs));
  expect(any).toBeGreaterThan(0.01);
  let falseShare = 0;
  share("bh", runs, (s) => {
    const claimed = bh(tests(s)).map((p) => (p <= 0.2 ? 1 : 0));
    const wrong = claimed.subarray(10).reduce((a, b) => a + b);
    falseShare += wrong / Math.max(1, wrong + claimed.subarray(0, 10).reduce((a, b) => a + b));
    return true;
  });
  // exactly q · 10/20 for independent tests; the share of a run has a standard deviation below .15
  expect(Math.abs(falseShare / runs - 0.1)).toBeLessThan((4 * 0.15) / Math.sqrt(runs));
});

test("a proportion of clustered units covers with its effective number, and fails without", () => {
  const [runs, seeds, units] = [400, 30, 8];
  let [own, naive] = [0, 0];
  share("clustered", runs, (s) => {
    const groups = Array.from({ length: seeds }, () => {
      const shift = s.normal();
      return Array.from({ length: units }, (): number => (shift + s.normal() > 0 ? 1 : 0));
    });
    const { designEffect, nEffective } = randomIntercept(groups);
    const kept = groups.flat().reduce((a, b) => a + b);
    if (contains(wilson(kept / designEffect, nEffective), 0.5)) own++;
    if (contains(wilson(kept, seeds * units), 0.5)) naive++;
    return true;
  });
  // the design effect is estimated from 30 seeds, and the normal quantile does not know it: about 1% below
  expectShare(own / runs, 0.94, runs, 0.01);
  expect(naive / runs).toBeLessThan(0.8);
});
