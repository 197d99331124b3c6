import fc from "fast-check";
import { expect, test } from "vitest";
import { type RandomStream, randomStream } from "../../src/base/random.ts";
import {
  adjustedRand,
  chanceCorrected,
  cohenKappa,
  cramersV,
  crossTabulate,
  jaccard,
  type KappaWeights,
  mantelHaenszel,
  mcNemar,
  mean,
  type Stratum,
  shapleySplit,
  stuartMaxwell,
} from "../../src/stats/index.ts";
import { ALPHA, contains, expectRate } from "./calibrate.ts";
import { expectClose, expectFields, expectRelative } from "./close.ts";
import reference from "./fixtures/classes.json" with { type: "json" };

const CLOSED_FORM = 1e-12;
const DERIVATIVES = 1e-8; // the reference's central differences with a step of 1e-5
const RUNS = { seed: 1960, numRuns: 100 };

test("kappa, plain and weighted, agrees with scikit-learn, and its error with the delta method", () => {
  for (const { table, kappa } of reference.square)
    for (const [weights, want] of Object.entries(kappa)) {
      const got = cohenKappa(table, { weights: (weights === "None" ? "none" : weights) as KappaWeights });
      expectClose(got.estimate, want.estimate, CLOSED_FORM, weights);
      expectClose(got.standardError, want.standardError, DERIVATIVES, weights);
    }
  const { table } = reference.square[0];
  expectClose(cohenKappa(table, { weights: "linear" }).estimate, 0.609665427509, 1e-11);
  expectClose(cohenKappa(table).standardError, 0.081804177529, 1e-10); // printed to nine digits
});

test("quadratic kappa of two classes is the plain one, and a step to the next class costs less than a far one", () => {
  const two = [
    [12, 3],
    [5, 9],
  ];
  for (const weights of ["linear", "quadratic"] as const)
    expectFields(cohenKappa(two, { weights }), cohenKappa(two), ["estimate", "standardError"], CLOSED_FORM);
  const near = [
    [8, 2, 0],
    [0, 8, 2],
    [2, 0, 8],
  ];
  const far = [
    [8, 0, 2],
    [2, 8, 0],
    [0, 2, 8],
  ];
  expect(cohenKappa(near).estimate).toBe(cohenKappa(far).estimate);
  expect(cohenKappa(near, { weights: "linear" }).estimate).toBeCloseTo(
    cohenKappa(far, { weights: "linear" }).estimate,
    12,
  );
  const mixed = [
    [8, 2, 0],
    [1, 8, 1],
    [0, 2, 8],
  ];
  expect(cohenKappa(mixed, { weights: "quadratic" }).estimate).toBeGreaterThan(cohenKappa(mixed).estimate);
});

test("the adjusted Rand index agrees with scikit-learn, also for partitions of different sizes", () => {
  for (const { table, adjustedRand: want } of reference.square)
    expectClose(adjustedRand(table), want, CLOSED_FORM);
  for (const { table, value } of reference.rand) expectClose(adjustedRand(table), value, CLOSED_FORM);
  expectClose(adjustedRand(reference.square[0].table), 0.303690932416, 1e-11);
  expect(
    adjustedRand([
      [0, 7],
      [4, 0],
    ]),
  ).toBe(1); // other names, same partition
  expect([adjustedRand([[9]]), adjustedRand([])]).toEqual([Number.NaN, Number.NaN]);
});

test("Cramér's V and its chi-squared test agree with SciPy", () => {
  for (const { table, cramersV: want } of reference.square) {
    const got = cramersV(table);
    expectFields(got, want, ["estimate", "chi2", "df"], CLOSED_FORM);
    expectRelative(got.p, want.p, 1e-10);
    expect(got.corrected).toBeLessThan(got.estimate);
    const padded = [...table.map((row) => [...row, 0]), new Array(table.length + 1).fill(0)];
    expectFields(cramersV(padded), got, ["estimate", "corrected", "chi2", "df"], CLOSED_FORM);
  }
  const { estimate, chi2, p } = cramersV(reference.square[0].table);
  expectFields(
    { estimate, chi2 },
    { estimate: 0.566416140081, chi2: 44.915814124147 },
    ["estimate", "chi2"],
    1e-11,
  );
  expectRelative(p, 4.139464373469e-9, 1e-10);
  expect(
    cramersV([
      [5, 0],
      [0, 5],
    ]),
  ).toMatchObject({ estimate: 1, corrected: 1 });
  expect(
    cramersV([
      [5, 5],
      [5, 5],
    ]),
  ).toMatchObject({ estimate: 0, corrected: 0, p: 1 });
  expect(
    cramersV([
      [3, 0],
      [4, 0],
    ]),
  ).toMatchObject({ estimate: Number.NaN, df: 0, p: Number.NaN });
});

