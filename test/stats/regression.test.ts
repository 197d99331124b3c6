import fc from "fast-check";
import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import {
  averageRanks,
  blomqvist,
  correlationP,
  cosine,
  disattenuated,
  fisherZ,
  kendall,
  leaveTopOut,
  linearRegression,
  meanCorrelation,
  oldham,
  partialCorrelation,
  partialSpearman,
  pearson,
  spearman,
  spearmanBrown,
  tInterval,
} from "../../src/stats/index.ts";
import { ALPHA, contains, expectRate, fourErrors, normals } from "./calibrate.ts";
import { expectClose, expectFields, expectRelative } from "./close.ts";
import reference from "./fixtures/comparisons.json" with { type: "json" };

const CLOSED_FORM = 1e-12;
const RUNS = { seed: 1962, numRuns: 200 };

test("regression lines, Kendall's tau and cosines agree with SciPy", () => {
  for (const { x, y, ...want } of reference.lines) {
    const got = linearRegression(x, Float64Array.from(y));
    expectFields(got, want, ["estimate", "intercept", "r2", "standardError", "low", "high"], 1e-11);
    expectClose(kendall(x, y), want.kendall, CLOSED_FORM);
    expectClose(cosine(x, y), want.cosine, CLOSED_FORM);
    expectClose(got.r2, pearson(x, y) ** 2, CLOSED_FORM);
  }
});

test("Oldham's correlation and Blomqvist's slope agree with their definitions in SciPy", () => {
  for (const { x, y, oldham: r, oldhamP, reliability, blomqvist: slope } of reference.lines) {
    expectClose(oldham(x, y).r, r, CLOSED_FORM);
    expectRelative(oldham(x, y).p, oldhamP, 1e-10);
    expectClose(blomqvist(x, y, { reliability }).estimate, slope, CLOSED_FORM);
    const plain = linearRegression(x, y);
    expectClose(blomqvist(x, y, { reliability: 1 }).low, plain.low - 1, CLOSED_FORM);
  }
});

test("leaving the top out agrees with a regression that gives the top its own constant", () => {
  for (const { x, y, top, ...want } of reference.topOut) {
    const got = leaveTopOut(x, y, { top });
    expectFields(got, want, ["estimate", "low", "high"], 1e-10); // the reference inverts the normal equations
    expectClose(got.observed - got.predicted, got.estimate, CLOSED_FORM);
  }
  expect(leaveTopOut([1, 2, 3, 4], [2, 4, 6, 9], { top: 1 })).toMatchObject({ observed: 9, predicted: 8 });
  expect(leaveTopOut([1, 2, 3], [1, 2, 3], { top: 1 }).low).toBeNaN();
  expect(() => leaveTopOut([1, 2], [1, 2], { top: 2 })).toThrow(
    "top: must be a whole number, 1 to 1; got 2.",
  );
});

test("partial correlations agree with the inverse of the correlation matrix", () => {
  for (const { x, y, controls, pearson: r, spearman: rho } of reference.partial) {
    expectClose(partialCorrelation(x, y, controls), r, CLOSED_FORM);
    expectClose(partialSpearman(x, y, controls), rho, CLOSED_FORM);
    expectClose(partialCorrelation(x, y, []), pearson(x, y), CLOSED_FORM);
    // controls that add nothing: a constant, and the sum of two others
    const idle = [...controls, x.map(() => 3), controls[0].map((v, i) => 2 * v + (controls[1]?.[i] ?? 0))];
    expectClose(partialCorrelation(x, y, idle), r, 1e-11);
    expectClose(
      partialSpearman(x, y, controls),
      partialCorrelation(averageRanks(x), averageRanks(y), controls.map(averageRanks)),
      0,
    );
  }
});

test("one control gives the textbook's formula", () => {
  const list = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(list, list, list, (x, y, z) => {
      const [xy, xz, yz] = [pearson(x, y), pearson(x, z), pearson(y, z)];
      fc.pre(Math.abs(xz) < 0.99 && Math.abs(yz) < 0.99 && !Number.isNaN(xy));
      expectClose(
        partialCorrelation(x, y, [z]),
        (xy - xz * yz) / Math.sqrt((1 - xz ** 2) * (1 - yz ** 2)),
        1e-10,
      );
    }),
    RUNS,
  );
});

