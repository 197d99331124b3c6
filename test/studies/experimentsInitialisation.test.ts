import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import { randomStream } from "../../src/base/random.ts";
import { openNetwork } from "../../src/interp/network.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { type InitOptions, initialPopulation } from "../../src/model/init.ts";
import type { Weights } from "../../src/model/weights.ts";
import {
  measureInitialisation,
  summariseInitialisation,
} from "../../src/studies/experiments/initialisation.ts";
import type { ExperimentSetup } from "../../src/studies/experiments/section.ts";
import { configGrid } from "../model/configs.ts";

const backend = wasmBackend();
/** Every seventh of the grid: each choice of norm, positions, attention and blocks meets most of the others. */
const someConfigs = configGrid()
  .slice(4)
  .filter((_, i) => i % 7 === 0);
const small = { ...presets.original, dMlp: 16 };
const setupOf = (config: ModelConfig, seeds: readonly number[]): ExperimentSetup => ({
  ...{ config, seeds, nPos: Math.min(6, config.nCtx), blocks: 6, draws: 19 },
});
const drawn = (config: ModelConfig, seeds: readonly number[], init: InitOptions = { scheme: "pytorch" }) =>
  initialPopulation(
    config,
    init,
    seeds.map((seed) => randomStream("initialisation", seed)),
  );
async function measured(
  config: ModelConfig,
  seeds: readonly number[],
  weights: Weights = drawn(config, seeds),
) {
  const network = openNetwork(backend, config, weights);
  const models = await measureInitialisation(network, setupOf(config, seeds));
  network.close();
  return models;
}
const seedsFrom = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);

test("a model has the same scales alone as in a population", async () => {
  const together = await measured(small, [1, 2, 3]);
  expect((await inTurn([1, 2, 3], async (seed) => measured(small, [seed]))).flat()).toEqual(together);
});

test("random networks have the scales of their scheme", async () => {
  const seeds = seedsFrom(0, 8);
  for (const init of [{ scheme: "pytorch" }, { scheme: "gpt2", embeddingScale: 3 }] as const) {
    const weights = drawn(small, seeds, init);
    const { numbers, verdict } = summariseInitialisation(
      await measured(small, seeds, weights),
      [],
      setupOf(small, seeds),
    );
    expect(numbers.scheme).toBe(init.scheme);
    expect(verdict.holds).toBe(true);
    const wIn = numbers.weights.find(({ name }) => name === "blocks.0.mlp.W_in");
    expect(wIn?.expectedSd).toBeCloseTo(init.scheme === "gpt2" ? 0.02 : 1 / Math.sqrt(48), 12);
    expect(Math.abs((wIn?.ratio ?? 0) - 1)).toBeLessThan(0.1); // 2048 entries: three errors
  }
});

test("a rectifier leaves half of a random network at zero, and uniform predictions are told from others", async () => {
  const seeds = seedsFrom(0, 8);
  const { numbers } = summariseInitialisation(await measured(small, seeds), [], setupOf(small, seeds));
  const post = numbers.activations.find(({ site }) => site === "blocks.0.mlp.hook_post");
  expect(Math.abs((post?.zero.estimate ?? 0) - 0.5)).toBeLessThan(0.1); // 128 units, each open on about half
  const { entropy, uniform, deficit, secondOrder } = numbers.prediction;
  expect(uniform).toBeCloseTo(Math.log(10), 12);
  expect(entropy.estimate + deficit.estimate).toBeCloseTo(uniform, 9);
  expect(Math.abs(deficit.estimate / secondOrder.estimate - 1)).toBeLessThan(0.25);
});

test("one matrix of another scale is named, and random networks lie beside it", async () => {
  const seeds = seedsFrom(0, 4);
  const weights = drawn(small, seeds);
  const scaled = {
    ...weights,
    "blocks.1.mlp.W_out": weights["blocks.1.mlp.W_out"].map((value) => 3 * value),
  };
  const section = summariseInitialisation(
    await measured(small, seeds, scaled),
    await measured(small, seedsFrom(20, 8)),
    setupOf(small, seeds),
  );
  expect(section.verdict.holds).toBe(false);
  expect(section.verdict.evidence).toContain("blocks.1.mlp.W_out");
  const at = section.numbers.activations.findIndex(({ site }) => site === "blocks.1.hook_mlp_out");
  expect(section.null.activations[at].rms.p).toBeLessThan(0.01);
  const before = section.numbers.activations.findIndex(({ site }) => site === "blocks.1.mlp.hook_pre");
  expect(section.null.activations[before].rms.p).toBeGreaterThan(0.05);
});

test("every architecture gives a section that can be written", async () => {
  for (const config of someConfigs) {
    const section = summariseInitialisation(await measured(config, [5]), [], setupOf(config, [5]));
    expect(() => JSON.stringify(section)).not.toThrow();
    expect(section.numbers.scheme).not.toBeNull();
    expect(section.numbers.heads).toHaveLength(config.mlpOnly ? 0 : config.nLayers * config.nHeads);
  }
});
