import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import { randomStream } from "../../src/base/random.ts";
import { openNetwork } from "../../src/interp/network.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { initialPopulation } from "../../src/model/init.ts";
import type { Weights } from "../../src/model/weights.ts";
import type { ExperimentSetup } from "../../src/studies/experiments/section.ts";
import { measureSources, summariseSources } from "../../src/studies/experiments/sources.ts";
import { configGrid } from "../model/configs.ts";

const backend = wasmBackend();
/** Every seventh of the grid: each choice of norm, positions, attention and blocks meets most of the others. */
const someConfigs = configGrid()
  .slice(4)
  .filter((_, i) => i % 7 === 0);
const small = { ...presets.original, nLayers: 1, dMlp: 8 };
const setupOf = (config: ModelConfig, seeds: readonly number[], draws = 99): ExperimentSetup => ({
  ...{ config, seeds, nPos: Math.min(6, config.nCtx), blocks: 4, draws },
});
const drawn = (config: ModelConfig, seeds: readonly number[]) =>
  initialPopulation(
    config,
    { scheme: "pytorch" },
    seeds.map((seed) => randomStream("sources", seed)),
  );
async function measured(
  config: ModelConfig,
  seeds: readonly number[],
  { weights = drawn(config, seeds), draws = 99 }: { weights?: Weights; draws?: number } = {},
) {
  const network = openNetwork(backend, config, weights);
  const models = await measureSources(network, setupOf(config, seeds, draws));
  network.close();
  return models;
}
const seedsFrom = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);

test("a model has the same sources alone as in a population", async () => {
  const options = { draws: 19 };
  const together = await measured(small, [1, 2, 3], options);
  expect((await inTurn([1, 2, 3], async (seed) => measured(small, [seed], options))).flat()).toEqual(
    together,
  );
});

test("random networks are as random matrices, and the interaction of their units is that of a random projection", async () => {
  const seeds = seedsFrom(0, 4);
  const section = summariseSources(
    await measured(small, seeds),
    await measured(small, seedsFrom(30, 3)),
    setupOf(small, seeds),
  );
  expect(section.verdict.holds).toBe(false);
  const smallest = section.numbers.rows.find(({ name }) => name === "W_E smallest cosine");
  // an independent simulation of 45 pairs in 16 dimensions has mean extremes −0.528 and 0.530
  expect(Math.abs((smallest?.null.median ?? 0) + 0.52)).toBeLessThan(0.03);
  const [{ intact, r }] = section.numbers.norms;
  expect(
    Math.abs(intact.interaction.estimate - (section.null.projection?.normed.interaction ?? 0)),
  ).toBeLessThan(0.08);
  expect(r.estimate).toBeGreaterThan(0.9);
  expect(section.numbers.tokenCosines[3][3]).toBeCloseTo(1, 6);
});

test("tokens drawn together and a matrix of low rank are beyond random", async () => {
  const seeds = seedsFrom(0, 3);
  const weights = drawn(small, seeds);
  for (let model = 0; model < seeds.length; model++) {
    // token 4 lies beside token 3
    for (let i = 0; i < 16; i++)
      weights["embed.W_E"][(model * 10 + 4) * 16 + i] = 1.1 * weights["embed.W_E"][(model * 10 + 3) * 16 + i];
    // all rows of W_in are nearly the first one
    const from = model * 16 * 8;
    for (let at = 8; at < 16 * 8; at++) {
      const own = weights["blocks.0.mlp.W_in"];
      own[from + at] = own[from + (at % 8)] + 0.01 * own[from + at];
    }
  }
  const { numbers, verdict } = summariseSources(
    await measured(small, seeds, { weights }),
    [],
    setupOf(small, seeds),
  );
  const beyond = numbers.rows.filter((row) => row.beyond).map(({ name }) => name);
  for (const name of ["W_E largest cosine", "embed.W_E ln condition number", "blocks.0.mlp.W_in stable rank"])
    expect(beyond).toContain(name);
  for (const name of beyond) expect(name).toMatch(/^(W_E|embed\.W_E|blocks\.0\.mlp\.W_in)/);
  expect(verdict.holds).toBe(true);
});

test("every architecture gives a section that can be written, with what it has not left empty", async () => {
  for (const config of someConfigs) {
    const { numbers, ...rest } = summariseSources(
      await measured(config, [5], { draws: 19 }),
      [],
      setupOf(config, [5], 19),
    );
    expect(() => JSON.stringify({ numbers, ...rest })).not.toThrow();
    expect(numbers.norms).toHaveLength(config.normalization === "none" ? 0 : config.nLayers);
    expect(numbers.sums === null).toBe(["none", "rotary"].includes(config.positions));
  }
});
