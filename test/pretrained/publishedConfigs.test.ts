import { describe, expect, test } from "vitest";
import type { ModelConfig } from "../../src/model/config.ts";
import { describeModel } from "../../src/pretrained/loadModel.ts";
import { memoryFolder } from "../../src/pretrained/modelFolder.ts";

const described = (config: object) =>
  describeModel(memoryFolder("m", { "config.json": new TextEncoder().encode(JSON.stringify(config)) }));

const gpt2 = {
  activation_function: "gelu_new",
  architectures: ["GPT2LMHeadModel"],
  attn_pdrop: 0.1,
  bos_token_id: 50256,
  embd_pdrop: 0.1,
  eos_token_id: 50256,
  initializer_range: 0.02,
  layer_norm_epsilon: 1e-5,
  model_type: "gpt2",
  n_ctx: 1024,
  n_embd: 768,
  n_head: 12,
  n_layer: 12,
  n_positions: 1024,
  resid_pdrop: 0.1,
  summary_activation: null,
  summary_first_dropout: 0.1,
  summary_proj_to_labels: true,
  summary_type: "cls_index",
  summary_use_proj: true,
  task_specific_params: { "text-generation": { do_sample: true, max_length: 50 } },
  vocab_size: 50257,
};
const pythia = {
  architectures: ["GPTNeoXForCausalLM"],
  bos_token_id: 0,
  eos_token_id: 0,
  hidden_act: "gelu",
  hidden_size: 512,
  initializer_range: 0.02,
  intermediate_size: 2048,
  layer_norm_eps: 1e-5,
  max_position_embeddings: 2048,
  model_type: "gpt_neox",
  num_attention_heads: 8,
  num_hidden_layers: 6,
  rotary_emb_base: 10000,
  rotary_pct: 0.25,
  tie_word_embeddings: false,
  torch_dtype: "float16",
  transformers_version: "4.24.0",
  use_cache: true,
  use_parallel_residual: true,
  vocab_size: 50304,
};
const llama2 = {
  _name_or_path: "x",
  architectures: ["LlamaForCausalLM"],
  bos_token_id: 1,
  eos_token_id: 2,
  hidden_act: "silu",
  hidden_size: 4096,
  initializer_range: 0.02,
  intermediate_size: 11008,
  max_position_embeddings: 4096,
  model_type: "llama",
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 32,
  pretraining_tp: 1,
  rms_norm_eps: 1e-5,
  rope_scaling: null,
  tie_word_embeddings: false,
  torch_dtype: "float16",
  transformers_version: "4.31.0.dev0",
  use_cache: true,
  vocab_size: 32000,
};
const llama32 = {
  ...llama2,
  attention_bias: false,
  attention_dropout: 0.0,
  bos_token_id: 128000,
  eos_token_id: [128001, 128008],
  head_dim: 64,
  hidden_size: 2048,
  intermediate_size: 8192,
  max_position_embeddings: 131072,
  mlp_bias: false,
  num_hidden_layers: 16,
  num_key_value_heads: 8,
  rope_scaling: {
    factor: 32.0,
    high_freq_factor: 4.0,
    low_freq_factor: 1.0,
    original_max_position_embeddings: 8192,
    rope_type: "llama3",
  },
  rope_theta: 500000.0,
  tie_word_embeddings: true,
  vocab_size: 128256,
};
const smol = {
  ...llama2,
  hidden_size: 576,
  intermediate_size: 1536,
  is_llama_config: true,
  max_position_embeddings: 8192,
  num_attention_heads: 9,
  num_hidden_layers: 30,
  num_key_value_heads: 3,
  rope_interleaved: false,
  rope_theta: 100000,
  "transformers.js_config": { dtype: "q4" },
  vocab_size: 49152,
};
const mistral3 = {
  architectures: ["MistralForCausalLM"],
  attention_dropout: 0.0,
  bos_token_id: 1,
  eos_token_id: 2,
  hidden_act: "silu",
  hidden_size: 4096,
  initializer_range: 0.02,
  intermediate_size: 14336,
  max_position_embeddings: 32768,
  model_type: "mistral",
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 8,
  rms_norm_eps: 1e-5,
  rope_theta: 1000000.0,
  sliding_window: null,
  tie_word_embeddings: false,
  torch_dtype: "bfloat16",
  transformers_version: "4.42.0.dev0",
  use_cache: true,
  vocab_size: 32768,
};
const qwen25 = {
  architectures: ["Qwen2ForCausalLM"],
  attention_dropout: 0.0,
  bos_token_id: 151643,
  eos_token_id: 151643,
  hidden_act: "silu",
  hidden_size: 896,
  initializer_range: 0.02,
  intermediate_size: 4864,
  max_position_embeddings: 32768,
  max_window_layers: 24,
  model_type: "qwen2",
  num_attention_heads: 14,
  num_hidden_layers: 24,
  num_key_value_heads: 2,
  rms_norm_eps: 1e-6,
  rope_theta: 1000000.0,
  sliding_window: 32768,
  tie_word_embeddings: true,
  torch_dtype: "bfloat16",
  transformers_version: "4.40.1",
  use_cache: true,
  use_mrope: false,
  use_sliding_window: false,
  vocab_size: 151936,
};
const bert = {
  architectures: ["BertForMaskedLM"],
  attention_probs_dropout_prob: 0.1,
  gradient_checkpointing: false,
  hidden_act: "gelu",
  hidden_dropout_prob: 0.1,
  hidden_size: 768,
  initializer_range: 0.02,
  intermediate_size: 3072,
  layer_norm_eps: 1e-12,
  max_position_embeddings: 512,
  model_type: "bert",
  num_attention_heads: 12,
  num_hidden_layers: 12,
  pad_token_id: 0,
  position_embedding_type: "absolute",
  transformers_version: "4.6.0.dev0",
  type_vocab_size: 2,
  use_cache: true,
  vocab_size: 30522,
};

