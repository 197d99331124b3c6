/** Learning rates by layer, and how far each layer's weights went. */
import { type ModelConfig, presets } from "../../model/config.ts";
import { type Weights, weightShapes } from "../../model/weights.ts";

/** The base network with some number of layers. */
export const ofDepth = (nLayers: number): ModelConfig => ({ ...presets.causal, nLayers });

/** Factors of the learning rate by weight from those by layer; embeddings and unembedding keep theirs. */
export function layerRates(config: ModelConfig, byLayer: readonly number[]): Record<string, number> {
  const rates: Record<string, number> = {};
  for (const name of weightShapes(config).keys()) {
    const block = /^blocks\.(\d+)\./.exec(name);
    if (block !== null) rates[name] = byLayer[Number(block[1])];
  }
  return rates;
}

/**
 * Row-wise displacement of each layer: the mean over its units of how far a fan-in went, of its initial length.
 *
 *   mean_i ‖W_in[:, i]₁ − W_in[:, i]₀‖ / ‖W_in[:, i]₀‖
 *
 * @returns  [layer][model]
 */
export function fanInDisplacement(config: ModelConfig, before: Weights, after: Weights): Float64Array[] {
  const { nLayers, dModel, dMlp } = config;
  return Array.from({ length: nLayers }, (_, layer) => {
    const name = `blocks.${layer}.mlp.W_in`;
    const [first, second] = [before[name], after[name]];
    const size = dModel * dMlp;
    return Float64Array.from({ length: first.length / size }, (_, model) => {
      let total = 0;
      for (let unit = 0; unit < dMlp; unit++) {
        let [moved, length] = [0, 0];
        for (let at = model * size + unit; at < (model + 1) * size; at += dMlp) {
          moved += (second[at] - first[at]) ** 2;
          length += first[at] ** 2;
        }
        total += Math.sqrt(moved / length) / dMlp;
      }
      return total;
    });
  });
}
