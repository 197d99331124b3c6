import { describe, expect, test } from "vitest";
import { FileError } from "../../src/base/errors.ts";
import { parameterCount, weightShapes } from "../../src/model/weights.ts";
import { loadModel, streamModel } from "../../src/pretrained/loadModel.ts";
import { type ModelFolder, memoryFolder } from "../../src/pretrained/modelFolder.ts";
import { readSafetensors, type Tensor, writeSafetensors } from "../../src/record/safetensors.ts";
import { cases, filesOf, folderOf, withConfig } from "./modelFixtures.ts";

const WEIGHTS = "model.safetensors";

/** A case of float32 whose tensors were changed. */
function withTensors(name: string, change: (tensors: Map<string, Tensor>) => void): ModelFolder {
  const files = filesOf(name);
  const { tensors } = readSafetensors(files[WEIGHTS], { file: WEIGHTS });
  const changed = new Map(tensors);
  change(changed);
  return memoryFolder(name, { ...files, [WEIGHTS]: writeSafetensors(changed) });
}

/** What loading says; the test fails if it is no FileError. */
async function complaint(folder: ModelFolder): Promise<string> {
  const error = await loadModel(folder).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(FileError);
  return (error as FileError).message;
}

test.each(cases)("%s: every weight of the config is there with its shape, and no other", async (name) => {
  const { config, weights, processing } = await loadModel(folderOf(name));
  const sizes = Object.entries(weights).map(([weight, values]) => [weight, values.length]);
  const wanted = [...weightShapes(config)].map(([weight, shape]) => [
    weight,
    shape.reduce((a, b) => a * b, 1),
  ]);
  expect(sizes.sort()).toEqual(wanted.sort());
  expect(processing).toEqual([]);
});

test("the report tells dtypes, files, and what was left aside", async () => {
  expect((await loadModel(folderOf("llama-tied-bf16"))).report).toEqual({
    files: [WEIGHTS],
    dtypes: { BF16: 20 },
    narrowed: [],
    ignored: [],
    unexpected: [],
    unreadFields: [],
  });
  const pythia = (await loadModel(folderOf("gptNeox-parallel-hub-f16"))).report;
  expect(pythia.dtypes).toEqual({ F16: 28 });
  expect(pythia.ignored.filter((name) => name.includes("layers.1.")).sort()).toEqual([
    "gpt_neox.layers.1.attention.bias",
    "gpt_neox.layers.1.attention.masked_bias",
    "gpt_neox.layers.1.attention.rotary_emb.inv_freq",
  ]);
  const untied = (await loadModel(folderOf("bert-gelu-new-untied"))).report;
  expect(untied.ignored).toEqual(["cls.predictions.bias"]);
  const encoder = (await loadModel(folderOf("bert-hub-relu"))).report;
  expect([...encoder.ignored].sort()).toEqual([
    "bert.embeddings.position_ids",
    "bert.pooler.dense.bias",
    "bert.pooler.dense.weight",
    "cls.seq_relationship.bias",
    "cls.seq_relationship.weight",
  ]);
});

test("every needed byte is read once, tensor by tensor, and progress counts them", async () => {
  const inner = folderOf("llama-grouped-sharded");
  const trace: string[] = [];
  const folder: ModelFolder = {
    ...inner,
    open: async (name) => {
      const source = await inner.open(name);
      const read = async (start: number, end: number) => {
        if (start > 4096) trace.push(`read ${end - start}`); // behind every header of these files
        return source.read(start, end);
      };
      return { ...source, read };
    },
  };
  const told: number[] = [];
  let total = 0;
  const onProgress = (bytes: number, all: number) => {
    told.push(bytes);
    total = all;
  };
  const { config } = await streamModel(folder, (_, values) => void trace.push(`took ${4 * values.length}`), {
    onProgress,
  });
  expect(total).toBe(4 * parameterCount(config));
  expect(told.at(-1)).toBe(total);
  expect(told).toEqual([...told].sort((a, b) => a - b));
  // no tensor of this case holds two weights: between two readings stands the weight that was given away
  const behind = trace.slice(trace.findIndex((line) => line.startsWith("read")));
  behind.forEach((line, i) => {
    if (line.startsWith("read")) expect(behind[i + 1]).toBe(line.replace("read", "took"));
  });
});

test("float64 tensors are rounded and named", async () => {
  const folder = withTensors("gpt2", (tensors) => {
    const { shape, data } = tensors.get("transformer.ln_f.weight") as Tensor;
    tensors.set("transformer.ln_f.weight", { shape, data: Float64Array.from(data) });
  });
  const { report, weights } = await loadModel(folder);
  expect(report.narrowed).toEqual(["transformer.ln_f.weight"]);
  expect(weights["ln_final.w"]).toEqual((await loadModel(folderOf("gpt2"))).weights["ln_final.w"]);
});

