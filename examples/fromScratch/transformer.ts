/**
 * The forward pass of a transformer, top to bottom.
 *
 *   x = W_E[token] + W_pos[pos]                    a row of dModel numbers per position: the residual stream
 *   for every block:
 *     x = layerNorm1(x + attention(x))             attention moves information between positions
 *     x = layerNorm2(x + mlp(x))                   the MLP works on each position alone
 *   logits = x W_U + b_U                           one number per token of the vocabulary: the prediction
 *
 * The norm comes *after* each sum ("post-LN", as in the first transformer), and there is none before the unembedding.
 * Sequences do not see one another, so they are run one by one; every shape below is that of a single sequence. What the
 * backward pass will need again is kept in a cache.
 */
import type { Matrix } from "./matrix.ts";
import {
  add,
  addIntoColumns,
  addRow,
  columnBlock,
  matmul,
  matmulTransposed,
  rowBlock,
  scale,
  zeros,
} from "./matrix.ts";
import type { Config, Weights } from "./weights.ts";
import { headWidth } from "./weights.ts";

/** What one head computed. Queries, keys, values: [pos, dHead]; pattern: [queryPos, keyPos], rows sum to 1. */
export type HeadCache = { queries: Matrix; keys: Matrix; values: Matrix; pattern: Matrix };

/** Attention of one block: its input [pos, dModel], its heads, their outputs side by side [pos, dModel], the result. */
export type AttentionCache = { input: Matrix; heads: HeadCache[]; mixed: Matrix; output: Matrix };

/** Layer norm: the normalised rows [pos, dModel] before weight and bias, 1/sd of each row [pos], and the result. */
export type LayerNormCache = { normalised: Matrix; inverseSd: Float64Array; output: Matrix };

/** MLP: input [pos, dModel], hidden layer before and after the ReLU [pos, dMlp], result [pos, dModel]. */
export type MlpCache = { input: Matrix; pre: Matrix; post: Matrix; output: Matrix };

/** One block, in the order of its parts. */
export type BlockCache = {
  attention: AttentionCache;
  ln1: LayerNormCache;
  mlp: MlpCache;
  ln2: LayerNormCache;
};

/** One sequence: its tokens, its blocks, the last residual stream [pos, dModel] and the logits [pos, dVocab]. */
export type SequenceCache = {
  tokens: readonly number[];
  blocks: BlockCache[];
  final: Matrix;
  logits: Matrix;
};

/** Added to the variance before the root: a constant row has variance 0. PyTorch's default. */
const LAYER_NORM_EPS = 1e-5;

/** Queries, keys and values: the three things a head reads from the residual stream. */
const PROJECTIONS = ["Q", "K", "V"] as const;

/**
 * Logits of the next token at every position of every sequence.
 *
 * @param tokens  [batch][pos], integers in [0, dVocab); sequences may differ in length, from 1 to nCtx
 * @returns       per sequence the logits [pos, dVocab], and the cache that `lossAndGradients` reads
 * @throws RangeError if a sequence is empty or too long, or a token is not in the vocabulary
 */
export function forward(
  config: Config,
  weights: Weights,
  tokens: readonly (readonly number[])[],
): { logits: Matrix[]; cache: SequenceCache[] } {
  const cache = tokens.map((sequence) => forwardSequence(config, weights, sequence));
  return { logits: cache.map((sequence) => sequence.logits), cache };
}

function forwardSequence(config: Config, weights: Weights, tokens: readonly number[]): SequenceCache {
  let x = embed(config, weights, tokens); // [pos, dModel]
  const blocks: BlockCache[] = [];
  for (let layer = 0; layer < config.nLayers; layer++) {
    const block = `blocks.${layer}`;
    const attended = attention(config, weights, `${block}.attn`, x); // output [pos, dModel]
    const ln1 = layerNorm(add(x, attended.output), weights[`${block}.ln1.w`], weights[`${block}.ln1.b`]); // output [pos, dModel]
    const hidden = mlp(weights, `${block}.mlp`, ln1.output); // output [pos, dModel]
    const ln2 = layerNorm(
      add(ln1.output, hidden.output),
      weights[`${block}.ln2.w`],
      weights[`${block}.ln2.b`],
    ); // output [pos, dModel]
    blocks.push({ attention: attended, ln1, mlp: hidden, ln2 });
    x = ln2.output; // [pos, dModel]
  }
  const logits = addRow(matmul(x, weights["unembed.W_U"]), weights["unembed.b_U"]); // [pos, dVocab]
  return { tokens, blocks, final: x, logits };
}

/** Row `pos` is the vector of the token that stands there plus the vector of the position:  W_E[token] + W_pos[pos]. */
function embed(config: Config, weights: Weights, tokens: readonly number[]): Matrix {
  if (tokens.length < 1 || tokens.length > config.nCtx) {
    throw new RangeError(
      `forward: a sequence must have 1 to nCtx = ${config.nCtx} tokens; got ${tokens.length}. Cut it, or raise nCtx.`,
    );
  }
  const x = zeros(tokens.length, config.dModel);
  tokens.forEach((token, pos) => {
    if (!Number.isInteger(token) || token < 0 || token >= config.dVocab) {
      throw new RangeError(
        `forward: tokens must be integers from 0 to ${config.dVocab - 1}; got ${token} at position ${pos}. Check the vocabulary.`,
      );
    }
    const tokenRow = rowBlock(weights["embed.W_E"], token, 1); // [1, dModel]
    const posRow = rowBlock(weights["pos_embed.W_pos"], pos, 1); // [1, dModel]
    x.data.set(add(tokenRow, posRow).data, pos * config.dModel);
  });
  return x; // [pos, dModel]
}

