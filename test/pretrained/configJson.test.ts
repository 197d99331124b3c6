import { describe, expect, test } from "vitest";
import { FileError, UserError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import { validateConfig } from "../../src/model/config.ts";
import { configLimit } from "../../src/pretrained/configJson.ts";
import { families } from "../../src/pretrained/families.ts";
import { describeModel, loadModel } from "../../src/pretrained/loadModel.ts";
import { type ModelFolder, memoryFolder } from "../../src/pretrained/modelFolder.ts";
import { cases, filesOf, folderOf, withConfig } from "./modelFixtures.ts";

async function complaint(folder: ModelFolder): Promise<string> {
  const error = await describeModel(folder).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(FileError);
  return (error as FileError).message;
}
const ofText = (text: string) => memoryFolder("m", { "config.json": new TextEncoder().encode(text) });
/** config.json of a case with a field given as text, so that it can be a number that JSON.stringify would round. */
function withLiteral(name: string, field: string, literal: string): ModelFolder {
  const text = new TextDecoder().decode(filesOf(name)["config.json"]);
  const changed = text.replace(new RegExp(`("${field}": )[^,\n]*`), `$1${literal}`);
  expect(changed).not.toBe(text);
  return ofText(changed);
}

test.each(cases)("%s: config.json becomes a config that can be", async (name) => {
  const { config } = await describeModel(folderOf(name));
  expect(validateConfig(config)).toBe(config);
});

test("the options of GPT-2 are read, defaults where they are missing", async () => {
  const { config, family } = await describeModel(
    ofText(
      '{"model_type":"gpt2","n_layer":12,"n_head":12,"n_embd":768,"vocab_size":50257,"n_ctx":1024,"n_inner":null}',
    ),
  );
  expect(family.name).toBe("gpt2");
  expect(config).toEqual({
    nLayers: 12,
    nHeads: 12,
    dModel: 768,
    dHead: 64,
    dMlp: 3072,
    dVocab: 50257,
    nCtx: 1024,
    actFn: "gelu_new",
    normalization: "pre",
    finalNorm: true,
    causal: true,
    positions: "learned",
    attention: "projected",
    attnOnly: false,
    mlpOnly: false,
    tiedUnembed: true,
    biases: ["qkv", "attnOut", "mlp", "norm"],
    eps: 1e-5,
  });
});

test("rotary options are read alike in their old and their new form", async () => {
  const old = { rope_parameters: undefined, rotary_pct: 0.5, rotary_emb_base: 500 };
  const { config } = await describeModel(withConfig("gptNeox-sequential", old));
  expect(config).toEqual((await describeModel(folderOf("gptNeox-sequential"))).config);
  const scaled = { type: "linear", factor: 4 };
  const llama = withConfig("llama-biases-linear-scaling", {
    rope_parameters: undefined,
    rope_theta: 10000,
    rope_scaling: scaled,
  });
  expect((await describeModel(llama)).config).toEqual(
    (await describeModel(folderOf("llama-biases-linear-scaling"))).config,
  );
});

test("fields that nobody knows are told, and those that only matter elsewhere are not", async () => {
  for (const name of cases) expect((await describeModel(folderOf(name))).unreadFields, name).toEqual([]);
  const more = {
    ...{
      smoothness: 3,
      attn_pdrop: 0.1,
      task_specific_params: { x: 1 },
      _name_or_path: "x",
      pad_token_id: 3,
    },
    ...{ unsloth_version: "2024.9", quietness: false, loudness: null },
  };
  expect((await describeModel(withConfig("gpt2", more))).unreadFields).toEqual(["smoothness"]);
});

test("what a family leaves out has the value that transformers gives it", async () => {
  const left = { num_key_value_heads: undefined, sliding_window: undefined, rope_theta: undefined };
  const wide = {
    num_attention_heads: 8,
    head_dim: 4,
    rms_norm_eps: undefined,
    tie_word_embeddings: undefined,
  };
  const mistral = (await describeModel(withConfig("mistral-hub-bf16", { ...left, ...wide }))).config;
  expect(mistral).toMatchObject({ nKeyValueHeads: 8, rotaryBase: 10000, eps: 1e-6, tiedUnembed: false });
  const qwen2 = await describeModel(
    withConfig("qwen2-grouped", { ...left, num_attention_heads: 64, head_dim: 4 }),
  );
  expect(qwen2.config).toMatchObject({ nKeyValueHeads: 32, biases: ["qkv"] });
  const none = await describeModel(withConfig("mistral-hub-bf16", { num_key_value_heads: null }));
  expect(none.config.nKeyValueHeads).toBe(4);
});

test("biases are where config.json of Llama says", async () => {
  const of = async (changes: object) =>
    (await describeModel(withConfig("llama-tied-bf16", { ...changes }))).config.biases;
  expect(await of({ attention_bias: true })).toEqual(["qkv", "attnOut"]);
  expect(await of({ mlp_bias: true })).toEqual(["mlp"]);
  expect(await of({})).toEqual([]);
});

describe("sizes are checked against limits before anything is allocated:", () => {
  test.each([
    ["gpt2", "n_layer", "1000000000", "must be a whole number, 0 to 128"],
    ["gpt2", "n_embd", "9007199254740992", "must be a whole number, 1 to 16384"],
    ["gpt2", "n_embd", "9007199254740993", "must be a whole number, 1 to 16384"],
    ["gpt2", "vocab_size", "-1", "must be a whole number, 2 to 262144"],
    ["gpt2", "vocab_size", "1e1", "must be a whole number, 2 to 262144"],
    ["gpt2", "n_head", "0", "must be a whole number, 1 to 256"],
    ["gpt2", "n_head", "3", "must divide the width of the stream, 16"],
    ["gpt2", "layer_norm_epsilon", "-1", "must be a number, 0 to 1"],
    ["gpt2", "layer_norm_epsilon", "1e400", ""],
    ["gpt2", "n_positions", "2.0", "must be a whole number"],
    ["gpt2", "tie_word_embeddings", "1", "must be true or false"],
    ["gpt2", "model_type", "null", "must be a text"],
    ["llama-grouped-sharded", "head_dim", "0", "must be a whole number, 1 to 1024"],
    ["llama-grouped-sharded", "num_key_value_heads", "3", "must divide the 4 heads"],
    ["llama-grouped-sharded", "intermediate_size", '"24"', "must be a whole number, 1 to 65536"],
    ["bert", "type_vocab_size", "-2", "must be a whole number, 1 to 256"],
    ["gptNeox-parallel-hub-f16", "rotary_pct", "1.5", "must be a number, 0 to 1"],
    ["gptNeox-parallel-hub-f16", "rotary_pct", "0.07", "must leave an even number of a head's 16 dimensions"],
    ["gptNeox-parallel-hub-f16", "rotary_emb_base", "0", "must be a number, 1 to"],
  ])("%s with %s = %s", async (name, field, literal, rule) => {
    const message = await complaint(withLiteral(name, field, literal));
    expect(message).toContain("m/config.json");
    if (rule !== "") expect(message).toMatch(new RegExp(`^m/config.json, ${field}: .*${rule}`));
  });

  test("value and file are in the sentence", async () => {
    expect(await complaint(withLiteral("gpt2", "n_layer", "1000000000"))).toBe(
      "m/config.json, n_layer: must be a whole number, 0 to 128; got 1000000000.",
    );
  });
});

describe("what is not supported is refused, naming field, value and file:", () => {
  const yarn = { rope_type: "yarn", factor: 4, rope_theta: 10000 };
  test.each<[string, Record<string, unknown>, string]>([
    [
      "gpt2",
      { activation_function: "gelu_noew" },
      "activation_function: must be one of relu, gelu, gelu_new",
    ],
    ["gpt2", { activation_function: "gelu_noew" }, 'got "gelu_noew". Nearest: "gelu_new".'],
    ["gpt2", { scale_attn_weights: false }, "scale_attn_weights: only true is supported"],
    ["gpt2", { scale_attn_by_inverse_layer_idx: true }, "scale_attn_by_inverse_layer_idx: only false"],
    ["gpt2", { add_cross_attention: true }, "add_cross_attention: only false is supported"],
    ["gpt2", { quantization_config: { bits: 4 } }, "quantization_config: quantised weights are not read"],
    ["gpt2", { auto_map: { AutoModel: "x.Y" } }, "auto_map: the model wants code"],
    ["gpt2", { trust_remote_code: true }, "no file is ever run here; got true"],
    [
      "gpt2",
      { model_type: "gpt_neo" },
      `model_type: must be one of ${families.map(({ modelType }) => modelType).join(", ")}; got "gpt_neo"`,
    ],
    ["gpt2", { architectures: ["GPT2ForSequenceClassification"] }, 'got "GPT2ForSequenceClassification"'],
    ["gpt2", { architectures: [] }, "which predict tokens; got none"],
    ["llama-tied-bf16", { sliding_window: 63 }, "sliding_window: each position must see all before it"],
    [
      "mistral-hub-bf16",
      { sliding_window: 63 },
      "a window of 63 is shorter than max_position_embeddings, 64; got 63. Where 63 tokens are enough, set",
    ],
    // the family's own default is a window of 4096
    [
      "mistral-hub-bf16",
      { sliding_window: undefined, max_position_embeddings: 4097 },
      "a window of 4096 is shorter than max_position_embeddings, 4097; got nothing",
    ],
    ["mistral-hub-bf16", { sliding_window: 0 }, "sliding_window: must be a whole number, 1 to"],
    ["mistral-hub-bf16", { attention_bias: true }, "attention_bias: only false is supported"],
    ["mistral-hub-bf16", { num_key_value_heads: undefined }, "num_key_value_heads: must divide the 4 heads"],
    ["qwen2-hub-tied-bf16", { use_sliding_window: true }, "a window of 4 is shorter"],
    [
      "qwen2-grouped",
      { layer_types: ["full_attention", "sliding_attention"], sliding_window: 8 },
      "a window of 8 is shorter",
    ],
    [
      "qwen2-grouped",
      { layer_types: ["full_attention", "linear_attention"] },
      "layer_types: may only name full_attention and sliding_attention; got a list of 2",
    ],
    ["qwen2-grouped", { attention_bias: false }, "attention_bias: only true is supported"],
    ["qwen2-grouped", { use_mrope: true }, "use_mrope: is not supported, the family computes without it"],
    [
      "llama-tied-bf16",
      { rope_scaling: yarn },
      "rope_scaling.rope_type: must be one of default, linear, llama3",
    ],
    ["llama-tied-bf16", { rope_scaling: "x" }, 'rope_scaling: must be an object; got "x"'],
    ["llama-tied-bf16", { partial_rotary_factor: 0.5 }, "partial_rotary_factor: the family turns all"],
    [
      "llama-tied-bf16",
      { rope_scaling: { rope_type: "linear", factor: 0.5 } },
      "rope_scaling.factor: must be",
    ],
    ["llama-tied-bf16", { rope_scaling: { type: "linear" } }, "rope_scaling.factor: must be a number"],
    [
      "llama-tied-bf16",
      { rope_scaling: { type: "linear", factor: 2, mscale: 0.7 } },
      "rope_scaling.mscale: is not known to turn positions here; got 0.7",
    ],
    [
      "llama-tied-bf16",
      { rope_scaling: { type: "default", factor: 2 } },
      "rope_scaling.factor: only 1 is supported, positions are not scaled; got 2",
    ],
    [
      "llama-tied-bf16",
      { rope_scaling: { rope_type: "linear", type: "yarn", factor: 2 } },
      'rope_scaling.type: only "linear" is supported, as rope_type says; got "yarn"',
    ],
    // one set of parameters for each kind of layer
    [
      "llama-tied-bf16",
      { rope_parameters: { full_attention: { rope_type: "default", rope_theta: 10000 } } },
      "rope_parameters.full_attention: is not known to turn positions here; got an object",
    ],
    [
      "llama-tied-bf16",
      { rope_parameters: { rope_type: "default" }, rope_scaling: { type: "linear", factor: 2 } },
      "rope_scaling: turns positions otherwise than rope_parameters",
    ],
    ["llama-grouped-sharded", { rope_theta: 10000 }, "rope_theta: only 500000 is supported"],
    ["gptNeox-parallel-hub-f16", { rope_theta: 500 }, "rope_theta: only 10000 is supported"],
    ["gptNeox-parallel-hub-f16", { partial_rotary_factor: 0.5 }, "partial_rotary_factor: only 0.25 is"],
    ["gptNeox-parallel-hub-f16", { head_dim: 8 }, "head_dim: only 16 is supported, the stream shared out"],
    ["llama-tied-bf16", { hidden_act: "gelu_10" }, "hidden_act: must be one of relu, gelu, gelu_new"],
    ["llama-tied-bf16", { final_logit_softcapping: 30 }, "final_logit_softcapping: is not supported"],
    ["llama-tied-bf16", { logits_scaling: 8 }, "logits_scaling: only 1 is supported, the family computes"],
    ["llama-tied-bf16", { num_local_experts: 8 }, "num_local_experts: only 0 is supported"],
    [
      "gpt2",
      { pruned_heads: { 1: [0] } },
      "pruned_heads: every layer must have all its heads; got an object",
    ],
    ["bert", { is_decoder: true }, "is_decoder: only false is supported"],
    ["bert", { position_embedding_type: "relative_key" }, 'position_embedding_type: only "absolute"'],
  ])("%s with %j", async (name, changes, words) => {
    const message = await complaint(withConfig(name, changes));
    expect(message).toContain(`${name}/config.json, `);
    expect(message).toContain(words);
  });

  test("also where the same option with its neutral value is fine", async () => {
    const neutral = {
      ...{ logits_scaling: 1.0, num_local_experts: 0, pruned_heads: {}, use_mrope: false, clip_qkv: null },
      ...{ rope_scaling: { type: "default", factor: 1.0, original_max_position_embeddings: 64 } },
      ...{ partial_rotary_factor: 1.0, rope_parameters: {}, sliding_window: 64 },
    };
    const { config, unreadFields } = await describeModel(withConfig("llama-tied-bf16", neutral));
    expect(config).toEqual((await describeModel(folderOf("llama-tied-bf16"))).config);
    expect(unreadFields).toEqual([]);
  });

  test("numbers that contradict each other", async () => {
    const scaling = {
      rope_type: "llama3",
      factor: 8,
      low_freq_factor: 4,
      high_freq_factor: 1,
      original_max_position_embeddings: 32,
    };
    expect(await complaint(withConfig("llama-tied-bf16", { rope_scaling: scaling }))).toBe(
      "llama-tied-bf16/config.json: describes a model that cannot be: config.ropeScaling: highFreqFactor must be " +
        "above lowFreqFactor, and both above 0; got 1 and 4.",
    );
  });
});

describe("text that is no config is refused:", () => {
  test.each([
    ["nothing", "", /byte 0/],
    ["a list", "[]", /must hold an object/],
    ["equal keys", '{"a":1,"a":2}', /same key twice/],
    ["ten thousand levels", `{"a":${"[".repeat(10000)}`, /nested 16 deep/],
    ["a byte order mark", '\ufeff{"model_type":"gpt2"}', /byte 0/],
    ["an HTML page", "<!doctype html>", /byte 0/],
    ["half a surrogate", '{"model_type":"\\ud800"}', /surrogate/],
  ])("%s", async (_, text, message) => {
    expect(await complaint(ofText(text))).toMatch(message);
  });

  test("a file beyond the limit is not even read", async () => {
    const folder: ModelFolder = {
      name: "m",
      names: ["config.json"],
      open: async () => ({
        name: "m/config.json",
        size: configLimit + 1,
        read: () => Promise.reject(new Error("was read")),
      }),
    };
    expect(await complaint(folder)).toBe(
      `m/config.json: may be ${configLimit} bytes long; got ${configLimit + 1} bytes.`,
    );
  });
});

/** A text with a few characters cut, doubled, swapped for another digit or bracket, or spliced from elsewhere in it. */
function mutant(text: string, seed: number): string {
  const stream = randomStream(7, `mutant ${seed}`);
  const upTo = (limit: number) => Math.floor(stream.uniform() * limit);
  let changed = text;
  for (let edits = 1 + upTo(3); edits > 0; edits--) {
    const at = upTo(changed.length);
    const [before, after] = [changed.slice(0, at), changed.slice(at + upTo(4))];
    const from = upTo(text.length);
    const pieces = [
      text.slice(from, from + upTo(30)),
      "9".repeat(upTo(400)),
      '"{[]},:-eE0.\\'[upTo(13)],
      "null",
      "",
    ];
    changed = before + pieces[upTo(pieces.length)] + after;
  }
  return changed;
}

// each reads all files of its case: together about five seconds
const MUTANTS = 400;
test.each([
  ["gpt2", "config.json"],
  ["llama-llama3-scaling", "config.json"],
  ["gptNeox-sequential", "config.json"],
  ["bert", "config.json"],
  ["llama-grouped-sharded", "model.safetensors.index.json"],
])("of %s, damaged copies of %s load or end with a sentence for the user", async (name, file) => {
  const files = filesOf(name);
  const text = new TextDecoder().decode(files[file]);
  let refused = 0;
  for (let seed = 0; seed < MUTANTS; seed++) {
    const damaged = { ...files, [file]: new TextEncoder().encode(mutant(text, seed)) };
    try {
      await loadModel(memoryFolder("m", damaged));
    } catch (error) {
      if (!(error instanceof UserError)) throw new Error(`mutant ${seed}`, { cause: error });
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(MUTANTS / 2);
});
