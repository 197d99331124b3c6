/**
 * Do the tests reject, and the intervals cover, as often as they say? Simulated with fixed streams.
 *
 * Bootstrap intervals of few units are known to cover too little; their bounds are centred on the known shortfall.
 */
import { expect, test } from "vitest";
import { type RandomStream, randomStream } from "../../src/base/random.ts";
import {
  agrestiCoull,
  bootstrap,
  clopperPearson,
  fisherZ,
  hierarchicalBootstrap,
  type Interval,
  jeffreys,
  logBeta,
  mean,
  normalSf,
  oneWayAnova,
  pearson,
  sd,
  signFlip,
  tInterval,
  tost,
  tQuantile,
  tTest,
  twoWayAnova,
  wilson,
} from "../../src/stats/index.ts";
import { ALPHA, contains, expectShare, fourErrors, normals, share } from "./calibrate.ts";

test("F tests of nothing reject at their level: one-way unbalanced, and all three of two-way", () => {
  const runs = 4000;
  const oneWay = share("one-way", runs, (stream) => {
    const { between } = oneWayAnova([normals(stream, 3), normals(stream, 5), normals(stream, 8)]);
    return between.logP < Math.log(ALPHA);
  });
  expectShare(oneWay, ALPHA, runs);
  for (const effect of ["a", "b", "interaction"] as const)
    expectShare(
      share(`two-way ${effect}`, runs, (stream) => {
        const cells = normals(stream, 24);
        return twoWayAnova(cells, [3, 4, 2])[effect].logP < Math.log(ALPHA);
      }),
      ALPHA,
      runs,
    );
});

test("eta² of nothing averages (k−1)/(N−1), while epsilon² averages 0", () => {
  const runs = 4000;
  const stream = randomStream("calibration", "eta2");
  const effects = Array.from(
    { length: runs },
    () => oneWayAnova([normals(stream, 6), normals(stream, 6), normals(stream, 6)]).between,
  );
  const eta2 = effects.map((e) => e.eta2);
  const epsilon2 = effects.map((e) => e.epsilon2);
  expect(Math.abs(mean(eta2) - 2 / 17)).toBeLessThan((4 * sd(eta2)) / Math.sqrt(runs));
  expect(Math.abs(mean(epsilon2))).toBeLessThan((4 * sd(epsilon2)) / Math.sqrt(runs));
});

test("t and sign-flip tests of nothing reject at their level; the sign-flip test at its attainable one", () => {
  const runs = 3000;
  expectShare(
    share("t", runs, (stream) => tTest(normals(stream, 5)).p < ALPHA),
    ALPHA,
    runs,
  );
  // with n = 8 there are 128 equally likely p-values k/128: 6 of them are at most .05
  expectShare(
    share("sign flip", runs, (stream) => signFlip(normals(stream, 8)).p <= ALPHA),
    6 / 128,
    runs,
  );
  // drawn, with B = 99: p ≤ .05 with probability exactly 5/100
  const drawn = share(
    "drawn signs",
    runs,
    (stream) => signFlip(normals(stream, 20), { stream, resamples: 99 }).p <= ALPHA,
  );
  expectShare(drawn, ALPHA, runs);
});

test("equivalence is claimed at most at level alpha when the truth is on the margin", () => {
  const runs = 3000;
  const claims = share("tost", runs, (stream) => tost(normals(stream, 20, 1), { margin: 1 }).equivalent);
  // with margins ±1 around sd 1 and n = 20 the far test practically always rejects, so the level is attained
  expectShare(claims, ALPHA, runs);
});

test("t intervals cover the mean of normal data at 95%, for five seeds and for thirty", () => {
  const runs = 4000;
  for (const n of [5, 30])
    expectShare(
      share(`t interval ${n}`, runs, (stream) => contains(tInterval(normals(stream, n)), 0)),
      0.95,
      runs,
    );
});

/** Exact coverage of a proportion interval at p: Σ_x P(x) over the x whose interval contains p. */
function coverage(interval: (x: number, n: number) => Interval, n: number): (p: number) => number {
  const limits = Array.from({ length: n + 1 }, (_, x) => interval(x, n));
  return (p) =>
    limits.reduce((total, limit, x) => {
      const logChoose = -Math.log(n + 1) - logBeta(x + 1, n - x + 1);
      const probability = Math.exp(logChoose + x * Math.log(p) + (n - x) * Math.log1p(-p));
      return contains(limit, p) ? total + probability : total;
    }, 0);
}

