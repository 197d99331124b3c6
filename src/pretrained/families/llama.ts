/** Llama and its kin, Mistral and Qwen2: RMS norms, rotary positions, a gated MLP, keys and values shared by groups of heads. */
import { type BiasPlace, hasBias, keyValueHeads, type ModelConfig, sizeLimits } from "../../model/config.ts";
import type { JsonValue } from "../../record/canonicalJson.ts";
import { activations, type Family, sharedWidth, wholeBlocks } from "../family.ts";
import type { JsonFields } from "../jsonFields.ts";
import { readRotary, writeRotary } from "../rotaryFields.ts";

/** What sets one of the families apart; the standard values are those of transformers where config.json leaves one out. */
interface Kin {
  readonly name: string;
  readonly modelType: string;
  readonly architecture: string;
  /** Heads that keys and values have; undefined for as many as queries. */
  readonly keyValueHeads?: number;
  /** Positions that a window of attention holds; undefined for all. */
  readonly window?: number;
  /** Whether a window counts only where `use_sliding_window` asks for it, and only in some layers. */
  readonly windowOnRequest?: boolean;
  /** Where biases are; undefined where `attention_bias` and `mlp_bias` say it. */
  readonly biases?: readonly BiasPlace[];
}

function readKeyValueHeads(fields: JsonFields, nHeads: number, standard: number | undefined): number {
  const field = "num_key_value_heads";
  const missing = fields.names(field) ? nHeads : (standard ?? nHeads); // null stands for as many as queries
  const count = fields.integer(field, sizeLimits.nHeads, missing);
  return nHeads % count === 0 ? count : fields.fail(field, `must divide the ${nHeads} heads`);
}

function readBiases(fields: JsonFields, fixed: readonly BiasPlace[] | undefined): readonly BiasPlace[] {
  if (fixed === undefined) {
    const ofAttention = fields.flag("attention_bias", false) ? (["qkv", "attnOut"] as const) : [];
    const ofMlp = fields.flag("mlp_bias", false) ? (["mlp"] as const) : [];
    return [...ofAttention, ...ofMlp];
  }
  fields.only("attention_bias", fixed.includes("qkv"), "what every model of the family has");
  fields.only("mlp_bias", fixed.includes("mlp"), "what every model of the family has");
  return fixed;
}

/** Refuses attention that is cut off within the inputs that the model takes. */
function requireWholeAttention(
  fields: JsonFields,
  { window, windowOnRequest }: Kin,
  { nLayers, nCtx }: { nLayers: number; nCtx: number },
): void {
  const kinds = fields.texts("layer_types", []);
  if (kinds.some((kind) => kind !== "full_attention" && kind !== "sliding_attention"))
    fields.fail("layer_types", "may only name full_attention and sliding_attention");
  const first = fields.integer("max_window_layers", [0, 1e6], 28); // the layers before it see all
  const requested = fields.flag("use_sliding_window", false) && kinds.length === 0 && nLayers > first;
  const size = fields.integer(
    "sliding_window",
    [1, 1e9],
    fields.names("sliding_window") ? 1e9 : (window ?? 1e9),
  );
  if (windowOnRequest && !requested && !kinds.includes("sliding_attention")) return;
  if (size >= nCtx) return;
  fields.fail(
    "sliding_window",
    `each position must see all before it, and a window of ${size} is shorter than max_position_embeddings, ${nCtx}`,
    `Where ${size} tokens are enough, set max_position_embeddings to ${size}.`,
  );
}

function readConfig(fields: JsonFields, kin: Kin): ModelConfig {
  const dModel = fields.integer("hidden_size", sizeLimits.dModel);
  const nHeads = fields.integer("num_attention_heads", sizeLimits.nHeads);
  const nKeyValueHeads = readKeyValueHeads(fields, nHeads, kin.keyValueHeads);
  const dHead = fields.has("head_dim")
    ? fields.integer("head_dim", sizeLimits.dHead)
    : sharedWidth(fields, "num_attention_heads", dModel, nHeads);
  const nLayers = fields.integer("num_hidden_layers", sizeLimits.nLayers);
  const nCtx = fields.integer("max_position_embeddings", sizeLimits.nCtx);
  requireWholeAttention(fields, kin, { nLayers, nCtx });
  return {
    ...wholeBlocks,
    ...readRotary(fields, { base: "rope_theta" }, { dHead, nCtx }),
    nLayers,
    nHeads,
    nKeyValueHeads,
    dModel,
    dHead,
    dMlp: fields.integer("intermediate_size", sizeLimits.dMlp),
    dVocab: fields.integer("vocab_size", sizeLimits.dVocab),
    nCtx,
    actFn: fields.choice("hidden_act", activations, "silu"),
    gatedMlp: true,
    normalization: "pre",
    normKind: "rmsNorm",
    finalNorm: true,
    causal: true,
    tiedUnembed: fields.flag("tie_word_embeddings", false),
    biases: readBiases(fields, kin.biases),
    eps: fields.number("rms_norm_eps", [0, 1], 1e-6),
  };
}

