/** Does the one transformer compute what each pretrained family does? */
import { describe, expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { randomStream } from "../../src/base/random.ts";
import { sizeOf } from "../../src/graph/node.ts";
import type { ModelConfig } from "../../src/model/config.ts";
import { fanOf } from "../../src/model/fans.ts";
import { initialWeights } from "../../src/model/init.ts";
import { rotaryFrequencies } from "../../src/model/rotary.ts";
import { stackWeights, type Weights, weightShapes } from "../../src/model/weights.ts";
import { families } from "./configs.ts";
import { plainFrequency, plainTransformer } from "./plainTransformer.ts";
import { runModel } from "./runModel.ts";

/** Two float64 computations of numbers of order 1 to 10, in other orders of sums. */
const FLOAT64 = 1e-12;
/** Float32 against float64 over two blocks: hundreds of roundings of 6e-8 of numbers of order 1 to 10. */
const FLOAT32 = 2e-5;
/** Central differences with steps of 1e-5: the third derivative leaves 1e-10, rounding of the loss 1e-11. */
const DIFFERENCE = 1e-8;

const tokens = [
  [0, 3, 1, 1],
  [2, 2, 0, 3],
];
const targets = [
  [3, 1, 1, 0],
  [2, 0, 3, 1],
];
const segments = [
  [0, 0, 1, 1],
  [1, 0, 1, 0],
];
const cases = Object.entries(families) as [string, ModelConfig][];
const projected = cases.filter(([, { attention }]) => attention === "projected");

/** Weights with no bias at 0 and no norm at 1. */
function weightsOf(config: ModelConfig, seed = 0): Record<string, Float64Array> {
  const stream = randomStream("families test", seed);
  const initial = initialWeights(config, { scheme: "pytorch" }, stream.child("init"));
  return Object.fromEntries(
    Object.entries(initial).map(([name, values]) => {
      const noise = stream.child("noise", name);
      return [name, Float64Array.from(values, (value) => value + 0.3 * noise.normal())];
    }),
  );
}

function worst(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(found.length).toBe(expected.length);
  let largest = 0;
  for (let i = 0; i < found.length; i++) {
    if (Object.is(found[i], expected[i])) continue; // two −∞ among them
    const difference = Math.abs(found[i] - expected[i]) / Math.max(1, Math.abs(expected[i]));
    largest = Math.max(largest, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
  }
  return largest;
}

describe.each(projected)("%s", (_, config) => {
  test("has the logits of plain loops", async () => {
    const weights = weightsOf(config);
    const given = config.dSegments ? segments : undefined;
    const { logits } = await runModel(config, weights, { tokens, segments: given });
    const expected = tokens.flatMap((row, i) => plainTransformer(config, weights, row, given?.[i]).flat());
    expect(worst(logits, expected)).toBeLessThan(FLOAT64);
  });
});

describe.each(cases)("%s", (_, config) => {
  test("has the gradient of central differences in an entry of every weight", async () => {
    const weights = weightsOf(config);
    const { weightGradients } = await runModel(config, weights, { tokens, targets, gradients: true });
    const step = 1e-5;
    const drawn = randomStream("families test", "entries");
    const moved: Weights[] = [];
    const places = [...weightShapes(config)].map(([name, shape]) => {
      const at = drawn.integer(sizeOf(shape));
      for (const by of [step, -step]) {
        const values = weights[name].slice();
        values[at] += by;
        moved.push({ ...weights, [name]: values });
      }
      return { name, at };
    });
    const { losses } = await runModel(config, stackWeights(config, moved), { tokens, targets });
    const slopes = places.map((_place, i) => (losses[2 * i] - losses[2 * i + 1]) / (2 * step));
    const found = places.map(({ name, at }) => weightGradients[name][at]);
    expect(worst(found, slopes)).toBeLessThan(DIFFERENCE);
  });

  test.each([1, 5])("gives every site and gradient of the reference on wasm, %i models", async (models) => {
    const weights = stackWeights(
      config,
      Array.from({ length: models }, (_model, seed) => weightsOf(config, seed)),
    );
    const request = { tokens, targets, gradients: true };
    const expected = await runModel(config, weights, request);
    const found = await runModel(config, weights, { ...request, backend: wasmBackend() });
    for (const kind of ["sites", "weightGradients", "siteGradients"] as const)
      for (const [name, values] of Object.entries(expected[kind]))
        expect(worst(found[kind][name], values), `${kind} ${name}`).toBeLessThan(FLOAT32);
  });
});

test("rotary frequencies are those of the formula, slowed as the config says", () => {
  const long = { kind: "llama3", factor: 8, lowFreqFactor: 1, highFreqFactor: 4, originalCtx: 64 } as const;
  for (const change of [
    {},
    { rotaryDim: 4 },
    { rotaryBase: 500000 },
    { ropeScaling: { kind: "linear", factor: 4 } },
    { ropeScaling: long },
  ] as Partial<ModelConfig>[]) {
    const config: ModelConfig = { ...families.llama, dHead: 32, rotaryDim: undefined, ...change };
    const found = rotaryFrequencies(config);
    expect(found.length).toBe((change.rotaryDim ?? 32) / 2);
    const expected = Array.from(found, (_, i) => plainFrequency(config, i));
    expect(worst(found, expected)).toBeLessThan(1e-15);
  }
  // of the last, some waves are kept, some slowed, some between
  const kept = rotaryFrequencies({ ...families.llama, dHead: 32, rotaryDim: 32 });
  const slowed = rotaryFrequencies({ ...families.llama, dHead: 32, rotaryDim: 32, ropeScaling: long });
  const ratios = [...kept].map((frequency, i) => slowed[i] / frequency);
  expect(ratios[0]).toBe(1);
  expect(ratios.some((ratio) => ratio > 1 / 7 && ratio < 0.9)).toBe(true);
  expect(ratios[15]).toBe(1 / 8);
});

test("with rotary positions a score depends on the distance alone, and turning keeps lengths", async () => {
  const config: ModelConfig = { ...families.neox, nCtx: 9 };
  const row = new Array<number>(9).fill(2); // one token: only positions tell the queries apart
  const { sites } = await runModel({ ...config, causal: false }, weightsOf(config), { tokens: [row] });
  const scores = sites["blocks.0.attn.hook_attn_scores"];
  for (let head = 0; head < config.nHeads; head++)
    for (let query = 1; query < 9; query++)
      for (let key = 1; key < 9; key++) {
        const at = (q: number, k: number) => scores[(head * 9 + q) * 9 + k];
        expect(Math.abs(at(query, key) - at(query - 1, key - 1))).toBeLessThan(FLOAT64);
      }
  const lengths = (name: string) =>
    Array.from({ length: 9 * config.nHeads }, (_, i) =>
      Math.hypot(...sites[name].slice(i * config.dHead, (i + 1) * config.dHead)),
    );
  expect(worst(lengths("blocks.0.attn.hook_rot_k"), lengths("blocks.0.attn.hook_k"))).toBeLessThan(FLOAT64);
  // dimensions that do not turn keep their bits
  const fixed = (name: string) => Array.from(sites[name]).filter((_, i) => i % config.dHead >= 4);
  expect(fixed("blocks.0.attn.hook_rot_q")).toEqual(fixed("blocks.0.attn.hook_q"));
});

test("grouped keys and values are those of full attention, each repeated for its group", async () => {
  const config: ModelConfig = { ...families["llama with biases"], nHeads: 6, nKeyValueHeads: 2 };
  const weights = weightsOf(config);
  const repeated = Object.fromEntries(
    Object.entries(weights).map(([name, values]) => {
      if (!/\.[Wb]_[KV]$/.test(name)) return [name, values];
      const half = values.length / 2;
      const heads = [0, 0, 0, 1, 1, 1].map((shared) => [...values.slice(shared * half, (shared + 1) * half)]);
      return [name, Float64Array.from(heads.flat())];
    }),
  );
  const grouped = await runModel(config, weights, { tokens });
  const full = await runModel({ ...config, nKeyValueHeads: undefined }, repeated, { tokens });
  expect(worst(grouped.logits, full.logits)).toBeLessThan(FLOAT64);
  for (const part of ["attn.hook_attn_scores", "attn.hook_pattern", "attn.hook_z", "hook_attn_out"])
    expect(worst(grouped.sites[`blocks.1.${part}`], full.sites[`blocks.1.${part}`])).toBeLessThan(FLOAT64);
});

test("activations stay finite far out, and so do their gradients", async () => {
  for (const actFn of ["gelu_new", "silu"] as const) {
    const config: ModelConfig = { ...families.llama, actFn };
    const weights = weightsOf(config);
    // pre-activations of ±1e3 and more, where e^−x overflows float32
    const far = { ...weights, "blocks.0.mlp.W_gate": weights["blocks.0.mlp.W_gate"].map((x) => 1e4 * x) };
    const run = await runModel(config, far, { tokens, targets, gradients: true, backend: wasmBackend() });
    expect(Math.max(...run.sites["blocks.0.mlp.hook_pre"].map(Math.abs))).toBeGreaterThan(1e3);
    for (const values of [...Object.values(run.weightGradients), run.logits])
      expect(values.every(Number.isFinite)).toBe(true);
  }
});

test("segments that are not given are all the first one, and a model without segments takes none", async () => {
  const config = families.bert;
  const weights = weightsOf(config);
  const without = await runModel(config, weights, { tokens });
  const first = await runModel(config, weights, { tokens, segments: tokens.map((row) => row.map(() => 0)) });
  expect(without.logits).toEqual(first.logits);
  expect((await runModel(config, weights, { tokens, segments })).logits).not.toEqual(first.logits);
  await expect(runModel(families.gpt2, weightsOf(families.gpt2), { tokens, segments })).rejects.toThrow(
    "segments: this model has no segment embedding; got dSegments 0.",
  );
});

test("fans of the families' weights count heads of keys together, and the head before the unembedding as a matrix", () => {
  const grouped: ModelConfig = { ...families.llama, nHeads: 6, nKeyValueHeads: 2 };
  const fans = (config: ModelConfig, name: string) => {
    const { role, fanIn, fanOut, writes } = fanOf(config, name);
    return [role, fanIn, fanOut, writes];
  };
  expect(fans(grouped, "blocks.0.attn.W_Q")).toEqual(["hidden", 6, 24, false]);
  expect(fans(grouped, "blocks.0.attn.W_K")).toEqual(["hidden", 6, 8, false]);
  expect(fans(grouped, "blocks.0.attn.W_V")).toEqual(["hidden", 6, 8, false]);
  expect(fans(grouped, "blocks.0.mlp.W_gate")).toEqual(["hidden", 6, 5, false]);
  expect(fans(families.bert, "token_type_embed.W_token_type")).toEqual(["embedding", 1, 6, false]);
  expect(fans(families.bert, "mlm_head.W")).toEqual(["hidden", 6, 6, false]);
  expect(fans(families.bert, "mlm_head.b")).toEqual(["bias", 6, 6, false]);
  expect(fans(families.bert, "mlm_head.ln.b")).toEqual(["normBias", 1, 1, false]);
  expect(fans(families.bert, "embed.ln.w")).toEqual(["normWeight", 1, 1, false]);
});
