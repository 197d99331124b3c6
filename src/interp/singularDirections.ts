/**
 * Singular directions through the unembedding: the directions of the stream that a head or an MLP writes, or an MLP
 * reads, most strongly, and the tokens they point to.
 *
 *   OV      right singular vectors of W_V W_O: what the head writes
 *   W_in    right singular vectors of W_inᵀ: what the MLP reads; of a gated one, what it gates
 *   W_out   right singular vectors of W_out: what the MLP writes
 *
 * A direction v has the logits v · N · W_U, with N the norms between the place and the unembedding. Its sign is a
 * convention (see {@link singularDecomposition}), so both ends of the list of tokens are given. Scales of norms, biases
 * and everything between the place and the unembedding but the norms are left out.
 *
 * Some token is nearest to any direction. The null is a direction drawn uniformly from the sphere, for which the cosine c
 * with a given token's column of N W_U has
 *
 *   c² ~ Beta(1/2, (dModel − 1)/2),  E[c²] = 1 / dModel
 *
 * `p` is P(|c| as large), of one token given beforehand: times dVocab for the best of all. Whether singular values are
 * large, random initialisations say: {@link singularValues} with {@link weightNull}.
 */
import { integerIn } from "../base/check.ts";
import { ArgumentError, unknownName } from "../base/errors.ts";
import type { ModelConfig } from "../model/config.ts";
import { betaInc } from "../stats/betaInc.ts";
import { type DenseMatrix, times, transposed } from "./denseMatrix.ts";
import { type FactoredMatrix, factoredMatrix, singularDecomposition } from "./factoredMatrix.ts";
import { type CircuitOptions, headMatrix, requireAttention, unembeddingOf } from "./headCircuits.ts";
import {
  attentionAt,
  type CircuitNorms,
  mlpAt,
  normsOnTheWay,
  readThroughNorms,
  unembeddingAt,
} from "./streamNorms.ts";
import { indicesOf, type Tensor } from "./tensor.ts";
import type { WeightScores } from "./weightNull.ts";
import { matrixReader, type ReadMatrix, type WeightSource } from "./weightSource.ts";

/** What is decomposed: a head's OV circuit, what an MLP reads, or what it writes. */
export type SingularMatrix = "OV" | "W_in" | "W_out";

/** A token as a direction sees it. */
export interface DirectionToken {
  readonly token: number;
  /** For one unit of the direction, before the scale of norms. */
  readonly logit: number;
  /** Cosine with the token's column of the unembedding, norms folded; NaN for a column of zeros. */
  readonly cosine: number;
  /** P value of a cosine this far from 0 for a random direction and this token. */
  readonly p: number;
}

/** One singular direction. */
export interface SingularDirection {
  readonly model: number;
  readonly layer: number;
  /** Undefined for an MLP. */
  readonly head: number | undefined;
  /** Place among the singular values of its matrix, from 0, the largest. */
  readonly index: number;
  readonly value: number;
  /** value² over the sum of all squares, in [0, 1]; NaN for a matrix of zeros. */
  readonly share: number;
  /** Unit vector of the stream, [dModel]. */
  readonly direction: Float64Array;
  /** Tokens of the highest logits, descending; of equals the smaller token first. */
  readonly top: readonly DirectionToken[];
  /** Tokens of the lowest logits, ascending. */
  readonly bottom: readonly DirectionToken[];
}

/** Singular values of all heads or MLPs of a population. */
export interface SingularValues extends WeightScores<"value"> {
  /** [model, layer, head, component], for MLPs without head; a component is a place among the values, descending. */
  readonly scores: { readonly value: Tensor };
}

/**
 * Singular directions with their tokens, in the order model, layer, head, index.
 *
 * @param of     the matrix
 * @param count  directions of each matrix, default 1; at most its rank's bound, min(dModel, dHead or dMlp)
 * @param k      tokens at each end, default 5, or dVocab if that is less
 * @param heads  of OV only
 * @throws ArgumentError  if the model has no such matrix, weights are not finite, or an option is out of range
 * @source Millidge & Black 2022, "The singular value decompositions of transformer weight matrices are highly
 *         interpretable"
 */
export async function singularDirections(
  source: WeightSource,
  { of, count = 1, k, ...options }: CircuitOptions & { of: SingularMatrix; count?: number; k?: number },
): Promise<SingularDirection[]> {
  const { config } = source;
  integerIn("singular directions, count", count, 1, rankBound(config, of));
  const shown = integerIn("singular directions, k", k ?? Math.min(5, config.dVocab), 1, config.dVocab);
  const norms = options.norms ?? "folded";
  const read = matrixReader(source);
  const found: SingularDirection[] = [];
  for (const { model, layer, head } of placesOf(source, of, options)) {
    const { values, right } = singularDecomposition(
      await matrixAt(config, read, { of, model, layer, head: head ?? 0, norms }),
    );
    const total = values.reduce((sum, value) => sum + value * value, 0);
    const from = of === "OV" ? attentionAt(layer) : mlpAt(layer);
    const way = normsOnTheWay(config, { from, to: unembeddingAt(config), norms });
    const unembedding = await readThroughNorms(await unembeddingOf(config, read, model), way, read, model);
    for (const [index, direction] of right.slice(0, count).entries())
      found.push({
        model,
        layer,
        head,
        index,
        value: values[index],
        share: total === 0 ? Number.NaN : values[index] ** 2 / total,
        direction,
        ...endsOf(direction, unembedding, shown),
      });
  }
  return found;
}

