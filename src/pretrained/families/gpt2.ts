/** GPT-2: learned positions, pre-LN, matrices stored [in, out], queries, keys and values in one matrix. */
import { type ModelConfig, sizeLimits } from "../../model/config.ts";
import { activations, type Family, sharedWidth, wholeBlocks } from "../family.ts";
import type { JsonFields } from "../jsonFields.ts";

function readConfig(fields: JsonFields): ModelConfig {
  fields.only("scale_attn_weights", true, "scores divided by sqrt(dHead)");
  fields.only("scale_attn_by_inverse_layer_idx", false, "the same scale in every layer");
  fields.only("add_cross_attention", false, "a model without encoder");
  const dModel = fields.integer("n_embd", sizeLimits.dModel);
  const nHeads = fields.integer("n_head", sizeLimits.nHeads);
  return {
    ...wholeBlocks,
    nLayers: fields.integer("n_layer", sizeLimits.nLayers),
    nHeads,
    dModel,
    dHead: sharedWidth(fields, "n_head", dModel, nHeads),
    dMlp: fields.integer("n_inner", sizeLimits.dMlp, 4 * dModel),
    dVocab: fields.integer("vocab_size", sizeLimits.dVocab),
    nCtx: fields.integer(fields.has("n_positions") ? "n_positions" : "n_ctx", sizeLimits.nCtx),
    actFn: fields.choice("activation_function", activations, "gelu_new"),
    normalization: "pre",
    finalNorm: true,
    causal: true,
    positions: "learned",
    tiedUnembed: fields.flag("tie_word_embeddings", true),
    biases: ["qkv", "attnOut", "mlp", "norm"],
    eps: fields.number("layer_norm_epsilon", [0, 1], 1e-5),
  };
}

/** GPT-2 and models of its shape. */
export const gpt2: Family = {
  name: "gpt2",
  modelType: "gpt2",
  architectures: ["GPT2LMHeadModel", "GPT2Model"],
  readConfig,
  writeConfig: (config) => ({
    n_layer: config.nLayers,
    n_head: config.nHeads,
    n_embd: config.dModel,
    n_inner: config.dMlp,
    vocab_size: config.dVocab,
    n_positions: config.nCtx,
    activation_function: config.actFn,
    tie_word_embeddings: config.tiedUnembed,
    layer_norm_epsilon: config.eps,
  }),
  weights: [
    ["embed.W_E", "transformer.wte.weight", "dVocab dModel"],
    ["pos_embed.W_pos", "transformer.wpe.weight", "pos dModel"],
    ["blocks.{l}.ln1.w", "transformer.h.{l}.ln_1.weight", "dModel"],
    ["blocks.{l}.ln1.b", "transformer.h.{l}.ln_1.bias", "dModel"],
    ["blocks.{l}.attn.W_Q", "transformer.h.{l}.attn.c_attn.weight", "dModel (0/3 head dHead)"],
    ["blocks.{l}.attn.W_K", "transformer.h.{l}.attn.c_attn.weight", "dModel (1/3 kvHead dHead)"],
    ["blocks.{l}.attn.W_V", "transformer.h.{l}.attn.c_attn.weight", "dModel (2/3 kvHead dHead)"],
    ["blocks.{l}.attn.b_Q", "transformer.h.{l}.attn.c_attn.bias", "(0/3 head dHead)"],
    ["blocks.{l}.attn.b_K", "transformer.h.{l}.attn.c_attn.bias", "(1/3 kvHead dHead)"],
    ["blocks.{l}.attn.b_V", "transformer.h.{l}.attn.c_attn.bias", "(2/3 kvHead dHead)"],
    ["blocks.{l}.attn.W_O", "transformer.h.{l}.attn.c_proj.weight", "(head dHead) dModel"],
    ["blocks.{l}.attn.b_O", "transformer.h.{l}.attn.c_proj.bias", "dModel"],
    ["blocks.{l}.ln2.w", "transformer.h.{l}.ln_2.weight", "dModel"],
    ["blocks.{l}.ln2.b", "transformer.h.{l}.ln_2.bias", "dModel"],
    ["blocks.{l}.mlp.W_in", "transformer.h.{l}.mlp.c_fc.weight", "dModel dMlp"],
    ["blocks.{l}.mlp.b_in", "transformer.h.{l}.mlp.c_fc.bias", "dMlp"],
    ["blocks.{l}.mlp.W_out", "transformer.h.{l}.mlp.c_proj.weight", "dMlp dModel"],
    ["blocks.{l}.mlp.b_out", "transformer.h.{l}.mlp.c_proj.bias", "dModel"],
    ["ln_final.w", "transformer.ln_f.weight", "dModel"],
    ["ln_final.b", "transformer.ln_f.bias", "dModel"],
    ["unembed.W_U", "lm_head.weight", "dVocab dModel"],
  ],
  prefix: "transformer.",
  formerEndings: [],
  ignored: ["transformer.h.{l}.attn.bias", "transformer.h.{l}.attn.masked_bias"],
  copies: [["lm_head.weight", "transformer.wte.weight"]],
};
