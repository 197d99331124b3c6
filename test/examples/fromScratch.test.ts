import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { adamState, adamStep } from "../../examples/fromScratch/adam.ts";
import { lossAndGradients } from "../../examples/fromScratch/backward.ts";
import { uniformNumbers } from "../../examples/fromScratch/random.ts";
import { forward } from "../../examples/fromScratch/transformer.ts";
import type { Config, Weights } from "../../examples/fromScratch/weights.ts";
import { initialWeights, weightShapes, weightsFrom } from "../../examples/fromScratch/weights.ts";

/** PyTorch computes in float64 too; sums of a few dozen terms in another order differ by some 1e-15. */
const PYTORCH_TOLERANCE = 1e-10;

/** Half-width of the central differences: their own error is then about h² = 1e-10 of the third derivative. */
const STEP = 1e-5;
const DIFFERENCE_RELATIVE = 1e-6;
/** Rounding of the loss (1e-16) divided by 2h, with room: what a gradient of exactly 0, such as b_K's, may show. */
const DIFFERENCE_ABSOLUTE = 1e-10;

/** What fromScratch.py writes. */
type Fixture = {
  config: Omit<Config, "attention" | "causal">;
  learningRate: number;
  inputs: number[][];
  targets: number[][];
  lossMask: boolean[][];
  weights: Record<string, number[]>;
  cases: {
    attention: Config["attention"];
    causal: boolean;
    losses: number[];
    logits: number[][];
    gradients: Record<string, number[]>;
  }[];
};

const fixture: Fixture = JSON.parse(
  readFileSync(new URL("../fixtures/pytorch/fromScratch.json", import.meta.url), "utf8"),
);

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a, (value, i) => Math.abs(value - b[i])).reduce((x, y) => Math.max(x, y), 0);
}

const variants = fixture.cases.map((each) => ({
  ...each,
  title: `${each.attention}, ${each.causal ? "causal" : "not causal"}`,
  config: { ...fixture.config, attention: each.attention, causal: each.causal } satisfies Config,
}));

test("the fixture holds both attentions, each with and without the causal mask", () => {
  expect(variants.map(({ title }) => title)).toEqual([
    "parameterFree, causal",
    "parameterFree, not causal",
    "projected, causal",
    "projected, not causal",
  ]);
});

for (const { title, config, logits, losses, gradients } of variants) {
  const { inputs, targets, lossMask, learningRate } = fixture;

  test(`logits, loss and every gradient equal PyTorch's (${title})`, () => {
    const weights = weightsFrom(config, fixture.weights);
    forward(config, weights, inputs).logits.forEach((ours, s) => {
      expect(largestDifference(ours.data, logits[s])).toBeLessThan(PYTORCH_TOLERANCE);
    });
    const ours = lossAndGradients(config, weights, inputs, targets, lossMask);
    expect(Math.abs(ours.loss - losses[0])).toBeLessThan(PYTORCH_TOLERANCE);
    expect(Object.keys(ours.gradients).sort()).toEqual(Object.keys(gradients).sort());
    for (const [name, { data }] of Object.entries(ours.gradients)) {
      expect(largestDifference(data, gradients[name]), name).toBeLessThan(PYTORCH_TOLERANCE);
    }
  });

  test(`ten losses under Adam equal PyTorch's (${title})`, () => {
    const weights = weightsFrom(config, fixture.weights);
    const state = adamState(config);
    const ours = losses.map(() => {
      const { loss, gradients } = lossAndGradients(config, weights, inputs, targets, lossMask);
      adamStep(state, weights, gradients, { learningRate });
      return loss;
    });
    expect(ours.length).toBe(10);
    expect(largestDifference(ours, losses)).toBeLessThan(PYTORCH_TOLERANCE);
  });

  test(`every gradient equals the central difference of the loss (${title})`, () => {
    const weights = initialWeights(config, uniformNumbers(1));
    // every position judged: the fixture's mask is left to the PyTorch test
    const { gradients } = lossAndGradients(config, weights, inputs, targets);
    const lossAt = () => lossAndGradients(config, weights, inputs, targets).loss;
    for (const [name, { data }] of Object.entries(weights)) {
      for (let i = 0; i < data.length; i++) {
        const numeric = centralDifference(data, i, lossAt);
        const difference = Math.abs(gradients[name].data[i] - numeric);
        expect(difference, `${name}[${i}] = ${numeric}`).toBeLessThan(
          DIFFERENCE_ABSOLUTE + DIFFERENCE_RELATIVE * Math.abs(numeric),
        );
      }
    }
  });
}

/** (f(x + h) − f(x − h)) / 2h for one entry of a weight, which is put back as it was. */
function centralDifference(data: Float64Array, i: number, lossAt: () => number): number {
  const value = data[i];
  data[i] = value + STEP;
  const above = lossAt();
  data[i] = value - STEP;
  const below = lossAt();
  data[i] = value;
  return (above - below) / (2 * STEP);
}

const base: Config = { ...fixture.config, causal: true, attention: "projected" };
const weights: Weights = initialWeights(base, uniformNumbers(2));

