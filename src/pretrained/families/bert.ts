/** BERT with its masked-language-model head: bidirectional, segments, a norm after each sum and after the embeddings. */
import { type ModelConfig, sizeLimits } from "../../model/config.ts";
import { activations, type Family, sharedWidth, wholeBlocks } from "../family.ts";
import type { JsonFields } from "../jsonFields.ts";

const mostSegments = [1, 256] as const;

function readConfig(fields: JsonFields): ModelConfig {
  fields.only("is_decoder", false, "an encoder");
  fields.only("add_cross_attention", false, "an encoder");
  fields.only("position_embedding_type", "absolute", "a learned embedding of each position");
  const dModel = fields.integer("hidden_size", sizeLimits.dModel);
  const nHeads = fields.integer("num_attention_heads", sizeLimits.nHeads);
  return {
    ...wholeBlocks,
    nLayers: fields.integer("num_hidden_layers", sizeLimits.nLayers),
    nHeads,
    dModel,
    dHead: sharedWidth(fields, "num_attention_heads", dModel, nHeads),
    dMlp: fields.integer("intermediate_size", sizeLimits.dMlp),
    dVocab: fields.integer("vocab_size", sizeLimits.dVocab),
    dSegments: fields.integer("type_vocab_size", mostSegments, 2),
    nCtx: fields.integer("max_position_embeddings", sizeLimits.nCtx),
    actFn: fields.choice("hidden_act", activations, "gelu"),
    normalization: "post",
    embedNorm: true,
    finalNorm: false,
    causal: false,
    positions: "learned",
    mlmHead: true,
    tiedUnembed: fields.flag("tie_word_embeddings", true),
    biases: true,
    eps: fields.number("layer_norm_eps", [0, 1], 1e-12),
  };
}

/** BERT and models of its shape. */
export const bert: Family = {
  name: "bert",
  modelType: "bert",
  architectures: ["BertForMaskedLM", "BertForPreTraining"],
  readConfig,
  writeConfig: (config) => ({
    num_hidden_layers: config.nLayers,
    num_attention_heads: config.nHeads,
    hidden_size: config.dModel,
    intermediate_size: config.dMlp,
    vocab_size: config.dVocab,
    type_vocab_size: config.dSegments ?? 0,
    max_position_embeddings: config.nCtx,
    hidden_act: config.actFn,
    tie_word_embeddings: config.tiedUnembed,
    layer_norm_eps: config.eps,
  }),
  weights: [
    ["embed.W_E", "bert.embeddings.word_embeddings.weight", "dVocab dModel"],
    ["pos_embed.W_pos", "bert.embeddings.position_embeddings.weight", "pos dModel"],
    ["token_type_embed.W_token_type", "bert.embeddings.token_type_embeddings.weight", "segment dModel"],
    ["embed.ln.w", "bert.embeddings.LayerNorm.weight", "dModel"],
    ["embed.ln.b", "bert.embeddings.LayerNorm.bias", "dModel"],
    ["blocks.{l}.attn.W_Q", "bert.encoder.layer.{l}.attention.self.query.weight", "(head dHead) dModel"],
    ["blocks.{l}.attn.b_Q", "bert.encoder.layer.{l}.attention.self.query.bias", "(head dHead)"],
    ["blocks.{l}.attn.W_K", "bert.encoder.layer.{l}.attention.self.key.weight", "(kvHead dHead) dModel"],
    ["blocks.{l}.attn.b_K", "bert.encoder.layer.{l}.attention.self.key.bias", "(kvHead dHead)"],
    ["blocks.{l}.attn.W_V", "bert.encoder.layer.{l}.attention.self.value.weight", "(kvHead dHead) dModel"],
    ["blocks.{l}.attn.b_V", "bert.encoder.layer.{l}.attention.self.value.bias", "(kvHead dHead)"],
    ["blocks.{l}.attn.W_O", "bert.encoder.layer.{l}.attention.output.dense.weight", "dModel (head dHead)"],
    ["blocks.{l}.attn.b_O", "bert.encoder.layer.{l}.attention.output.dense.bias", "dModel"],
    ["blocks.{l}.ln1.w", "bert.encoder.layer.{l}.attention.output.LayerNorm.weight", "dModel"],
    ["blocks.{l}.ln1.b", "bert.encoder.layer.{l}.attention.output.LayerNorm.bias", "dModel"],
    ["blocks.{l}.mlp.W_in", "bert.encoder.layer.{l}.intermediate.dense.weight", "dMlp dModel"],
    ["blocks.{l}.mlp.b_in", "bert.encoder.layer.{l}.intermediate.dense.bias", "dMlp"],
    ["blocks.{l}.mlp.W_out", "bert.encoder.layer.{l}.output.dense.weight", "dModel dMlp"],
    ["blocks.{l}.mlp.b_out", "bert.encoder.layer.{l}.output.dense.bias", "dModel"],
    ["blocks.{l}.ln2.w", "bert.encoder.layer.{l}.output.LayerNorm.weight", "dModel"],
    ["blocks.{l}.ln2.b", "bert.encoder.layer.{l}.output.LayerNorm.bias", "dModel"],
    ["mlm_head.W", "cls.predictions.transform.dense.weight", "dModel into"],
    ["mlm_head.b", "cls.predictions.transform.dense.bias", "dModel"],
    ["mlm_head.ln.w", "cls.predictions.transform.LayerNorm.weight", "dModel"],
    ["mlm_head.ln.b", "cls.predictions.transform.LayerNorm.bias", "dModel"],
    ["unembed.W_U", "cls.predictions.decoder.weight", "dVocab dModel"],
    ["unembed.b_U", "cls.predictions.bias", "dVocab"],
  ],
  prefix: "bert.",
  formerEndings: [
    ["LayerNorm.gamma", "LayerNorm.weight"],
    ["LayerNorm.beta", "LayerNorm.bias"],
  ],
  ignored: [
    "bert.embeddings.position_ids",
    "bert.pooler.dense.weight",
    "bert.pooler.dense.bias",
    "cls.seq_relationship.weight",
    "cls.seq_relationship.bias",
  ],
  copies: [
    ["cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight"],
    ["cls.predictions.decoder.bias", "cls.predictions.bias", "own"],
  ],
};
