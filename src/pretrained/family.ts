/** What a family of pretrained models is to us: what it accepts, its config, and where its weights are. */
import { keyValueHeads, type ModelConfig } from "../model/config.ts";
import type { JsonValue } from "../record/canonicalJson.ts";
import type { AxisSizes } from "./axes.ts";
import type { JsonFields } from "./jsonFields.ts";

/**
 * Where one of our weights is in a family's files: our name, the tensor's name, and the tensor's layout (axes.ts).
 * `{l}` stands for the layer. Several weights may be parts of one tensor.
 */
export type WeightRule = readonly [ours: string, theirs: string, layout: string];

/** A family of models in Hugging Face layout. */
export interface Family {
  /** Our name of it. */
  readonly name: string;
  /** `model_type` of config.json. */
  readonly modelType: string;
  /** Which of `architectures` it takes; the first is written on export. */
  readonly architectures: readonly [string, ...string[]];
  /**
   * The model that config.json describes.
   *
   * @throws FileError for an option that is not supported, naming field, value and file
   */
  readConfig(fields: JsonFields): ModelConfig;
  /** config.json's own fields for a model; what they cannot say is found by reading them again (exportModel.ts). */
  writeConfig(config: ModelConfig): Readonly<Record<string, JsonValue>>;
  /** Every weight that a model of the family can have. */
  readonly weights: readonly WeightRule[];
  /** What tensors' names begin with, and may lack where a file holds the bare model. */
  readonly prefix: string;
  /** Endings of names that older files have, and what they stand for. */
  readonly formerEndings: readonly (readonly [former: string, now: string])[];
  /** Tensors that nothing here needs: masks and other constants, heads for other ends than predicting tokens. */
  readonly ignored: readonly string[];
  /**
   * Tensors that may stand beside the one that they are tied to, and must then be equal to it; one marked `own` counts
   * in place of the other where the unembedding is not tied.
   */
  readonly copies: readonly (readonly [copy: string, original: string, untied?: "own"])[];
}

/** Axes of our weights, slowest first; the name is what follows `blocks.{l}.` where it begins so. */
const axesOfWeights: Readonly<Record<string, string>> = {
  "embed.W_E": "dVocab dModel",
  "pos_embed.W_pos": "pos dModel",
  "token_type_embed.W_token_type": "segment dModel",
  "attn.W_Q": "head dModel dHead",
  "attn.b_Q": "head dHead",
  "attn.W_K": "kvHead dModel dHead",
  "attn.b_K": "kvHead dHead",
  "attn.W_V": "kvHead dModel dHead",
  "attn.b_V": "kvHead dHead",
  "attn.W_O": "head dHead dModel",
  "mlp.W_gate": "dModel dMlp",
  "mlp.b_gate": "dMlp",
  "mlp.W_in": "dModel dMlp",
  "mlp.b_in": "dMlp",
  "mlp.W_out": "dMlp dModel",
  "mlm_head.W": "into dModel",
  "unembed.W_U": "dModel dVocab",
  "unembed.b_U": "dVocab",
};

/** Axes of one of our weights; norms, and biases of what is added to the stream, have dModel alone. */
export function axesOfWeight(name: string): string {
  return axesOfWeights[name.replace(/^blocks\.[^.]+\./, "")] ?? "dModel";
}

/** The size of every axis of a model's weights. */
export function axisSizes(config: ModelConfig): AxisSizes {
  const { dVocab, nCtx, dSegments = 0, nHeads, dHead, dModel, dMlp } = config;
  const kvHead = keyValueHeads(config);
  return { dVocab, pos: nCtx, segment: dSegments, head: nHeads, kvHead, dHead, dModel, into: dModel, dMlp };
}

/** What every family's config has alike: projected attention, and blocks of both halves. */
export const wholeBlocks = {
  attention: "projected",
  attnOnly: false,
  mlpOnly: false,
} as const satisfies Partial<ModelConfig>;

/** Our nonlinearity by the names that config.json has for it; the first of each is written on export. */
export const activations = {
  relu: "relu",
  gelu: "gelu",
  gelu_new: "gelu_new",
  silu: "silu",
  gelu_python: "gelu",
  gelu_pytorch_tanh: "gelu_new",
  gelu_fast: "gelu_new",
  swish: "silu",
} as const satisfies Record<string, ModelConfig["actFn"]>;

/**
 * Width of a head where config.json does not choose it: the stream shared out among the heads.
 *
 * @throws FileError if it does not come out even, or if `head_dim` is there and another
 */
export function sharedWidth(fields: JsonFields, headsField: string, dModel: number, nHeads: number): number {
  fields.only("head_dim", dModel / nHeads, "the stream shared out among the heads");
  if (dModel % nHeads === 0) return dModel / nHeads;
  return fields.fail(headsField, `must divide the width of the stream, ${dModel}`);
}
