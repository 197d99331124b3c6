/** What it takes to execute one op in float64, and the index tables that the executors share. */
import { type ComputedOp, type Node, type Shape, stridesOf } from "../../graph/node.ts";

/**
 * The loop of one node for one model: fills `out` from the operands, all row-major.
 *
 * Indices are float64 here like everything else: whole numbers of 32 bits are exact in it.
 */
export type Kernel = (operands: readonly Float64Array[], out: Float64Array) => void;

/** Prepares the loop of a node: what depends on shapes alone is computed here, once. */
export type Executor<P extends ComputedOp> = (node: Node<P>) => Kernel;

/**
 * Positions in an array of every element of a shape, in row-major order.
 *
 *   offsets[i] = start + Σ_axis index_axis(i) · strides[axis]
 *
 * A stride of 0 repeats an axis, a permutation of strides transposes.
 */
export function offsets(shape: Shape, strides: readonly number[], start = 0): Int32Array {
  let table = Int32Array.of(start);
  shape.forEach((size, axis) => {
    const inner = new Int32Array(table.length * size);
    let at = 0;
    for (const base of table) for (let i = 0; i < size; i++) inner[at++] = base + i * strides[axis];
    table = inner;
  });
  return table;
}

/** Positions in an operand of shape `from` of every element of the shape `to` that it is broadcast to. */
export function broadcastOffsets(from: Shape, to: Shape): Int32Array {
  const lead = to.length - from.length;
  const strides = stridesOf(from);
  return offsets(
    to,
    to.map((_, axis) => (axis < lead || from[axis - lead] === 1 ? 0 : strides[axis - lead])),
  );
}

/** Length of the last axis, along which the fused ops work. */
export function rowLength(node: Node): number {
  return node.shape[node.shape.length - 1];
}
