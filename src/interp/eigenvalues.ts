/**
 * Eigenvalues of a real matrix that need not be symmetric.
 *
 * ml-matrix has them too, but runs for ever on some matrices with exact zeros, such as weights set by hand: where a
 * step of its sweep finds nothing to do, it leaves the sweep instead of going on. So this is our own, with a limit.
 */
import { ArgumentError, InternalError, ShapeError } from "../base/errors.ts";
import type { DenseMatrix } from "./denseMatrix.ts";

/** Complex numbers: the largest in magnitude first, of equals the larger real part, then the larger imaginary part. */
export interface Eigenvalues {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** Sweeps for one eigenvalue. Two or three are usual. */
const SWEEPS = 60;
/** Sweeps after which a shift of another kind breaks a cycle. */
const EXCEPTIONAL = 10;

/**
 * All eigenvalues of a square matrix, each as often as it occurs: reduction to Hessenberg form by Householder
 * reflections, then implicit QR with double shifts, so that complex ones come as exact pairs.
 *
 * They are those of a matrix within rounding (some 1e-16 of its norm) of the given one. That moves simple eigenvalues as
 * little, but one that stands k-fold in a chain of a nilpotent part may move by 1e-16^(1/k) of the norm.
 *
 * @throws ShapeError     for a matrix that is not square
 * @throws ArgumentError  for an entry that is not finite
 * @source Francis 1961–62; Golub & Van Loan, "Matrix Computations", algorithms 7.4.2, 7.5.1 and 7.5.2
 */
export function eigenvalues({ rows, columns, data }: DenseMatrix): Eigenvalues {
  if (rows !== columns)
    throw new ShapeError({
      where: "eigenvalues",
      rule: "need a square matrix",
      got: `[${rows}, ${columns}]`,
    });
  if (!data.every(Number.isFinite))
    throw new ArgumentError({
      where: "eigenvalues",
      rule: "need finite entries",
      got: String(data.find((x) => !Number.isFinite(x))),
    });
  // to entries of order 1: products of four of them must neither vanish nor overflow
  const scale = data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) || 1;
  const h = data.map((value) => value / scale);
  toHessenberg(h, rows);
  const pairs = schurValues(h, rows);
  const squared = ([re, im]: readonly [number, number]) => re * re + im * im;
  pairs.sort((a, b) => squared(b) - squared(a) || b[0] - a[0] || b[1] - a[1]);
  return {
    re: Float64Array.from(pairs, ([re]) => re * scale),
    im: Float64Array.from(pairs, ([, im]) => im * scale),
  };
}

/** The reflection I − beta v vᵀ that takes x to a multiple of its first axis; beta 0 where it is there already. */
function reflection(x: readonly number[]): { v: number[]; beta: number } {
  const largest = Math.max(...x.map(Math.abs));
  const v = x.map((value) => (largest === 0 ? 0 : value / largest)); // squares of tiny numbers would vanish
  const rest = v.slice(1).reduce((sum, value) => sum + value * value, 0);
  if (rest === 0) return { v, beta: 0 };
  const length = Math.sqrt(v[0] * v[0] + rest);
  v[0] += v[0] < 0 ? -length : length; // away from 0: nothing cancels
  return { v, beta: 2 / (v[0] * v[0] + rest) };
}

/** h ← P h for rows first …, columns from `start`. */
function reflectRows(h: Float64Array, n: number, first: number, start: number, v: number[], beta: number) {
  for (let j = start; j < n; j++) {
    let dot = 0;
    for (let i = 0; i < v.length; i++) dot += v[i] * h[(first + i) * n + j];
    dot *= beta;
    for (let i = 0; i < v.length; i++) h[(first + i) * n + j] -= dot * v[i];
  }
}

/** h ← h P for columns first …, rows before `end`. */
function reflectColumns(h: Float64Array, n: number, first: number, end: number, v: number[], beta: number) {
  for (let i = 0; i < end; i++) {
    let dot = 0;
    for (let j = 0; j < v.length; j++) dot += v[j] * h[i * n + first + j];
    dot *= beta;
    for (let j = 0; j < v.length; j++) h[i * n + first + j] -= dot * v[j];
  }
}

