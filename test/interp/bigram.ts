/** A bigram model by hand: an embedding that is the identity, and log probabilities for an unembedding. */
import { type ModelConfig, presets } from "../../src/model/config.ts";
import type { Weights } from "../../src/model/weights.ts";

/**
 * Without blocks, positions and norms the logits after token a are row a of W_U, so that ln p(b | a) is what was put in
 * there.
 *
 * @param logProbs  ln p(next | token), [token][next], rows that are distributions
 */
export function bigramModel(
  logProbs: readonly (readonly number[])[],
  nCtx: number,
): { config: ModelConfig; weights: Weights } {
  const size = logProbs.length;
  const config: ModelConfig = {
    ...presets.gpt,
    ...{ nLayers: 0, nHeads: 1, dModel: size, dHead: size, dMlp: 1, dVocab: size, nCtx },
    ...{ normalization: "none", finalNorm: false, positions: "none", tiedUnembed: false, biases: false },
  };
  const identity = new Float32Array(size * size);
  for (let token = 0; token < size; token++) identity[token * size + token] = 1;
  return { config, weights: { "embed.W_E": identity, "unembed.W_U": Float32Array.from(logProbs.flat()) } };
}

/** ln of rows of weights, each divided by its sum. */
export const logOf = (rows: readonly (readonly number[])[]): number[][] =>
  rows.map((row) => {
    const total = row.reduce((sum, weight) => sum + weight, 0);
    return row.map((weight) => Math.log(weight / total));
  });
