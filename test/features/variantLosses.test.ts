/** Oracles: the trainer's evaluation, interventions by hooks, and the loss by hand. */
import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { randomStream } from "../../src/base/random.ts";
import { taskNamed } from "../../src/data/registry.ts";
import type { Sequences } from "../../src/data/types.ts";
import { withMeanUnits } from "../../src/features/importance.ts";
import { openVariantLosses, overSets, type UnitSet } from "../../src/features/variantLosses.ts";
import { ablate } from "../../src/interp/ablation.ts";
import { lossMetric } from "../../src/interp/metrics.ts";
import { openNetwork } from "../../src/interp/network.ts";
import { runWithCache } from "../../src/interp/run.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { hook } from "../../src/model/hookPoints.ts";
import { initialPopulation } from "../../src/model/init.ts";
import { weightsOfModel } from "../../src/model/weights.ts";
import { lossesOf } from "../../src/studies/population/growth.ts";

const config: ModelConfig = { ...presets.causal, dModel: 6, dHead: 3, dMlp: 5, dVocab: 4, nCtx: 5 };
const task = taskNamed("patterns", { dVocab: 4, nCtx: 5 });
const streams = Array.from({ length: 5 }, (_, seed) => randomStream("variants", seed));
const population = initialPopulation(config, { scheme: "pytorch" }, streams);
const networks = streams.map((_, model) => weightsOfModel(config, population, model));
const sample = (name: string, count: number) => task.sample(randomStream("variants", name), count);
const rows = ({ count, nPos }: Sequences, values: Int32Array) =>
  Array.from({ length: count }, (_, row) => Array.from(values.subarray(row * nPos, (row + 1) * nPos)));

/** Float32 losses of about 1.5, summed in another order. */
const ROUNDING = 2e-6;
/** The reference backend computes in float64. */
const EXACT = 1e-12;

test("the loss of a variant is the trainer's, set by set, whatever stands beside it", async () => {
  const sets = [sample("first", 70), sample("second", 70)];
  const options = { sets, stream: randomStream("variants", "partners") };
  const [narrow, wide] = [4, 8].map((lanes) =>
    openVariantLosses(wasmBackend(), config, { ...options, lanes }),
  );
  const told = await narrow.plain(networks);
  for (const [set, sequences] of sets.entries()) {
    const trainer = await lossesOf(wasmBackend(), config, population, sequences);
    for (const [model, loss] of trainer.entries())
      expect(Math.abs(told[set][model] - loss)).toBeLessThan(ROUNDING);
  }
  expect(await wide.plain(networks)).toEqual(told);
  expect((await narrow.plain([networks[3]]))[1][0]).toBe(told[1][3]);
  expect(overSets(told)[2]).toBe((told[0][2] + told[1][2]) / 2);
  for (const meter of [narrow, wide]) meter.close();
});

test("of two sequences each is the other's partner: resampling is the ablation that hooks make", async () => {
  const pair = sample("pair", 2);
  const meter = openVariantLosses(referenceBackend, config, {
    ...{ sets: [pair], lanes: 3, partners: 2, stream: randomStream("variants", "pair") },
  });
  const network = openNetwork(referenceBackend, config, networks[1]);
  for (const layer of [0, 1]) {
    const groups = [[0], [1, 4], [0, 1, 2, 3, 4], [3]];
    const { ablated } = await ablate(network, rows(pair, pair.inputs), {
      ...{ over: [hook.mlpPost(layer)], by: [], groups, how: "resample", stream: randomStream("any") },
      metric: lossMetric(rows(pair, pair.targets)),
    });
    const variants = groups.map((units) => ({ weights: networks[1], silenced: { layer, units } }));
    const [losses] = await meter.resampled(variants);
    for (const [group, loss] of losses.entries())
      expect(Math.abs(loss - (ablated.data[2 * group] + ablated.data[2 * group + 1]) / 2)).toBeLessThan(
        EXACT,
      );
  }
  meter.close();
  network.close();
});

test("nothing silenced is nothing changed, and a silenced layer changes the answer", async () => {
  const sets = [sample("first", 64)];
  const meter = openVariantLosses(wasmBackend(), config, {
    ...{ sets, partners: 2, stream: randomStream("variants", "partners") },
  });
  const of = async (silenced: UnitSet) => (await meter.resampled([{ weights: networks[0], silenced }]))[0][0];
  const [[plain]] = await meter.plain([networks[0]]);
  expect(Math.abs((await of({ layer: 0, units: [] })) - plain)).toBeLessThan(ROUNDING);
  expect(Math.abs((await of({ layer: 1, units: [0, 1, 2, 3, 4] })) - plain)).toBeGreaterThan(10 * ROUNDING);
  meter.close();
});

test("units at their mean are mean ablation by hooks", async () => {
  const set = sample("first", 40);
  const meter = openVariantLosses(referenceBackend, config, {
    ...{ sets: [set], lanes: 1, stream: randomStream("variants", "partners") },
  });
  const network = openNetwork(referenceBackend, config, networks[2]);
  const layer = 0;
  const groups = [[2], [0, 3]];
  const { ablated } = await ablate(network, rows(set, set.inputs), {
    ...{ over: [hook.mlpPost(layer)], by: [], groups, how: "mean" },
    metric: lossMetric(rows(set, set.targets)),
  });
  const means = await meansOf(network, set, layer);
  const [losses] = await meter.plain(
    groups.map((units) => withMeanUnits(config, networks[2], { layer, units }, means)),
  );
  for (const [group, loss] of losses.entries()) {
    const own = Array.from(ablated.data).slice(group * set.count, (group + 1) * set.count);
    // weights are held in float32, so the folded bias is rounded once
    expect(Math.abs(loss - own.reduce((sum, x) => sum + x, 0) / set.count)).toBeLessThan(ROUNDING);
  }
  meter.close();
  network.close();
});

test("a meter refuses what it could not measure", async () => {
  const open = (sets: Sequences[]) =>
    openVariantLosses(wasmBackend(), config, { sets, stream: randomStream("variants", "refused") });
  expect(() => open([])).toThrow("needs at least one set");
  expect(() => open([sample("a", 4), sample("b", 5)])).toThrow("one size; got 4x4 and 5x4");
  expect(() => open([sample("a", 65)])).toThrow("no partner; got 65");
  const meter = open([sample("a", 4)]);
  const silenced = { layer: 2, units: [0] };
  await expect(async () => meter.resampled([{ weights: networks[0], silenced }])).rejects.toThrow(
    "0 to 1; got 2",
  );
  meter.close();
});

async function meansOf(
  network: ReturnType<typeof openNetwork>,
  set: Sequences,
  layer: number,
): Promise<Float64Array> {
  const { cache } = await runWithCache(network, rows(set, set.inputs), { sites: [hook.mlpPost(layer)] });
  const { data } = cache.get(hook.mlpPost(layer));
  const means = new Float64Array(config.dMlp);
  for (let at = 0; at < data.length; at++) means[at % config.dMlp] += data[at] / (set.count * set.nPos);
  return means;
}
