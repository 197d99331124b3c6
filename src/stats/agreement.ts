/** Agreement of two classifications beyond chance. */
import { numberIn } from "../base/check.ts";
import { ShapeError } from "../base/errors.ts";

/** What {@link cohenKappa} returns. */
export interface Kappa {
  /** κ: 1 full agreement, 0 what the marginals alone give, negative below. */
  estimate: number;
  /** Large-sample standard error for an interval about κ ≠ 0. */
  standardError: number;
  /** Share on the diagonal, p_o. */
  observed: number;
  /** Share expected on the diagonal from the marginals, p_e. */
  expected: number;
}

/**
 * Cohen's kappa of a square table of counts (e.g. class at initialisation against class after training).
 *
 *   κ = (p_o − p_e)/(1 − p_e),  p_o = Σ p_ii,  p_e = Σ p_i· p_·i
 *   N (1−p_e)² se² = Σ_i p_ii [1 − (p_i· + p_·i)(1−κ)]² + (1−κ)² Σ_{i≠j} p_ij (p_·i + p_j·)² − [κ − p_e(1−κ)]²
 *
 * Edges: an empty table, or one with everything in a single class (p_e = 1), gives κ and se = NaN. Perfect agreement
 * over several classes gives κ = 1 with se 0.
 *
 * @param table  counts ≥ 0, [first][second], the same classes in the same order
 * @throws ShapeError if the table is not square, ArgumentError if a count is negative or not finite
 * @source Cohen 1960; Fleiss, Cohen & Everitt 1969, eq. 13
 */
export function cohenKappa(table: readonly ArrayLike<number>[]): Kappa {
  const k = table.length;
  const rows = new Float64Array(k);
  const columns = new Float64Array(k);
  let n = 0;
  for (let i = 0; i < k; i++) {
    if (table[i].length !== k)
      throw new ShapeError({
        where: "Cohen's kappa",
        rule: "the table must be square",
        got: `${k} rows, row ${i} with ${table[i].length} columns`,
      });
    for (let j = 0; j < k; j++) {
      const count = numberIn(`Cohen's kappa, table[${i}][${j}]`, table[i][j], 0);
      rows[i] += count;
      columns[j] += count;
      n += count;
    }
  }
  let observed = 0;
  let expected = 0;
  for (let i = 0; i < k; i++) {
    observed += table[i][i] / n;
    expected += (rows[i] / n) * (columns[i] / n);
  }
  if (!(expected < 1)) return { estimate: Number.NaN, standardError: Number.NaN, observed, expected };
  const estimate = (observed - expected) / (1 - expected);
  const miss = 1 - estimate;
  let spread = -((estimate - expected * miss) ** 2);
  for (let i = 0; i < k; i++)
    for (let j = 0; j < k; j++) {
      const p = table[i][j] / n;
      spread +=
        i === j
          ? p * (1 - ((rows[i] + columns[i]) / n) * miss) ** 2
          : p * (((columns[i] + rows[j]) / n) * miss) ** 2;
    }
  const standardError = Math.sqrt(Math.max(0, spread) / n) / (1 - expected);
  return { estimate, standardError, observed, expected };
}
