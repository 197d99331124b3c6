/** Llama: RMS norms, rotary positions, a gated MLP, keys and values shared by groups of heads. */
import { hasBias, keyValueHeads, type ModelConfig, sizeLimits } from "../../model/config.ts";
import { activations, type Family, sharedWidth, wholeBlocks } from "../family.ts";
import type { JsonFields } from "../jsonFields.ts";
import { readRotary, writeRotary } from "../rotaryFields.ts";

function readConfig(fields: JsonFields): ModelConfig {
  fields.without("sliding_window", "every position sees all before it; a window is not supported");
  const dModel = fields.integer("hidden_size", sizeLimits.dModel);
  const nHeads = fields.integer("num_attention_heads", sizeLimits.nHeads);
  const nKeyValueHeads = fields.integer("num_key_value_heads", sizeLimits.nHeads, nHeads);
  if (nHeads % nKeyValueHeads !== 0) fields.fail("num_key_value_heads", `must divide the ${nHeads} heads`);
  const dHead = fields.has("head_dim")
    ? fields.integer("head_dim", sizeLimits.dHead)
    : sharedWidth(fields, "num_attention_heads", dModel, nHeads);
  const nCtx = fields.integer("max_position_embeddings", sizeLimits.nCtx);
  const ofAttention = fields.flag("attention_bias", false) ? (["qkv", "attnOut"] as const) : [];
  const ofMlp = fields.flag("mlp_bias", false) ? (["mlp"] as const) : [];
  return {
    ...wholeBlocks,
    ...readRotary(fields, { base: "rope_theta" }, { dHead, nCtx }),
    nLayers: fields.integer("num_hidden_layers", sizeLimits.nLayers),
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
    biases: [...ofAttention, ...ofMlp],
    eps: fields.number("rms_norm_eps", [0, 1], 1e-6),
  };
}

/** Llama and models of its shape. */
export const llama: Family = {
  name: "llama",
  modelType: "llama",
  architectures: ["LlamaForCausalLM"],
  readConfig,
  writeConfig: (config) => ({
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
    attention_bias: hasBias(config, "qkv"),
    mlp_bias: hasBias(config, "mlp"),
    rms_norm_eps: config.eps,
    rope_parameters: writeRotary(config),
  }),
  weights: [
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
  ],
  prefix: "model.",
  formerEndings: [],
  ignored: ["model.layers.{l}.self_attn.rotary_emb.inv_freq", "model.rotary_emb.inv_freq"],
  copies: [["lm_head.weight", "model.embed_tokens.weight"]],
};
