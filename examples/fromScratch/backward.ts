/**
 * The backward pass: the forward pass read from bottom to top.
 *
 * Write dX for ∂loss/∂X, a matrix of X's own shape. Each part of the network is handed dOutput and works out dInput, which
 * it hands up, and the gradients of its own weights. Three rules, all of them the chain rule, carry nearly everything:
 *
 *   product   C = A B.  C[i,j] = Σ_k A[i,k] B[k,j], so A[i,k] touches the loss through every C[i,j] with weight B[k,j]:
 *             dA[i,k] = Σ_j dC[i,j] B[k,j], that is   dA = dC Bᵀ,   and likewise   dB = Aᵀ dC.
 *   bias      C = A + (a row on every row):           dA = dC,      dRow = Σ over rows of dC.
 *   fork      x is used twice, as in x + f(x):        dx = what both uses send back, added.
 */
import { attentionBackward } from "./attentionBackward.ts";
import { crossEntropy } from "./loss.ts";
import type { Matrix } from "./matrix.ts";
import { add, addInto, matmulTransposed, rowBlock, sumRows, transposedMatmul, zeros } from "./matrix.ts";
import type { LayerNormCache, MlpCache, SequenceCache } from "./transformer.ts";
import { forward } from "./transformer.ts";
import type { Config, Weights } from "./weights.ts";
import { zeroWeights } from "./weights.ts";

/**
 * Mean cross-entropy of a batch, and its derivative by every weight.
 *
 * @param inputs    [batch][pos], the tokens the model reads
 * @param targets   [batch][pos], the token it should predict at each position
 * @param lossMask  [batch][pos], false where the prediction is not judged; all positions are judged when left out
 * @returns         loss in nats per judged position; gradients under the names and in the shapes of the weights
 * @throws RangeError if inputs, targets and lossMask do not fit one another or the model, or nothing is judged
 */
export function lossAndGradients(
  config: Config,
  weights: Weights,
  inputs: readonly (readonly number[])[],
  targets: readonly (readonly number[])[],
  lossMask?: readonly (readonly boolean[])[],
): { loss: number; gradients: Weights } {
  const { cache } = forward(config, weights, inputs);
  const { loss, dLogits } = crossEntropy(cache, targets, lossMask);
  const gradients = zeroWeights(config);
  cache.forEach((sequence, s) => {
    backwardSequence(config, weights, gradients, sequence, dLogits[s]);
  });
  return { loss, gradients };
}

/** Adds what one sequence contributes to `gradients`. */
function backwardSequence(
  config: Config,
  weights: Weights,
  gradients: Weights,
  cache: SequenceCache,
  dLogits: Matrix,
): void {
  addInto(gradients["unembed.W_U"], transposedMatmul(cache.final, dLogits)); // [dModel, dVocab]
  addInto(gradients["unembed.b_U"], sumRows(dLogits)); // [1, dVocab]
  let dX = matmulTransposed(dLogits, weights["unembed.W_U"]); // [pos, dModel]

  for (let layer = config.nLayers - 1; layer >= 0; layer--) {
    const block = `blocks.${layer}`;
    const { attention, ln1, mlp, ln2 } = cache.blocks[layer];
    const dSum2 = layerNormBackward(weights, gradients, `${block}.ln2`, ln2, dX); // [pos, dModel]
    const dMlp = mlpBackward(weights, gradients, `${block}.mlp`, mlp, dSum2); // [pos, dModel]
    dX = add(dSum2, dMlp); // [pos, dModel]; the fork of x + mlp(x)
    const dSum1 = layerNormBackward(weights, gradients, `${block}.ln1`, ln1, dX); // [pos, dModel]
    const dAttention = attentionBackward(config, weights, gradients, `${block}.attn`, attention, dSum1); // [pos, dModel]
    dX = add(dSum1, dAttention); // [pos, dModel]; the fork of x + attention(x)
  }

  // x[pos] = W_E[token] + W_pos[pos]: each row of dX goes to the two rows that were looked up. A token that occurs twice
  // receives twice, one that does not occur receives nothing.
  cache.tokens.forEach((token, pos) => {
    const dRow = rowBlock(dX, pos, 1); // [1, dModel]
    addInto(rowBlock(gradients["embed.W_E"], token, 1), dRow); // [1, dModel]
    addInto(rowBlock(gradients["pos_embed.W_pos"], pos, 1), dRow); // [1, dModel]
  });
}

