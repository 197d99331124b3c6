/** Agreement of two partitions, whatever their classes are called. */
import { type ContingencyTable, marginals } from "./contingencyTable.ts";

function pairs(counts: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += (counts[i] * (counts[i] - 1)) / 2;
  return total;
}

/**
 * Adjusted Rand index: do two partitions put the same pairs together, beyond what their class sizes alone give?
 *
 *   ( Σ C(n_ij, 2) − E ) / ( ½ (A + B) − E ),  A = Σ C(n_i·, 2),  B = Σ C(n_·j, 2),  E = A B / C(n, 2)
 *
 * 1 for equal partitions, 0 on average for unrelated ones, and it may be negative. Unlike kappa it ignores which class
 * is which.
 *
 * Edges: two partitions that both put everything together, or both nothing, leave no pairs to decide: NaN.
 *
 * @param table  counts, [first][second]; need not be square
 * @throws ShapeError if rows are ragged, ArgumentError if a count is negative or not finite
 * @source Hubert & Arabie 1985, eq. 5
 */
export function adjustedRand(table: ContingencyTable): number {
  const { rows, columns, total } = marginals("adjusted Rand index", table);
  const together = table.reduce((all, row) => all + pairs(row), 0);
  const [first, second] = [pairs(rows), pairs(columns)];
  const expected = (first * second) / pairs([total]);
  return (together - expected) / ((first + second) / 2 - expected);
}
