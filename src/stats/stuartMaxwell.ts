/** Marginal drift: did the classes change in number, whoever is in them? */
import { type ContingencyTable, marginals } from "./contingencyTable.ts";
import { chi2Sf } from "./distributions.ts";
import { dot, singular } from "./singular.ts";

/** What {@link stuartMaxwell} returns. */
export interface StuartMaxwell {
  chi2: number;
  df: number;
  /** P(χ²_df > chi2), approximate. */
  p: number;
}

/**
 * Stuart–Maxwell test that a square table has the same marginals: the same items classified twice.
 *
 *   χ² = dᵀ S⁺ d,  d_i = n_i· − n_·i,  S_ii = n_i· + n_·i − 2 n_ii,  S_ij = −(n_ij + n_ji)
 *
 * S is the Laplacian of the moves between classes: its rank, the degrees of freedom, is the number of classes minus the
 * number of groups that no move connects (a class that nothing enters or leaves says nothing). With two classes it is
 * McNemar's test without continuity correction; see {@link mcNemar} for the exact one.
 *
 * Edges: nothing moved (or an empty table) gives χ² = 0 on 0 degrees of freedom and p = 1.
 *
 * @param table  counts, [before][after], the same classes in the same order
 * @throws ShapeError if the table is not square, ArgumentError if a count is negative or not finite
 * @source Stuart 1955; Maxwell 1970; the pseudo-inverse is our way of writing their choice of classes to leave out
 */
export function stuartMaxwell(table: ContingencyTable): StuartMaxwell {
  const { rows, columns } = marginals("Stuart–Maxwell test", table, { square: true });
  const drift = rows.map((count, i) => count - columns[i]);
  const laplacian = table.map((row, i) =>
    Float64Array.from(row, (count, j) =>
      i === j ? rows[i] + columns[i] - 2 * count : -(count + table[j][i]),
    ),
  );
  const { values, left, right } = singular(laplacian);
  const chi2 = left.reduce((all, u, k) => all + (dot(u, drift) * dot(right[k], drift)) / values[k], 0);
  const df = values.length;
  return { chi2, df, p: df === 0 ? 1 : chi2Sf(chi2, df) };
}