test("what the controls explain completely has no partial correlation", () => {
  const [x, y] = [
    [1, 2, 4, 3, 7],
    [2, 1, 5, 6, 3],
  ];
  expect(partialCorrelation(x, y, [x.map((v) => 3 * v - 1)])).toBeNaN();
  expect(partialCorrelation(x, [1, 1, 1, 1, 1], [y])).toBeNaN();
  expect(partialCorrelation(x, y, [[1, 2, Number.NaN, 4, 5]])).toBeNaN();
  expect(partialCorrelation([1, Number.NaN, 3, 4, 5], y, [[1, 2, 4, 4, 5]])).toBeNaN();
  expect(() => partialCorrelation(x, y, [[1]])).toThrow(
    "partial correlation, control 0: needs two lists of equal length; got 5 and 1.",
  );
});

test("reliabilities: Spearman–Brown steps, and correlations corrected for noise", () => {
  expectClose(spearmanBrown(0.6), 0.75, CLOSED_FORM);
  expectClose(spearmanBrown(spearmanBrown(0.6), 0.5), 0.6, CLOSED_FORM);
  expectClose(spearmanBrown(0.3, 4), spearmanBrown(spearmanBrown(0.3)), CLOSED_FORM);
  expect([spearmanBrown(1), spearmanBrown(0), spearmanBrown(Number.NaN)]).toEqual([1, 0, Number.NaN]);
  // a published value, above 1 on purpose
  expectClose(disattenuated(Math.sqrt(0.888074133425), 0.9, 0.8), 1.110601772205, 1e-11);
  expect(disattenuated(0.5, -0.1, 0.9)).toBeNaN();
  expect(() => spearmanBrown(2)).toThrow("Spearman–Brown, correlation");
});

test("Spearman–Brown foretells the reliability of the whole", () => {
  const stream = randomStream("halves");
  const truth = normals(stream, 4000);
  const noisy = () => truth.map((value) => value + stream.normal());
  const [a, b, c, d] = [noisy(), noisy(), noisy(), noisy()];
  const whole = pearson(
    a.map((v, i) => v + b[i]),
    c.map((v, i) => v + d[i]),
  );
  // both sides have a standard error near (1 − r²)/√n = .01
  expect(Math.abs(spearmanBrown(pearson(a, b)) - whole)).toBeLessThan(0.05);
  expect(Math.abs(disattenuated(pearson(a, b), 0.5, 0.5) - 1)).toBeLessThan(0.1);
});

test("change against baseline is negative from noise alone; Oldham and Blomqvist are not fooled", () => {
  const stream = randomStream("rtm");
  const truth = normals(stream, 5000);
  const [x, y] = [truth.map((v) => v + 0.5 * stream.normal()), truth.map((v) => v + 0.5 * stream.normal())];
  const change = x.map((v, i) => y[i] - v);
  expect(pearson(change, x)).toBeLessThan(-0.25); // −√(λ/2), λ = .2
  expect(Math.abs(oldham(x, y).r)).toBeLessThan(4 / Math.sqrt(5000));
  const corrected = blomqvist(x, y, { reliability: 0.8 });
  expect(contains(corrected, 0)).toBe(true);
  expectClose(
    pearson(
      normals(stream, 5000).map((v, i) => truth[i] - v),
      truth,
    ),
    Math.SQRT1_2,
    0.03,
  ); // unrelated lists: √½
});

test("the mean correlation over seeds is the t interval of Fisher's z", () => {
  const correlations = [0.5, 0.7, 0.62, 0.4, -0.1];
  const z = tInterval(correlations.map(Math.atanh), 0.9);
  const got = meanCorrelation(correlations, 0.9);
  expectFields(
    got,
    { estimate: Math.tanh(z.estimate), low: Math.tanh(z.low), high: Math.tanh(z.high) },
    ["estimate", "low", "high"],
    CLOSED_FORM,
  );
  expect(meanCorrelation([0.3])).toEqual({ estimate: Math.tanh(Math.atanh(0.3)), low: -1, high: 1 });
  expect(meanCorrelation([0.3, 1]).estimate).toBeNaN();
  expect(() => meanCorrelation([0.3, 2])).toThrow("mean correlation, correlation 1");
  expect(() => meanCorrelation([])).toThrow("needs at least 1 values");
});

