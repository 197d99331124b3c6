/** Sample quantiles. */
import { numberIn } from "../base/check.ts";

/** Quantile of values that are already sorted ascending and hold no NaN; see {@link quantile}. */
export function quantileSorted(sorted: ArrayLike<number>, p: number): number {
  if (sorted.length === 0) return Number.NaN;
  const position = (sorted.length - 1) * p;
  const below = Math.floor(position);
  const low = sorted[below];
  const high = sorted[Math.min(below + 1, sorted.length - 1)];
  return low === high ? low : low + (position - below) * (high - low);
}

/**
 * Sample quantile by linear interpolation between order statistics (type 7, the default of numpy and R).
 *
 *   x₍h₎ + (h − ⌊h⌋)(x₍h+1₎ − x₍h₎),  h = (n − 1) p, counted from 0
 *
 * Edges: empty gives NaN; any NaN gives NaN.
 *
 * @param p  in [0, 1]
 * @throws ArgumentError if p is outside [0, 1]
 * @source Hyndman & Fan 1996, definition 7
 */
export function quantile(values: ArrayLike<number>, p: number): number {
  numberIn("quantile, p", p, 0, 1);
  const sorted = Float64Array.from(values).sort();
  // a typed array sorts NaN to the end
  return Number.isNaN(sorted[sorted.length - 1]) ? Number.NaN : quantileSorted(sorted, p);
}

/** The middle value, or the mean of the two middle ones; NaN of an empty list. */
export function median(values: ArrayLike<number>): number {
  return quantile(values, 0.5);
}
