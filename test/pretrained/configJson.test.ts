import { describe, expect, test } from "vitest";
import { FileError, UserError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import { validateConfig } from "../../src/model/config.ts";
import { configLimit } from "../../src/pretrained/configJson.ts";
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
      'model_type: must be one of gpt2, gpt_neox, llama, bert; got "gpt_neo"',
    ],
    ["gpt2", { architectures: ["GPT2ForSequenceClassification"] }, 'got "GPT2ForSequenceClassification"'],
    ["gpt2", { architectures: [] }, "which predict tokens; got none"],
    ["llama-tied-bf16", { sliding_window: 4096 }, "sliding_window: every position sees all before it"],
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
    ["bert", { is_decoder: true }, "is_decoder: only false is supported"],
    ["bert", { position_embedding_type: "relative_key" }, 'position_embedding_type: only "absolute"'],
  ])("%s with %j", async (name, changes, words) => {
    const message = await complaint(withConfig(name, changes));
    expect(message).toContain(`${name}/config.json, `);
    expect(message).toContain(words);
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
