/** Two crossed random factors, such as initialisation and data order: which one decides the outcome? */
import { twoWayAnova } from "./anova.ts";
import { atLeast } from "./arguments.ts";

/** What {@link crossedEffects} returns. */
export interface CrossedEffects {
  /** Variance of the first factor's effects, at least 0. */
  varianceFirst: number;
  /** Variance of the second factor's effects, at least 0. */
  varianceSecond: number;
  /** Variance of what is left: interaction and noise together, for there is one value a cell. */
  varianceRest: number;
  /** The three as shares of their sum, [first, second, rest]. */
  shares: readonly [number, number, number];
}

/**
 * Variance components of a crossed design with one value a cell.
 *
 *   y_ab = m + I_a + D_b + R_ab;   σ²_I = max(0, (MS_I − MS_R)/B),  σ²_D = max(0, (MS_D − MS_R)/A),  σ²_R = MS_R
 *
 * Unbiased but for the cut at 0. With few levels of a factor its variance is known poorly (A levels: A − 1 degrees of
 * freedom): report A and B beside the shares.
 *
 * Edges: all values equal gives shares NaN; NaN values give NaN.
 *
 * @param table  [first factor][second factor], at least 2 × 2
 * @throws ArgumentError if a factor has fewer than two levels, ShapeError if rows are ragged
 * @source Searle, Casella & McCulloch 1992, section 4.4
 */
export function crossedEffects(table: readonly ArrayLike<number>[]): CrossedEffects {
  const A = atLeast("crossed effects", "levels of the first factor", table.length, 2);
  const B = atLeast("crossed effects", "levels of the second factor", table[0].length, 2);
  const values = table.flatMap((row) => Array.from(row)); // [first, second]
  const { a, b, interaction } = twoWayAnova(values, [A, B, 1]);
  const above = (ms: number, levels: number) => (ms <= interaction.ms ? 0 : (ms - interaction.ms) / levels);
  const [varianceFirst, varianceSecond] = [above(a.ms, B), above(b.ms, A)];
  const all = varianceFirst + varianceSecond + interaction.ms;
  return {
    varianceFirst,
    varianceSecond,
    varianceRest: interaction.ms,
    shares: [varianceFirst / all, varianceSecond / all, interaction.ms / all],
  };
}
