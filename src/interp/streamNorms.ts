/**
 * Norms between what writes to the residual stream and what reads it, as far as they are linear.
 *
 *   norm(x) = x C diag(w) / s(x) + b,  C = I − 1 1ᵀ / dModel; of an RMS norm C = I, b = 0
 *
 * Centring and weight are matrices and can be folded into the matrix next to them. The scale s is a positive number that
 * depends on the position of the input; it and the bias are left out of every weight circuit.
 */
import { ArgumentError, unknownName } from "../base/errors.ts";
import type { ModelConfig } from "../model/config.ts";
import type { DenseMatrix } from "./denseMatrix.ts";
import type { ReadMatrix } from "./weightSource.ts";

/**
 * What becomes of the norms on the way: `folded`, their centring and their weight are part of the circuit, or
 * `ignored`, the bare matrices are multiplied.
 */
export type CircuitNorms = "folded" | "ignored";

/** Place of a block's half along the stream: attention of layer l is 2 l, its MLP 2 l + 1, the unembedding 2 nLayers. */
export const attentionAt = (layer: number) => 2 * layer;
export const mlpAt = (layer: number) => 2 * layer + 1;
export const unembeddingAt = ({ nLayers }: ModelConfig) => 2 * nLayers;
/** Embeddings are written before the first half, and before their own norm. */
export const EMBEDDING = -1;

/** A norm as a matrix: by its weight, and whether it centres. */
export interface LinearNorm {
  readonly name: string;
  readonly centres: boolean;
}

/**
 * Throws {@link ArgumentError} for a model whose unembedding is not linear in the stream.
 *
 * @param where  what is asked for
 */
export function requireLinearUnembedding(where: string, { mlmHead }: ModelConfig): void {
  if (!mlmHead) return;
  throw new ArgumentError({
    where,
    rule: "needs logits that are linear in the stream; here a head with a nonlinearity stands before the unembedding",
    got: "mlmHead",
    wayOut: "The logit lens reads any stream through that head, and patching measures effects on the logits.",
  });
}

/**
 * Names of the norms that something written at `from` passes until it is read at `to`, in order.
 *
 * With post-LN these are the norms after every half from the writer's own on; with pre-LN only the reader's. The
 * unembedding reads through the final norm where there is one, embeddings pass their own norm where there is one.
 *
 * @throws NameError      for another kind of norms
 * @throws ArgumentError  on the way to logits that are not linear in the stream
 */
export function normsOnTheWay(
  config: ModelConfig,
  { from, to, norms }: { from: number; to: number; norms: CircuitNorms },
): LinearNorm[] {
  if (norms !== "folded" && norms !== "ignored")
    throw unknownName("weight circuits, norms", String(norms), ["folded", "ignored"]);
  const end = unembeddingAt(config);
  if (to === end) requireLinearUnembedding("weight circuits to the logits", config);
  if (norms === "ignored") return [];
  const exists = (at: number) => (at % 2 === 0 ? !config.mlpOnly : !config.attnOnly);
  const nameOf = (at: number) => `blocks.${at >> 1}.ln${(at % 2) + 1}`;
  const names: string[] = [];
  if (config.embedNorm && from === EMBEDDING) names.push("embed.ln");
  if (config.normalization === "post")
    for (let at = Math.max(from, 0); at < to; at++) if (exists(at)) names.push(nameOf(at));
  if (config.normalization === "pre" && to < end) names.push(nameOf(to));
  if (config.finalNorm && to === end) names.push("ln_final");
  return names.map((name) => ({ name, centres: config.normKind !== "rmsNorm" }));
}

/**
 * What a matrix reads of a stream that passes norms first: C diag(w) · … · matrix.
 *
 * @param matrix  [dModel, columns]
 */
export async function readThroughNorms(
  matrix: DenseMatrix,
  norms: readonly LinearNorm[],
  read: ReadMatrix,
  model: number,
): Promise<DenseMatrix> {
  const { rows, columns } = matrix;
  const data = Float64Array.from(matrix.data);
  for (const { name, centres } of [...norms].reverse()) {
    const weight = (await read(`${name}.w`, model)).data;
    for (let j = 0; j < columns; j++) {
      let mean = 0;
      for (let i = 0; i < rows; i++) mean += (data[i * columns + j] *= weight[i]) / rows;
      if (centres) for (let i = 0; i < rows; i++) data[i * columns + j] -= mean;
    }
  }
  return { rows, columns, data };
}

/**
 * What rows written to the stream are after norms: matrix · C diag(w) · …
 *
 * @param matrix  [rows, dModel]
 */
export async function writeThroughNorms(
  matrix: DenseMatrix,
  norms: readonly LinearNorm[],
  read: ReadMatrix,
  model: number,
): Promise<DenseMatrix> {
  const { rows, columns } = matrix;
  const data = Float64Array.from(matrix.data);
  for (const { name, centres } of norms) {
    const weight = (await read(`${name}.w`, model)).data;
    for (let i = 0; i < rows; i++) {
      const row = data.subarray(i * columns, (i + 1) * columns);
      const mean = centres ? row.reduce((sum, value) => sum + value, 0) / columns : 0;
      for (let j = 0; j < columns; j++) row[j] = weight[j] * (row[j] - mean);
    }
  }
  return { rows, columns, data };
}
