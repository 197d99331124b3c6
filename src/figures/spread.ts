/** Where the middle of a sample lies and how far it reaches, for drawing; what is not finite is left out. */
import { tInterval } from "../stats/intervals.ts";
import { quantileSorted } from "../stats/quantile.ts";

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
    low: quantileSorted(sorted, 0.05),
    median: quantileSorted(sorted, 0.5),
    high: quantileSorted(sorted, 0.95),
  };
}

/**
 * Mean of the finite values with its 95 % t interval, one value per seed; NaN bounds with fewer than two values, whose
 * interval is unbounded.
 */
export function meanInterval(values: ArrayLike<number>): { mean: number; low: number; high: number } {
  const finite = sortedFinite(values);
  if (finite.length < 2) return { mean: meanFinite(finite), low: Number.NaN, high: Number.NaN };
  const { estimate, low, high } = tInterval(finite);
  return { mean: estimate, low, high };
}

/** One column of a ragged table: the value at `index` of every row that has one. */
export function columnOf(rows: readonly ArrayLike<number>[], index: number): number[] {
  return rows.filter((row) => index < row.length).map((row) => row[index]);
}
