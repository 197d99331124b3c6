/** Each unit's best partner, where several may choose the same one. */
import { atLeast } from "./arguments.ts";
import { finiteEntries } from "./finiteEntries.ts";
import { mean } from "./moments.ts";

/** What {@link semiMatching} returns. */
export interface SemiMatching {
  /** The best column of each row; of equals the first. */
  columns: Int32Array;
  /** Its entry. */
  values: Float64Array;
  /** Mean of `values`; the mean of a one-to-one matching cannot exceed it. */
  mean: number;
}

/**
 * Semi-matching: every row with its best column, whether or not another row has it too.
 *
 *   columns[i] = argmax_j matrix[i][j]
 *
 * Not symmetric, and biased upward as any maximum: compare its mean with that of an unrelated network.
 *
 * @param matrix  finite, [row][column], at least one row and one column; need not be square
 * @throws ArgumentError if it is empty or an entry is not finite, ShapeError if rows differ in length
 * @source Li, Yosinski, Clune, Lipson & Hopcroft 2016, section 3.2
 */
export function semiMatching(matrix: readonly ArrayLike<number>[]): SemiMatching {
  atLeast("semi-matching", "rows", matrix.length, 1);
  atLeast("semi-matching", "columns", matrix[0].length, 1);
  const rows = finiteEntries("semi-matching", matrix);
  const columns = Int32Array.from(rows, (row) =>
    row.reduce((best, value, j) => (value > row[best] ? j : best), 0),
  );
  const values = Float64Array.from(rows, (row, i) => row[columns[i]]);
  return { columns, values, mean: mean(values) };
}