/**
 * Backward through  relu(x W_in + b_in) W_out + b_out.
 *
 * ReLU passes a gradient where its input was above 0 and stops it elsewhere; at 0 exactly, where there is no derivative, we
 * take 0 as PyTorch does.
 *
 * @param dOutput  [pos, dModel]
 * @returns        dx, [pos, dModel]
 */
function mlpBackward(
  weights: Weights,
  gradients: Weights,
  name: string,
  cache: MlpCache,
  dOutput: Matrix,
): Matrix {
  addInto(gradients[`${name}.W_out`], transposedMatmul(cache.post, dOutput)); // [dMlp, dModel]
  addInto(gradients[`${name}.b_out`], sumRows(dOutput)); // [1, dModel]
  const dPost = matmulTransposed(dOutput, weights[`${name}.W_out`]); // [pos, dMlp]
  const dPre = { ...dPost, data: dPost.data.map((d, i) => (cache.pre.data[i] > 0 ? d : 0)) }; // [pos, dMlp]
  addInto(gradients[`${name}.W_in`], transposedMatmul(cache.input, dPre)); // [dModel, dMlp]
  addInto(gradients[`${name}.b_in`], sumRows(dPre)); // [1, dMlp]
  return matmulTransposed(dPre, weights[`${name}.W_in`]); // [pos, dModel]
}

/**
 * Backward through layer norm, row by row.
 *
 *   μ = mean(x),  s = 1/√(mean((x − μ)²) + eps),  n = s (x − μ),  y = n ⊙ w + b
 *
 * Weight and bias:  dw = Σ_pos dy ⊙ n,  db = Σ_pos dy,  and  dn = dy ⊙ w.
 *
 * Then x[j] moves n[i] in three ways: directly, through the mean, and through s. With D numbers in the row and δ for
 * "1 if i = j else 0",
 *
 *   ∂μ/∂x[j] = 1/D
 *   ∂s/∂x[j] = −½ s³ · (2/D)(x[j] − μ) = −(s²/D) n[j]            (the mean's own part vanishes: Σ(x − μ) = 0)
 *   ∂n[i]/∂x[j] = s (δ − 1/D) + (x[i] − μ) ∂s/∂x[j] = s (δ − 1/D − n[i] n[j]/D).
 *
 * Summing dn[i] over i,
 *
 *   dx[j] = s ( dn[j] − mean(dn) − n[j] · mean(dn ⊙ n) ) :
 *
 * the parts of the gradient along the constant row and along n itself are taken out, because layer norm removes any shift
 * and (but for eps) any stretch of x.
 *
 * @param dOutput  dy, [pos, dModel]
 * @returns        dx, [pos, dModel]
 */
function layerNormBackward(
  weights: Weights,
  gradients: Weights,
  name: string,
  cache: LayerNormCache,
  dOutput: Matrix,
): Matrix {
  const { normalised, inverseSd } = cache;
  const w = weights[`${name}.w`].data; // [dModel]
  const dW = gradients[`${name}.w`].data; // [dModel]
  const width = normalised.cols;
  const dX = zeros(normalised.rows, width);
  for (let pos = 0; pos < normalised.rows; pos++) {
    const n = rowBlock(normalised, pos, 1).data; // [dModel]
    const dY = rowBlock(dOutput, pos, 1).data; // [dModel]
    const dN = dY.map((d, i) => d * w[i]); // [dModel]
    let meanDN = 0;
    let meanDNn = 0;
    for (let i = 0; i < width; i++) {
      dW[i] += dY[i] * n[i];
      meanDN += dN[i] / width;
      meanDNn += (dN[i] * n[i]) / width;
    }
    for (let j = 0; j < width; j++) {
      dX.data[pos * width + j] = inverseSd[pos] * (dN[j] - meanDN - n[j] * meanDNn);
    }
  }
  addInto(gradients[`${name}.b`], sumRows(dOutput)); // [1, dModel]
  return dX; // [pos, dModel]
}
