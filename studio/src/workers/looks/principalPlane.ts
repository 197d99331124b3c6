/** The plane in which some vectors spread most, found for two times together. */
import { Matrix, SingularValueDecomposition } from "ml-matrix";
import type { RandomStream } from "../../../../src/base/random.ts";

/** A point of the plane. */
export type Point = readonly [x: number, y: number];

/** Vectors of two times in one plane. */
export interface PrincipalPlane {
  readonly before: readonly Point[];
  readonly now: readonly Point[];
  /** Share of the variance of both times that the plane holds, in [0, 1]; NaN without variance. */
  readonly share: number;
}

/** The larger coordinate in absolute value of each axis is positive, so that a picture does not flip by itself. */
function signOf(axis: readonly number[]): number {
  const largest = axis.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
  return largest < 0 ? -1 : 1;
}

/**
 * Coordinates along the two principal axes of all vectors of both times, about their common mean.
 *
 *   X = U S Vᵀ of the centred rows of both times;  coordinates X V[·, 0 … 1];  share = (s₀² + s₁²) / Σ s²
 *
 * @param before  [row, dModel]
 * @param now     [row, dModel]
 */
export function principalPlane(
  before: ArrayLike<number>,
  now: ArrayLike<number>,
  dModel: number,
): PrincipalPlane {
  const rows = before.length / dModel;
  const all = Float64Array.from({ length: 2 * before.length }, (_, i) =>
    i < before.length ? before[i] : now[i - before.length],
  );
  const mean = new Float64Array(dModel);
  all.forEach((value, i) => {
    mean[i % dModel] += value / (2 * rows);
  });
  const centred = Array.from({ length: 2 * rows }, (_, row) =>
    Array.from({ length: dModel }, (_, i) => all[row * dModel + i] - mean[i]),
  );
  if (!centred.flat().every(Number.isFinite))
    return { before: lost(rows), now: lost(rows), share: Number.NaN };
  const { rightSingularVectors, diagonal } = new SingularValueDecomposition(new Matrix(centred), {
    autoTranspose: true,
  });
  const axes = [0, 1].map((at) =>
    at < rightSingularVectors.columns
      ? rightSingularVectors.getColumn(at)
      : new Array<number>(dModel).fill(0),
  );
  const along = (row: readonly number[], axis: readonly number[]) =>
    signOf(axis) * row.reduce((sum, value, i) => sum + value * axis[i], 0);
  const points = centred.map((row): Point => [along(row, axes[0]), along(row, axes[1])]);
  const squares = diagonal.map((value) => value * value);
  const total = squares.reduce((sum, value) => sum + value, 0);
  return {
    before: points.slice(0, rows),
    now: points.slice(rows),
    share: ((squares[0] ?? 0) + (squares[1] ?? 0)) / total,
  };
}

const lost = (rows: number): Point[] => Array.from({ length: rows }, () => [Number.NaN, Number.NaN]);

/** Distance that vectors moved, over their distance from their mean before: root mean squares. */
export function relativeMove(before: ArrayLike<number>, now: ArrayLike<number>, dModel: number): number {
  const rows = before.length / dModel;
  const mean = new Float64Array(dModel);
  for (let i = 0; i < before.length; i++) mean[i % dModel] += before[i] / rows;
  let [moved, spread] = [0, 0];
  for (let i = 0; i < before.length; i++) {
    moved += (now[i] - before[i]) ** 2;
    spread += (before[i] - mean[i % dModel]) ** 2;
  }
  return Math.sqrt(moved / spread);
}

/**
 * Share that the plane holds of random tables that moved as far: normal vectors, then with normal steps.
 *
 * @returns  ascending, [draw]
 */
export function planeNull(
  { rows, dModel, moved }: { rows: number; dModel: number; moved: number },
  { draws, stream }: { draws: number; stream: RandomStream },
): Float64Array {
  return Float64Array.from({ length: draws }, () => {
    const before = Float64Array.from({ length: rows * dModel }, () => stream.normal());
    const now = before.map((value) => value + moved * stream.normal());
    return principalPlane(before, now, dModel).share;
  }).sort();
}
