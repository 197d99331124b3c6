/** Agreement of two classifications beyond chance. */
import { type ContingencyTable, marginals } from "./contingencyTable.ts";

/** What {@link cohenKappa} returns. */
export interface Kappa {
  /** κ: 1 full agreement, 0 what the marginals alone give, negative below. */
  estimate: number;
  /** Large-sample standard error for an interval about κ ≠ 0. */
  standardError: number;
  /** Agreement p_o: the share on the diagonal, or the mean weight. */
  observed: number;
  /** Agreement expected from the marginals, p_e. */
  expected: number;
}

/**
 * What a pair of classes counts as agreement: only equal ones ("none"), or ordered classes by their distance, as
 * 1 − |i − j|/(k − 1) ("linear") or 1 − (i − j)²/(k − 1)² ("quadratic").
 */
export type KappaWeights = "none" | "linear" | "quadratic";

function agreementOf(weights: KappaWeights, i: number, j: number, k: number): number {
  if (i === j) return 1;
  const apart = Math.abs(i - j) / (k - 1);
  return weights === "none" ? 0 : 1 - (weights === "linear" ? apart : apart * apart);
}

/**
 * Cohen's kappa of a square table of counts (e.g. class at initialisation against class after training).
 *
 *   κ = (p_o − p_e)/(1 − p_e),  p_o = Σ w_ij p_ij,  p_e = Σ w_ij p_i· p_·j
 *   N (1−p_e)² se² = Σ_ij p_ij [w_ij − (w̄_i· + w̄_·j)(1−κ)]² − [κ − p_e(1−κ)]²
 *   w̄_i· = Σ_j w_ij p_·j,  w̄_·j = Σ_i w_ij p_i·
 *
 * Without weights w_ij = 1[i = j]: the plain kappa.
 *
 * Edges: an empty table, or one with everything in a single class (p_e = 1), gives κ and se = NaN. Perfect agreement
 * over several classes gives κ = 1 with se 0.
 *
 * @param table    counts ≥ 0, [first][second], the same classes in the same order
 * @param weights  default "none"
 * @throws ShapeError if the table is not square, ArgumentError if a count is negative or not finite
 * @source Cohen 1960 and 1968; Fleiss, Cohen & Everitt 1969, eqs. 8 and 13
 */
export function cohenKappa(
  table: ContingencyTable,
  { weights = "none" }: { weights?: KappaWeights } = {},
): Kappa {
  const { rows, columns, total } = marginals("Cohen's kappa", table, { square: true });
  const k = table.length;
  const weight = (i: number, j: number) => agreementOf(weights, i, j, k);
  const rowWeights = new Float64Array(k); // w̄_i·
  const columnWeights = new Float64Array(k); // w̄_·j
  let observed = 0;
  let expected = 0;
  for (let i = 0; i < k; i++)
    for (let j = 0; j < k; j++) {
      const w = weight(i, j);
      observed += (w * table[i][j]) / total;
      expected += w * (rows[i] / total) * (columns[j] / total);
      rowWeights[i] += (w * columns[j]) / total;
      columnWeights[j] += (w * rows[i]) / total;
    }
  if (!(expected < 1)) return { estimate: Number.NaN, standardError: Number.NaN, observed, expected };
  const estimate = (observed - expected) / (1 - expected);
  const miss = 1 - estimate;
  let spread = -((estimate - expected * miss) ** 2);
  for (let i = 0; i < k; i++)
    for (let j = 0; j < k; j++)
      spread += (table[i][j] / total) * (weight(i, j) - (rowWeights[i] + columnWeights[j]) * miss) ** 2;
  const standardError = Math.sqrt(Math.max(0, spread) / total) / (1 - expected);
  return { estimate, standardError, observed, expected };
}
