import fc from "fast-check";
import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import type { DenseMatrix } from "../../src/interp/denseMatrix.ts";
import { eigenvalues } from "../../src/interp/eigenvalues.ts";
import {
  collapse,
  type FactoredMatrix,
  factoredEigenvalues,
  factoredMatrix,
  frobeniusNorm,
  rowOf,
  singularDecomposition,
} from "../../src/interp/factoredMatrix.ts";

/** Sums of some dozens of products of order 1. */
const FLOAT64 = 1e-12;

const random = (rows: number, columns: number, ...key: (string | number)[]): DenseMatrix => {
  const stream = randomStream("factored", rows, columns, ...key);
  return { rows, columns, data: Float64Array.from({ length: rows * columns }, () => stream.normal()) };
};
const at = ({ columns, data }: DenseMatrix, i: number, j: number) => data[i * columns + j];
function naive({ left, right }: FactoredMatrix): number[][] {
  return Array.from({ length: left.rows }, (_, i) =>
    Array.from({ length: right.columns }, (_, j) => {
      let sum = 0;
      for (let k = 0; k < left.columns; k++) sum += at(left, i, k) * at(right, k, j);
      return sum;
    }),
  );
}
/** Thin, square and wide factors; the last has more inner than outer numbers. */
const sizes = fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 }), fc.nat({ max: 8 }));

const forMatrices = (check: (matrix: FactoredMatrix) => void) =>
  fc.assert(
    fc.property(sizes, fc.nat({ max: 1000 }), ([rows, columns, less], seed) => {
      const inner = 1 + less;
      check(factoredMatrix(random(rows, inner, seed, "left"), random(inner, columns, seed, "right")));
    }),
    { seed: 11, numRuns: 150 },
  );

test("product, row and norm are those of the entries, one by one", () => {
  forMatrices((matrix) => {
    const entries = naive(matrix);
    expect(collapse(matrix).data.every((x, i) => Math.abs(x - entries.flat()[i]) < FLOAT64)).toBe(true);
    for (const [i, row] of entries.entries())
      expect(rowOf(matrix, i).every((x, j) => Math.abs(x - row[j]) < FLOAT64)).toBe(true);
    const norm = Math.sqrt(entries.flat().reduce((sum, x) => sum + x * x, 0));
    expect(Math.abs(frobeniusNorm(matrix) - norm)).toBeLessThan(1e-7 * Math.max(1, norm)); // squares are summed
  });
});

test("singular values and vectors make the matrix, are orthonormal and descend", () => {
  forMatrices((matrix) => {
    const entries = naive(matrix);
    const { values, left, right } = singularDecomposition(matrix);
    const { rows, columns: inner } = matrix.left;
    expect(values).toHaveLength(Math.min(rows, inner, matrix.right.columns));
    for (const [i, row] of entries.entries())
      for (const [j, value] of row.entries()) {
        const sum = values.reduce((total, s, k) => total + s * left[k][i] * right[k][j], 0);
        expect(Math.abs(sum - value)).toBeLessThan(FLOAT64 * 10);
      }
    for (const vectors of [left, right])
      for (const [a, u] of vectors.entries())
        for (const [b, v] of vectors.entries()) {
          const product = u.reduce((sum, x, i) => sum + x * v[i], 0);
          expect(Math.abs(product - (a === b ? 1 : 0))).toBeLessThan(FLOAT64);
        }
    expect([...values]).toEqual([...values].sort((a, b) => b - a));
    expect(values.every((value) => value >= 0)).toBe(true);
  });
});

test("the largest entry of a right singular vector is positive, whatever the signs of the factors", () => {
  forMatrices((matrix) => {
    const { right, left } = singularDecomposition(matrix);
    for (const v of right) expect(Math.max(...v)).toBeGreaterThanOrEqual(-Math.min(...v) * (1 - 1e-9));
    const negative = { ...matrix.left, data: matrix.left.data.map((x) => -x) };
    const turned = singularDecomposition(factoredMatrix(negative, matrix.right));
    for (const [i, v] of right.entries()) {
      expect(turned.right[i].every((x, j) => Math.abs(x - v[j]) < 1e-6)).toBe(true); // close values mix vectors
      expect(turned.left[i].every((x, j) => Math.abs(x + left[i][j]) < 1e-6)).toBe(true);
    }
  });
});

test("of entries that are equally large the first decides the sign", () => {
  const row = { rows: 1, columns: 4, data: Float64Array.of(-0.5, 0.5, 0.5 + 1e-13, -0.5) };
  const { right, left, values } = singularDecomposition(row);
  expect(right[0][0]).toBeGreaterThan(0);
  expect(left[0][0]).toBe(-1);
  expect(Math.abs(values[0] - 1)).toBeLessThan(FLOAT64);
});

test("eigenvalues of a product are those of the whole matrix, but for zeros", () => {
  for (const [rows, inner] of [
    [6, 2],
    [6, 6],
    [3, 5],
    [1, 4],
  ]) {
    const matrix = factoredMatrix(random(rows, inner, "a"), random(inner, rows, "b"));
    const own = factoredEigenvalues(matrix);
    const whole = eigenvalues(collapse(matrix));
    expect(own.re).toHaveLength(Math.min(rows, inner));
    for (let i = 0; i < rows; i++) {
      expect(Math.abs((own.re[i] ?? 0) - whole.re[i])).toBeLessThan(FLOAT64);
      expect(Math.abs((own.im[i] ?? 0) - whole.im[i])).toBeLessThan(FLOAT64);
    }
  }
});

test("a matrix of zeros has norm, values and eigenvalues 0 and vectors all the same", () => {
  const zeros = { rows: 4, columns: 2, data: new Float64Array(8) };
  const matrix = factoredMatrix(zeros, random(2, 4));
  expect(frobeniusNorm(matrix)).toBe(0);
  expect([...factoredEigenvalues(matrix).re]).toEqual([0, 0]);
  const { values, right } = singularDecomposition(matrix);
  expect([...values]).toEqual([0, 0]);
  for (const v of right) expect(Math.abs(Math.hypot(...v) - 1)).toBeLessThan(FLOAT64);
});

test("factors that do not fit are refused", () => {
  expect(() => factoredMatrix(random(2, 3), random(2, 3))).toThrow(
    "factored matrix: the left one must have as many columns as the right one has rows; got [2, 3] and [2, 3].",
  );
  expect(() => factoredEigenvalues(factoredMatrix(random(2, 3), random(3, 4)))).toThrow(
    "eigenvalues of a factored matrix: need a square product; got [2, 4].",
  );
  expect(() => rowOf(factoredMatrix(random(2, 3), random(3, 4)), 2)).toThrow("0 to 1; got 2");
});
