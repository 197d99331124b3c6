/** Oracles: networks that were put together by hand, and the sum that the two parts must give. */

import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import { randomStream } from "../../src/base/random.ts";
import { latinBlocks } from "../../src/data/probes.ts";
import { tuningCorrelation } from "../../src/features/persistence.ts";
import { isUpstream, swapDecomposition } from "../../src/features/swapDecomposition.ts";
import type { TuningCurves } from "../../src/features/tuningCurves.ts";
import { unitMeans } from "../../src/features/unitMeans.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { hook } from "../../src/model/hookPoints.ts";
import { initialPopulation } from "../../src/model/init.ts";
import { type Weights, weightShapes } from "../../src/model/weights.ts";
import { openTuning } from "../../src/studies/population/lookInside.ts";

const config: ModelConfig = {
  ...presets.causal,
  nLayers: 3,
  dModel: 6,
  dHead: 3,
  dMlp: 12,
  dVocab: 4,
  nCtx: 5,
};
const MODELS = 2;
const draw = (name: string) =>
  initialPopulation(
    config,
    { scheme: "pytorch" },
    Array.from({ length: MODELS }, (_, model) => randomStream("swap", name, model)),
  );
const before = draw("before");
const after = draw("after");
const probe = latinBlocks({ dVocab: 4, nPos: 4, blocks: 6, stream: randomStream("swap", "probe") });
/** Correlations of curves that differ in the last bits of float32. */
const ROUNDING = 1e-6;

async function decompose(later: Weights) {
  const look = openTuning(wasmBackend(), config, MODELS, { sites: [hook.mlpPost("all")], probe });
  const swaps = await swapDecomposition(config, { before, after: later }, look.measure);
  const measured = async (weights: Weights, layer: number) =>
    (await look.measure(weights)).get(hook.mlpPost(layer)) as TuningCurves;
  const first = async (layer: number) => measured(before, layer);
  const r = async (weights: Weights, layer: number) =>
    tuningCorrelation(await first(layer), await measured(weights, layer));
  return { swaps, r, close: look.close };
}

test("what lies before a block are the embeddings and the blocks below", () => {
  const names = [...weightShapes({ ...config, finalNorm: true }).keys()];
  expect(names.filter((name) => isUpstream(name, 0))).toEqual(["embed.W_E", "pos_embed.W_pos"]);
  const second = names.filter((name) => isUpstream(name, 1));
  expect(second.slice(0, 2)).toEqual(["embed.W_E", "pos_embed.W_pos"]);
  expect(second.slice(2)).toEqual(names.filter((name) => name.startsWith("blocks.0.")));
});

test("a network of which only one block changed lost that layer's tuning by itself, and those above by inheritance", async () => {
  const changed = Object.fromEntries(
    Object.entries(before).map(([name, values]) => [
      name,
      name.startsWith("blocks.1.") ? after[name] : values,
    ]),
  );
  const { swaps, close } = await decompose(changed);
  close();
  for (let model = 0; model < MODELS; model++) {
    const [below, itself, above] = swaps.map(({ split, r }) => ({
      own: split[model].first,
      upstream: split[model].second,
      lost: 1 - r.both[model],
    }));
    expect(Math.abs(below.lost)).toBeLessThan(ROUNDING);
    expect(itself.lost).toBeGreaterThan(0.1);
    expect(Math.abs(itself.own - itself.lost)).toBeLessThan(ROUNDING);
    expect(Math.abs(itself.upstream)).toBeLessThan(ROUNDING);
    expect(above.lost).toBeGreaterThan(0.01);
    expect(Math.abs(above.upstream - above.lost)).toBeLessThan(ROUNDING);
    expect(Math.abs(above.own)).toBeLessThan(ROUNDING);
  }
});

test("the four networks are those that hands put together, and the parts add up to what was lost", async () => {
  const { swaps, r, close } = await decompose(after);
  const layer = 2;
  const isOwn = (name: string) => name.startsWith("blocks.2.");
  const mixed = (own: Weights, upstream: Weights) =>
    Object.fromEntries(Object.keys(own).map((name) => [name, isOwn(name) ? own[name] : upstream[name]]));
  const told = swaps[layer];
  const byHand = await inTurn([mixed(after, before), mixed(before, after), after], async (weights) =>
    r(weights, layer),
  );
  const comparable = byHand[0].map((_, at) =>
    byHand.every((of) => Number.isFinite(of[at])) ? 1 : Number.NaN,
  );
  for (const [i, kind] of (["own", "upstream", "both"] as const).entries()) {
    const { mean, excluded } = unitMeans(
      byHand[i].map((value, at) => value * comparable[at]),
      MODELS,
    );
    for (const [model, value] of mean.entries()) {
      expect(Math.abs(told.r[kind][model] - value)).toBeLessThan(ROUNDING);
      expect(told.units[model]).toBe(config.dMlp - excluded[model]);
    }
  }
  close();
  for (const swap of swaps)
    for (const [model, { first, second }] of swap.split.entries()) {
      expect(Math.abs(first + second - (1 - swap.r.both[model]))).toBeLessThan(1e-12); // rounding of two halves
      const expected = (1 - swap.r.own[model] + swap.r.upstream[model] - swap.r.both[model]) / 2;
      expect(Math.abs(first - expected)).toBeLessThan(1e-12);
    }
});

test("populations of different size are refused", async () => {
  const single = initialPopulation(config, { scheme: "pytorch" }, [randomStream("swap", "one")]);
  await expect(swapDecomposition(config, { before, after: single }, async () => new Map())).rejects.toThrow(
    "2 and 1 networks",
  );
});
