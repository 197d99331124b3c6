/**
 * Why a layer's tuning changed: its own weights, or what reaches it from below?
 *
 * The tuning of a layer's units depends on two things: the weights of its own block, and everything before that block,
 * the embeddings and the blocks below. Each can be taken from before or from after training, which gives four networks.
 */

import { ShapeError } from "../base/errors.ts";
import { inTurn } from "../base/inTurn.ts";
import type { ModelConfig } from "../model/config.ts";
import { hook } from "../model/hookPoints.ts";
import { modelCount, type Weights } from "../model/weights.ts";
import { type ShapleySplit, shapleySplit } from "../stats/shapley.ts";
import { tuningCorrelation } from "./persistence.ts";
import type { TuningCurves } from "./tuningCurves.ts";

/** Measures tuning at the MLP units of all layers, by site name. */
export type MeasureTuning = (weights: Weights) => Promise<ReadonlyMap<string, TuningCurves>>;

/** One layer of a population; arrays are [model]. */
export interface LayerSwap {
  readonly layer: number;
  /** Mean correlation with the initial tuning: own weights trained, what is upstream trained, and both. */
  readonly r: Readonly<Record<"own" | "upstream" | "both", Float64Array>>;
  /** Shapley split of the lost 1 − r: `first` is the layer's own part, `second` that of what is upstream. */
  readonly split: readonly ShapleySplit[];
  /** Units that have a tuning in all four networks; the means are over these. */
  readonly units: Int32Array;
}

/**
 * Swap decomposition of every layer.
 *
 *   own = r(θ₀ with block l from θ₁)    upstream = r(θ₁ with block l from θ₀)    both = r(θ₁)
 *
 * each the mean over the layer's units of the correlation with their tuning in θ₀, over the cells of the probe. What lies
 * after the units, in the block and above, has no influence on them.
 *
 * @param before   θ₀, [model, ...shape]
 * @param after    θ₁, the same networks after training
 * @param measure  called 2 + 2 · nLayers times with populations of that size
 * @throws ShapeError if the populations differ in size
 */
export async function swapDecomposition(
  config: ModelConfig,
  { before, after }: { before: Weights; after: Weights },
  measure: MeasureTuning,
): Promise<LayerSwap[]> {
  const models = modelCount(config, before);
  if (modelCount(config, after) !== models)
    throw new ShapeError({
      where: "swap decomposition",
      rule: "needs the same networks before and after training",
      got: `${models} and ${modelCount(config, after)} networks`,
    });
  const [initial, trained] = [await measure(before), await measure(after)];
  const layers = Array.from({ length: config.nLayers }, (_, layer) => layer);
  return inTurn(layers, async (layer): Promise<LayerSwap> => {
    const site = hook.mlpPost(layer);
    const curves = (tuning: ReadonlyMap<string, TuningCurves>) => tuning.get(site) as TuningCurves;
    const r = (tuning: ReadonlyMap<string, TuningCurves>) =>
      tuningCorrelation(curves(initial), curves(tuning));
    const [own, upstream, both] = [
      r(await measure(withUpstream(layer, after, before))),
      r(await measure(withUpstream(layer, before, after))),
      r(trained),
    ];
    const everywhere = both.map((value, at) => (Number.isNaN(value + own[at] + upstream[at]) ? 0 : 1));
    const perModel = both.length / models;
    const means = (values: Float64Array) =>
      Float64Array.from({ length: models }, (_, model) => {
        let [total, count] = [0, 0];
        for (let at = model * perModel; at < (model + 1) * perModel; at++) {
          if (everywhere[at] === 0) continue;
          total += values[at];
          count++;
        }
        return total / count;
      });
    const mean = { own: means(own), upstream: means(upstream), both: means(both) };
    return {
      layer,
      r: mean,
      split: Array.from({ length: models }, (_, model) =>
        shapleySplit({
          neither: 0,
          first: 1 - mean.own[model],
          second: 1 - mean.upstream[model],
          both: 1 - mean.both[model],
        }),
      ),
      units: Int32Array.from({ length: models }, (_, model) =>
        everywhere.subarray(model * perModel, (model + 1) * perModel).reduce((sum, one) => sum + one, 0),
      ),
    };
  });
}

/** Whether a weight lies before a block: an embedding, or in a block below. */
export function isUpstream(name: string, layer: number): boolean {
  const block = /^blocks\.(\d+)\./.exec(name);
  return block === null ? /^(embed|pos_embed)\./.test(name) : Number(block[1]) < layer;
}

/** A population with all that lies before a block from another. */
function withUpstream(layer: number, own: Weights, upstream: Weights): Weights {
  return Object.fromEntries(
    Object.keys(own).map((name) => [name, isUpstream(name, layer) ? upstream[name] : own[name]]),
  );
}