/**
 * All singular values, for {@link weightNull}. Where a pre-LN norm is folded, W_in reads no mean and, if it is not
 * narrower than the stream, has a last value of 0.
 *
 * @throws ArgumentError  as {@link singularDirections}
 */
export async function singularValues(
  source: WeightSource,
  { of, norms = "folded" }: { of: SingularMatrix; norms?: CircuitNorms },
): Promise<SingularValues> {
  const { config, models } = source;
  const rank = rankBound(config, of);
  const read = matrixReader(source);
  const all: number[] = [];
  for (const { model, layer, head } of placesOf(source, of, {})) {
    const matrix = await matrixAt(config, read, { of, model, layer, head: head ?? 0, norms });
    all.push(...singularDecomposition(matrix).values);
  }
  const byHead = of === "OV";
  return {
    config,
    setting: { of, norms },
    scores: {
      value: {
        axes: byHead ? ["model", "layer", "head", "component"] : ["model", "layer", "component"],
        shape: byHead ? [models, config.nLayers, config.nHeads, rank] : [models, config.nLayers, rank],
        data: Float64Array.from(all),
      },
    },
  };
}

/** Number of singular values, if the model has the matrix. */
function rankBound(config: ModelConfig, of: SingularMatrix): number {
  if (of === "OV") {
    requireAttention(config);
    return Math.min(config.dHead, config.dModel);
  }
  if (of !== "W_in" && of !== "W_out")
    throw unknownName("singular directions, of", String(of), ["OV", "W_in", "W_out"]);
  if (config.nLayers === 0 || config.attnOnly)
    throw new ArgumentError({
      where: `singular directions of ${of}`,
      rule: "need a model with MLPs",
      got: config.attnOnly ? "attnOnly" : "nLayers 0",
    });
  return Math.min(config.dMlp, config.dModel);
}

interface Place {
  model: number;
  layer: number;
  head: number | undefined;
}

function placesOf(
  { config, models: size }: WeightSource,
  of: SingularMatrix,
  { models, layers, heads }: CircuitOptions,
): Place[] {
  if (of !== "OV" && heads !== undefined)
    throw new ArgumentError({ where: "singular directions, heads", rule: `an MLP has none; of is ${of}` });
  const own = of === "OV" ? indicesOf("singular directions, heads", heads, config.nHeads) : [undefined];
  return indicesOf("singular directions, models", models, size).flatMap((model) =>
    indicesOf("singular directions, layers", layers, config.nLayers).flatMap((layer) =>
      own.map((head) => ({ model, layer, head })),
    ),
  );
}

/** The matrix whose right singular vectors are wanted. */
async function matrixAt(
  config: ModelConfig,
  read: ReadMatrix,
  place: { of: SingularMatrix; model: number; layer: number; head: number; norms: CircuitNorms },
): Promise<FactoredMatrix | DenseMatrix> {
  const { of, model, layer, norms } = place;
  const readAt = async (at: number, matrix: DenseMatrix) =>
    readThroughNorms(matrix, normsOnTheWay(config, { from: at, to: at, norms }), read, model);
  if (of === "OV") {
    const own = headMatrix(config, read, place);
    return factoredMatrix(await readAt(attentionAt(layer), await own("V")), await own("O"));
  }
  const name = `blocks.${layer}.mlp.${of}`;
  const matrix = await read(name, model);
  return of === "W_out" ? matrix : transposed(await readAt(mlpAt(layer), matrix)); // [dMlp, dModel]
}

/** Tokens at both ends of a direction's logits. */
function endsOf(
  direction: Float64Array,
  unembedding: DenseMatrix,
  k: number,
): Pick<SingularDirection, "top" | "bottom"> {
  const { rows: dModel, columns: dVocab, data } = unembedding;
  const logits = times({ rows: 1, columns: dModel, data: direction }, unembedding).data;
  const order = Array.from(logits, (_, token) => token).sort((a, b) => logits[b] - logits[a] || a - b);
  const described = (token: number): DirectionToken => {
    let squares = 0;
    for (let i = 0; i < dModel; i++) squares += data[i * dVocab + token] ** 2;
    const cosine = squares === 0 ? Number.NaN : logits[token] / Math.sqrt(squares);
    return { token, logit: logits[token], cosine, p: cosineP(cosine, dModel) };
  };
  return {
    top: order.slice(0, k).map(described),
    bottom: order.slice(-k).reverse().map(described),
  };
}

/** P(|cosine| of a random direction and a fixed one is as large): 1 in one dimension, where it is always 1. */
function cosineP(cosine: number, dModel: number): number {
  if (Number.isNaN(cosine)) return Number.NaN;
  if (dModel === 1) return 1;
  return betaInc(Math.max(0, 1 - cosine * cosine), (dModel - 1) / 2, 0.5);
}
