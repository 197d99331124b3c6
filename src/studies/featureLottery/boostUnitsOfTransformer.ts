/** Frequencies of single units of a transformer made stronger: through what a unit reads and writes, and no other unit. */
import { CholeskyDecomposition, Matrix } from "ml-matrix";
import { ArgumentError } from "../../base/errors.ts";
import { amplifyFrequency } from "../../features/amplifyFrequency.ts";
import type { Session } from "../../graph/backend.ts";
import { add, mean, scale } from "../../graph/build.ts";
import { makeGraph } from "../../graph/graph.ts";
import type { OneNetwork, WatchedFrequency } from "./boost.ts";
import { type AdditionNetwork, stateNodes } from "./network.ts";
import { boostFactor } from "./plan.ts";
import { streamOnGrid } from "./transformer.ts";

/**
 * What units read of each number: the stream before them, averaged over the other number, and over being a and being b.
 *
 * @returns  [model, number, dModel]
 */
export async function streamOfNumbers(
  session: Session,
  network: AdditionNetwork,
): Promise<ArrayLike<number>> {
  const grid = streamOnGrid(network, stateNodes(network)); // [a, b, dModel]
  const stream = scale(add(mean(grid, [1]), mean(grid, [0])), 0.5); // [number, dModel]
  return (await session.compile(makeGraph({ outputs: { stream } })).run({})).stream;
}

/**
 * A transformer with the boosted frequencies of its units stronger, in what they answer to a number and in what they say.
 *
 * A unit has no weight for each number, as a perceptron's has: it reads 64 directions of the stream, into which the
 * embedding and the heads have mixed all numbers. Its read vector changes by the shortest δ that multiplies the amplitude
 * of the frequency in its answer to a number and leaves every other frequency, and the mean, as they are; its written
 * vector likewise for what it adds to the logits. Answers to a alone and to b alone differ a little from their mean, so
 * that each of the two comes out near the factor, and not at it.
 *
 * @param stream  of {@link streamOfNumbers}, one network, [number, dModel]
 * @throws ArgumentError if the stream cannot tell the numbers apart: more numbers than directions, or two that are alike
 */
export function boostUnitsOfTransformer(
  { modulus: period, units }: AdditionNetwork,
  weights: OneNetwork,
  stream: ArrayLike<number>,
  watched: readonly WatchedFrequency[],
): OneNetwork {
  const dModel = stream.length / period;
  const W_in = weights["blocks.0.mlp.W_in"].slice(); // [dModel, unit]
  const W_out = weights["blocks.0.mlp.W_out"].slice(); // [unit, dModel]
  const W_U = weights["unembed.W_U"]; // [dModel, symbol]
  const symbols = W_U.length / dModel;
  const reads = leastChange(Matrix.from1DArray(period, dModel, Array.from(stream)));
  const writes = leastChange(Matrix.from1DArray(dModel, symbols, Array.from(W_U)).transpose());
  for (const { unit, frequency: index, boosted } of watched) {
    if (!boosted) continue;
    /** The change of a curve whose first p values are of the numbers. */
    const wanted = (curve: Float64Array) => {
      const after = curve.slice();
      amplifyFrequency(after, { period, frequency: index + 1, factor: boostFactor });
      return after.map((value, i) => value - curve[i]);
    };
    const read = reads(strided(W_in, unit, units, dModel), wanted);
    const written = writes(strided(W_out, unit * dModel, 1, dModel), wanted);
    for (let d = 0; d < dModel; d++) {
      W_in[d * units + unit] += read[d];
      W_out[unit * dModel + d] += written[d];
    }
  }
  return { ...weights, "blocks.0.mlp.W_in": W_in, "blocks.0.mlp.W_out": W_out };
}

/**
 * The shortest change of a vector w after which the rows R say R w + wanted(R w) of it: δ = Rᵀ (R Rᵀ)⁻¹ wanted(R w).
 *
 * @param rows  [row, direction], no more rows than directions
 */
function leastChange(
  rows: Matrix,
): (vector: readonly number[], wanted: (said: Float64Array) => Float64Array) => number[] {
  const gram = new CholeskyDecomposition(rows.mmul(rows.transpose()));
  if (!gram.isPositiveDefinite())
    throw new ArgumentError({
      where: "boost of a unit",
      rule: "needs numbers that the stream tells apart",
      got: `${rows.rows} of them in ${rows.columns} directions`,
    });
  return (vector, wanted) => {
    const said = Float64Array.from(rows.mmul(Matrix.columnVector([...vector])).to1DArray());
    const by = gram.solve(Matrix.columnVector(Array.from(wanted(said))));
    return rows.transpose().mmul(by).to1DArray();
  };
}

function strided(values: Float32Array, from: number, stride: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => values[from + i * stride]);
}