test("lines without a slope and lists without an order give NaN", () => {
  expect(linearRegression([2, 2, 2], [1, 2, 3]).estimate).toBeNaN();
  expect(linearRegression([1], [1]).low).toBeNaN();
  expect(linearRegression([1, 2], [1, 3])).toMatchObject({ estimate: 2, low: -1 / 0, high: 1 / 0, df: 0 });
  expect(linearRegression([1, 2, 3], [5, 5, 5])).toMatchObject({ estimate: 0, r2: Number.NaN });
  for (const value of [
    kendall([1, 1], [1, 2]),
    kendall([1], [1]),
    cosine([0, 0], [1, 2]),
    oldham([1, 2], [1, 2]).r,
  ])
    expect(value).toBeNaN();
  expect(kendall([1, 2, 3], [9, 5, 1])).toBe(-1);
  expect(cosine([3, 0], [4, 0])).toBe(1);
  expect(() => blomqvist([1, 2], [1, 2], { reliability: 0 })).toThrow("reliability");
  expect(() => linearRegression([1, 2], [1])).toThrow("linear regression: needs two lists");
  expect(() => oldham([1, 2], [1])).toThrow("Oldham's method: needs two lists");
});

test("intervals of slopes, of true change, of the top's surplus and of correlations cover", () => {
  const runs = 1500;
  expectRate("slope", 0.95, { runs }, (s) => {
    const x = normals(s, 8);
    return contains(
      linearRegression(
        x,
        x.map((v) => 0.7 * v + s.normal()),
      ),
      0.7,
    );
  });
  expectRate("Blomqvist", 0.95, { runs }, (s) => {
    const truth = normals(s, 15);
    const x = truth.map((v) => v + 0.5 * s.normal());
    const y = truth.map((v) => 0.6 * v + 0.5 * s.normal());
    return contains(blomqvist(x, y, { reliability: 0.8 }), 0.6 - 1);
  });
  expectRate("leave top out", 0.95, { runs }, (s) => {
    const x = normals(s, 16);
    return contains(
      leaveTopOut(
        x,
        x.map((v) => 0.5 * v + s.normal()),
        { top: 4 },
      ),
      0,
    );
  });
  expectRate("mean correlation", 0.95, { runs: 500, slack: 0.01 }, (s) => {
    // eight seeds of 40 units with correlation .5: z is close to normal, with a bias of r/(2(n−1))
    const seeds = Array.from({ length: 8 }, () => {
      const x = normals(s, 40);
      return pearson(
        x,
        x.map((v) => 0.5 * v + Math.sqrt(0.75) * s.normal()),
      );
    });
    return contains(meanCorrelation(seeds), 0.5);
  });
  // partial: one control fewer in n
  expectRate("partial Fisher", 0.95, { runs, slack: 0.01 }, (s) => {
    const z = normals(s, 25);
    const x = z.map((v) => v + s.normal());
    const y = z.map((v, i) => v + 0.6 * (x[i] - v) + 0.8 * s.normal());
    return contains(fisherZ(partialCorrelation(x, y, [z]), 24), 0.6);
  });
});

test("tests of no correlation and of equal variances reject at their level", () => {
  const runs = 1500;
  expectRate(
    "pearson p",
    ALPHA,
    { runs },
    (s) => correlationP(pearson(normals(s, 9), normals(s, 9)), 9) < ALPHA,
  );
  expectRate(
    "spearman p",
    ALPHA,
    { runs, slack: 0.006 },
    (s) => correlationP(spearman(normals(s, 15), normals(s, 15)), 15) < ALPHA,
  );
  expectRate("partial p", ALPHA, { runs }, (s) => {
    const controls = [normals(s, 12), normals(s, 12)];
    const related = () => controls[0].map((v, i) => v - controls[1][i] + s.normal());
    return correlationP(partialCorrelation(related(), related(), controls), 10) < ALPHA;
  });
  expectRate("oldham", ALPHA, { runs }, (s) => {
    const truth = normals(s, 10);
    return (
      oldham(
        truth.map((v) => v + s.normal()),
        truth.map((v) => v + s.normal()),
      ).p < ALPHA
    );
  });
  // the naive test of change against baseline rejects far too often on the same data
  const naive = randomStream("naive");
  let rejected = 0;
  for (let run = 0; run < 300; run++) {
    const [x, y] = [normals(naive, 10), normals(naive, 10)];
    if (
      correlationP(
        pearson(
          x.map((v, i) => y[i] - v),
          x,
        ),
        10,
      ) < ALPHA
    )
      rejected++;
  }
  expect(rejected / 300).toBeGreaterThan(0.5 - fourErrors(0.5, 300));
});