test("a causal model's logits do not change when a later token changes, another model's do", () => {
  for (const attention of ["projected", "parameterFree"] as const) {
    const firstLogits = (last: number, causal: boolean) => {
      const { logits } = forward({ ...base, attention, causal }, weights, [[1, 2, 3, last]]);
      return Array.from(logits[0].data.slice(0, 3 * base.dVocab));
    };
    expect(firstLogits(4, true)).toEqual(firstLogits(0, true));
    expect(firstLogits(4, false)).not.toEqual(firstLogits(0, false));
  }
});

test("rows of an attention pattern sum to 1 and are exactly 0 behind the causal mask", () => {
  const { cache } = forward(base, weights, [[1, 2, 3, 4, 0]]);
  for (const { attention } of cache[0].blocks) {
    for (const { pattern } of attention.heads) {
      for (let q = 0; q < 5; q++) {
        const row = Array.from(pattern.data.slice(q * 5, q * 5 + 5));
        expect(row.slice(q + 1).every((p) => p === 0)).toBe(true);
        expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 14);
      }
    }
  }
});

test("sequences of a batch do not see one another", () => {
  const alone = forward(base, weights, [[4, 3, 2]]).logits[0];
  const together = forward(base, weights, [[0, 1], [4, 3, 2], [2]]).logits[1];
  expect(together).toEqual(alone);
});

test("a ReLU whose input is exactly 0 passes no gradient, as in PyTorch", () => {
  const silent = initialWeights(base, uniformNumbers(4));
  for (const part of ["W_in", "b_in"]) silent[`blocks.0.mlp.${part}`].data.fill(0);
  const { gradients } = lossAndGradients(base, silent, [[0, 1]], [[1, 2]]);
  for (const part of ["W_in", "b_in"]) {
    expect(gradients[`blocks.0.mlp.${part}`].data.every((value) => value === 0)).toBe(true);
  }
});

test("initial weights have the spread of PyTorch's layers", () => {
  const wide: Config = { ...base, dModel: 64, dMlp: 100, dVocab: 200, nLayers: 1 };
  const drawn = initialWeights(wide, uniformNumbers(3));
  const sd = (name: string) =>
    Math.sqrt(drawn[name].data.reduce((sum, value) => sum + value ** 2, 0) / drawn[name].data.length);
  // the root mean square of U(−b, b) is b/√3; 5 % is above 5 standard errors for 4096 numbers or more
  const tolerance = 0.05;
  const expected = {
    "embed.W_E": 1,
    "blocks.0.attn.W_Q": 1 / Math.sqrt(3 * 64),
    "blocks.0.attn.W_O": 1 / Math.sqrt(3 * 64),
    "blocks.0.mlp.W_in": 1 / Math.sqrt(3 * 64),
    "blocks.0.mlp.W_out": 1 / Math.sqrt(3 * 100),
    "unembed.W_U": 1 / Math.sqrt(3 * 64),
  };
  for (const [name, value] of Object.entries(expected)) {
    expect(Math.abs(sd(name) / value - 1), name).toBeLessThan(tolerance);
  }
  expect(new Set(drawn["blocks.0.ln1.w"].data)).toEqual(new Set([1]));
  expect(new Set(drawn["blocks.0.ln2.b"].data)).toEqual(new Set([0]));
});

test("only projected attention has weights", () => {
  const names = (attention: Config["attention"]) => Object.keys(weightShapes({ ...base, attention }));
  expect(names("parameterFree")).toEqual(names("projected").filter((name) => !name.includes(".attn.")));
});

test("sizes, tokens and targets that do not fit are refused with what was got", () => {
  expect(() => weightShapes({ ...base, nHeads: 3 })).toThrow(/nHeads must divide dModel; got 3 and 4/);
  expect(() => weightsFrom(base, { "embed.W_E": [1, 2] })).toThrow(/embed\.W_E needs 20 numbers; got 2/);
  expect(() => forward(base, weights, [[0, 1, 2, 3, 4, 0]])).toThrow(/1 to nCtx = 5 tokens; got 6/);
  expect(() => forward(base, weights, [[]])).toThrow(/got 0/);
  expect(() => forward(base, weights, [[0, 5]])).toThrow(/from 0 to 4; got 5 at position 1/);
  expect(() => lossAndGradients(base, weights, [[0, 1]], [[1]])).toThrow(/targets .* \[2\]; got \[1\]/);
  expect(() => lossAndGradients(base, weights, [[0, 1]], [[1, 5]])).toThrow(
    /got 5 at sequence 0, position 1/,
  );
  expect(() => lossAndGradients(base, weights, [[0]], [[1]], [[false]])).toThrow(/at least one position/);
});

test("the folder imports nothing from outside itself, and no file is longer than 300 lines", () => {
  const folder = new URL("../../examples/fromScratch/", import.meta.url);
  const files = readdirSync(folder).filter((file) => file.endsWith(".ts"));
  expect(files).toContain("transformer.ts");
  for (const file of files) {
    const text = readFileSync(new URL(file, folder), "utf8");
    expect(text.split("\n").length, file).toBeLessThanOrEqual(300);
    const imported = Array.from(text.matchAll(/\bfrom "([^"]+)";/g), (match) => match[1]);
    expect(
      imported.filter((path) => !/^\.\/\w+\.ts$/.test(path)),
      file,
    ).toEqual([]);
  }
});
