/** Where the middle of a sample lies and how far it reaches, for drawing; what is not finite is left out. */

/** The finite values of a sample, ascending. */
export function sortedFinite(values: ArrayLike<number>): number[] {
  return Array.from(values)
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
}

/** Arithmetic mean of the finite values; NaN if there is none. */
export function meanFinite(values: ArrayLike<number>): number {
  const finite = Array.from(values).filter(Number.isFinite);
  return finite.reduce((sum, value) => sum + value, 0) / finite.length;
}

/**
 * Quantile of an ascending sample by linear interpolation of order statistics; NaN if it is empty.
 *
 * @param sorted  ascending, finite
 * @param p  in [0, 1]
 * @source Hyndman & Fan 1996, definition 7
 */
export function quantileOfSorted(sorted: readonly number[], p: number): number {
  if (sorted.length === 0) return Number.NaN;
  const place = p * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

/** Median and the band that holds the middle 90 % of a sample; all NaN if nothing is finite. */
export interface Spread {
  low: number;
  median: number;
  high: number;
}

/** The {@link Spread} of a sample: its 5 %, 50 % and 95 % quantiles. */
export function spreadOf(values: ArrayLike<number>): Spread {
  const sorted = sortedFinite(values);
  return {
    low: quantileOfSorted(sorted, 0.05),
    median: quantileOfSorted(sorted, 0.5),
    high: quantileOfSorted(sorted, 0.95),
  };
}

/** One column of a ragged table: the value at `index` of every row that has one. */
export function columnOf(rows: readonly ArrayLike<number>[], index: number): number[] {
  return rows.filter((row) => index < row.length).map((row) => row[index]);
}
