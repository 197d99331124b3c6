/** Association of two classifications: Pearson's chi-squared test and Cramér's V. */
import { type ContingencyTable, marginals } from "./contingencyTable.ts";
import { chi2LogSf } from "./distributions.ts";

/** What {@link cramersV} returns. */
export interface CramersV {
  /** V, in [0, 1]. */
  estimate: number;
  /** V without most of its upward bias, in [0, 1]: 0 where χ² is below its degrees of freedom. */
  corrected: number;
  /** Pearson's χ². */
  chi2: number;
  df: number;
  /** P(χ²_df > chi2), approximate: fine where expected counts are about 5 or more. */
  p: number;
}

/**
 * Cramér's V of a table of counts, with the chi-squared test of independence.
 *
 *   χ² = Σ (n_ij − e_ij)²/e_ij,  e_ij = n_i· n_·j/n;   V = √( χ²/n / min(r − 1, c − 1) )
 *   corrected: φ² = max(0, χ²/n − (r−1)(c−1)/(n−1)),  r̃ = r − (r−1)²/(n−1),  V = √( φ²/min(r̃ − 1, c̃ − 1) )
 *
 * Edges: classes that never occur are left out; with fewer than two left on a side everything but df is NaN.
 *
 * @param table  counts, [first][second]; need not be square
 * @throws ShapeError if rows are ragged, ArgumentError if a count is negative or not finite
 * @source Cramér 1946, section 21.9; Bergsma 2013 for the correction
 */
export function cramersV(table: ContingencyTable): CramersV {
  const { rows, columns, total } = marginals("Cramér's V", table);
  let chi2 = 0;
  for (let i = 0; i < rows.length; i++)
    for (let j = 0; j < columns.length; j++) {
      const expected = (rows[i] / total) * columns[j];
      if (expected > 0) chi2 += (table[i][j] - expected) ** 2 / expected;
    }
  const r = rows.filter((count) => count > 0).length;
  const c = columns.filter((count) => count > 0).length;
  const df = Math.max(0, r - 1) * Math.max(0, c - 1);
  if (df === 0) return { estimate: Number.NaN, corrected: Number.NaN, chi2: Number.NaN, df, p: Number.NaN };
  const phi2 = chi2 / total;
  const shrunk = (classes: number) => classes - 1 - (classes - 1) ** 2 / (total - 1);
  return {
    estimate: Math.sqrt(phi2 / Math.min(r - 1, c - 1)),
    corrected: Math.min(1, Math.sqrt(Math.max(0, phi2 - df / (total - 1)) / Math.min(shrunk(r), shrunk(c)))),
    chi2,
    df,
    p: Math.exp(chi2LogSf(chi2, df)),
  };
}
