/**
 * Rewritings of weights that change how a model is read and not what it predicts.
 *
 * Each returns a new model whose config and weights belong together and whose `processing` names what was done; weights
 * that stay are shared with the old one. Loading does none of this.
 *
 * What each relies on: a layer norm subtracts the mean of what it reads, so the mean of what is written to the stream is
 * never seen; it ends with a product and a sum, which the matrix that reads it can take over; and a number added to all
 * logits cancels in the softmax.
 */
import { ArgumentError } from "../base/errors.ts";
import { type BiasPlace, hasBias, type ModelConfig } from "../model/config.ts";
import { modelCount } from "../model/weights.ts";
import type { PretrainedModel } from "./pretrainedModel.ts";

type Arrays = Record<string, Float32Array>;

function refuse(name: string, rule: string, got: string): never {
  throw new ArgumentError({ where: name, rule, got });
}

/** Refuses what no rewriting here holds for. */
function requireWhole(name: string, { config, weights, processing }: PretrainedModel): void {
  const models = modelCount(config, weights);
  if (models !== 1) refuse(name, "takes one model", `${models}`);
  if (processing.includes(name)) refuse(name, "is done once", processing.join(", "));
}

function requirePreNorm(name: string, config: ModelConfig): void {
  if (config.normalization !== "pre")
    refuse(
      name,
      "needs a norm between the stream and every matrix that reads it; after a sum, the norm writes the stream itself",
      `normalization "${config.normalization}"`,
    );
  if (!config.finalNorm) refuse(name, "needs a norm before the unembedding", "finalNorm false");
  if (config.embedNorm) refuse(name, "needs a stream that begins with embeddings", "embedNorm true");
  if (config.mlmHead) refuse(name, "needs an unembedding that reads the final norm", "mlmHead true");
}

/** The model with an unembedding of its own. */
function untied({ config, weights }: PretrainedModel): { config: ModelConfig; weights: Arrays } {
  if (!config.tiedUnembed) return { config, weights: { ...weights } };
  const { dVocab, dModel } = config;
  const embedding = weights["embed.W_E"]; // [dVocab, dModel]
  const unembedding = new Float32Array(dModel * dVocab); // [dModel, dVocab]
  for (let token = 0; token < dVocab; token++)
    for (let unit = 0; unit < dModel; unit++)
      unembedding[unit * dVocab + token] = embedding[token * dModel + unit];
  return { config: { ...config, tiedUnembed: false }, weights: { ...weights, "unembed.W_U": unembedding } };
}

/** The config with biases at more places. */
function withBiases(config: ModelConfig, more: readonly BiasPlace[]): ModelConfig {
  const places = (["qkv", "attnOut", "mlp", "norm", "unembed"] as const).filter(
    (place) => more.includes(place) || hasBias(config, place),
  );
  return { ...config, biases: places };
}

/** Matrix and bias that read a norm, [group, dModel, out] and [group, out]. */
interface Reader {
  readonly matrix: string;
  readonly bias: string;
  readonly groups: number;
  readonly out: number;
}

/** Multiplies rows of a matrix by the norm's w, and adds the norm's b, as the matrix sees it, to the bias. */
function foldInto(weights: Arrays, norm: string, { matrix, bias, groups, out }: Reader): void {
  const [w, b] = [weights[`${norm}.w`], weights[`${norm}.b`]];
  const before = weights[matrix];
  const after = new Float32Array(before.length);
  const sums = Float64Array.from({ length: groups * out }, (_, i) => weights[bias]?.[i] ?? 0);
  for (let group = 0; group < groups; group++)
    for (let unit = 0; unit < w.length; unit++) {
      const row = (group * w.length + unit) * out;
      for (let column = 0; column < out; column++) {
        after[row + column] = w[unit] * before[row + column];
        if (b !== undefined) sums[group * out + column] += b[unit] * before[row + column];
      }
    }
  weights[matrix] = after;
  if (b !== undefined) weights[bias] = Float32Array.from(sums);
}

/**
 * Norms folded into the matrices that read them: every w becomes 1 and every b 0.
 *
 *   (w · x̂ + b) · W + c  =  x̂ · (w · W) + (b · W + c)
 *
 * What the norms' sites hold (`hook_normalized`, before w and b) stays; what reads them gets rows of matrices that can be
 * compared across layers. Biases come to be where a norm with b is read without one, and a tied unembedding is untied.
 * An RMS norm has w alone.
 *
 * @throws ArgumentError for a model that is not pre-LN with a final norm, or whose attention has no matrices
 */