/** In place: zeros below the first subdiagonal, by a similarity. */
function toHessenberg(h: Float64Array, n: number): void {
  for (let k = 0; k + 2 < n; k++) {
    const { v, beta } = reflection(Array.from({ length: n - k - 1 }, (_, i) => h[(k + 1 + i) * n + k]));
    if (beta === 0) continue;
    reflectRows(h, n, k + 1, k, v, beta);
    reflectColumns(h, n, k + 1, n, v, beta);
    for (let i = k + 2; i < n; i++) h[i * n + k] = 0;
  }
}

/** Eigenvalues of a Hessenberg matrix, which is used up. */
function schurValues(h: Float64Array, n: number): [number, number][] {
  const norm = Math.sqrt(h.reduce((sum, value) => sum + value * value, 0));
  const found: [number, number][] = [];
  let last = n - 1;
  let sweeps = 0;
  while (last >= 0) {
    let first = last; // of the block that no negligible subdiagonal entry divides
    for (; first > 0; first--) {
      const around = Math.abs(h[first * n + first]) + Math.abs(h[(first - 1) * n + first - 1]);
      if (Math.abs(h[first * n + first - 1]) <= Number.EPSILON * (around === 0 ? norm : around)) break;
    }
    if (first > 0) h[first * n + first - 1] = 0;
    if (first >= last - 1) {
      found.push(...(first === last ? [[h[last * n + last], 0] as [number, number]] : ofPair(h, n, first)));
      last = first - 1;
      sweeps = 0;
      continue;
    }
    if (++sweeps > SWEEPS)
      throw new InternalError({ where: "eigenvalues", rule: `must converge within ${SWEEPS} sweeps` });
    sweep(h, n, { first, last, exceptional: sweeps % EXCEPTIONAL === 0 });
  }
  return found;
}

/** Eigenvalues of the two by two block at `first`. */
function ofPair(h: Float64Array, n: number, first: number): [number, number][] {
  const [a, b] = [h[first * n + first], h[first * n + first + 1]];
  const [c, d] = [h[(first + 1) * n + first], h[(first + 1) * n + first + 1]];
  const half = (a - d) / 2;
  const squared = half * half + b * c;
  const root = Math.sqrt(Math.abs(squared));
  if (squared < 0)
    return [
      [(a + d) / 2, root],
      [(a + d) / 2, -root],
    ];
  const far = half < 0 ? half - root : half + root; // the one of half ± root where nothing cancels
  return [
    [d + far, 0],
    [far === 0 ? d : d - (b * c) / far, 0],
  ];
}

/** One implicit double-shift QR step on the rows and columns first … last, at least three. */
function sweep(
  h: Float64Array,
  n: number,
  { first, last, exceptional }: { first: number; last: number; exceptional: boolean },
): void {
  const at = (i: number, j: number) => h[i * n + j];
  // sum and product of the two shifts: the eigenvalues of the last two rows and columns
  let sum = at(last - 1, last - 1) + at(last, last);
  let product = at(last - 1, last - 1) * at(last, last) - at(last - 1, last) * at(last, last - 1);
  if (exceptional) {
    const size = Math.abs(at(last, last - 1)) + Math.abs(at(last - 1, last - 2));
    const centre = at(last, last) + 0.75 * size; // LAPACK's choice (dlahqr)
    sum = 2 * centre;
    product = centre * centre + 0.4375 * size * size;
  }
  const [a, b, c, d] = [
    at(first, first),
    at(first, first + 1),
    at(first + 1, first),
    at(first + 1, first + 1),
  ];
  // first column of (h − shift 1)(h − shift 2)
  let x = [a * a + b * c - sum * a + product, c * (a + d - sum), c * at(first + 2, first + 1)];
  for (let k = first; k < last; k++) {
    const { v, beta } = reflection(x);
    if (beta !== 0) {
      reflectRows(h, n, k, Math.max(first, k - 1), v, beta);
      reflectColumns(h, n, k, Math.min(last, k + 3) + 1, v, beta);
    }
    if (k > first) for (let i = k + 1; i < k + v.length; i++) h[i * n + k - 1] = 0;
    x = Array.from({ length: Math.min(3, last - k) }, (_, i) => at(k + 1 + i, k));
  }
}