/**
 * Attention: every position asks (query), every position answers (key), and the answers decide how the values are mixed.
 *
 *   pattern[q, k] = softmax_k( Q[q]·K[k] / √dHead ),  k ≤ q where causal
 *   mixed[q]      = Σ_k pattern[q, k] V[k]
 *
 * Each head does this on its own dHead columns. Dividing by √dHead keeps the scores of unit-variance vectors at unit
 * variance. Projected:  Q = x W_Q + b_Q (K, V alike)  and  output = mixed W_O + b_O, where the product with the stacked
 * W_O is the sum over heads. Parameter-free:  Q = K = V = the head's columns of x, and the output is `mixed` itself.
 *
 * @source Vaswani et al. 2017, eq. 1 (their d_k is our dHead)
 */
function attention(config: Config, weights: Weights, name: string, x: Matrix): AttentionCache {
  const dHead = headWidth(config);
  const mixed = zeros(x.rows, config.dModel); // [pos, head·dHead]
  const heads: HeadCache[] = [];
  for (let head = 0; head < config.nHeads; head++) {
    const [queries, keys, values] =
      config.attention === "projected"
        ? PROJECTIONS.map((role) => project(weights, name, role, head, x)) // each [pos, dHead]
        : Array<Matrix>(3).fill(columnBlock(x, head * dHead, dHead)); // [pos, dHead], the same three times
    const scores = scale(matmulTransposed(queries, keys), 1 / Math.sqrt(dHead)); // [queryPos, keyPos]
    const pattern = softmaxRows(scores, config.causal); // [queryPos, keyPos]
    addIntoColumns(mixed, head * dHead, matmul(pattern, values)); // [pos, dHead] into [pos, head·dHead]
    heads.push({ queries, keys, values, pattern });
  }
  if (config.attention === "parameterFree") return { input: x, heads, mixed, output: mixed };
  const output = addRow(matmul(mixed, weights[`${name}.W_O`]), weights[`${name}.b_O`]); // [pos, dModel]
  return { input: x, heads, mixed, output };
}

/** One head's queries, keys or values:  x W[head] + b[head], [pos, dHead]. */
function project(
  weights: Weights,
  name: string,
  role: (typeof PROJECTIONS)[number],
  head: number,
  x: Matrix,
): Matrix {
  const matrix = rowBlock(weights[`${name}.W_${role}`], head * x.cols, x.cols); // [dModel, dHead]
  const bias = rowBlock(weights[`${name}.b_${role}`], head, 1); // [1, dHead]
  return addRow(matmul(x, matrix), bias); // [pos, dHead]
}

/**
 * Softmax of every row:  p[k] = exp(s[k]) / Σ_j exp(s[j]).
 *
 * With the causal mask row q sums over k ≤ q only; the entries after it are exactly 0, as if their scores were −∞.
 */
function softmaxRows(scores: Matrix, causal: boolean): Matrix {
  const out = zeros(scores.rows, scores.cols);
  for (let q = 0; q < scores.rows; q++) {
    const visible = causal ? q + 1 : scores.cols;
    const row = rowBlock(scores, q, 1).data.subarray(0, visible); // [visible]
    // subtracting the row's maximum changes nothing in exact arithmetic, and exp(710) overflows float64
    const max = row.reduce((a, b) => Math.max(a, b));
    const exponentials = row.map((score) => Math.exp(score - max)); // [visible]
    const total = exponentials.reduce((sum, value) => sum + value, 0);
    for (let k = 0; k < visible; k++) out.data[q * out.cols + k] = exponentials[k] / total;
  }
  return out; // [queryPos, keyPos]
}

/**
 * Layer norm: every row brought to mean 0 and variance 1, then stretched and shifted by learned amounts.
 *
 *   n = (x − mean(x)) / √(var(x) + eps),   y = n ⊙ w + b
 *
 * The variance is the biased one (divided by dModel).
 *
 * @source Ba et al. 2016, eq. 4; eps as in PyTorch
 */
function layerNorm(x: Matrix, w: Matrix, b: Matrix): LayerNormCache {
  const normalised = zeros(x.rows, x.cols);
  const inverseSd = new Float64Array(x.rows);
  const output = zeros(x.rows, x.cols);
  for (let pos = 0; pos < x.rows; pos++) {
    const row = rowBlock(x, pos, 1).data; // [dModel]
    const mean = row.reduce((sum, value) => sum + value, 0) / x.cols;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.cols;
    inverseSd[pos] = 1 / Math.sqrt(variance + LAYER_NORM_EPS);
    for (let d = 0, i = pos * x.cols; d < x.cols; d++, i++) {
      normalised.data[i] = (row[d] - mean) * inverseSd[pos];
      output.data[i] = normalised.data[i] * w.data[d] + b.data[d];
    }
  }
  return { normalised, inverseSd, output };
}

/** MLP on each position:  relu(x W_in + b_in) W_out + b_out. */
function mlp(weights: Weights, name: string, x: Matrix): MlpCache {
  const pre = addRow(matmul(x, weights[`${name}.W_in`]), weights[`${name}.b_in`]); // [pos, dMlp]
  const post = { ...pre, data: pre.data.map((value) => Math.max(value, 0)) }; // [pos, dMlp]
  const output = addRow(matmul(post, weights[`${name}.W_out`]), weights[`${name}.b_out`]); // [pos, dModel]
  return { input: x, pre, post, output };
}
