/** Masks of whole MLP units, and what masks of single weights leave of each unit. */
import { ArgumentError } from "../base/errors.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Weights } from "../model/weights.ts";
import { largest } from "./lotteryMasks.ts";

/** The weights that an MLP unit owns: its column of W_in, its entry of b_in, its row of W_out. */
export function unitWeightNames(layer: number): Record<"into" | "bias" | "outOf", string> {
  const mlp = `blocks.${layer}.mlp`;
  return { into: `${mlp}.W_in`, bias: `${mlp}.b_in`, outOf: `${mlp}.W_out` };
}

/**
 * Masks that keep the units with the largest scores of every layer, whole, and silence the others: with fan-in, bias and
 * fan-out at 0 a unit says and learns nothing.
 *
 * @param scores  by layer, [model, unit]; NaN, a dead unit's, goes first
 * @param keep    share of a layer's units that stays, in (0, 1]: round(keep · units), at least one
 * @returns       0 or 1 for W_in, b_in (where there are biases) and W_out of every layer, [model, ...shape]
 * @throws ArgumentError unless there is a score for every unit of every layer
 */
export function unitMasks(
  { nLayers, dModel, dMlp, biases }: ModelConfig,
  scores: readonly ArrayLike<number>[],
  keep: number,
): Weights {
  const models = (scores[0]?.length ?? 0) / dMlp;
  if (
    scores.length !== nLayers ||
    !Number.isInteger(models) ||
    scores.some(({ length }) => length !== models * dMlp)
  )
    throw new ArgumentError({
      where: "unit masks",
      rule: `need scores [model, ${dMlp}] for each of ${nLayers} layers`,
      got: scores.map(({ length }) => length).join(", "),
    });
  const masks: Record<string, Float32Array> = {};
  scores.forEach((ofLayer, layer) => {
    const { into, bias, outOf } = unitWeightNames(layer);
    const kept = new Float32Array(models * dMlp); // [model, unit]
    for (let model = 0; model < models; model++) {
      const own = Array.from({ length: dMlp }, (_, unit) => ofLayer[model * dMlp + unit]);
      kept.set(largest(own, keep), model * dMlp);
    }
    const perModel = dModel * dMlp;
    const unitAt = (unitOf: (within: number) => number) =>
      Float32Array.from({ length: models * perModel }, (_, at) => {
        const model = Math.floor(at / perModel);
        return kept[model * dMlp + unitOf(at - model * perModel)];
      });
    masks[into] = unitAt((within) => within % dMlp); // [model, dModel, unit]
    if (biases) masks[bias] = kept;
    masks[outOf] = unitAt((within) => Math.floor(within / dModel)); // [model, unit, dModel]
  });
  return masks;
}

/**
 * Number of weights that masks keep of every unit of a layer: of its column of W_in and its row of W_out, 2 · dModel in
 * all. The bias is not counted.
 *
 * @param masks  of at least W_in and W_out, [model, ...shape]
 * @returns      [model, unit]
 */
export function keptWeights({ dModel, dMlp }: ModelConfig, masks: Weights, layer: number): Float64Array {
  const { into, outOf } = unitWeightNames(layer);
  const perModel = dModel * dMlp;
  const models = masks[into].length / perModel;
  return Float64Array.from({ length: models * dMlp }, (_, at) => {
    const model = Math.floor(at / dMlp);
    const unit = at % dMlp;
    let count = 0;
    for (let i = 0; i < dModel; i++) {
      count += masks[into][model * perModel + i * dMlp + unit];
      count += masks[outOf][model * perModel + unit * dModel + i];
    }
    return count;
  });
}
