/**
 * OV and QK circuits: what a head moves from where it looks, and where it looks, as matrices of the weights alone.
 *
 *   OV = W_V W_O       what is written for a stream that is attended to,      [dModel, dModel]
 *   QK = W_Q W_Kᵀ      score of a query's stream with a key's, times √dHead,  [dModel, dModel]
 *
 * With the embedding on one end, or the unembedding on the other, they speak of tokens and positions: the full OV
 * circuit W_E OV W_U is what attending to each token adds to each logit, the full QK circuit W_E QK W_Eᵀ how much each
 * token attends to each. All have rank dHead and stay in factors.
 *
 * A circuit is the direct path. What other components write on the way is not in it, nor are biases, nor the scales of
 * layer norms, which are positive numbers that depend on the input; centring and weights of norms are, see
 * streamNorms.ts. In a model without norms and biases circuits are exact: pattern times the full OV circuits of tokens
 * and of positions is what a head of the first layer adds to the logits.
 *
 * Where keys and values have fewer heads, a head's W_K and W_V are those that it shares with its neighbours. With rotary
 * positions a score depends on the distance of the two positions, so that there is no QK circuit of the weights alone; OV
 * circuits are as ever.
 *
 * Parameter-free attention reads and writes the head's own dHead dimensions of the stream: W_Q, W_K, W_V and W_Oᵀ are
 * those columns of the identity. What such a circuit says is a matter of the embeddings only.
 */
import { ArgumentError, unknownName } from "../base/errors.ts";
import { keyValueHeads, type ModelConfig } from "../model/config.ts";
import { sinusoidalPositions } from "../model/positions.ts";
import { type DenseMatrix, times, transposed } from "./denseMatrix.ts";
import { type FactoredMatrix, factoredMatrix } from "./factoredMatrix.ts";
import {
  attentionAt,
  type CircuitNorms,
  EMBEDDING,
  normsOnTheWay,
  readThroughNorms,
  unembeddingAt,
  writeThroughNorms,
} from "./streamNorms.ts";
import { indicesOf, type Which } from "./tensor.ts";
import { matrixReader, type ReadMatrix, type WeightSource } from "./weightSource.ts";

/** One circuit of one head. */
export interface HeadCircuit {
  readonly model: number;
  readonly layer: number;
  readonly head: number;
  readonly matrix: FactoredMatrix;
}

/** What a circuit reads: the stream before the block, every token's embedding, or every position's. */
export type CircuitInput = "stream" | "tokens" | "positions";
/** What a circuit writes: the stream, or logits. */
export type CircuitOutput = "stream" | "logits";

/** Which heads, and how norms are treated. */
export interface CircuitOptions {
  /** Default `folded`. */
  norms?: CircuitNorms;
  /** By default all. */
  models?: Which;
  layers?: Which;
  heads?: Which;
}

/**
 * OV circuits, in the order model, layer, head.
 *
 * @param from  rows of the matrix: dModel, dVocab or nCtx
 * @param to    its columns: dModel or dVocab
 * @returns     `from: "tokens", to: "logits"` is the full OV circuit, [source token, token of the logit]
 * @throws ArgumentError  for a model without attention, positions in a model without, logits of a model with mlmHead,
 *                        weights that are not finite, or an index out of range
 * @source Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits"; there vectors are columns, so their
 *         W_OV is our OV transposed
 */
export async function ovCircuits(
  source: WeightSource,
  {
    from = "stream",
    to = "stream",
    ...options
  }: CircuitOptions & { from?: CircuitInput; to?: CircuitOutput } = {},
): Promise<HeadCircuit[]> {
  const { config } = source;
  if (to !== "stream" && to !== "logits")
    throw unknownName("OV circuit, to", String(to), ["stream", "logits"]);
  const norms = options.norms ?? "folded";
  return circuits(source, options, async (read, { model, layer, head }) => {
    const own = headMatrix(config, read, { model, layer, head });
    const rows = await rowsRead(config, read, { model, layer, from, matrix: await own("V"), norms });
    const way = { from: attentionAt(layer), to: unembeddingAt(config), norms };
    const columns =
      to === "stream"
        ? await own("O")
        : times(
            await writeThroughNorms(await own("O"), normsOnTheWay(config, way), read, model),
            await unembeddingOf(config, read, model),
          );
    return factoredMatrix(rows, columns);
  });
}

/**
 * QK circuits, in the order model, layer, head. Divided by √dHead they are attention scores, before the mask.
 *
 * @param query  rows of the matrix: dModel, dVocab or nCtx
 * @param key    its columns, likewise
 * @returns      `query: "tokens", key: "tokens"` is the full QK circuit; with positions on both ends, where a head looks
 *               whatever the tokens
 * @throws ArgumentError  as {@link ovCircuits}, and for a model with rotary positions
 */
