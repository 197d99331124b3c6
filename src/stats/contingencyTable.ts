/** Tables of counts: how often class i of one classification meets class j of another. */
import { integerIn, numberIn, sameLength } from "../base/check.ts";
import { ShapeError } from "../base/errors.ts";

/** Counts ≥ 0, [first][second]. */
export type ContingencyTable = readonly ArrayLike<number>[];

/** What {@link marginals} returns. */
export interface Marginals {
  /** Σ_j count[i][j]. */
  rows: Float64Array;
  /** Σ_i count[i][j]. */
  columns: Float64Array;
  total: number;
}

/**
 * The sums of a table's rows and columns.
 *
 * @throws ShapeError if rows are ragged (or, with `square`, the table is not), ArgumentError if a count is negative or
 *   not finite
 */
export function marginals(
  where: string,
  table: ContingencyTable,
  { square = false }: { square?: boolean } = {},
): Marginals {
  const width = square ? table.length : (table[0]?.length ?? 0);
  const rows = new Float64Array(table.length);
  const columns = new Float64Array(width);
  let total = 0;
  for (const [i, row] of table.entries()) {
    if (row.length !== width)
      throw new ShapeError({
        where,
        rule: square ? "the table must be square" : "all rows of the table must have one length",
        got: `${table.length} rows, row ${i} with ${row.length} columns`,
      });
    for (let j = 0; j < width; j++) {
      const count = numberIn(`${where}, table[${i}][${j}]`, row[j], 0);
      rows[i] += count;
      columns[j] += count;
      total += count;
    }
  }
  return { rows, columns, total };
}

/**
 * Counts the pairs of classes of the same items.
 *
 * @param first    class of each item, a whole number from 0 to classes − 1
 * @param second   likewise
 * @param classes  number of classes
 * @returns        [first class][second class]
 * @throws ArgumentError if the lengths differ or a class is out of range
 */
export function crossTabulate(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  classes: number,
): Float64Array[] {
  sameLength("cross-tabulation", first, second);
  integerIn("cross-tabulation, classes", classes, 1);
  const table = Array.from({ length: classes }, () => new Float64Array(classes));
  for (let i = 0; i < first.length; i++) {
    const a = integerIn(`cross-tabulation, first class of item ${i}`, first[i], 0, classes - 1);
    const b = integerIn(`cross-tabulation, second class of item ${i}`, second[i], 0, classes - 1);
    table[a][b]++;
  }
  return table;
}
