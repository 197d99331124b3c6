/** The networks of the gallery: one that is looked at, those that are its null, and a probe that all of them see. */
import { type RandomStream, randomStream } from "../../src/base/random.ts";
import { latinBlocks } from "../../src/data/index.ts";
import { tuningCurvesOf, unitCurves, varianceComponents } from "../../src/features/index.ts";
import * as figures from "../../src/figures/index.ts";
import { type Network, runWithCache } from "../../src/interp/index.ts";
import { hook, initialPopulation, presets, type SiteName } from "../../src/model/index.ts";
import { mean, quantile } from "../../src/stats/index.ts";

/** The architecture. */
export const preset = "causal";
export const config = presets[preset];
export const init = { scheme: "pytorch", embeddingScale: 1 } as const;
export const nPos = config.nCtx - 1;
export const cells = config.dVocab * nPos;
/** Labels of the vocabulary. */
export const tokens = Array.from({ length: config.dVocab }, (_, token) => String(token));
/** Everything that is drawn is drawn from here. */
export const stream = randomStream("gallery");
/** What the captions say of the networks. */
export const subject: figures.Subject = {
  name: `${preset} at initialisation`,
  seeds: 1,
  seed: 0,
  time: "then",
};

/** Model 0 is the one that is drawn, the others are its null. */
export const others = 39;
/** Weights of the whole population. */
export const weights = initialPopulation(
  config,
  init,
  Array.from({ length: 1 + others }, (_, seed) => randomStream("init", seed)),
);

/** 0 … length − 1 */
export const range = (length: number) => Array.from({ length }, (_, i) => i);
export const layers = range(config.nLayers);
/** Middle 95 % and median. */
export const band = (values: ArrayLike<number>): figures.Band & { middle: number } => ({
  low: quantile(values, 0.025),
  middle: quantile(values, 0.5),
  high: quantile(values, 0.975),
});
/** What a measurement gives for the networks of the null. */
export const overOthers = (measure: (model: number) => number) =>
  band(range(others).map((i) => measure(1 + i)));
/** The items of the largest size, in that order. */
export const largest = <T>(items: readonly T[], size: (item: T) => number, count: number) =>
  items.toSorted((a, b) => size(b) - size(a)).slice(0, count);

/** Each token equally often at each position. */
export const probe = latinBlocks({ dVocab: config.dVocab, nPos, blocks: 20, stream: stream.child("probe") });
/** The same as lists. */
export const sequences = range(probe.count).map((row) => [
  ...probe.tokens.subarray(row * nPos, (row + 1) * nPos),
]);

/** Everything that is read off one run of the probe. */
export async function measured(network: Network) {
  const { cache } = await runWithCache(network, sequences, {
    sites: [
      hook.residPre(0),
      hook.attnOut(0),
      hook.pattern("all"),
      hook.mlpPre(0),
      hook.mlpPost("all"),
      hook.residPost(1),
    ],
  });
  const neurons = layers.map((layer) => {
    const site: SiteName = `blocks.${layer}.mlp.hook_post`;
    const curves = tuningCurvesOf(cache.get(site).data, {
      site,
      models: 1 + others,
      units: config.dMlp,
      probe,
    });
    return { layer, curves, parts: unitCurves(curves), eta2: varianceComponents(curves).eta2 };
  });
  return { cache, neurons };
}
export type Measured = Awaited<ReturnType<typeof measured>>;
export type Neurons = Measured["neurons"][number];

export const neuronName = (layer: number, unit: number) => figures.unitName(layer, unit);
/** A neuron's mean in every cell, [token][pos]. */
export const cellMeans = ({ curves }: Neurons, unit: number, model = 0) =>
  curves.cellMean.subarray((model * config.dMlp + unit) * cells, (model * config.dMlp + unit + 1) * cells);

/** One neuron of the first network at every sequence and position. */
export function activationsOf({ cache }: Measured, layer: number, unit: number) {
  return cache
    .get(`blocks.${layer}.mlp.hook_post`, { model: 0 })
    .data.filter((_, i) => i % config.dMlp === unit);
}

/** Largest deviation of a cell mean when the labels are shuffled, 95 % quantile. */
export function shuffledDeviation(values: ArrayLike<number>, own: RandomStream): number {
  const count = values.length / cells;
  const centre = mean(values);
  return quantile(
    range(60).map(() => {
      const order = own.permutation(values.length);
      const sums = new Float64Array(cells);
      order.forEach((at, i) => {
        sums[i % cells] += (values[at] - centre) / count;
      });
      return Math.max(...sums.map(Math.abs));
    }),
    0.95,
  );
}
