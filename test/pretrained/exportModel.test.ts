import { describe, expect, test } from "vitest";
import { ArgumentError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { initialWeights } from "../../src/model/init.ts";
import { stackWeights } from "../../src/model/weights.ts";
import { exportFamily, exportModel } from "../../src/pretrained/exportModel.ts";
import { loadModel } from "../../src/pretrained/loadModel.ts";
import { memoryFolder } from "../../src/pretrained/modelFolder.ts";
import { readSafetensors } from "../../src/record/safetensors.ts";
import { cases, filesOf, folderOf, worst } from "./modelFixtures.ts";

const WEIGHTS = "model.safetensors";
const drawn = (config: ModelConfig, seed: number) =>
  initialWeights(config, { scheme: "gpt2" }, randomStream(seed, "export"));

// of these transformers itself wrote float32, in one file and under its own names
test.each([
  ...["gpt2", "gptNeox-sequential", "llama-llama3-scaling", "llama-biases-linear-scaling", "bert"],
  ...["mistral-window-of-all", "qwen2-grouped"],
])("%s is exported tensor by tensor as transformers wrote it", async (name) => {
  const model = await loadModel(folderOf(name));
  const written = readSafetensors(exportModel(model)[WEIGHTS], { file: "ours" });
  const original = readSafetensors(filesOf(name)[WEIGHTS], { file: "theirs" });
  expect([...written.tensors.keys()].sort()).toEqual([...original.tensors.keys()].sort());
  for (const [tensor, { shape, data }] of original.tensors) {
    expect(written.tensors.get(tensor)?.shape, tensor).toEqual(shape);
    expect(worst(written.tensors.get(tensor)?.data, data), tensor).toBe(0);
  }
  expect(written.metadata.get("format")).toBe("pt");
});

test.each(cases)("%s, exported and loaded, is the same model", async (name) => {
  const model = await loadModel(folderOf(name));
  const again = await loadModel(memoryFolder("again", exportModel(model)));
  expect(again.family).toBe(model.family);
  expect(Object.keys(again.weights).sort()).toEqual(Object.keys(model.weights).sort());
  for (const [weight, values] of Object.entries(model.weights))
    expect(worst(again.weights[weight], values), weight).toBe(0);
  expect({ ...again.config, biases: 0 }).toEqual({ ...model.config, biases: 0 });
});

describe("a model of ours", () => {
  const gpt: ModelConfig = { ...presets.gpt, biases: ["qkv", "attnOut", "mlp", "norm"] };
  const llamaLike = { positions: "rotary", normKind: "rmsNorm", gatedMlp: true } as const;

  test.each<[string, ModelConfig]>([
    ["gpt2", gpt],
    ["gpt2", { ...gpt, nHeads: 4, dHead: 4, dMlp: 24, tiedUnembed: true, actFn: "relu", eps: 0.5 }],
    ["gptNeox", { ...gpt, positions: "rotary", parallelBlocks: true, rotaryDim: 4 }],
    ["gptNeox", { ...gpt, positions: "rotary", biases: ["mlp", "norm"] }],
    [
      "llama",
      {
        ...gpt,
        ...llamaLike,
        biases: false,
        nHeads: 6,
        nKeyValueHeads: 2,
        ropeScaling: { kind: "linear", factor: 2 },
      },
    ],
    ["qwen2", { ...gpt, ...llamaLike, biases: ["qkv"] }],
    ["bert", { ...presets.original, embedNorm: true, mlmHead: true, dSegments: 2, tiedUnembed: true }],
  ])("is exported as %s and is the same when it is read again: %#", async (family, config) => {
    const weights = drawn(config, 5);
    const files = exportModel({ config, weights });
    const { report, ...again } = await loadModel(memoryFolder("m", files));
    expect(again.family).toBe(family);
    expect(report.unexpected).toEqual([]);
    for (const [name, values] of Object.entries(weights))
      expect(worst(again.weights[name], values), name).toBe(0);
    const written = exportModel(again);
    expect(new TextDecoder().decode(written["config.json"])).toBe(
      new TextDecoder().decode(files["config.json"]),
    );
    expect(worst(written[WEIGHTS], files[WEIGHTS])).toBe(0);
  });

  test("keeps the family that it was loaded as while that can express it, and any that is asked for", async () => {
    const mistral = await loadModel(folderOf("mistral-hub-bf16"));
    expect(exportFamily(mistral.config).name).toBe("llama");
    expect(exportFamily(mistral.config, {}, "mistral").name).toBe("mistral");
    expect(exportFamily(mistral.config, { family: "llama" }, "mistral").name).toBe("llama");
    const biased = { ...mistral.config, biases: ["qkv"] as const };
    expect(exportFamily(biased, {}, "mistral").name).toBe("qwen2");
  });

  test("that no family can express is refused, saying what of each is in the way", () => {
    expect(() => exportFamily(presets.original)).toThrow(ArgumentError);
    expect(() => exportFamily(presets.original)).toThrow(
      /as gpt2 normalization must be "pre", not "post"; as gptNeox .*; as llama .*; as bert .*\. Train a model/,
    );
    expect(() => exportFamily(presets.gpt, { family: "gpt2" })).toThrow(
      'biases must be ["qkv","attnOut","mlp","norm"], not ["qkv","attnOut","mlp","norm","unembed"]',
    );
    expect(() => exportFamily({ ...gpt, dHead: 5 }, { family: "gpt2" })).toThrow("dHead must be 8, not 5");
    expect(() => exportFamily({ ...gpt, nHeads: 3 }, { family: "gpt2" })).toThrow("must divide the width");
    expect(() => exportFamily(gpt, { family: "gtp2" })).toThrow('Nearest: "gpt2"');
  });

  test("is taken out of its population first", () => {
    const weights = stackWeights(gpt, [drawn(gpt, 1), drawn(gpt, 2)]);
    expect(() => exportModel({ config: gpt, weights })).toThrow(/takes the weights of one model; got 2/);
  });
});

test("float64 weights are rounded", async () => {
  const { config, weights } = await loadModel(folderOf("gpt2"));
  const stream = randomStream(3, "wide");
  const wide = Object.fromEntries(
    Object.entries(weights).map(([name, values]) => [
      name,
      Float64Array.from(values, (value) => value + 1e-12 * stream.uniform()),
    ]),
  );
  const again = await loadModel(memoryFolder("m", exportModel({ config, weights: wide })));
  expect(worst(again.weights["embed.W_E"], Float32Array.from(wide["embed.W_E"]))).toBe(0);
});
