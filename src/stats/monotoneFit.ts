/** The falling curve without a formula that lies closest to pairs. */
import { sameLength } from "../base/check.ts";
import { atLeast } from "./arguments.ts";

/** A curve through knots, straight between them and constant outside. */
export interface MonotoneCurve {
  /** Ascending, each once. */
  x: Float64Array;
  /** Never rising. */
  y: Float64Array;
}

/**
 * Least squares of y on all functions of x that never rise: isotonic regression.
 *
 *   minimise Σ (y − ŷ)²,  ŷ(x) ≥ ŷ(x′) for x < x′
 *
 * Neighbours that rise are pooled to their mean until none does. Pairs of equal x share one fitted value. Ten lines, which
 * no library of the project has.
 *
 * Edges: with a value that is not finite the curve is NaN everywhere.
 *
 * @throws ArgumentError if the lengths differ or there are no pairs
 * @source Ayer, Brunk, Ewing, Reid & Silverman 1955 (pool adjacent violators)
 */
export function monotoneFit(x: ArrayLike<number>, y: ArrayLike<number>): MonotoneCurve {
  sameLength("monotone fit", x, y);
  const n = atLeast("monotone fit", "pairs", x.length, 1);
  const finite = (values: ArrayLike<number>) => Array.from(values).every(Number.isFinite);
  if (!finite(x) || !finite(y)) return { x: Float64Array.of(Number.NaN), y: Float64Array.of(Number.NaN) };
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => x[i] - x[j]);
  const knots: { x: number; total: number; count: number }[] = [];
  for (const i of order) {
    const last = knots[knots.length - 1];
    if (last !== undefined && last.x === x[i]) {
      last.total += y[i];
      last.count++;
    } else knots.push({ x: x[i], total: y[i], count: 1 });
  }
  const blocks: { total: number; count: number; knots: number }[] = [];
  for (const { total, count } of knots) {
    let block = { total, count, knots: 1 };
    for (let before = blocks.at(-1); before !== undefined; before = blocks.at(-1)) {
      if (before.total / before.count >= block.total / block.count) break;
      block = {
        total: before.total + block.total,
        count: before.count + block.count,
        knots: before.knots + block.knots,
      };
      blocks.pop();
    }
    blocks.push(block);
  }
  return {
    x: Float64Array.from(knots, (knot) => knot.x),
    y: Float64Array.from(blocks.flatMap(({ total, count, knots: of }) => Array(of).fill(total / count))),
  };
}

/** The curve at x: straight between the neighbouring knots, that of the first or last knot outside; NaN for NaN. */
export function monotoneAt({ x: knots, y }: MonotoneCurve, x: number): number {
  const last = knots.length - 1;
  if (x <= knots[0]) return y[0];
  if (x >= knots[last]) return y[last];
  let [low, high] = [0, last]; // knots[low] < x < knots[high]
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (knots[middle] <= x) low = middle;
    else high = middle;
  }
  return y[low] + ((y[high] - y[low]) * (x - knots[low])) / (knots[high] - knots[low]);
}