test("Stuart–Maxwell agrees with solving the reduced system, and with two classes is McNemar's chi-squared", () => {
  for (const { table, stuartMaxwell: want } of reference.square)
    expectFields(stuartMaxwell(table), want, ["chi2", "df", "p"], 1e-11);
  expectClose(
    stuartMaxwell([
      [50, 3],
      [11, 20],
    ]).chi2,
    (11 - 3) ** 2 / 14,
    CLOSED_FORM,
  );
  expect(
    stuartMaxwell([
      [5, 0],
      [0, 7],
    ]),
  ).toEqual({ chi2: 0, df: 0, p: 1 });
  expect(stuartMaxwell([])).toEqual({ chi2: 0, df: 0, p: 1 });
});

test("classes without moves add no degree of freedom, and separate groups of classes add their statistics", () => {
  const counts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 13, maxLength: 13 });
  fc.assert(
    fc.property(counts, ([a, b, c, d, e, f, g, h, i, p, q, r, s]) => {
      const [three, two] = [
        [
          [a, b, c],
          [d, e, f],
          [g, h, i],
        ],
        [
          [p, q],
          [r, s],
        ],
      ];
      const joint = [
        ...three.map((row) => [...row, 0, 0, 0]),
        ...two.map((row) => [0, 0, 0, ...row, 0]),
        [0, 0, 0, 0, 0, 4],
      ];
      const [whole, first, second] = [joint, three, two].map(stuartMaxwell);
      expect(whole.df).toBe(3);
      expectClose(whole.chi2, first.chi2 + second.chi2, 1e-10);
    }),
    RUNS,
  );
});

test("McNemar's exact p agrees with SciPy's binomial test", () => {
  for (const { b, c, p } of reference.mcnemar) expectRelative(mcNemar(b, c), p, CLOSED_FORM);
  expect(mcNemar(1, 7) / 2).toBeCloseTo(0.03515625, 14); // one-sided
  expect(mcNemar(0, 0)).toBe(1);
  expect(mcNemar(0, 5)).toBeCloseTo(1 / 16, 14);
});

test("the Mantel–Haenszel odds ratio agrees with exact fractions, and does not fall for Simpson's paradox", () => {
  for (const { strata, ...want } of reference.mantelHaenszel)
    expectFields(
      mantelHaenszel(strata as unknown as Stratum[]),
      want,
      ["estimate", "low", "high"],
      CLOSED_FORM,
    );
  // no effect in either seed, an odds ratio of 5 when they are thrown together
  const seeds: Stratum[] = [
    [
      [90, 10],
      [9, 1],
    ],
    [
      [1, 9],
      [10, 90],
    ],
  ];
  expectClose(mantelHaenszel(seeds).estimate, 1, CLOSED_FORM);
  expect(
    mantelHaenszel([
      [
        [3, 0],
        [0, 4],
      ],
    ]),
  ).toEqual({ estimate: 1 / 0, low: 0, high: 1 / 0 });
  expect(
    mantelHaenszel([
      [
        [0, 3],
        [2, 0],
      ],
    ]),
  ).toEqual({ estimate: 0, low: 0, high: 1 / 0 });
  expect(
    mantelHaenszel([
      [
        [0, 0],
        [2, 1],
      ],
      [
        [0, 0],
        [0, 0],
      ],
    ]).low,
  ).toBeNaN();
});

function mask(n: number, members: Iterable<number>): Uint8Array {
  const out = new Uint8Array(n);
  for (const i of members) out[i] = 1;
  return out;
}

