/** Loops as the kernels walk them: of a fixed depth, axes that are one in memory merged. */
import { mergeAxes, type Strided } from "../plan/strides.ts";

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
