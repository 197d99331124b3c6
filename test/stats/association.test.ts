import fc from "fast-check";
import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import {
  assignment,
  averageRanks,
  cohenKappa,
  concordance,
  correlationP,
  debiasedCka,
  fisherZ,
  linearCka,
  pearson,
  spearman,
} from "../../src/stats/index.ts";
import { expectClose, expectFields, expectRelative } from "./close.ts";
import reference from "./fixtures/association.json" with { type: "json" };

const CLOSED_FORM = 1e-12;
const RUNS = { seed: 64, numRuns: 200 };

test("correlations, ranks, p-values and Fisher intervals agree with scipy", () => {
  for (const want of reference.correlations) {
    const { x, y } = want;
    const r = pearson(x, Float64Array.from(y));
    expectClose(r, want.pearson, CLOSED_FORM);
    expectRelative(correlationP(r, x.length), want.p, 1e-10);
    expectFields(fisherZ(r, x.length), want, ["low", "high"], CLOSED_FORM);
    expect(Array.from(averageRanks(x))).toEqual(want.ranks);
    expectClose(spearman(x, y), want.spearman, CLOSED_FORM);
    expectClose(concordance(x, y), want.concordance, CLOSED_FORM);
  }
  // a published worked value: r = .8892 of 7 pairs
  const { low, high } = fisherZ(0.889200087483, 7);
  expectClose(low, 0.412076108719, 1e-10);
  expectClose(high, 0.983612348469, 1e-10);
});

test("correlation keeps under gain and shift, concordance does not", () => {
  const x = [1, 2, 4, 3];
  const y = x.map((v) => 3 * v - 2);
  expectClose(pearson(x, y), 1, 1e-15);
  expectClose(
    pearson(
      x,
      x.map((v) => -v),
    ),
    -1,
    1e-15,
  );
  expect(concordance(x, x)).toBe(1);
  expectClose(concordance(x, y), (2 * 3 * 1.25) / (1.25 + 9 * 1.25 + (2.5 - 5.5) ** 2), 1e-15);
  expectClose(spearman(x, x.map(Math.exp)), 1, 1e-15);
  expectClose(pearson([0, 1e-150], [0, 1e-150]), 1, 1e-15); // the product of the two sums of squares would underflow
});

test("a list without variance has no correlation", () => {
  const flat = [0.1, 0.1, 0.1];
  for (const r of [pearson(flat, [1, 2, 3]), spearman([1, 2, 3], flat), pearson([], []), pearson([1], [2])])
    expect(r).toBeNaN();
  expect(concordance(flat, flat)).toBeNaN();
  expect(concordance(flat, [1, 2, 3])).toBe(0);
  expect(averageRanks([1, Number.NaN])).toEqual(new Float64Array(2).fill(Number.NaN));
  expect([correlationP(Number.NaN, 9), correlationP(0.5, 2)]).toEqual([Number.NaN, Number.NaN]);
  expect(correlationP(1, 5)).toBe(0);
  expect(fisherZ(0.5, 3)).toEqual({ estimate: 0.5, low: -1, high: 1 });
  expect(fisherZ(1, 9)).toEqual({ estimate: 1, low: 1, high: 1 });
  expect(fisherZ(Number.NaN, 9).low).toBeNaN();
  expect(() => pearson([1], [1, 2])).toThrow(
    "Pearson correlation: needs two lists of equal length; got 1 and 2.",
  );
});

test("assignment agrees with scipy, for a sum to maximise or minimise", () => {
  for (const { matrix, maximise, columns, sum } of reference.assignments) {
    const got = assignment(matrix, { maximise });
    expect(Array.from(got.columns)).toEqual(columns);
    expectClose(got.sum, sum, CLOSED_FORM);
  }
});

function permutations(n: number): number[][] {
  if (n === 0) return [[]];
  return permutations(n - 1).flatMap((p) => Array.from({ length: n }, (_, i) => p.toSpliced(i, 0, n - 1)));
}

test("no permutation of up to six units beats the assignment", () => {
  const square = fc.integer({ min: 0, max: 6 }).chain((n) => {
    const row = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: n, maxLength: n });
    return fc.array(row, { minLength: n, maxLength: n });
  });
  fc.assert(
    fc.property(square, fc.boolean(), (matrix, maximise) => {
      const got = assignment(matrix, { maximise });
      expect(Array.from(got.columns).sort()).toEqual(matrix.map((_, i) => i));
      const sums = permutations(matrix.length).map((p) => p.reduce((total, j, i) => total + matrix[i][j], 0));
      expect(got.sum).toBe(maximise ? Math.max(...sums) : Math.min(...sums));
    }),
    RUNS,
  );
});

