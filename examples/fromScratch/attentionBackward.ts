/**
 * Backward through attention. The forward pass, for one head:
 *
 *   S = Q Kᵀ / √dHead      scores   [queryPos, keyPos]
 *   P = softmax(S)         pattern  [queryPos, keyPos]
 *   Z = P V                mixed    [pos, dHead]
 *
 * and the same three lines backward, by the product rule of backward.ts:
 *
 *   dP = dZ Vᵀ             dV = Pᵀ dZ
 *   dS = softmaxBackward(P, dP)
 *   dQ = dS K / √dHead     dK = dSᵀ Q / √dHead
 */
import type { Matrix } from "./matrix.ts";
import {
  addInto,
  addIntoColumns,
  columnBlock,
  matmul,
  matmulTransposed,
  rowBlock,
  scale,
  sumRows,
  transposedMatmul,
  zeros,
} from "./matrix.ts";
import type { AttentionCache, HeadCache } from "./transformer.ts";
import type { Config, Weights } from "./weights.ts";
import { headWidth } from "./weights.ts";

/**
 * Gradients of one attention layer.
 *
 * Projected: `output = mixed W_O + b_O` is undone first, then each head, then its three projections. x was used three times
 * in every head, so all those contributions are added.
 * Parameter-free: queries, keys and values are one and the same slice of x, so the slice receives dQ + dK + dV.
 *
 * @param gradients  the layer's weight gradients are added here
 * @param name       the layer's name, such as `blocks.0.attn`
 * @param dOutput    [pos, dModel]
 * @returns          dx, [pos, dModel]
 */
export function attentionBackward(
  config: Config,
  weights: Weights,
  gradients: Weights,
  name: string,
  cache: AttentionCache,
  dOutput: Matrix,
): Matrix {
  const projected = config.attention === "projected";
  const dHead = headWidth(config);
  const dX = zeros(cache.input.rows, cache.input.cols); // [pos, dModel]
  let dMixed = dOutput; // [pos, head·dHead]
  if (projected) {
    addInto(gradients[`${name}.W_O`], transposedMatmul(cache.mixed, dOutput)); // [head·dHead, dModel]
    addInto(gradients[`${name}.b_O`], sumRows(dOutput)); // [1, dModel]
    dMixed = matmulTransposed(dOutput, weights[`${name}.W_O`]); // [pos, head·dHead]
  }
  cache.heads.forEach((headCache, head) => {
    const dZ = columnBlock(dMixed, head * dHead, dHead); // [pos, dHead]
    const { dQueries, dKeys, dValues } = headBackward(headCache, dZ); // each [pos, dHead]
    if (projected) {
      projectBackward(weights, gradients, name, "Q", head, cache.input, dQueries, dX);
      projectBackward(weights, gradients, name, "K", head, cache.input, dKeys, dX);
      projectBackward(weights, gradients, name, "V", head, cache.input, dValues, dX);
    } else {
      for (const part of [dQueries, dKeys, dValues]) addIntoColumns(dX, head * dHead, part);
    }
  });
  return dX; // [pos, dModel]
}

/** The three lines of the file's head, in reverse. */
function headBackward(
  { queries, keys, values, pattern }: HeadCache,
  dZ: Matrix,
): { dQueries: Matrix; dKeys: Matrix; dValues: Matrix } {
  const dValues = transposedMatmul(pattern, dZ); // [pos, dHead]
  const dPattern = matmulTransposed(dZ, values); // [queryPos, keyPos]
  const dScores = softmaxBackward(pattern, dPattern); // [queryPos, keyPos]
  const dProducts = scale(dScores, 1 / Math.sqrt(queries.cols)); // [queryPos, keyPos]
  const dQueries = matmul(dProducts, keys); // [pos, dHead]
  const dKeys = transposedMatmul(dProducts, queries); // [pos, dHead]
  return { dQueries, dKeys, dValues };
}

/**
 * Backward through the softmax of every row.
 *
 *   p[i] = exp(s[i]) / Σ_j exp(s[j])   ⟹   ∂p[i]/∂s[k] = p[i] (δ − p[k]),   δ = 1 if i = k else 0
 *
 *   ds[k] = Σ_i dp[i] p[i] (δ − p[k]) = p[k] ( dp[k] − Σ_i dp[i] p[i] )
 *
 * A score is pushed up as far as its key is better than the row's average. Masked entries have p = 0, hence ds = 0: the
 * causal mask needs no code of its own here.
 *
 * @param pattern   p, [queryPos, keyPos]
 * @param dPattern  dp, [queryPos, keyPos]
 * @returns         ds, [queryPos, keyPos]
 */
function softmaxBackward(pattern: Matrix, dPattern: Matrix): Matrix {
  const dScores = zeros(pattern.rows, pattern.cols);
  for (let q = 0; q < pattern.rows; q++) {
    const p = rowBlock(pattern, q, 1).data; // [keyPos]
    const dP = rowBlock(dPattern, q, 1).data; // [keyPos]
    const average = p.reduce((sum, value, k) => sum + value * dP[k], 0);
    for (let k = 0; k < p.length; k++) dScores.data[q * pattern.cols + k] = p[k] * (dP[k] - average);
  }
  return dScores;
}

/**
 * Backward through one projection of one head, P = x W[head] + b[head]:
 *
 *   dW[head] += xᵀ dP,   db[head] += Σ_pos dP,   dx += dP W[head]ᵀ
 *
 * @param x   [pos, dModel]
 * @param dP  [pos, dHead]
 * @param dX  [pos, dModel], added to
 */
function projectBackward(
  weights: Weights,
  gradients: Weights,
  name: string,
  role: "Q" | "K" | "V",
  head: number,
  x: Matrix,
  dP: Matrix,
  dX: Matrix,
): void {
  const firstRow = head * x.cols;
  addInto(rowBlock(gradients[`${name}.W_${role}`], firstRow, x.cols), transposedMatmul(x, dP)); // [dModel, dHead]
  addInto(rowBlock(gradients[`${name}.b_${role}`], head, 1), sumRows(dP)); // [1, dHead]
  addInto(dX, matmulTransposed(dP, rowBlock(weights[`${name}.W_${role}`], firstRow, x.cols))); // [pos, dModel]
}
