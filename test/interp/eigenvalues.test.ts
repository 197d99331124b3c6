import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { eigenvalues } from "../../src/interp/eigenvalues.ts";

/** Simple eigenvalues of matrices with entries of order 1. */
const SIMPLE = 1e-12;
/** Double eigenvalues move by the root of a rounding. */
const DOUBLE = 1e-7;

const square = (rows: readonly (readonly number[])[]) => ({
  rows: rows.length,
  columns: rows.length,
  data: Float64Array.from(rows.flat()),
});
const near = (actual: ArrayLike<number>, expected: readonly number[], tolerance: number) => {
  expect(actual.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) expect(Math.abs(actual[i] - value)).toBeLessThan(tolerance);
};

test("a matrix of zeros and ones on which ml-matrix does not come to an end", () => {
  const { re, im } = eigenvalues(
    square([
      [0, 0, 0, 0, 0],
      [0, 0, 0, 0, 1],
      [0, 0, 0, 1, 0],
      [1, 1, 0, 0, 1],
      [1, 0, 1, 0, 1],
    ]),
  );
  // by NumPy: the golden ratio and its counterpart, ± i, 0
  near(re, [(1 + Math.sqrt(5)) / 2, 0, 0, (1 - Math.sqrt(5)) / 2, 0], SIMPLE);
  near(im, [0, 1, -1, 0, 0], SIMPLE);
});

test("permutations have the roots of unity, on the circle", () => {
  for (const size of [3, 4, 5, 8]) {
    const cycle = square(
      Array.from({ length: size }, (_, i) =>
        Array.from({ length: size }, (_, j) => (j === (i + 1) % size ? 1 : 0)),
      ),
    );
    const { re, im } = eigenvalues(cycle);
    const angles = Array.from(re, (x, i) => Math.atan2(im[i], x)).sort((a, b) => a - b);
    for (const [i, x] of re.entries()) expect(Math.abs(Math.hypot(x, im[i]) - 1)).toBeLessThan(SIMPLE);
    for (let i = 1; i < size; i++)
      expect(Math.abs(angles[i] - angles[i - 1] - (2 * Math.PI) / size)).toBeLessThan(SIMPLE);
  }
});

test("triangles have their diagonal, a rotation its angle, a double eigenvalue both times", () => {
  near(
    eigenvalues(
      square([
        [1, 5, -3],
        [0, -4, 2],
        [0, 0, 2],
      ]),
    ).re,
    [-4, 2, 1],
    SIMPLE,
  );
  const turn = eigenvalues(
    square([
      [0.6, -0.8],
      [0.8, 0.6],
    ]),
  );
  near(turn.re, [0.6, 0.6], SIMPLE);
  near(turn.im, [0.8, -0.8], SIMPLE);
  near(
    eigenvalues(
      square([
        [3, 1],
        [-1, 1],
      ]),
    ).re,
    [2, 2],
    DOUBLE,
  );
});

test("what only shifts has zeros, exactly: nothing is eigen to it", () => {
  const shift = square([
    [0, 1, 0, 0],
    [0, 0, 1, 0],
    [0, 0, 0, 1],
    [0, 0, 0, 0],
  ]);
  const { re, im } = eigenvalues(shift);
  expect([...re, ...im].every((value) => value === 0)).toBe(true);
  expect([...eigenvalues(square([[0]])).re]).toEqual([0]);
});

test("sums of powers are the traces of powers, at every size and at extreme scales", () => {
  const stream = randomStream("eigenvalues");
  for (const scale of [1, 1e-160, 1e150])
    for (let size = 1; size <= 9; size++) {
      const rows = Array.from({ length: size }, () => Array.from({ length: size }, () => stream.normal()));
      const { re, im } = eigenvalues(square(rows.map((row) => row.map((value) => value * scale))));
      let power = rows;
      let own = Array.from(re, (x, i) => [x / scale, im[i] / scale]);
      const first = own;
      for (let k = 1; k <= size; k++) {
        const trace = power.reduce((sum, row, i) => sum + row[i], 0);
        const size2 = Math.sqrt(power.flat().reduce((sum, value) => sum + value * value, 0));
        const sum = own.reduce(([x, y], [a, b]) => [x + a, y + b], [0, 0]);
        expect(Math.abs(sum[0] - trace) / size2, `${size}, power ${k}`).toBeLessThan(SIMPLE);
        expect(Math.abs(sum[1]) / size2).toBeLessThan(SIMPLE);
        power = power.map((row) =>
          rows.map((_, j) => row.reduce((total, value, i) => total + value * rows[i][j], 0)),
        );
        own = own.map(([a, b], i) => [a * first[i][0] - b * first[i][1], a * first[i][1] + b * first[i][0]]);
      }
    }
});

test("ml-matrix finds the same where it finds any", () => {
  const stream = randomStream("eigenvalues", "ml-matrix");
  for (let trial = 0; trial < 50; trial++) {
    const size = 2 + stream.integer(15);
    const rows = Array.from({ length: size }, () => Array.from({ length: size }, () => stream.normal()));
    const { realEigenvalues, imaginaryEigenvalues } = new EigenvalueDecomposition(new Matrix(rows));
    const theirs = realEigenvalues
      .map((re, i) => ({ re, im: imaginaryEigenvalues[i] }))
      .sort((a, b) => a.re - b.re || a.im - b.im);
    const { re, im } = eigenvalues(square(rows));
    const ours = Array.from(re, (x, i) => ({ re: x, im: im[i] })).sort((a, b) => a.re - b.re || a.im - b.im);
    for (const [i, one] of ours.entries())
      expect(Math.hypot(one.re - theirs[i].re, one.im - theirs[i].im)).toBeLessThan(1e-10); // ill-conditioned ones
  }
});

test("the largest come first, and complex ones are exact pairs", () => {
  const stream = randomStream("eigenvalues", "order");
  const rows = Array.from({ length: 12 }, () => Array.from({ length: 12 }, () => stream.normal()));
  const { re, im } = eigenvalues(square(rows));
  const sizes = Array.from(re, (x, i) => x * x + im[i] * im[i]);
  expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
  for (const [i, y] of im.entries()) if (y > 0) expect([re[i + 1], im[i + 1]]).toEqual([re[i], -y]);
  expect(im.some((y) => y > 0)).toBe(true);
});

test("matrices that have none are refused", () => {
  expect(() => eigenvalues({ rows: 1, columns: 2, data: Float64Array.of(1, 2) })).toThrow(
    "eigenvalues: need a square matrix; got [1, 2].",
  );
  expect(() => eigenvalues(square([[Number.NaN]]))).toThrow("eigenvalues: need finite entries; got NaN.");
});
