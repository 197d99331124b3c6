/** Strides of broadcast, permuted and sliced operands, and the merging of axes that are one loop in memory. */
import { type Shape, stridesOf } from "../../graph/node.ts";

/** Loop sizes, outermost first, and one list of strides (elements) an operand. */
export interface Strided {
  sizes: readonly number[];
  strides: readonly (readonly number[])[];
}

/** Strides (elements) of a contiguous operand broadcast to `shape`: 0 along every axis that is repeated. */
export function broadcastStrides(operand: Shape, shape: Shape): number[] {
  const own = stridesOf(operand);
  const lead = shape.length - operand.length;
  return shape.map((_, axis) => (axis < lead || operand[axis - lead] === 1 ? 0 : own[axis - lead]));
}

/** Drops axes of size 1 and merges neighbours that every operand walks as one. */
export function mergeAxes(loops: Strided): Strided {
  const sizes: number[] = [];
  const strides: number[][] = loops.strides.map(() => []);
  loops.sizes.forEach((size, axis) => {
    if (size === 1) return;
    const last = sizes.length - 1;
    const joins = last >= 0 && loops.strides.every((of, i) => strides[i][last] === of[axis] * size);
    if (joins) sizes[last] *= size;
    else sizes.push(size);
    loops.strides.forEach((of, i) => {
      if (joins) strides[i][last] = of[axis];
      else strides[i].push(of[axis]);
    });
  });
  return { sizes, strides };
}
