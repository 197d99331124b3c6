import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import { randomStream } from "../../src/base/random.ts";
import { openNetwork } from "../../src/interp/network.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { initialPopulation } from "../../src/model/init.ts";
import type { Weights } from "../../src/model/weights.ts";
import { measureCircuits, summariseCircuits } from "../../src/studies/experiments/circuits.ts";
import type { ExperimentSetup } from "../../src/studies/experiments/section.ts";
import { configGrid } from "../model/configs.ts";

const backend = wasmBackend();
/** Every seventh of the grid: each choice of norm, positions, attention and blocks meets most of the others. */
const someConfigs = configGrid()
  .slice(4)
  .filter((_, i) => i % 7 === 0);
const small = { ...presets.causal, dMlp: 12, nLayers: 2 };
const setupOf = (config: ModelConfig, seeds: readonly number[]): ExperimentSetup => ({
  ...{ config, seeds, nPos: Math.min(6, config.nCtx), blocks: 10, draws: 59 },
});
const drawn = (config: ModelConfig, seeds: readonly number[]) =>
  initialPopulation(
    config,
    { scheme: "pytorch" },
    seeds.map((seed) => randomStream("circuits", seed)),
  );
async function measured(
  config: ModelConfig,
  seeds: readonly number[],
  weights: Weights = drawn(config, seeds),
) {
  const network = openNetwork(backend, config, weights);
  const models = await measureCircuits(network, setupOf(config, seeds));
  network.close();
  return models;
}
const seedsFrom = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);

test("a model has the same circuits alone as in a population", async () => {
  const together = await measured(small, [1, 2, 3]);
  expect((await inTurn([1, 2, 3], async (seed) => measured(small, [seed]))).flat()).toEqual(together);
});

test("a planted duplicate and a planted opposite are found beside random networks, and make the difference", async () => {
  const seeds = seedsFrom(0, 4);
  const config = { ...small, actFn: "gelu" } as const;
  const weights = drawn(config, seeds);
  const [wIn, bIn] = [weights["blocks.1.mlp.W_in"], weights["blocks.1.mlp.b_in"]];
  for (let model = 0; model < seeds.length; model++)
    for (let row = 0; row < config.dModel; row++) {
      const at = (model * config.dModel + row) * config.dMlp;
      wIn[at + 9] = wIn[at + 4]; // L1N9 is L1N4
      bIn[model * config.dMlp + 9] = bIn[model * config.dMlp + 4];
      wIn[at + 2] = -wIn[at + 7]; // L1N2 opposes L1N7, on the near-linear slope of the unit
      wIn[at + 7] *= 0.02;
      wIn[at + 2] *= 0.02;
      bIn[model * config.dMlp + 2] = -bIn[model * config.dMlp + 7];
    }
  const nulls = await measured(config, seedsFrom(100, 12));
  const {
    numbers,
    null: drawnNull,
    verdict,
  } = summariseCircuits(await measured(config, seeds, weights), nulls, setupOf(config, seeds));
  const pairs = numbers.network.edges.map(({ from, to }) => `${from} ${to}`);
  expect(pairs.slice(0, 2).sort()).toEqual(["L1N2 L1N7", "L1N4 L1N9"]);
  expect(numbers.network.edges[0].edge).toBe(true);
  expect(numbers.strongest.opposed[0]).toMatchObject({ from: "L1N2", to: "L1N7", edge: true });
  expect(numbers.strongest.opposed[0].high).toBeLessThan(-0.8);
  // what else is called is chance: no more than in random networks
  expect(numbers.edges.estimate - 2).toBeLessThan(drawnNull.networks.edges.high + 1);
  expect(numbers.edgesOpposed.estimate).toBeGreaterThanOrEqual(1);
  expect(verdict.holds).toBe(true);
});

test("random networks have no more circuits than random networks", async () => {
  const seeds = seedsFrom(0, 5);
  const {
    numbers,
    null: drawnNull,
    verdict,
  } = summariseCircuits(
    await measured(small, seeds),
    await measured(small, seedsFrom(50, 10)),
    setupOf(small, seeds),
  );
  expect(verdict.holds).toBe(false);
  expect(drawnNull.across.comparisons).toBe(45);
  expect(numbers.pairs).toBe((24 * 23) / 2);
  // under a causal mask position 0 has one input for each token, and normal units so few that 2.7 in 496 are strong
  for (const { distinctInputs, nEff, pairs, expected } of numbers.original) {
    expect(distinctInputs.estimate).toBe(10);
    expect(nEff.estimate).toBeCloseTo(10, 4);
    expect(expected.estimate / pairs).toBeLessThan(2.75 / 496);
  }
  // far fewer inputs than the 600 activations
  expect(numbers.nEff.high).toBeLessThan(40);
  expect(numbers.naive.estimate).toBeGreaterThan(numbers.pairs / 2);
});

test("without random networks the labels decide; one seed has no interval", async () => {
  const section = summariseCircuits(await measured(small, [3]), [], setupOf(small, [3]));
  expect(section.null.networks.edges.networks).toBe(0);
  expect(section.null.across.comparisons).toBe(0);
  expect(section.verdict.rule).toContain("binomial");
  expect(section.numbers.strong.low).toBeNaN();
  const [strongest] = section.numbers.strongest.correlated;
  expect(section.verdict.holds).toBe(strongest.p <= 0.05);
});

test("every architecture gives a section that can be written; one without units says so", async () => {
  for (const config of someConfigs) {
    const section = summariseCircuits(await measured(config, [5]), [], setupOf(config, [5]));
    expect(() => JSON.stringify(section)).not.toThrow();
    if (config.nLayers > 0) expect(section.numbers.pairs).toBeGreaterThan(0);
    else {
      expect(section.numbers.network).toEqual({ nodes: [], edges: [] });
      expect(section.verdict.holds).toBeNull();
    }
  }
});