test("proportion intervals cover as the literature says, computed exactly over a grid of p", () => {
  const grid = Array.from({ length: 999 }, (_, i) => (i + 1) / 1000);
  for (const n of [10, 25, 60]) {
    const exact = grid.map(coverage(clopperPearson, n));
    expect(Math.min(...exact)).toBeGreaterThanOrEqual(0.95 - 1e-12); // guaranteed for every p
    for (const method of [wilson, jeffreys]) {
      // Brown, Cai & DasGupta 2001: on average over p within 1% of nominal, with dips near the ends
      const covered = grid.map(coverage(method, n));
      expect(Math.abs(mean(covered) - 0.95)).toBeLessThan(0.01);
      expect(mean(covered)).toBeLessThan(mean(exact));
      expect(Math.min(...covered)).toBeGreaterThan(0.82);
    }
    const wide = grid.map(coverage(agrestiCoull, n)); // without those dips, at the price of 1% more on average
    expect(Math.min(...wide)).toBeGreaterThan(0.92);
    expect(mean(wide)).toBeLessThan(0.98);
  }
});

test("Fisher's interval covers the correlation of normal pairs", () => {
  const runs = 4000;
  const rho = 0.6;
  const covered = share("fisher", runs, (stream) => {
    const x = normals(stream, 20);
    const y = x.map((value) => rho * value + Math.sqrt(1 - rho * rho) * stream.normal());
    return contains(fisherZ(pearson(x, y), 20), rho);
  });
  expectShare(covered, 0.95, runs);
});

/** P(|T_{n−1}| < z √((n−1)/n)): what a normal interval with the plug-in standard error covers. */
function plugInCoverage(n: number): number {
  const bound = 1.959963984540054 * Math.sqrt((n - 1) / n);
  let [low, high] = [0.5, 1];
  while (high - low > 1e-9) {
    const middle = (low + high) / 2;
    if (tQuantile(middle, n - 1) < bound) low = middle;
    else high = middle;
  }
  return 2 * low - 1;
}

test("bootstrap intervals of a mean cover too little for few seeds, by the known amount", () => {
  const runs = 1000;
  const resamples = 400;
  for (const n of [5, 30]) {
    const intervals = (stream: RandomStream) => bootstrap(normals(stream, n), mean, { stream, resamples });
    // the percentile interval is close to x̄ ± z s√((n−1)/n)/√n, without the t correction: .85 and .94
    const known = plugInCoverage(n);
    let [percentile, bca] = [0, 0];
    share(`bootstrap ${n}`, runs, (stream) => {
      const got = intervals(stream);
      if (contains(got.percentile, 0)) percentile++;
      if (contains(got.bca, 0)) bca++;
      return true;
    });
    // 400 resamples and the discreteness of 5 units move the ends a little further: 1.5% beyond sampling error
    const slack = fourErrors(known, runs) + 0.015;
    expect(Math.abs(percentile / runs - known), `percentile, n = ${n}`).toBeLessThan(slack);
    expect(Math.abs(bca / runs - known), `BCa, n = ${n}`).toBeLessThan(slack);
  }
});

test("BCa covers a skewed mean better than the percentile interval, and both too little at n = 15", () => {
  const runs = 1000;
  let [percentile, bca] = [0, 0];
  share("skewed", runs, (stream) => {
    // mean of 15 squared normals: a χ² shape, whose upper end the percentile interval misses
    const squares = normals(stream, 15).map((z) => z * z);
    const got = bootstrap(squares, mean, { stream, resamples: 400 });
    if (contains(got.percentile, 1)) percentile++;
    if (contains(got.bca, 1)) bca++;
    return true;
  });
  expect(bca).toBeGreaterThan(percentile);
  expect(bca / runs).toBeLessThan(0.95 - fourErrors(0.95, runs));
  expect(percentile / runs).toBeGreaterThan(0.8);
});

test("the hierarchical bootstrap covers the mean over seeds, where units taken as independent fail", () => {
  const runs = 400;
  const [seeds, units, icc] = [20, 6, 0.8];
  let [grouped, both, naive] = [0, 0, 0];
  const grandMean = (groups: readonly (readonly number[])[]) => mean(groups.map(mean));
  share("hierarchical", runs, (stream) => {
    const groups = Array.from({ length: seeds }, () => {
      const intercept = Math.sqrt(icc) * stream.normal();
      return Array.from({ length: units }, () => intercept + Math.sqrt(1 - icc) * stream.normal());
    });
    const options = { stream, resamples: 200 };
    if (contains(hierarchicalBootstrap(groups, grandMean, options).percentile, 0)) grouped++;
    if (contains(hierarchicalBootstrap(groups, grandMean, { ...options, resampleUnits: true }).percentile, 0))
      both++;
    if (contains(tInterval(groups.flat()), 0)) naive++;
    return true;
  });
  const known = plugInCoverage(seeds); // .93: the seeds are all that counts
  expect(Math.abs(grouped / runs - known)).toBeLessThan(fourErrors(known, runs) + 0.02);
  expect(both).toBeGreaterThanOrEqual(grouped - runs * 0.02);
  // the design effect 1 + 5·.8 = 5 shrinks a nominal 1.96 to 1.96/√5: 62% coverage
  const wrong = 1 - 2 * normalSf(1.96 / Math.sqrt(1 + (units - 1) * icc));
  expect(Math.abs(naive / runs - wrong)).toBeLessThan(fourErrors(wrong, runs) + 0.02);
});
