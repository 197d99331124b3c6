/** Strides of broadcast, permuted and sliced operands, and the merging of axes that are one loop in memory. */
import { type Shape, stridesOf } from "../../graph/node.ts";
import type { Strided } from "./instructions.ts";

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

/** Merged loops with exactly `depth` axes, padded by size 1 at the front; undefined if more are needed. */
export function loopsOfDepth(loops: Strided, depth: number): Strided | undefined {
  const merged = mergeAxes(loops);
  const missing = depth - merged.sizes.length;
  if (missing < 0) return undefined;
  const front = (values: readonly number[], fill: number) => [
    ...new Array<number>(missing).fill(fill),
    ...values,
  ];
  return { sizes: front(merged.sizes, 1), strides: merged.strides.map((of) => front(of, 0)) };
}

/** Axes that the copy kernel walks by itself. */
const COPY_AXES = 5;

/** Loops of a copy: as many as the kernel walks, or more where so many are left after merging. */
export function copyLoops(sizes: readonly number[], from: readonly number[], to: readonly number[]): Strided {
  const merged = mergeAxes({ sizes, strides: [from, to] });
  return loopsOfDepth(merged, COPY_AXES) ?? merged;
}
