/** The additive parts of a table of cell means: what the token does, what the position does, what their meeting does. */

/** A table [token, pos] taken apart; each part sums to 0 over each of its axes. */
export interface CellEffects {
  /** Mean of all cells, each counted once. */
  mean: number;
  /** The cells about their mean, [token, pos]. */
  all: Float64Array;
  /** Token curve, [token]. */
  token: Float64Array;
  /** Position curve, [pos]. */
  position: Float64Array;
  /** What is left of a cell, [token, pos]. */
  interaction: Float64Array;
}

/**
 * Main effects and interaction of a table of cell means.
 *
 *   μ = mean_ts μ_ts   α_t = mean_s μ_ts − μ   β_s = mean_t μ_ts − μ   γ_ts = μ_ts − μ − α_t − β_s
 *
 * Every cell counts once, however many activations it is the mean of. A NaN cell makes all parts NaN.
 *
 * @param table  [token, pos]
 * @param nPos   number of positions
 */
export function cellEffects(table: ArrayLike<number>, nPos: number): CellEffects {
  const dVocab = table.length / nPos;
  const token = new Float64Array(dVocab);
  const position = new Float64Array(nPos);
  const all = new Float64Array(table.length);
  const interaction = new Float64Array(table.length);
  // about the first cell, so that a constant table has parts of exactly 0
  const origin = table[0];
  let mean = 0;
  for (let cell = 0; cell < table.length; cell++) mean += (table[cell] - origin) / table.length;
  for (let t = 0, cell = 0; t < dVocab; t++)
    for (let pos = 0; pos < nPos; pos++, cell++) {
      all[cell] = table[cell] - origin - mean;
      token[t] += all[cell] / nPos;
      position[pos] += all[cell] / dVocab;
    }
  for (let t = 0, cell = 0; t < dVocab; t++)
    for (let pos = 0; pos < nPos; pos++, cell++) interaction[cell] = all[cell] - token[t] - position[pos];
  return { mean: origin + mean, all, token, position, interaction };
}

/** Σ x². */
export function squaredNorm(x: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < x.length; i++) total += x[i] * x[i];
  return total;
}

/** Σ x y. */
export function dot(x: ArrayLike<number>, y: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < x.length; i++) total += x[i] * y[i];
  return total;
}