test("Jaccard's index and its hypergeometric expectation agree with SciPy", () => {
  for (const { n, a, b, both, ...want } of reference.jaccard) {
    const first = mask(
      n,
      Array.from({ length: a }, (_, i) => i),
    );
    const second = mask(
      n,
      Array.from({ length: b }, (_, i) => a - both + i),
    );
    const got = jaccard(first, second);
    expectFields(got, want, ["estimate", "expected", "expectedOverlap"], CLOSED_FORM);
    expectRelative(got.p, want.p, 1e-10);
    expect(got.overlap).toBe(both);
    expectFields(jaccard(second, first), got, ["estimate", "expected", "p"], CLOSED_FORM);
  }
  expect(jaccard([true, false], [true, true]).estimate).toBe(0.5);
  expectClose(jaccard([0, 0], [0, 0]).p, 1, CLOSED_FORM);
  expect(jaccard([0, 0], [0, 0])).toMatchObject({ estimate: Number.NaN, expected: Number.NaN });
});

test("the expected Jaccard index is the mean over random sets", () => {
  const stream = randomStream("jaccard");
  const [n, a, b, runs] = [20, 6, 9, 2000];
  const draws = Array.from({ length: runs }, () =>
    jaccard(mask(n, stream.permutation(n).subarray(0, a)), mask(n, stream.permutation(n).subarray(0, b))),
  );
  const values = draws.map((draw) => draw.estimate);
  const spread = Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)) / runs);
  expect(Math.abs(mean(values) - draws[0].expected)).toBeLessThan(4 * spread);
});

test("chance correction is 0 at chance and 1 at the ceiling", () => {
  expect(chanceCorrected(0.72, 0.32)).toEqual({ excess: 0.72 - 0.32, kappa: (0.72 - 0.32) / (1 - 0.32) });
  expect(chanceCorrected(0.4, 0.4).kappa).toBe(0);
  expect(chanceCorrected(0.94, 0.4, 0.94).kappa).toBe(1);
  expect(chanceCorrected(1, 1).kappa).toBeNaN();
  // kappa of a table is its chance-corrected agreement
  const { observed, expected, estimate } = cohenKappa(reference.square[0].table);
  expectClose(chanceCorrected(observed, expected).kappa, estimate, CLOSED_FORM);
});

test("a Shapley split adds up, is fair to equals, and halves what only both do", () => {
  // drift 1 − r of a deeper layer with its own weights and what is upstream swapped
  const drift = { neither: 0, first: 0.18, second: 0.25, both: 0.36 };
  const { first, second, interaction } = shapleySplit(drift);
  expectFields(
    { first, second, interaction },
    { first: 0.145, second: 0.215, interaction: -0.07 },
    ["first", "second", "interaction"],
    CLOSED_FORM,
  );
  expectClose(first + second, drift.both - drift.neither, CLOSED_FORM);
  expect(shapleySplit({ neither: 0, first: 0, second: 0, both: 1 })).toEqual({
    first: 0.5,
    second: 0.5,
    interaction: 1,
  });
});

test("items are counted by their pair of classes, and wrong classes are refused by item", () => {
  for (const { table, first, second } of reference.square)
    expect(crossTabulate(first, second, table.length)).toEqual(table.map((row) => Float64Array.from(row)));
  expect(() => crossTabulate([0, 2], [0, 1], 2)).toThrow(
    "first class of item 1: must be a whole number, 0 to 1; got 2.",
  );
  expect(() => crossTabulate([0], [0, 1], 2)).toThrow("two lists of equal length");
  expect(() => adjustedRand([[1, 2], [3]])).toThrow(
    "all rows of the table must have one length; got 2 rows, row 1 with 1",
  );
  expect(() => stuartMaxwell([[1, 2]])).toThrow("the table must be square");
  expect(() => cramersV([[1, -2]])).toThrow("Cramér's V, table[0][1]");
  expect(() => mcNemar(0.5, 1)).toThrow("only first: must be a whole number");
  expect(() => mantelHaenszel([])).toThrow("at least 1 strata");
});

