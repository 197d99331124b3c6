import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { sizeOf } from "../../src/graph/node.ts";
import { presets } from "../../src/model/config.ts";
import { initialWeights } from "../../src/model/init.ts";
import {
  modelCount,
  parameterCount,
  stackWeights,
  weightNodes,
  weightShapes,
  weightsOfModel,
} from "../../src/model/weights.ts";
import { configGrid } from "./configs.ts";

const config = presets.causal;
const one = (seed: number) =>
  initialWeights(config, { scheme: "pytorch" }, randomStream("weights test", seed));

test("nodes, shapes and drawn arrays agree on names, order and sizes in every architecture", () => {
  for (const each of configGrid()) {
    const shapes = [...weightShapes(each)];
    expect(Object.entries(weightNodes(each)).map(([name, node]) => [name, node.shape])).toEqual(shapes);
    const drawn = initialWeights(each, { scheme: "gpt2" }, randomStream("weights test"));
    expect(Object.entries(drawn).map(([name, values]) => [name, values.length])).toEqual(
      shapes.map(([name, shape]) => [name, sizeOf(shape)]),
    );
    expect(parameterCount(each)).toBe(shapes.reduce((sum, [, shape]) => sum + sizeOf(shape), 0));
  }
});

test("a weight exists exactly where the forward pass reads it", () => {
  const names = (change: object) => new Set(weightShapes({ ...config, nLayers: 1, ...change }).keys());
  expect(names({ tiedUnembed: true }).has("unembed.W_U")).toBe(false);
  expect(names({ positions: "sinusoidal" }).has("pos_embed.W_pos")).toBe(false);
  expect([...names({ biases: false })].filter((name) => /\.b(_|$)/.test(name))).toEqual([]);
  expect([...names({ mlpOnly: true })].filter((name) => /attn|ln1/.test(name))).toEqual([]);
  expect([...names({ attnOnly: true })].filter((name) => /mlp|ln2/.test(name))).toEqual([]);
  expect([...names({ normalization: "none" })].filter((name) => /ln/.test(name))).toEqual([]);
});

test("stacking and taking apart gives the same bits back, in the same element type", () => {
  const parts = [one(1), one(2), one(3)];
  const stacked = stackWeights(config, [stackWeights(config, parts.slice(0, 2)), parts[2]]);
  expect(modelCount(config, stacked)).toBe(3);
  parts.forEach((part, model) => {
    expect(weightsOfModel(config, stacked, model)).toEqual(part);
  });
  const wide = Object.fromEntries(
    Object.entries(one(4)).map(([name, v]) => [name, Float64Array.from(v, (x) => x / 3)]),
  );
  expect(weightsOfModel(config, stackWeights(config, [parts[0], wide]), 1)).toEqual(wide);
});

test("weights that do not fit the config are refused by name", () => {
  const weights = one(1);
  const { "unembed.b_U": left, ...others } = weights;
  expect(() => modelCount(config, others)).toThrow(
    'weight "unembed.b_U": must hold [10] for the same number of models',
  );
  expect(() => modelCount(config, { ...others, "unembed.b_U": new Float32Array(20) })).toThrow(
    "got 20 values.",
  );
  expect(() => modelCount(config, { ...weights, "unembed.b_V": left })).toThrow(
    'weight "unembed.b_V": this config has no such weight. Nearest: "unembed.b_U".',
  );
  expect(() => weightsOfModel(config, weights, 1)).toThrow("model: must be a whole number, 0 to 0; got 1.");
});