function writeConfig(config: ModelConfig, { window, biases }: Kin): Readonly<Record<string, JsonValue>> {
  return {
    num_hidden_layers: config.nLayers,
    num_attention_heads: config.nHeads,
    num_key_value_heads: keyValueHeads(config),
    hidden_size: config.dModel,
    head_dim: config.dHead,
    intermediate_size: config.dMlp,
    vocab_size: config.dVocab,
    max_position_embeddings: config.nCtx,
    hidden_act: config.actFn,
    tie_word_embeddings: config.tiedUnembed,
    ...(window !== undefined && { sliding_window: null }),
    ...(biases === undefined && {
      attention_bias: hasBias(config, "qkv"),
      mlp_bias: hasBias(config, "mlp"),
    }),
    rms_norm_eps: config.eps,
    rope_parameters: writeRotary(config),
  };
}

/** The same tensors in all of them. */
const weights: Family["weights"] = [
  ["embed.W_E", "model.embed_tokens.weight", "dVocab dModel"],
  ["blocks.{l}.ln1.w", "model.layers.{l}.input_layernorm.weight", "dModel"],
  ["blocks.{l}.attn.W_Q", "model.layers.{l}.self_attn.q_proj.weight", "(head dHead) dModel"],
  ["blocks.{l}.attn.b_Q", "model.layers.{l}.self_attn.q_proj.bias", "(head dHead)"],
  ["blocks.{l}.attn.W_K", "model.layers.{l}.self_attn.k_proj.weight", "(kvHead dHead) dModel"],
  ["blocks.{l}.attn.b_K", "model.layers.{l}.self_attn.k_proj.bias", "(kvHead dHead)"],
  ["blocks.{l}.attn.W_V", "model.layers.{l}.self_attn.v_proj.weight", "(kvHead dHead) dModel"],
  ["blocks.{l}.attn.b_V", "model.layers.{l}.self_attn.v_proj.bias", "(kvHead dHead)"],
  ["blocks.{l}.attn.W_O", "model.layers.{l}.self_attn.o_proj.weight", "dModel (head dHead)"],
  ["blocks.{l}.attn.b_O", "model.layers.{l}.self_attn.o_proj.bias", "dModel"],
  ["blocks.{l}.ln2.w", "model.layers.{l}.post_attention_layernorm.weight", "dModel"],
  ["blocks.{l}.mlp.W_gate", "model.layers.{l}.mlp.gate_proj.weight", "dMlp dModel"],
  ["blocks.{l}.mlp.b_gate", "model.layers.{l}.mlp.gate_proj.bias", "dMlp"],
  ["blocks.{l}.mlp.W_in", "model.layers.{l}.mlp.up_proj.weight", "dMlp dModel"],
  ["blocks.{l}.mlp.b_in", "model.layers.{l}.mlp.up_proj.bias", "dMlp"],
  ["blocks.{l}.mlp.W_out", "model.layers.{l}.mlp.down_proj.weight", "dModel dMlp"],
  ["blocks.{l}.mlp.b_out", "model.layers.{l}.mlp.down_proj.bias", "dModel"],
  ["ln_final.w", "model.norm.weight", "dModel"],
  ["unembed.W_U", "lm_head.weight", "dVocab dModel"],
];

function familyOf(kin: Kin): Family {
  return {
    name: kin.name,
    modelType: kin.modelType,
    architectures: [kin.architecture],
    readConfig: (fields) => readConfig(fields, kin),
    writeConfig: (config) => writeConfig(config, kin),
    weights,
    prefix: "model.",
    formerEndings: [],
    ignored: ["model.layers.{l}.self_attn.rotary_emb.inv_freq", "model.rotary_emb.inv_freq"],
    copies: [["lm_head.weight", "model.embed_tokens.weight"]],
  };
}

/** Llama and models of its shape. */
export const llama = familyOf({ name: "llama", modelType: "llama", architecture: "LlamaForCausalLM" });

/** Mistral: Llama without biases, with a window that attention may be limited to. */
export const mistral = familyOf({
  name: "mistral",
  modelType: "mistral",
  architecture: "MistralForCausalLM",
  keyValueHeads: 8,
  window: 4096,
  biases: [],
});

/** Qwen2: Llama with biases of queries, keys and values, and none elsewhere. */
export const qwen2 = familyOf({
  name: "qwen2",
  modelType: "qwen2",
  architecture: "Qwen2ForCausalLM",
  keyValueHeads: 32,
  window: 4096,
  windowOnRequest: true,
  biases: ["qkv"],
});
