/**
 * What a transformer is made of: its sizes, and one named matrix for each of its weights.
 */
import type { Matrix } from "./matrix.ts";
import { zeros } from "./matrix.ts";
import { normalNumber } from "./random.ts";

/** The sizes and the two choices that define a transformer. */
export type Config = {
  /** Number of blocks. */
  nLayers: number;
  /** Number of attention heads in a block; must divide `dModel`. */
  nHeads: number;
  /** Width of the residual stream. */
  dModel: number;
  /** Hidden width of the MLP. */
  dMlp: number;
  /** Number of different tokens. */
  dVocab: number;
  /** Longest sequence, in tokens. */
  nCtx: number;
  /** Whether a position may look only at itself and at earlier positions. */
  causal: boolean;
  /**
   * "projected": every head reads queries, keys and values with matrices of its own.
   * "parameterFree": queries, keys and values are the head's slice of the residual stream itself.
   */
  attention: "parameterFree" | "projected";
};

/** Every weight by name; leading axes are folded into rows (see matrix.ts). Gradients have the same form. */
export type Weights = Record<string, Matrix>;

/**
 * Width of one head: dModel / nHeads.
 *
 * @throws RangeError unless `nHeads` divides `dModel`
 */
export function headWidth(config: Config): number {
  const dHead = config.dModel / config.nHeads;
  if (Number.isInteger(dHead) && dHead > 0) return dHead;
  throw new RangeError(
    `headWidth: nHeads must divide dModel; got ${config.nHeads} and ${config.dModel}. Change one of them.`,
  );
}

/**
 * Name and shape of every weight, in the order in which the forward pass meets them.
 *
 * The names are TransformerLens's. A model with parameter-free attention has no `attn` weights at all.
 *
 * @throws RangeError unless `nHeads` divides `dModel`
 */
export function weightShapes(config: Config): Record<string, number[]> {
  const { nLayers, nHeads, dModel, dMlp, dVocab, nCtx } = config;
  const dHead = headWidth(config);
  const shapes: Record<string, number[]> = {
    "embed.W_E": [dVocab, dModel],
    "pos_embed.W_pos": [nCtx, dModel],
  };
  for (let layer = 0; layer < nLayers; layer++) {
    const block = `blocks.${layer}`;
    if (config.attention === "projected") {
      for (const role of ["Q", "K", "V"]) {
        shapes[`${block}.attn.W_${role}`] = [nHeads, dModel, dHead];
        shapes[`${block}.attn.b_${role}`] = [nHeads, dHead];
      }
      shapes[`${block}.attn.W_O`] = [nHeads, dHead, dModel];
      shapes[`${block}.attn.b_O`] = [dModel];
    }
    shapes[`${block}.ln1.w`] = [dModel];
    shapes[`${block}.ln1.b`] = [dModel];
    shapes[`${block}.mlp.W_in`] = [dModel, dMlp];
    shapes[`${block}.mlp.b_in`] = [dMlp];
    shapes[`${block}.mlp.W_out`] = [dMlp, dModel];
    shapes[`${block}.mlp.b_out`] = [dModel];
    shapes[`${block}.ln2.w`] = [dModel];
    shapes[`${block}.ln2.b`] = [dModel];
  }
  shapes["unembed.W_U"] = [dModel, dVocab];
  shapes["unembed.b_U"] = [dVocab];
  return shapes;
}

/**
 * Weights of zeros: where gradients are gathered, and where Adam's averages start.
 *
 * @throws RangeError unless `nHeads` divides `dModel`
 */
export function zeroWeights(config: Config): Weights {
  const weights: Weights = {};
  for (const [name, shape] of Object.entries(weightShapes(config))) {
    const cols = shape[shape.length - 1];
    const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
    weights[name] = zeros(rows, cols);
  }
  return weights;
}

/**
 * Weights from flat lists of numbers, each in row-major order of its full shape. Names the model lacks are left aside.
 *
 * @throws RangeError if a weight is missing or its list has the wrong length
 */
export function weightsFrom(config: Config, values: Record<string, ArrayLike<number>>): Weights {
  const weights = zeroWeights(config);
  for (const [name, matrix] of Object.entries(weights)) {
    const given = values[name]?.length ?? 0;
    if (given !== matrix.data.length) {
      throw new RangeError(
        `weightsFrom: ${name} needs ${matrix.data.length} numbers; got ${given}. Give it with its full shape, flat.`,
      );
    }
    matrix.data.set(values[name]);
  }
  return weights;
}

/**
 * Random initial weights, distributed as PyTorch's layers draw them.
 *
 *   embeddings          N(0, 1)                           (nn.Embedding)
 *   matrices and biases U(−1/√fanIn, 1/√fanIn)            (nn.Linear; fanIn is the width of the layer's input)
 *   layer norm          w = 1, b = 0                      (nn.LayerNorm)
 *
 * @param uniform  uniform numbers in [0, 1)
 * @throws RangeError unless `nHeads` divides `dModel`
 */
export function initialWeights(config: Config, uniform: () => number): Weights {
  const weights = zeroWeights(config);
  for (const [name, matrix] of Object.entries(weights)) {
    if (name === "embed.W_E" || name === "pos_embed.W_pos") {
      for (let i = 0; i < matrix.data.length; i++) matrix.data[i] = normalNumber(uniform);
    } else if (/\.ln\d\.w$/.test(name)) {
      matrix.data.fill(1);
    } else if (!/\.ln\d\.b$/.test(name)) {
      // every linear layer reads the residual stream, except the MLP's second, which reads its hidden layer
      const fanIn = name.endsWith("_out") ? config.dMlp : config.dModel;
      const bound = 1 / Math.sqrt(fanIn);
      for (let i = 0; i < matrix.data.length; i++) matrix.data[i] = bound * (2 * uniform() - 1);
    }
  }
  return weights;
}
