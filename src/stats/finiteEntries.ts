/** Matrices that a matching can use. */
import { ArgumentError, ShapeError } from "../base/errors.ts";

/**
 * A copy of a matrix, [row][column].
 *
 * @throws ShapeError if rows differ in length, ArgumentError at the first entry that is not finite
 */
export function finiteEntries(where: string, matrix: readonly ArrayLike<number>[]): Float64Array[] {
  return matrix.map((row, i) => {
    if (row.length !== matrix[0].length)
      throw new ShapeError({
        where,
        rule: "all rows of the matrix must have one length",
        got: `${matrix[0].length} in row 0, ${row.length} in row ${i}`,
      });
    const entries = Float64Array.from(row);
    const bad = entries.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0)
      throw new ArgumentError({
        where: `${where}, matrix[${i}][${bad}]`,
        rule: "must be finite",
        got: String(entries[bad]),
        wayOut: "Leave out units without variance before matching.",
      });
    return entries;
  });
}
