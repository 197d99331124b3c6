/**
 * Composition scores: how much of what an earlier head writes a later head reads, from the weights alone.
 *
 *   score = ‖L R‖ / (‖L‖ ‖R‖), Frobenius norms;  L = OV of the sender
 *   q   R = W_Q W_Kᵀ of the receiver: the sender changes what it looks for
 *   k   R = W_K W_Qᵀ: the sender changes where it is found
 *   v   R = OV: the sender's output is moved on
 *
 * A score lies in [0, 1] and is not 0 for heads that have nothing to do with each other. If L and R are independent and
 * the entries of the weights are independent with symmetric laws, as in every initialisation here, then
 *
 *   E[score²] = 1 / dModel
 *
 * exactly: signs and order of the dimensions of the stream are arbitrary, so E[LᵀL / ‖L‖²] = I / dModel, and the trace of
 * its product with R Rᵀ / ‖R‖² is 1 / dModel. `atRandom` is the root of it; {@link weightNull} gives the whole
 * distribution, a trained network's scores have to be held against.
 *
 * Norms are folded into the matrix next to them: in pre-LN into the receiver's, in post-LN into what the sender wrote.
 * A scale would cancel if it were one number; that it differs between positions is left out, as are biases.
 */
import { ArgumentError } from "../base/errors.ts";
import { inTurn } from "../base/inTurn.ts";
import type { ModelConfig } from "../model/config.ts";
import { type DenseMatrix, gramOfRows, times, transposed } from "./denseMatrix.ts";
import { chainNorm, type FactoredMatrix, factoredMatrix, frobeniusNorm } from "./factoredMatrix.ts";
import { headMatrix, requireAttention, requireFixedScores } from "./headCircuits.ts";
import {
  attentionAt,
  type CircuitNorms,
  normsOnTheWay,
  readThroughNorms,
  writeThroughNorms,
} from "./streamNorms.ts";
import type { Tensor } from "./tensor.ts";
import type { WeightScores } from "./weightNull.ts";
import { matrixReader, type ReadMatrix, type WeightSource } from "./weightSource.ts";

/** Where a sender's output enters a receiver: its queries, its keys or its values. */
export type CompositionKind = "q" | "k" | "v";

/** A head by its place. */
export interface HeadPosition {
  readonly layer: number;
  readonly head: number;
}

/** Composition of every pair of heads, the sender in an earlier layer than the receiver. */
export interface CompositionScores extends WeightScores<CompositionKind> {
  /** The component axis: pairs in the order of sender, then receiver. */
  readonly pairs: readonly { readonly sender: HeadPosition; readonly receiver: HeadPosition }[];
  /** Their names, such as `L0H1>L1H0`. */
  readonly components: readonly string[];
  /** Root mean square score of independent random heads, 1/√dModel. */
  readonly atRandom: number;
  /** Each [model, component], in [0, 1]; NaN where a matrix is all zeros. */
  readonly scores: Readonly<Record<CompositionKind, Tensor>>;
}

/**
 * Composition scores of all pairs of heads of every model.
 *
 * dModel × dModel matrices are not formed. A score below 1e-8 is rounding.
 *
 * @param norms  default `folded`, see the head of this file; `ignored` multiplies the bare matrices, as TransformerLens
 *               does where it has not folded them
 * @throws ArgumentError  for fewer than two layers of heads, parameter-free attention, where which heads can compose is
 *                        laid down by the architecture, rotary positions, where W_Q W_Kᵀ depends on the distance, or
 *                        weights that are not finite
 * @source Elhage et al. 2021, "Composition scores"; TransformerLens, `all_composition_scores`
 */
