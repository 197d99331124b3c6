import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import { randomStream } from "../../src/base/random.ts";
import { openNetwork } from "../../src/interp/network.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { initialPopulation } from "../../src/model/init.ts";
import type { Weights } from "../../src/model/weights.ts";
import type { ExperimentSetup } from "../../src/studies/experiments/section.ts";
import { measureStructured, summariseStructured } from "../../src/studies/experiments/structured.ts";
import { configGrid } from "../model/configs.ts";

const backend = wasmBackend();
/** Every seventh of the grid: each choice of norm, positions, attention and blocks meets most of the others. */
const someConfigs = configGrid()
  .slice(4)
  .filter((_, i) => i % 7 === 0);
const small = { ...presets.original, dMlp: 12 };
const setupOf = (config: ModelConfig, seeds: readonly number[], blocks = 14): ExperimentSetup => ({
  ...{ config, seeds, nPos: Math.min(6, config.nCtx), blocks, draws: 19 },
});
const drawn = (config: ModelConfig, seeds: readonly number[]) =>
  initialPopulation(
    config,
    { scheme: "pytorch" },
    seeds.map((seed) => randomStream("structured", seed)),
  );
async function measured(
  config: ModelConfig,
  seeds: readonly number[],
  { weights = drawn(config, seeds), blocks = 14 }: { weights?: Weights; blocks?: number } = {},
) {
  const network = openNetwork(backend, config, weights);
  const models = await measureStructured(network, setupOf(config, seeds, blocks));
  network.close();
  return models;
}
const seedsFrom = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);

test("a model has the same responses alone as in a population", async () => {
  const together = await measured(small, [1, 2, 3]);
  expect((await inTurn([1, 2, 3], async (seed) => measured(small, [seed]))).flat()).toEqual(together);
});

test("random networks answer constant sequences beyond random ones, and no more than random networks do", async () => {
  const seeds = seedsFrom(0, 6);
  const section = summariseStructured(
    await measured(small, seeds),
    await measured(small, seedsFrom(40, 12)),
    setupOf(small, seeds),
  );
  const constant = section.numbers.families.find(({ family }) => family === "constant");
  expect(constant?.units.rms.low).toBeGreaterThan(1.2);
  expect(constant?.units.p).toBeLessThan(0.01);
  expect(constant?.heads.p).toBeLessThan(0.05);
  expect(section.verdict.holds).toBe(false);
  // a random set's mean square is 1; the mean of its root is less, the more so the more its units move together
  for (const { units } of section.null.families) {
    expect(units.rms.estimate).toBeGreaterThan(0.8);
    expect(units.rms.estimate).toBeLessThan(1);
  }
});

test("where no position sees another nothing responds, and nothing is decided", async () => {
  const config = { ...small, mlpOnly: true };
  const { numbers, verdict } = summariseStructured(
    await measured(config, [1, 2]),
    [],
    setupOf(config, [1, 2]),
  );
  expect(verdict.holds).toBeNull();
  expect(numbers.headScores).toBe(0);
  for (const { units, z } of numbers.families) {
    expect(units.p).toBeNaN();
    expect(z.flat().every((value) => value === 0)).toBe(true);
  }
});

test("heads that attend to equal tokens are told from random ones by repetitions", async () => {
  // one-hot embeddings, query and key the embedding itself: attention goes to copies of the query's token
  const config: ModelConfig = {
    ...small,
    ...{
      nLayers: 1,
      nHeads: 1,
      dModel: 16,
      dHead: 16,
      causal: true,
      positions: "none",
      normalization: "none",
    },
    attnOnly: true,
  };
  const seeds = seedsFrom(0, 3);
  const planted = () => {
    const weights = { ...drawn(config, seeds) };
    const strength = 3;
    for (let model = 0; model < seeds.length; model++) {
      for (let at = 0; at < 10 * 16; at++)
        weights["embed.W_E"][model * 160 + at] = at % 16 === Math.floor(at / 16) ? strength : 0;
      for (let at = 0; at < 256; at++)
        for (const name of ["Q", "K"])
          weights[`blocks.0.attn.W_${name}`][model * 256 + at] =
            at % 16 === Math.floor(at / 16) ? strength : 0;
    }
    return weights;
  };
  const models = await measured(config, seeds, { weights: planted(), blocks: 20 });
  const nulls = await measured(config, seedsFrom(60, 20), { blocks: 20 });
  const {
    numbers,
    null: drawnNull,
    verdict,
  } = summariseStructured(models, nulls, setupOf(config, seeds, 20));
  const of = (family: string) => numbers.families.find((one) => one.family === family);
  // a copy gets the attention: duplicate is nearly 1 where there is one
  expect(of("alternating")?.scores[0].scores.duplicate.value).toBeGreaterThan(0.3);
  expect(of("ascending")?.scores[0].scores.duplicate.value).toBeNaN(); // no token comes twice
  expect(of("ascending")?.scores[0].scores.self.value).toBeGreaterThan(0.99);
  const at = numbers.families.findIndex(({ family }) => family === "alternating");
  expect(of("alternating")?.heads.rms.estimate).toBeGreaterThan(drawnNull.families[at].networks.heads.mean);
  expect(verdict.holds).toBe(true);
});

test("every architecture gives a section that can be written", async () => {
  for (const config of someConfigs) {
    const section = summariseStructured(
      await measured(config, [5], { blocks: 2 }),
      [],
      setupOf(config, [5], 2),
    );
    expect(() => JSON.stringify(section)).not.toThrow();
    expect(section.numbers.families).toHaveLength(6);
    expect(section.verdict.holds).toBeNull(); // six random sets decide nothing
  }
});
