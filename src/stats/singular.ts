/** Singular value decomposition of small tables, for the measures that need directions. */
import { Matrix, SVD } from "ml-matrix";

/** m = Σ_i values[i] left[i] right[i]ᵀ, without the directions that are rounding. */
export interface Singular {
  /** Descending, all above rounding. */
  values: Float64Array;
  /** Unit vectors over the rows, [component][row]. */
  left: Float64Array[];
  /** Unit vectors over the columns, [component][column]. */
  right: Float64Array[];
}

/**
 * Singular values and vectors of a table, as many as its rank.
 *
 * A value below max(rows, columns) · 2⁻⁵² of the largest is rounding and left out, so that a dead or a repeated feature
 * adds no direction. A table that is empty, or has an entry that is not finite, has no components.
 *
 * @param rows  [row][column]
 * @source the library ml-matrix (Golub–Kahan–Reinsch); the threshold is numpy's `matrix_rank`
 */
export function singular(rows: readonly ArrayLike<number>[]): Singular {
  const width = rows.length === 0 ? 0 : rows[0].length;
  const finite = rows.every((row) => Array.from(row).every(Number.isFinite));
  // the library's iteration does not end on NaN, and it refuses an empty matrix
  if (width === 0 || !finite) return { values: new Float64Array(0), left: [], right: [] };
  const { diagonal, leftSingularVectors, rightSingularVectors } = new SVD(
    new Matrix(rows.map((row) => Array.from(row))),
    { autoTranspose: true },
  );
  const threshold = Math.max(rows.length, width) * 2 ** -52 * diagonal[0];
  const rank = diagonal.filter((value) => value > threshold).length;
  const vectors = (of: Matrix) => Array.from({ length: rank }, (_, i) => Float64Array.from(of.getColumn(i)));
  return {
    values: Float64Array.from(diagonal.slice(0, rank)),
    left: vectors(leftSingularVectors),
    right: vectors(rightSingularVectors),
  };
}

/** Σ aᵢ bᵢ. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}
