import { describe, expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { sizeOf } from "../../src/graph/node.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { fanOf } from "../../src/model/fans.ts";
import { type InitSchemeName, initialPopulation, initialWeights, initSchemes } from "../../src/model/init.ts";
import { orthogonalMatrix } from "../../src/model/orthogonal.ts";
import { weightShapes, weightsOfModel } from "../../src/model/weights.ts";

// every width differs from every other, so that a fan taken from the wrong axis shows
const config: ModelConfig = {
  ...presets.gpt,
  dModel: 24,
  nHeads: 3,
  dHead: 5,
  dMlp: 100,
  dVocab: 60,
  nCtx: 36,
  nLayers: 3,
};

// 7e-6 two-sided: with some 500 checks of fixed streams a correct scheme fails once in 300 choices of the streams
const Z = 4.5;

type Matrix = "W_E" | "W_pos" | "W_Q" | "W_K" | "W_V" | "W_O" | "W_in" | "W_out" | "W_U";

/** [inputs, outputs] of each matrix, counted by hand: 24 wide, 3 · 5 = 15 head units, 100 hidden units, 60 tokens. */
const fans: Record<Matrix, [number, number]> = {
  W_E: [1, 24],
  W_pos: [1, 24],
  W_Q: [24, 15],
  W_K: [24, 15],
  W_V: [24, 15],
  W_O: [15, 24],
  W_in: [24, 100],
  W_out: [100, 24],
  W_U: [24, 60],
};

interface Expectation {
  law: "normal" | "uniform";
  variance: (matrix: Matrix, fanIn: number, fanOut: number) => number;
}

const isEmbedding = (matrix: Matrix) => matrix === "W_E" || matrix === "W_pos";
const xavier = (_: Matrix, fanIn: number, fanOut: number) => 2 / (fanIn + fanOut);
const he = (matrix: Matrix, fanIn: number) => (isEmbedding(matrix) ? 1 : 2 / fanIn);
const expectations: Record<Exclude<InitSchemeName, "orthogonal" | "pytorch">, Expectation> = {
  gpt2: {
    law: "normal",
    variance: (matrix) => 0.02 ** 2 / (matrix === "W_O" || matrix === "W_out" ? 6 : 1), // 2 writes in each of 3 layers
  },
  "xavier-uniform": { law: "uniform", variance: xavier },
  "xavier-normal": { law: "normal", variance: xavier },
  "he-uniform": { law: "uniform", variance: he },
  "he-normal": { law: "normal", variance: he },
  mup: { law: "normal", variance: (matrix, fanIn) => (matrix === "W_U" ? 1 / 24 ** 2 : 1 / fanIn) },
};

const leafOf = (name: string) => name.slice(name.lastIndexOf(".") + 1);
const matricesOf = (weights: Record<string, Float32Array>) =>
  Object.entries(weights)
    .map(([name, values]) => ({ name, leaf: leafOf(name) as Matrix, values }))
    .filter(({ leaf }) => leaf in fans);

/** z scores of the mean and of the second moment, for a law of mean 0 and known variance and kurtosis. */
function momentScores(values: Float32Array, variance: number, law: "normal" | "uniform"): [number, number] {
  const n = values.length;
  const mean = values.reduce((sum, x) => sum + x, 0) / n;
  const second = values.reduce((sum, x) => sum + x * x, 0) / n;
  const kurtosis = law === "normal" ? 3 : 9 / 5; // E x⁴ / variance²; so var(x²) = (kurtosis − 1) variance²
  return [mean / Math.sqrt(variance / n), (second - variance) / (variance * Math.sqrt((kurtosis - 1) / n))];
}

describe.each(Object.entries(expectations))("%s", (scheme, { law, variance }) => {
  const weights = initialWeights(
    config,
    { scheme: scheme as InitSchemeName },
    randomStream("init test", scheme),
  );

  test("gives every matrix the mean and the variance of its formula", () => {
    for (const { name, leaf, values } of matricesOf(weights)) {
      const scores = momentScores(values, variance(leaf, ...fans[leaf]), law);
      for (const z of scores) expect(Math.abs(z), name).toBeLessThan(Z);
    }
  });

  test("starts every bias at zero and every layer norm at the identity", () => {
    for (const [name, values] of Object.entries(weights)) {
      if (/^b/.test(leafOf(name))) expect(new Set(values), name).toEqual(new Set([0]));
      if (leafOf(name) === "w") expect(new Set(values), name).toEqual(new Set([1]));
    }
  });

  if (law !== "uniform") return;
  test("stays within the bound of a uniform law and comes near it", () => {
    for (const { name, leaf, values } of matricesOf(weights)) {
      const bound = Math.sqrt(3 * variance(leaf, ...fans[leaf]));
      const largest = Math.max(...values.map(Math.abs));
      expect(largest, name).toBeLessThan(bound * (1 + 1e-7)); // rounded to float32
      expect(largest, name).toBeGreaterThan(bound * (1 - 15 / values.length)); // fails with probability e^-15
    }
  });
});

test("PyTorch's scheme draws linear weights and biases within 1/sqrt(fanIn), embeddings standard normal", () => {
  const weights = initialWeights(config, { scheme: "pytorch" }, randomStream("init test", "pytorch"));
  for (const { name, leaf, values } of matricesOf(weights)) {
    const scores = isEmbedding(leaf)
      ? momentScores(values, 1, "normal")
      : momentScores(values, 1 / fans[leaf][0] / 3, "uniform");
    for (const z of scores) expect(Math.abs(z), name).toBeLessThan(Z);
  }
  const biasInputs = { b_Q: 24, b_K: 24, b_V: 24, b_O: 15, b_in: 24, b_out: 100, b_U: 24 };
  for (const [leaf, fanIn] of Object.entries(biasInputs)) {
    const pooled = Float32Array.from(
      Object.entries(weights).flatMap(([name, values]) => (leafOf(name) === leaf ? [...values] : [])),
    );
    for (const z of momentScores(pooled, 1 / fanIn / 3, "uniform")) expect(Math.abs(z), leaf).toBeLessThan(Z);
    expect(Math.max(...pooled.map(Math.abs)), leaf).toBeLessThan(1 / Math.sqrt(fanIn));
  }
  expect(new Set(weights["blocks.0.ln1.w"])).toEqual(new Set([1]));
});

// entries are rounded to float32 (6e-8 each), sums have up to 100 terms
const ORTHONORMAL = 1e-6;

/** Largest deviation from the identity of A·Aᵀ or Aᵀ·A, the smaller of the two products. */
function deviation(values: ArrayLike<number>, rows: number, columns: number): number {
  const wide = rows < columns;
  const [count, length] = wide ? [rows, columns] : [columns, rows];
  const entry = (vector: number, at: number) =>
    wide ? values[vector * columns + at] : values[at * columns + vector];
  let worst = 0;
  for (let a = 0; a < count; a++)
    for (let b = 0; b < count; b++) {
      let dot = 0;
      for (let at = 0; at < length; at++) dot += entry(a, at) * entry(b, at);
      worst = Math.max(worst, Math.abs(dot - (a === b ? 1 : 0)));
    }
  return worst;
}

test("the orthogonal scheme makes every matrix orthonormal, all heads of a projection together", () => {
  const weights = initialWeights(config, { scheme: "orthogonal" }, randomStream("init test", "orthogonal"));
  const { dModel, nHeads, dHead } = config;
  for (const { name, leaf, values } of matricesOf(weights)) {
    if (leaf === "W_Q" || leaf === "W_K" || leaf === "W_V") {
      // column head · dHead + d of the joint matrix is column d of that head's matrix
      const joint: number[] = [];
      for (let row = 0; row < dModel; row++)
        for (let head = 0; head < nHeads; head++)
          for (let d = 0; d < dHead; d++) joint.push(values[(head * dModel + row) * dHead + d]);
      expect(deviation(joint, dModel, nHeads * dHead), name).toBeLessThan(ORTHONORMAL);
    } else {
      const shape = weightShapes(config).get(name) ?? [];
      const columns = shape[shape.length - 1];
      expect(deviation(values, sizeOf(shape) / columns, columns), name).toBeLessThan(ORTHONORMAL);
    }
  }
});

test("orthogonal matrices are uniform: an entry has mean 0 and variance 1/n, its sign is a fair coin", () => {
  const n = 5;
  const draws = Array.from({ length: 1000 }, (_, i) => orthogonalMatrix(n, n, randomStream("haar test", i)));
  for (const at of [0, 6, 24, 3]) {
    const values = draws.map((matrix) => matrix[at]);
    const mean = values.reduce((sum, x) => sum + x, 0) / draws.length;
    expect(Math.abs(mean) / Math.sqrt(1 / n / draws.length)).toBeLessThan(Z);
    const second = values.reduce((sum, x) => sum + x * x, 0) / draws.length;
    // an entry squared is Beta(1/2, (n − 1)/2): mean 1/n, variance 2 (n − 1) / (n² (n + 2))
    const spread = Math.sqrt((2 * (n - 1)) / (n * n * (n + 2)) / draws.length);
    expect(Math.abs(second - 1 / n) / spread).toBeLessThan(Z);
    const positive = values.filter((x) => x > 0).length;
    expect(Math.abs(positive - 500) / Math.sqrt(250)).toBeLessThan(Z);
  }
});

test("a model with more matrices draws the same numbers for those it shares", () => {
  const whole = initialWeights(config, { scheme: "pytorch" }, randomStream("shared"));
  const part = initialWeights(
    { ...config, attnOnly: true, nLayers: 1 },
    { scheme: "pytorch" },
    randomStream("shared"),
  );
  for (const [name, values] of Object.entries(part)) expect(values, name).toEqual(whole[name]);
});

test("no two matrices of a model share their numbers", () => {
  const weights = initialWeights(config, { scheme: "he-normal" }, randomStream("apart"));
  const matrices = matricesOf(weights).map(({ values }) => values[0]);
  expect(new Set(matrices).size).toBe(matrices.length);
});

test("a model in a population has the bits of the same model alone", () => {
  const streams = [3, 7, 7].map((seed) => randomStream("population", seed));
  const population = initialPopulation(presets.causal, { scheme: "gpt2" }, streams);
  const alone = initialWeights(presets.causal, { scheme: "gpt2" }, randomStream("population", 7));
  expect(weightsOfModel(presets.causal, population, 1)).toEqual(alone);
  expect(weightsOfModel(presets.causal, population, 2)).toEqual(alone);
  expect(weightsOfModel(presets.causal, population, 0)).not.toEqual(alone);
});

test("the embedding scale multiplies the embeddings and nothing else", () => {
  const full = initialWeights(config, { scheme: "pytorch" }, randomStream("scaled"));
  const half = initialWeights(config, { scheme: "pytorch", embeddingScale: 0.5 }, randomStream("scaled"));
  for (const [name, values] of Object.entries(half)) {
    // halving is exact in binary, so rounding to float32 commutes with it
    const factor = isEmbedding(leafOf(name) as Matrix) ? 0.5 : 1;
    expect(values, name).toEqual(full[name].map((x) => x * factor));
  }
});

test("the fans of every matrix are those counted by hand, and a bias has its matrix's", () => {
  for (const name of weightShapes(config).keys()) {
    const leaf = leafOf(name);
    if (leaf in fans) {
      const { fanIn, fanOut } = fanOf(config, name);
      expect([fanIn, fanOut], name).toEqual(fans[leaf as Matrix]);
    }
  }
  expect(fanOf(config, "blocks.0.attn.b_O")).toEqual({ role: "bias", fanIn: 15, fanOut: 24, writes: false });
});

test("impossible requests are refused", () => {
  const draw = (change: Partial<ModelConfig>, options: Record<string, unknown>) => () =>
    initialWeights({ ...config, ...change }, options as never, randomStream("refused"));
  expect(draw({}, { scheme: "xavier" })).toThrow("initialisation scheme: no such name");
  expect(draw({}, { scheme: "toString" })).toThrow("initialisation scheme: no such name");
  expect(draw({ tiedUnembed: true }, { scheme: "mup" })).toThrow("a tied model has one matrix for both");
  expect(draw({}, { scheme: "gpt2", embeddingScale: -1 })).toThrow(
    "embeddingScale: must be a finite number, at least 0; got -1.",
  );
  expect(() => initialPopulation(config, { scheme: "gpt2" }, [])).toThrow("needs at least one model");
  expect(() => fanOf(config, "blocks.0.attn.W_X")).toThrow('Nearest: "blocks.0.attn.W_');
  expect(Object.keys(initSchemes)).toHaveLength(8);
});