export async function compositionScores(
  source: WeightSource,
  { norms = "folded" }: { norms?: CircuitNorms } = {},
): Promise<CompositionScores> {
  const { config, models } = source;
  requireComposition(config);
  const heads = Array.from({ length: config.nLayers * config.nHeads }, (_, i) => ({
    layer: Math.floor(i / config.nHeads),
    head: i % config.nHeads,
  }));
  const pairs = heads.flatMap((sender) =>
    heads.filter(({ layer }) => layer > sender.layer).map((receiver) => ({ sender, receiver })),
  );
  const read = matrixReader(source);
  const tensor = (): Tensor => ({
    axes: ["model", "component"],
    shape: [models, pairs.length],
    data: new Float64Array(models * pairs.length),
  });
  const scores = { q: tensor(), k: tensor(), v: tensor() };
  for (let model = 0; model < models; model++) {
    const at = { config, read, model, norms };
    const receivers = new Map(
      await inTurn(heads, async (head) => [nameOf(head), await receiverOf(at, head)]),
    );
    let written: Written | undefined;
    for (const [i, { sender, receiver }] of pairs.entries()) {
      // what a sender wrote depends on the receiver by the norms between: one for each layer
      if (written?.sender !== sender || written.layer !== receiver.layer)
        written = await writtenBy(at, sender, receiver.layer);
      const readers = receivers.get(nameOf(receiver)) as Receiver;
      for (const kind of ["q", "k", "v"] as const) {
        const { into, gram, norm } = readers[kind];
        const both = written.norm * norm;
        scores[kind].data[model * pairs.length + i] =
          both === 0
            ? Number.NaN
            : Math.min(1, chainNorm(written.gram, times(written.out, into), gram) / both); // 1 + rounding where dModel is 1
      }
    }
  }
  return {
    config,
    setting: { norms },
    pairs,
    components: pairs.map(({ sender, receiver }) => `${nameOf(sender)}>${nameOf(receiver)}`),
    atRandom: 1 / Math.sqrt(config.dModel),
    scores,
  };
}

interface At {
  config: ModelConfig;
  read: ReadMatrix;
  model: number;
  norms: CircuitNorms;
}
/** L = A B of a sender as a layer reads it. */
interface Written {
  sender: HeadPosition;
  layer: number;
  /** AᵀA */
  gram: DenseMatrix;
  /** B, [dHead, dModel] */
  out: DenseMatrix;
  norm: number;
}
/** R = C D of a receiver, one for each kind: C [dModel, dHead], DDᵀ and ‖R‖. */
type Receiver = Readonly<Record<CompositionKind, { into: DenseMatrix; gram: DenseMatrix; norm: number }>>;

const nameOf = ({ layer, head }: HeadPosition) => `L${layer}H${head}`;

async function writtenBy(
  { config, read, model, norms }: At,
  sender: HeadPosition,
  layer: number,
): Promise<Written> {
  const own = headMatrix(config, read, { model, ...sender });
  const here = attentionAt(sender.layer);
  const left = await readThroughNorms(
    await own("V"),
    normsOnTheWay(config, { from: here, to: here, norms }),
    read,
    model,
  );
  // a pre-LN reader's own norm stands with the reader
  const between =
    config.normalization === "post"
      ? normsOnTheWay(config, { from: here, to: attentionAt(layer), norms })
      : [];
  const out = await writeThroughNorms(await own("O"), between, read, model);
  return {
    sender,
    layer,
    gram: gramOfRows(transposed(left)),
    out,
    norm: frobeniusNorm(factoredMatrix(left, out)),
  };
}

async function receiverOf({ config, read, model, norms }: At, head: HeadPosition): Promise<Receiver> {
  const own = headMatrix(config, read, { model, ...head });
  const here = attentionAt(head.layer);
  const names = normsOnTheWay(config, { from: here, to: here, norms });
  const [q, k, v] = await inTurn(["Q", "K", "V"] as const, async (letter) =>
    readThroughNorms(await own(letter), names, read, model),
  );
  const side = (matrix: FactoredMatrix) => ({
    into: matrix.left,
    gram: gramOfRows(matrix.right),
    norm: frobeniusNorm(matrix),
  });
  return {
    q: side(factoredMatrix(q, transposed(k))),
    k: side(factoredMatrix(k, transposed(q))),
    v: side(factoredMatrix(v, await own("O"))),
  };
}

function requireComposition(config: ModelConfig): void {
  requireAttention(config);
  requireFixedScores("composition scores", config);
  if (config.nLayers < 2)
    throw new ArgumentError({
      where: "composition scores",
      rule: "need heads in at least two layers",
      got: "1",
    });
  if (config.attention === "parameterFree")
    throw new ArgumentError({
      where: "composition scores",
      rule: "need heads with matrices of their own; parameter-free heads read and write fixed dimensions, so which heads compose is the same whatever was learned",
      got: 'attention "parameterFree"',
      wayOut: "patchSweep and ovCircuits say what such heads do.",
    });
}