describe("config.json as it is published is read, and no field of it is strange:", () => {
  const scaling = { kind: "llama3", factor: 32, lowFreqFactor: 1, highFreqFactor: 4, originalCtx: 8192 };
  test.each<[string, object, Partial<Record<keyof ModelConfig, unknown>>]>([
    ["GPT-2", gpt2, { dHead: 64, dMlp: 3072, nCtx: 1024, actFn: "gelu_new", tiedUnembed: true }],
    ["Pythia 70M", pythia, { rotaryDim: 16, rotaryBase: 10000, parallelBlocks: true, tiedUnembed: false }],
    ["Llama 2 7B", llama2, { nKeyValueHeads: 32, rotaryDim: 128, biases: [], eps: 1e-5 }],
    ["Llama 3.2 1B", llama32, { nKeyValueHeads: 8, ropeScaling: scaling, rotaryBase: 5e5, dHead: 64 }],
    ["SmolLM2 135M", smol, { nHeads: 9, nKeyValueHeads: 3, dHead: 64, rotaryBase: 1e5 }],
    ["Mistral 7B v0.3", mistral3, { nKeyValueHeads: 8, rotaryBase: 1e6, biases: [], nCtx: 32768 }],
    ["Qwen2.5 0.5B", qwen25, { nKeyValueHeads: 2, biases: ["qkv"], tiedUnembed: true, dHead: 64 }],
    ["BERT base", bert, { normalization: "post", dSegments: 2, mlmHead: true, eps: 1e-12 }],
  ])("%s", async (_, config, expected) => {
    const found = await described(config);
    expect(found.config).toMatchObject(expected);
    expect(found.unreadFields).toEqual([]);
  });
});

test("Mistral's first version is refused for its window, and read where inputs are no longer than that", async () => {
  const first = { ...mistral3, rope_theta: 10000.0, sliding_window: 4096, vocab_size: 32000 };
  await expect(described(first)).rejects.toThrow(
    "m/config.json, sliding_window: each position must see all before it, and a window of 4096 is shorter than " +
      "max_position_embeddings, 32768; got 4096. Where 4096 tokens are enough, set max_position_embeddings to 4096.",
  );
  expect((await described({ ...first, max_position_embeddings: 4096 })).config.nCtx).toBe(4096);
});