describe("tied embeddings", () => {
  const copied = (change: (values: Float32Array) => void) =>
    withTensors("gpt2", (tensors) => {
      const { shape, data } = tensors.get("transformer.wte.weight") as Tensor;
      const copy = Float32Array.from(data);
      change(copy);
      tensors.set("lm_head.weight", { shape, data: copy });
    });

  test("may be in the file twice if both are equal", async () => {
    const { report, weights } = await loadModel(copied(() => {}));
    expect(report.ignored).toEqual(["lm_head.weight"]);
    expect(weights["unembed.W_U"]).toBeUndefined();
  });

  test("are refused if the two differ in one number", async () => {
    const folder = copied((values) => {
      values[639] += 1;
    });
    expect(await complaint(folder)).toBe(
      'gpt2/model.safetensors, tensor "lm_head.weight": is tied to "transformer.wte.weight", but the two differ. ' +
        "tie_word_embeddings of config.json says whether token embedding and unembedding are one.",
    );
  });
});

test("a tensor that nobody knows is named and left aside", async () => {
  const folder = withTensors("gpt2", (tensors) => {
    tensors.set("v_head.weight", { shape: [2], data: new Float32Array(2) });
  });
  expect((await loadModel(folder)).report.unexpected).toEqual(["v_head.weight"]);
});

describe("refused, naming file and tensor:", () => {
  test("a weight that is missing", async () => {
    const folder = withTensors("bert", (tensors) => {
      tensors.delete("bert.encoder.layer.1.output.dense.weight");
      tensors.delete("cls.predictions.bias");
    });
    expect(await complaint(folder)).toBe(
      "bert: 2 of the 42 tensors that config.json asks for are missing; got none named " +
        '"bert.encoder.layer.1.output.dense.weight", "cls.predictions.bias".',
    );
  });

  test("a weight of another shape, as a matrix that is stored the other way round", async () => {
    const folder = withTensors("gpt2", (tensors) => {
      const name = "transformer.h.1.mlp.c_fc.weight";
      tensors.set(name, { shape: [64, 16], data: (tensors.get(name) as Tensor).data });
    });
    expect(await complaint(folder)).toBe(
      'gpt2/model.safetensors, tensor "transformer.h.1.mlp.c_fc.weight": config.json asks for shape [16, 64]; ' +
        "got [64, 16].",
    );
  });

  test("weights of layers that config.json leaves out", async () => {
    expect(await complaint(withConfig("gpt2", { n_layer: 1 }))).toMatch(
      /gpt2\/model.safetensors, tensor "transformer.h.1.[^"]*": is a weight that the model of config.json has not/,
    );
  });

  test("biases that config.json leaves out", async () => {
    expect(await complaint(withConfig("llama-biases-linear-scaling", { mlp_bias: false }))).toMatch(
      /tensor "model.layers.0.mlp.down_proj.bias": is a weight that the model of config.json has not/,
    );
  });

  test("two tensors that mean one weight", async () => {
    const folder = withTensors("bert", (tensors) => {
      tensors.set("embeddings.LayerNorm.gamma", { shape: [16], data: new Float32Array(16) });
    });
    expect(await complaint(folder)).toMatch(/LayerNorm.*must be there once; got ".*LayerNorm/);
  });

  test("integers where weights belong", async () => {
    const folder = withTensors("gpt2", (tensors) => {
      tensors.set("transformer.ln_f.bias", { shape: [16], data: new Int32Array(16) });
    });
    expect(await complaint(folder)).toMatch(
      /^gpt2\/model.safetensors, byte \d+, tensor "transformer.ln_f.bias": .*I32/,
    );
  });

  test("a file that is cut short", async () => {
    const files = filesOf("gpt2");
    const cut = { ...files, [WEIGHTS]: files[WEIGHTS].slice(0, -1) };
    expect(await complaint(memoryFolder("gpt2", cut))).toMatch(/^gpt2\/model.safetensors/);
  });

  test("pickles, and folders without weights or config", async () => {
    const { "config.json": config } = filesOf("gpt2");
    const pickle = memoryFolder("m", { "config.json": config, "pytorch_model.bin": new Uint8Array(9) });
    expect(await complaint(pickle)).toBe(
      "m: has neither model.safetensors nor model.safetensors.index.json; " +
        'got "pytorch_model.bin", which is not read: it is a Python pickle, which can run code when it is read. ' +
        "Convert the weights to safetensors.",
    );
    expect(await complaint(memoryFolder("m", { "config.json": config }))).toBe(
      "m: has neither model.safetensors nor model.safetensors.index.json; got 1 files.",
    );
    expect(await complaint(memoryFolder("m", {}))).toBe('m: has no file "config.json"; got 0 files.');
  });
});
