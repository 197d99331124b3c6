/** How much one classification of items tells about another, and how much it would by chance. */
import { type ContingencyTable, marginals } from "./contingencyTable.ts";
import { logGamma } from "./gamma.ts";

/** What {@link mutualInformation} returns; nats. */
export interface MutualInformation {
  /** I(first; second) of the table. */
  estimate: number;
  /** Its mean over all ways of dealing the items of the second classification out anew, exactly. */
  expected: number;
  /** estimate − expected: above chance where positive. */
  excess: number;
  /** Entropy of the first classification, and of the second. */
  entropies: readonly [first: number, second: number];
}

/**
 * Mutual information of two classifications of the same items, with its exact null.
 *
 *   I = Σ_ij p_ij ln( p_ij / (p_i. p_.j) )
 *   E I = Σ_ij Σ_n (n/N) ln( N n / (a_i b_j) ) P(n),  P hypergeometric with row sum a_i and column sum b_j of N items
 *
 * Where there are not many more items than cells, I is far above 0 by chance alone, about (rows − 1)(columns − 1)/(2N);
 * the expected value is that of items shuffled with both marginals kept, without simulation.
 *
 * Edges: an empty table gives NaN; classifications with one class give 0 everywhere. Shares, not counts, are no table.
 *
 * @param table  whole counts ≥ 0, [first][second]
 * @throws ShapeError if rows are ragged; ArgumentError if a count is negative or not finite
 * @source Vinh, Epps & Bailey 2009, "Information theoretic measures for clusterings comparison", theorem 1
 */
export function mutualInformation(table: ContingencyTable): MutualInformation {
  const { rows, columns, total } = marginals("mutual information", table);
  let estimate = 0;
  let expected = 0;
  for (const [i, a] of rows.entries())
    for (const [j, b] of columns.entries()) {
      const count = table[i][j];
      if (count > 0) estimate += (count / total) * Math.log((total * count) / (a * b));
      expected += expectedCell(a, b, total);
    }
  const [first, second] = [entropy(rows, total), entropy(columns, total)];
  if (total === 0) [estimate, expected] = [Number.NaN, Number.NaN];
  return { estimate, expected, excess: estimate - expected, entropies: [first, second] };
}

/** Expected share of one cell, given the sums of its row and column. */
function expectedCell(a: number, b: number, total: number): number {
  const logFactorial = (n: number) => logGamma(n + 1);
  let share = 0;
  for (let n = Math.max(1, a + b - total); n <= Math.min(a, b); n++) {
    const logChance =
      logFactorial(a) +
      logFactorial(b) +
      logFactorial(total - a) +
      logFactorial(total - b) -
      logFactorial(total) -
      logFactorial(n) -
      logFactorial(a - n) -
      logFactorial(b - n) -
      logFactorial(total - a - b + n);
    share += (n / total) * Math.log((total * n) / (a * b)) * Math.exp(logChance);
  }
  return share;
}

function entropy(counts: Float64Array, total: number): number {
  return counts.reduce(
    (sum, count) => (count > 0 ? sum - (count / total) * Math.log(count / total) : sum),
    0,
  );
}
