/** GPT-NeoX and Pythia: partial rotary positions, attention and MLP side by side, query, key and value by head. */
import { hasBias, type ModelConfig, sizeLimits } from "../../model/config.ts";
import { activations, type Family, sharedWidth, wholeBlocks } from "../family.ts";
import type { JsonFields } from "../jsonFields.ts";
import { readRotary, writeRotary } from "../rotaryFields.ts";

function readConfig(fields: JsonFields): ModelConfig {
  const dModel = fields.integer("hidden_size", sizeLimits.dModel);
  const nHeads = fields.integer("num_attention_heads", sizeLimits.nHeads);
  const dHead = sharedWidth(fields, "num_attention_heads", dModel, nHeads);
  const nCtx = fields.integer("max_position_embeddings", sizeLimits.nCtx);
  const rotary = { base: "rotary_emb_base", share: { name: "rotary_pct", fallback: 0.25 } };
  return {
    ...wholeBlocks,
    ...readRotary(fields, rotary, { dHead, nCtx }),
    nLayers: fields.integer("num_hidden_layers", sizeLimits.nLayers),
    nHeads,
    dModel,
    dHead,
    dMlp: fields.integer("intermediate_size", sizeLimits.dMlp),
    dVocab: fields.integer("vocab_size", sizeLimits.dVocab),
    nCtx,
    actFn: fields.choice("hidden_act", activations, "gelu"),
    normalization: "pre",
    finalNorm: true,
    causal: true,
    parallelBlocks: fields.flag("use_parallel_residual", true),
    tiedUnembed: fields.flag("tie_word_embeddings", false),
    biases: fields.flag("attention_bias", true) ? ["qkv", "attnOut", "mlp", "norm"] : ["mlp", "norm"],
    eps: fields.number("layer_norm_eps", [0, 1], 1e-5),
  };
}

/** GPT-NeoX, Pythia and models of their shape. */
export const gptNeox: Family = {
  name: "gptNeox",
  modelType: "gpt_neox",
  architectures: ["GPTNeoXForCausalLM"],
  readConfig,
  writeConfig: (config) => ({
    num_hidden_layers: config.nLayers,
    num_attention_heads: config.nHeads,
    hidden_size: config.dModel,
    intermediate_size: config.dMlp,
    vocab_size: config.dVocab,
    max_position_embeddings: config.nCtx,
    hidden_act: config.actFn,
    use_parallel_residual: config.parallelBlocks ?? false,
    tie_word_embeddings: config.tiedUnembed,
    attention_bias: hasBias(config, "qkv"),
    layer_norm_eps: config.eps,
    rope_parameters: writeRotary(config),
  }),
  weights: [
    ["embed.W_E", "gpt_neox.embed_in.weight", "dVocab dModel"],
    ["blocks.{l}.ln1.w", "gpt_neox.layers.{l}.input_layernorm.weight", "dModel"],
    ["blocks.{l}.ln1.b", "gpt_neox.layers.{l}.input_layernorm.bias", "dModel"],
    [
      "blocks.{l}.attn.W_Q",
      "gpt_neox.layers.{l}.attention.query_key_value.weight",
      "(head 0/3 dHead) dModel",
    ],
    [
      "blocks.{l}.attn.W_K",
      "gpt_neox.layers.{l}.attention.query_key_value.weight",
      "(kvHead 1/3 dHead) dModel",
    ],
    [
      "blocks.{l}.attn.W_V",
      "gpt_neox.layers.{l}.attention.query_key_value.weight",
      "(kvHead 2/3 dHead) dModel",
    ],
    ["blocks.{l}.attn.b_Q", "gpt_neox.layers.{l}.attention.query_key_value.bias", "(head 0/3 dHead)"],
    ["blocks.{l}.attn.b_K", "gpt_neox.layers.{l}.attention.query_key_value.bias", "(kvHead 1/3 dHead)"],
    ["blocks.{l}.attn.b_V", "gpt_neox.layers.{l}.attention.query_key_value.bias", "(kvHead 2/3 dHead)"],
    ["blocks.{l}.attn.W_O", "gpt_neox.layers.{l}.attention.dense.weight", "dModel (head dHead)"],
    ["blocks.{l}.attn.b_O", "gpt_neox.layers.{l}.attention.dense.bias", "dModel"],
    ["blocks.{l}.ln2.w", "gpt_neox.layers.{l}.post_attention_layernorm.weight", "dModel"],
    ["blocks.{l}.ln2.b", "gpt_neox.layers.{l}.post_attention_layernorm.bias", "dModel"],
    ["blocks.{l}.mlp.W_in", "gpt_neox.layers.{l}.mlp.dense_h_to_4h.weight", "dMlp dModel"],
    ["blocks.{l}.mlp.b_in", "gpt_neox.layers.{l}.mlp.dense_h_to_4h.bias", "dMlp"],
    ["blocks.{l}.mlp.W_out", "gpt_neox.layers.{l}.mlp.dense_4h_to_h.weight", "dModel dMlp"],
    ["blocks.{l}.mlp.b_out", "gpt_neox.layers.{l}.mlp.dense_4h_to_h.bias", "dModel"],
    ["ln_final.w", "gpt_neox.final_layer_norm.weight", "dModel"],
    ["ln_final.b", "gpt_neox.final_layer_norm.bias", "dModel"],
    ["unembed.W_U", "embed_out.weight", "dVocab dModel"],
  ],
  prefix: "gpt_neox.",
  formerEndings: [["lm_head.weight", "embed_out.weight"]],
  ignored: [
    "gpt_neox.layers.{l}.attention.bias",
    "gpt_neox.layers.{l}.attention.masked_bias",
    "gpt_neox.layers.{l}.attention.rotary_emb.inv_freq",
  ],
  copies: [["embed_out.weight", "gpt_neox.embed_in.weight"]],
};
