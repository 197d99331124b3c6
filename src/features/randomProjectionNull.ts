/**
 * The random-projection null: how selective units look that nobody trained and that have no attention.
 *
 * Selectivity at initialisation is no discovery unless it exceeds this: three lines of random numbers.
 */
import { integerIn, numberIn } from "../base/check.ts";
import type { RandomStream } from "../base/random.ts";
import type { ActFn, ModelConfig, Positions } from "../model/config.ts";
import { sinusoidalPositions } from "../model/positions.ts";
import { normalCdf } from "../stats/distributions.ts";
import { cellEffects, squaredNorm } from "./cellEffects.ts";

/** Sizes and laws of the null; the defaults are PyTorch's, and those of the original study's first layer. */
export interface RandomProjectionOptions {
  dModel: number;
  dVocab: number;
  nPos: number;
  /** Nonlinearity after the projection; `none` leaves it linear. `relu` unless given. */
  actFn?: ActFn | "none";
  /** Whether the sum of embeddings is layer-normed, true unless given. */
  norm?: boolean;
  /** Whether position embeddings are drawn or the fixed waves, `learned` unless given. */
  positions?: Extract<Positions, "learned" | "sinusoidal">;
  /** Standard deviation of the drawn embeddings, 1 unless given. */
  embeddingSd?: number;
  /** Weights and bias of a unit are uniform within ± this, 1/√dModel unless given. */
  weightBound?: number;
  /** Independent draws of both embedding tables. */
  draws: number;
  /** Units read off each draw, 1 unless given; units of one draw share its embeddings and are not independent. */
  units?: number;
  stream: RandomStream;
}

/** Shares of variance under the null. */
export interface RandomProjectionNull {
  /** eta² of the token, one entry a unit with variance. */
  token: Float64Array;
  /** eta² of the position, in the same order. */
  position: Float64Array;
  /** Units without variance (a rectifier that never opens), left out. */
  dead: number;
}

/** Epsilon inside the layer norm, PyTorch's default. */
const EPS = 1e-5;

const activations: Record<ActFn | "none", (x: number) => number> = {
  none: (x) => x,
  relu: (x) => Math.max(0, x),
  gelu: (x) => x * normalCdf(x),
  gelu_new: (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  silu: (x) => x / (1 + Math.exp(-x)),
};

/**
 * Whether the first neurons of a config are, attention aside, the units of this null: they read a layer norm of the sum
 * of a token's and a position's embedding, and are gated by nothing.
 */
export function readsEmbeddingSum({ normKind, embedNorm, dSegments, gatedMlp }: ModelConfig): boolean {
  return normKind !== "rmsNorm" && !embedNorm && !dSegments && !gatedMlp;
}

/**
 * Draws eta² of units of the null model
 *
 *   x = LN(e_t + p_s),   a = act(w · x + b),   e, p ~ N(0, embeddingSd²),   w, b ~ U(−weightBound, weightBound)
 *
 * on all cells (token, position); p may be the fixed waves instead. A unit of it depends on the cell alone, so token, position and interaction shares sum
 * to 1. Without norm and nonlinearity, eta² of the token is (χ²_{V−1}/V) / (χ²_{V−1}/V + χ²_{T−1}/T).
 *
 * @throws ArgumentError if a size is not a whole number in range or a scale is negative
 */
export function randomProjectionNull({
  dModel,
  dVocab,
  nPos,
  actFn = "relu",
  norm = true,
  positions = "learned",
  embeddingSd = 1,
  weightBound = 1 / Math.sqrt(dModel),
  draws,
  units = 1,
  stream,
}: RandomProjectionOptions): RandomProjectionNull {
  integerIn("random projection, dModel", dModel, 1);
  integerIn("random projection, dVocab", dVocab, 2);
  integerIn("random projection, nPos", nPos, 2);
  integerIn("random projection, draws", draws, 1);
  integerIn("random projection, units", units, 1);
  numberIn("random projection, embeddingSd", embeddingSd, 0);
  numberIn("random projection, weightBound", weightBound, 0);
  const normals = (count: number) =>
    Float64Array.from({ length: count }, () => embeddingSd * stream.normal());
  const weight = () => weightBound * (2 * stream.uniform() - 1);
  const token: number[] = [];
  const position: number[] = [];
  for (let draw = 0; draw < draws; draw++) {
    const embed = normals(dVocab * dModel);
    const posEmbed = positions === "learned" ? normals(nPos * dModel) : sinusoidalPositions(nPos, dModel);
    const inputs = cellInputs(embed, posEmbed, dModel, norm);
    for (let unit = 0; unit < units; unit++) {
      const w = Float64Array.from({ length: dModel }, weight);
      const bias = weight();
      const table = Float64Array.from({ length: dVocab * nPos }, (_, cell) => {
        let z = bias;
        for (let i = 0; i < dModel; i++) z += w[i] * inputs[cell * dModel + i];
        return activations[actFn](z);
      });
      const effects = cellEffects(table, nPos);
      const total = squaredNorm(effects.all);
      if (!(total > 0)) continue;
      token.push((nPos * squaredNorm(effects.token)) / total);
      position.push((dVocab * squaredNorm(effects.position)) / total);
    }
  }
  return {
    token: Float64Array.from(token),
    position: Float64Array.from(position),
    dead: draws * units - token.length,
  };
}

/** What a unit reads in every cell, [token, pos, dModel]. */
function cellInputs(
  embed: Float64Array,
  posEmbed: Float64Array,
  dModel: number,
  norm: boolean,
): Float64Array {
  const nPos = posEmbed.length / dModel;
  const cells = (embed.length / dModel) * nPos;
  const inputs = new Float64Array(cells * dModel);
  for (let cell = 0; cell < cells; cell++) {
    const x = inputs.subarray(cell * dModel, (cell + 1) * dModel);
    const [token, pos] = [Math.floor(cell / nPos), cell % nPos];
    let mean = 0;
    for (let i = 0; i < dModel; i++) {
      x[i] = embed[token * dModel + i] + posEmbed[pos * dModel + i];
      mean += x[i] / dModel;
    }
    if (!norm) continue;
    let variance = 0;
    for (let i = 0; i < dModel; i++) variance += (x[i] - mean) ** 2 / dModel;
    for (let i = 0; i < dModel; i++) x[i] = (x[i] - mean) / Math.sqrt(variance + EPS);
  }
  return inputs;
}