test("assignment finds a hidden permutation of noisy units", () => {
  const stream = randomStream("assignment");
  const n = 64;
  const hidden = stream.permutation(n);
  const matrix = Array.from({ length: n }, (_, i) =>
    Float64Array.from({ length: n }, (_, j) => (hidden[i] === j ? 0.9 : 0) + 0.1 * stream.uniform()),
  );
  expect(assignment(matrix).columns).toEqual(hidden);
});

test("a matrix that cannot be matched is refused by its entry", () => {
  expect(() =>
    assignment([
      [1, 2],
      [Number.NaN, 0],
    ]),
  ).toThrow("assignment, matrix[1][0]: must be finite; got NaN.");
  expect(() => assignment([[1, 2]])).toThrow("must be square; got 1 rows, row 0 with 2 columns.");
});

test("kappa and its standard error agree with the reference", () => {
  const { table, ...want } = reference.kappa;
  expectFields(cohenKappa(table), want, ["estimate", "standardError", "observed", "expected"], CLOSED_FORM);
});

test("kappa is 1 on the diagonal, 0 at the product of the marginals, undefined for one class", () => {
  expect(
    cohenKappa([
      [3, 0],
      [0, 5],
    ]),
  ).toMatchObject({ estimate: 1, standardError: 0 });
  expectClose(
    cohenKappa([
      [4, 8],
      [6, 12],
    ]).estimate,
    0,
    1e-15,
  );
  expectClose(
    cohenKappa([
      [0, 5],
      [5, 0],
    ]).estimate,
    -1,
    1e-15,
  );
  expect(
    cohenKappa([
      [7, 0],
      [0, 0],
    ]).estimate,
  ).toBeNaN();
  expect(
    cohenKappa([
      [0, 0],
      [0, 0],
    ]).estimate,
  ).toBeNaN();
  expect(() => cohenKappa([[1, 2]])).toThrow("must be square");
  expect(() => cohenKappa([[-1]])).toThrow("table[0][0]");
});

test("CKA and debiased CKA agree with the reference on both worked examples", () => {
  for (const { x, y, linear, debiased } of reference.cka) {
    expectClose(linearCka(x, y), linear, CLOSED_FORM);
    expectClose(debiasedCka(x, y), debiased, CLOSED_FORM);
  }
  // one feature each: the squared correlation, here rational
  expectClose(linearCka([[0], [1], [2]], [[0], [1], [3]]), 27 / 28, 1e-15);
});

test("CKA ignores rotation, scale and shift, and is 1 of a representation with itself", () => {
  const { x, y } = reference.cka[1];
  const [c, s] = [Math.cos(1), Math.sin(1)];
  const moved = x.map(([a, b]) => [3 * (c * a - s * b) + 1, 3 * (s * a + c * b) - 7]);
  for (const cka of [linearCka, debiasedCka]) {
    expectClose(cka(x, x), 1, CLOSED_FORM);
    expectClose(cka(moved, y), cka(x, y), CLOSED_FORM);
    expectClose(cka(y, x), cka(x, y), CLOSED_FORM);
  }
});

test("debiasing removes the floor of unrelated representations", () => {
  const stream = randomStream("cka");
  const noise = () =>
    Array.from({ length: 40 }, () => Float64Array.from({ length: 60 }, () => stream.normal()));
  const pairs = Array.from({ length: 20 }, () => [noise(), noise()] as const);
  const average = (cka: typeof linearCka) =>
    pairs.reduce((total, [x, y]) => total + cka(x, y), 0) / pairs.length;
  expect(average(linearCka)).toBeGreaterThan(0.5);
  expect(Math.abs(average(debiasedCka))).toBeLessThan(0.02); // its standard deviation over pairs is near 0.02
});

test("CKA is undefined without variance or samples, and refuses other samples", () => {
  const flat = [
    [1, 1],
    [1, 1],
    [1, 1],
    [1, 1],
  ];
  const { x } = reference.cka[0];
  expect(linearCka(flat, [[1], [2], [3], [4]])).toBeNaN();
  expect(debiasedCka(flat, [[1], [2], [3], [4]])).toBeNaN();
  expect(debiasedCka([[1], [2], [4]], [[1], [2], [5]])).toBeNaN();
  expect(linearCka([], [])).toBeNaN();
  expect(() => linearCka(x, x.slice(1))).toThrow("both representations need the same samples; got 5 and 4.");
  expect(() => linearCka([[1], [1, 2]], [[1], [2]])).toThrow("1 in sample 0, 2 in sample 1");
});