export async function qkCircuits(
  source: WeightSource,
  {
    query = "stream",
    key = "stream",
    ...options
  }: CircuitOptions & { query?: CircuitInput; key?: CircuitInput } = {},
): Promise<HeadCircuit[]> {
  const { config } = source;
  requireFixedScores("QK circuits", config);
  const norms = options.norms ?? "folded";
  return circuits(source, options, async (read, { model, layer, head }) => {
    const own = headMatrix(config, read, { model, layer, head });
    const rows = await rowsRead(config, read, { model, layer, from: query, matrix: await own("Q"), norms });
    const columns = await rowsRead(config, read, { model, layer, from: key, matrix: await own("K"), norms });
    return factoredMatrix(rows, transposed(columns));
  });
}

type Place = Omit<HeadCircuit, "matrix">;

async function circuits(
  source: WeightSource,
  { models, layers, heads }: CircuitOptions,
  matrixAt: (read: ReadMatrix, place: Place) => Promise<FactoredMatrix>,
): Promise<HeadCircuit[]> {
  const { config } = source;
  requireAttention(config);
  const read = matrixReader(source);
  const found: HeadCircuit[] = [];
  for (const model of indicesOf("circuits, models", models, source.models))
    for (const layer of indicesOf("circuits, layers", layers, config.nLayers))
      for (const head of indicesOf("circuits, heads", heads, config.nHeads)) {
        const place = { model, layer, head };
        found.push({ ...place, matrix: await matrixAt(read, place) });
      }
  return found;
}

/** Throws {@link ArgumentError} for a model without heads. */
export function requireAttention({ nLayers, mlpOnly }: ModelConfig): void {
  if (nLayers > 0 && !mlpOnly) return;
  throw new ArgumentError({
    where: "weight circuits of heads",
    rule: "need a model with attention",
    got: mlpOnly ? "mlpOnly" : "nLayers 0",
  });
}

/** Throws {@link ArgumentError} where what a head looks for depends on more than the two streams. */
export function requireFixedScores(where: string, { positions }: ModelConfig): void {
  if (positions !== "rotary") return;
  throw new ArgumentError({
    where,
    rule: "need scores that depend on the two streams alone; rotary positions turn queries and keys, so that W_Q W_Kᵀ is another matrix at every distance",
    got: 'positions "rotary"',
    wayOut: "OV circuits have no such matrix; head scores and patching measure where heads look in runs.",
  });
}

/** A head's W_Q, W_K, W_V [dModel, dHead] and W_O [dHead, dModel]. */
export function headMatrix(
  config: ModelConfig,
  read: ReadMatrix,
  { model, layer, head }: Place,
): (letter: "Q" | "K" | "V" | "O") => Promise<DenseMatrix> {
  if (config.attention === "projected") {
    const shared = Math.floor((head * keyValueHeads(config)) / config.nHeads);
    return async (letter) =>
      read(`blocks.${layer}.attn.W_${letter}`, model, letter === "K" || letter === "V" ? shared : head);
  }
  const { dModel, dHead } = config;
  const data = new Float64Array(dModel * dHead);
  for (let i = 0; i < dHead; i++) data[(head * dHead + i) * dHead + i] = 1;
  const own = { rows: dModel, columns: dHead, data };
  return async (letter) => (letter === "O" ? transposed(own) : own);
}

/** The unembedding, [dModel, dVocab]. */
export async function unembeddingOf(
  { tiedUnembed }: ModelConfig,
  read: ReadMatrix,
  model: number,
): Promise<DenseMatrix> {
  return tiedUnembed ? transposed(await read("embed.W_E", model)) : await read("unembed.W_U", model);
}

/** What a head's W_Q, W_K or W_V, `matrix`, makes of its input: [dModel, dVocab or nCtx, dHead]. */
async function rowsRead(
  config: ModelConfig,
  read: ReadMatrix,
  place: { model: number; layer: number; from: CircuitInput; matrix: DenseMatrix; norms: CircuitNorms },
): Promise<DenseMatrix> {
  const { model, layer, from, norms } = place;
  const here = attentionAt(layer);
  const way = { from: from === "stream" ? here : EMBEDDING, to: here, norms };
  const matrix = await readThroughNorms(place.matrix, normsOnTheWay(config, way), read, model);
  if (from === "stream") return matrix;
  if (from === "tokens") return times(await read("embed.W_E", model), matrix);
  if (from === "positions") return times(await positionsOf(config, read, model), matrix);
  throw unknownName("circuit, input", String(from), ["stream", "tokens", "positions"]);
}

/** Position embeddings, [nCtx, dModel]. */
async function positionsOf(
  { positions, nCtx, dModel }: ModelConfig,
  read: ReadMatrix,
  model: number,
): Promise<DenseMatrix> {
  if (positions === "learned") return read("pos_embed.W_pos", model);
  if (positions === "sinusoidal")
    return { rows: nCtx, columns: dModel, data: sinusoidalPositions(nCtx, dModel) };
  throw new ArgumentError({
    where: "circuit, positions",
    rule: "need a model with position embeddings",
    got: `positions ${JSON.stringify(positions)}`,
  });
}
