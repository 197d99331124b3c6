/** One-to-one matching of two sets of units. */
import { linearSumAssignment } from "linear-sum-assignment";
import { ShapeError } from "../base/errors.ts";
import { finiteEntries } from "./finiteEntries.ts";

/** What {@link assignment} returns. */
export interface Assignment {
  /** The column matched to each row: a permutation of 0 … n−1. */
  columns: Int32Array;
  /** Σ matrix[i][columns[i]]. */
  sum: number;
}

/**
 * The one-to-one matching of rows to columns with the largest (or smallest) sum.
 *
 *   max over permutations π of Σ_i matrix[i][π(i)]
 *
 * Among equally good matchings any one may be returned, always the same for the same matrix. On correlations the matched
 * mean is biased upward (matching maximises it), so compare it with the matched mean of an unrelated network.
 *
 * Edges: the empty matrix gives an empty matching with sum 0.
 *
 * @param matrix    square, finite, [row][column]
 * @param maximise  largest sum (default) or smallest
 * @throws ShapeError if the matrix is not square, ArgumentError if an entry is not finite
 * @source Jonker & Volgenant 1987 in the form of Crouse 2016, by the library linear-sum-assignment; O(n³)
 */
export function assignment(
  matrix: readonly ArrayLike<number>[],
  { maximise = true }: { maximise?: boolean } = {},
): Assignment {
  const n = matrix.length;
  if (n === 0) return { columns: new Int32Array(0), sum: 0 };
  for (const [i, row] of matrix.entries()) {
    if (row.length !== n)
      throw new ShapeError({
        where: "assignment",
        rule: "the matrix must be square",
        got: `${n} rows, row ${i} with ${row.length} columns`,
      });
  }
  const rows = finiteEntries("assignment", matrix);
  const { rowAssignments } = linearSumAssignment(rows, { maximaze: maximise }); // the library's spelling
  const columns = Int32Array.from(rowAssignments);
  let sum = 0;
  for (let i = 0; i < n; i++) sum += rows[i][columns[i]];
  return { columns, sum };
}