export function foldLayerNorm<M extends PretrainedModel>(model: M): M {
  requireWhole("foldLayerNorm", model);
  requirePreNorm("foldLayerNorm", model.config);
  if (model.config.attention !== "projected" && !model.config.mlpOnly)
    refuse("foldLayerNorm", "needs matrices that read the norm", `attention "${model.config.attention}"`);
  const { config: old, weights } = untied(model);
  const { nLayers, nHeads, nKeyValueHeads = nHeads, dHead, dMlp, dModel, dVocab } = old;
  const config = hasBias(old, "norm") ? withBiases(old, ["qkv", "mlp", "unembed"]) : old;
  const blank = (norm: string) => {
    weights[`${norm}.w`] = new Float32Array(dModel).fill(1);
    if (weights[`${norm}.b`] !== undefined) weights[`${norm}.b`] = new Float32Array(dModel);
  };
  for (let layer = 0; layer < nLayers; layer++) {
    const block = `blocks.${layer}`;
    if (!old.mlpOnly) {
      for (const letter of ["Q", "K", "V"]) {
        const names = { matrix: `${block}.attn.W_${letter}`, bias: `${block}.attn.b_${letter}` };
        foldInto(weights, `${block}.ln1`, {
          ...names,
          groups: letter === "Q" ? nHeads : nKeyValueHeads,
          out: dHead,
        });
      }
      blank(`${block}.ln1`);
    }
    if (!old.attnOnly) {
      for (const into of old.gatedMlp ? ["gate", "in"] : ["in"]) {
        const names = { matrix: `${block}.mlp.W_${into}`, bias: `${block}.mlp.b_${into}` };
        foldInto(weights, `${block}.ln2`, { ...names, groups: 1, out: dMlp });
      }
      if (hasBias(config, "mlp")) weights[`${block}.mlp.b_out`] ??= new Float32Array(dModel);
      blank(`${block}.ln2`);
    }
  }
  foldInto(weights, "ln_final", { matrix: "unembed.W_U", bias: "unembed.b_U", groups: 1, out: dVocab });
  blank("ln_final");
  return { ...model, config, weights, processing: [...model.processing, "foldLayerNorm"] };
}

/** Rows of a matrix, each minus its mean. */
function centredRows(values: Float32Array, width: number): Float32Array {
  const centred = new Float32Array(values.length);
  for (let start = 0; start < values.length; start += width) {
    const row = values.subarray(start, start + width);
    const mean = row.reduce((sum, value) => sum + value, 0) / width;
    for (let i = 0; i < width; i++) centred[start + i] = row[i] - mean;
  }
  return centred;
}

/** What writes to the stream, with dModel as its fastest axis. */
const writers =
  /^(embed\.W_E|pos_embed\.W_pos|token_type_embed\.W_token_type|blocks\.\d+\.(attn\.[Wb]_O|mlp\.[Wb]_out))$/;

/**
 * Everything that is added to the stream centred over its dimensions, so that the stream has mean 0 everywhere: the part
 * of it that a layer norm would subtract is gone. A tied unembedding is untied first, since it reads another vector.
 *
 * @throws ArgumentError for a model that is not pre-LN with a final norm; for one with RMS norms, which see the mean;
 *                       for attention or positions that write what is no weight
 */
export function centerWrites<M extends PretrainedModel>(model: M): M {
  requireWhole("centerWrites", model);
  requirePreNorm("centerWrites", model.config);
  if (model.config.normKind === "rmsNorm")
    refuse("centerWrites", "needs norms that subtract the mean; an RMS norm sees it", 'normKind "rmsNorm"');
  if (model.config.attention !== "projected" && !model.config.mlpOnly)
    refuse(
      "centerWrites",
      "needs matrices that write to the stream",
      `attention "${model.config.attention}"`,
    );
  if (model.config.positions === "sinusoidal")
    refuse(
      "centerWrites",
      "needs positions that are weights, or none in the stream",
      'positions "sinusoidal"',
    );
  const { config, weights } = untied(model);
  for (const name of Object.keys(weights))
    if (writers.test(name)) weights[name] = centredRows(weights[name], config.dModel);
  return { ...model, config, weights, processing: [...model.processing, "centerWrites"] };
}

/**
 * The unembedding centred over tokens: every logit minus the mean logit of its position. Log-probabilities are the same
 * for every kind of norm, since the softmax does not see what all logits share.
 */
export function centerUnembed<M extends PretrainedModel>(model: M): M {
  requireWhole("centerUnembed", model);
  const { config, weights } = untied(model);
  for (const name of ["unembed.W_U", "unembed.b_U"])
    if (weights[name] !== undefined) weights[name] = centredRows(weights[name], config.dVocab);
  return { ...model, config, weights, processing: [...model.processing, "centerUnembed"] };
}