/** A table of `n` items with the cell probabilities p. */
function drawTable(stream: RandomStream, n: number, p: readonly (readonly number[])[]): number[][] {
  const table = p.map((row) => row.map(() => 0));
  for (let item = 0; item < n; item++) {
    let u = stream.uniform();
    search: for (const [i, row] of p.entries())
      for (const [j, probability] of row.entries()) {
        u -= probability;
        if (u <= 0) {
          table[i][j]++;
          break search;
        }
      }
  }
  return table;
}

test("kappa's interval covers, and the tests of independence and of drift reject at their level", () => {
  const agreeing = [
    [0.3, 0.05, 0.05],
    [0.05, 0.2, 0.05],
    [0.05, 0.05, 0.2],
  ];
  for (const weights of ["none", "quadratic"] as const) {
    const truth = cohenKappa(agreeing, { weights }).estimate;
    expectRate(`kappa ${weights}`, 0.95, { runs: 1000, slack: 0.01 }, (stream) => {
      const { estimate, standardError } = cohenKappa(drawTable(stream, 200, agreeing), { weights });
      return Math.abs(estimate - truth) < 1.959964 * standardError;
    });
  }
  const rows = [0.5, 0.3, 0.2];
  const independent = rows.map((r) => [0.25, 0.35, 0.4].map((c) => r * c));
  expectRate(
    "chi-squared",
    ALPHA,
    { runs: 1500, slack: 0.005 },
    (stream) => cramersV(drawTable(stream, 120, independent)).p < ALPHA,
  );
  // symmetric moves: equal marginals
  expectRate(
    "Stuart–Maxwell",
    ALPHA,
    { runs: 1500, slack: 0.005 },
    (stream) => stuartMaxwell(drawTable(stream, 150, agreeing)).p < ALPHA,
  );
});

test("the corrected V of unrelated classes averages far less than the plain one", () => {
  const stream = randomStream("cramer");
  const uniform = Array.from({ length: 5 }, () => new Array(5).fill(1 / 25));
  const got = Array.from({ length: 300 }, () => cramersV(drawTable(stream, 64, uniform)));
  expect(mean(got.map((v) => v.estimate))).toBeGreaterThan(0.2);
  expect(mean(got.map((v) => v.corrected))).toBeLessThan(0.08);
});

/** P(X = k) of Binomial(n, ½). */
function fairCoin(n: number): number[] {
  let row = [1];
  for (let i = 0; i < n; i++) row = [...row, 0].map((value, k) => (value + (row[k - 1] ?? 0)) / 2);
  return row;
}

test("McNemar's test never rejects more often than its level, by its exact law", () => {
  for (const n of [4, 9, 25, 60])
    for (const alpha of [0.01, 0.05, 0.2]) {
      const rejected = fairCoin(n).reduce(
        (all, chance, k) => (mcNemar(k, n - k) <= alpha ? all + chance : all),
        0,
      );
      expect(rejected).toBeLessThanOrEqual(alpha);
    }
});

test("the Mantel–Haenszel interval covers the common odds ratio", () => {
  const odds = 2.5;
  expectRate("Mantel–Haenszel", 0.95, { runs: 1000, slack: 0.01 }, (stream) => {
    const strata = [0.2, 0.4, 0.6].map((base): Stratum => {
      const raised = (odds * base) / (1 - base + odds * base);
      const yes = (n: number, p: number) =>
        Array.from({ length: n }, () => stream.uniform()).filter((u) => u < p).length;
      const [a, c] = [yes(40, raised), yes(40, base)];
      return [
        [a, 40 - a],
        [c, 40 - c],
      ];
    });
    return contains(mantelHaenszel(strata), odds);
  });
});

test("the overlap test of random sets rejects at most at its level", () => {
  const rate = (stream: RandomStream) =>
    jaccard(
      mask(30, stream.permutation(30).subarray(0, 12)),
      mask(30, stream.permutation(30).subarray(0, 10)),
    ).p;
  // P(overlap ≥ 7) = .0397 is the largest attainable p below .05: C(12,k) C(18,10−k)/C(30,10)
  const attained = jaccard(
    mask(30, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    mask(30, [0, 1, 2, 3, 4, 5, 6, 20, 21, 22]),
  ).p;
  expect(attained).toBeLessThan(ALPHA);
  expectRate("overlap", attained, { runs: 2000 }, (stream) => rate(stream) <= ALPHA);
});
