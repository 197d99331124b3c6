/** Oracles: central differences through edits of single activations, and what replacing a whole layer really costs. */
import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { ArgumentError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import { patterns } from "../../src/data/patterns.ts";
import { absoluteImportance, integratedImportance } from "../../src/features/gradientImportance.ts";
import { taylorImportance } from "../../src/interp/ablation.ts";
import { edit } from "../../src/interp/edits.ts";
import { lossMetric } from "../../src/interp/metrics.ts";
import { openNetwork } from "../../src/interp/network.ts";
import { runWithCache, runWithHooks } from "../../src/interp/run.ts";
import { meanOver } from "../../src/interp/tensor.ts";
import { presets } from "../../src/model/config.ts";
import { hook } from "../../src/model/hookPoints.ts";
import { initialPopulation } from "../../src/model/init.ts";

/** Central differences with a step of 1e-4; a kink of a rectifier further on may lie within the step. */
const DIFFERENCES = 1e-6;
/** What the middles of 64 parts leave of an integral of a smooth function with kinks, nats. */
const INTEGRAL = 1e-4;

const config = { ...presets.causal, nLayers: 2, dModel: 8, dHead: 4, dMlp: 6 };
const MODELS = 2;
const network = openNetwork(
  referenceBackend,
  config,
  initialPopulation(
    config,
    { scheme: "pytorch" },
    Array.from({ length: MODELS }, (_, model) => randomStream("gradient importance", model)),
  ),
);
const COUNT = 4;
const drawn = patterns(config).sample(randomStream("gradient importance", "data"), COUNT);
const rows = (values: Int32Array) =>
  Array.from({ length: COUNT }, (_, row) => [...values.subarray(row * drawn.nPos, (row + 1) * drawn.nPos)]);
const tokens = rows(drawn.inputs);
const metric = lossMetric(rows(drawn.targets));
const site = hook.mlpPost(0);

test("absolute importance is the size of each activation times its effect by central differences", async () => {
  const found = await absoluteImportance(network, tokens, { site, metric });
  const own = (await runWithCache(network, tokens, { sites: [site] })).cache.get(site);
  const STEP = 1e-4;
  const expected = new Float64Array(MODELS * config.dMlp);
  for (let pos = 0; pos < drawn.nPos; pos++)
    for (let unit = 0; unit < config.dMlp; unit++) {
      // rows and models do not see each other: one run moves this place in all of them
      const at = async (by: number) => {
        const edits = [edit(site, { pos, units: unit }, { kind: "add", values: by })];
        return metric.measure((await runWithHooks(network, tokens, { edits })).logits).data;
      };
      const [high, low] = [await at(STEP), await at(-STEP)];
      for (let model = 0; model < MODELS; model++)
        for (let row = 0; row < COUNT; row++) {
          const value = own.data[((model * COUNT + row) * drawn.nPos + pos) * config.dMlp + unit];
          const slope = (high[model * COUNT + row] - low[model * COUNT + row]) / (2 * STEP);
          expected[model * config.dMlp + unit] += Math.abs(value * slope) / COUNT;
        }
    }
  found.forEach((value, at) => {
    expect(Math.abs(value - expected[at])).toBeLessThan(DIFFERENCES);
  });
  expect(Math.max(...found)).toBeGreaterThan(0.01);
});

test("integrated importances sum to what the whole layer at its mean costs; first-order ones need not", async () => {
  const own = (await runWithCache(network, tokens, { sites: [site] })).cache.get(site);
  const values = meanOver(own, ["batch", "pos"]); // [model, unit]
  const lossWith = async (edits: ReturnType<typeof edit>[]) =>
    metric.measure((await runWithHooks(network, tokens, { edits })).logits).data;
  const [replaced, intact] = [
    await lossWith([edit(site, {}, { kind: "mean", values })]),
    await lossWith([edit(site, { pos: 0, units: 0 }, { kind: "add", values: 0 })]),
  ];
  const fine = await integratedImportance(network, tokens, { site, metric, steps: 64 });
  const coarse = await integratedImportance(network, tokens, { site, metric });
  const { impact } = await taylorImportance(network, tokens, {
    ...{ over: [site], by: ["unit"] as const, how: "mean" as const, metric },
  });
  for (let model = 0; model < MODELS; model++) {
    const sum = (of: ArrayLike<number>) =>
      Array.from({ length: config.dMlp }, (_, unit) => of[model * config.dMlp + unit]).reduce(
        (a, b) => a + b,
      );
    const cost =
      Array.from(
        { length: COUNT },
        (_, row) => replaced[model * COUNT + row] - intact[model * COUNT + row],
      ).reduce((a, b) => a + b) / COUNT;
    expect(Math.abs(sum(fine) - cost)).toBeLessThan(INTEGRAL);
    expect(Math.abs(sum(coarse) - cost)).toBeLessThan(0.1 * Math.abs(sum(impact.estimate.data) - cost));
  }
});

test("what cannot be differentiated, or has no places, is refused", async () => {
  await expect(absoluteImportance(network, tokens, { site: hook.pattern(0), metric })).rejects.toThrow(
    "axes [batch pos …]",
  );
  await expect(integratedImportance(network, tokens, { site, metric, steps: 0 })).rejects.toThrow(
    ArgumentError,
  );
});
