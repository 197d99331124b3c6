/**
 * Numbers of a table, each with its interval and judged against networks that have learned nothing.
 *
 * The null is drawn: networks of the same config and initialisation, measured on the same inputs. A table has many
 * cells, and the largest of many is large by chance, so cells are judged by the largest of the whole table: every cell is
 * centred and scaled by the median and the median absolute deviation over the draws, and
 *
 *   p[cell] = (1 + draws whose largest scaled cell is at least as large) / (1 + draws)
 *
 * For a single network the subject takes part in centre and scale as one more draw. If it is a random network, all orders
 * are then equally likely, and the chance that any cell of the table is marked at 0.05 is at most 0.05. For the mean over
 * n seeds the draws are means of n of the drawn networks.
 *
 * @source Westfall & Young 1993, section 2.6 (the maximum over the family)
 */
import { ArgumentError } from "../../base/errors.ts";
import type { RandomStream } from "../../base/random.ts";
import { tInterval } from "../../stats/intervals.ts";
import { median, quantileSorted } from "../../stats/quantile.ts";

/** Which departures are asked for. */
export type Direction = "two-sided" | "greater";

/** One cell of a table. */
export interface Judged {
  /** Mean over networks and sequences. */
  readonly estimate: number;
  /** 95 % t interval; null where there is nothing to take it over. */
  readonly interval: readonly [low: number, high: number] | null;
  /** Median and the middle 95 % of the draws; null without a null. */
  readonly null: { readonly median: number; readonly low: number; readonly high: number } | null;
  /** Corrected for all cells of the table; null without a null, or for a cell without a number. */
  readonly p: number | null;
}

/** What is judged: one number a network, cell and sequence. */
export interface Measured {
  readonly models: number;
  readonly cells: number;
  readonly rows: number;
  /** [model, cell, row]; NaN where a row has none. */
  readonly values: ArrayLike<number>;
}

/** Level at which a cell is marked. */
export const alpha = 0.05;
/** Means of n networks that are drawn where the subject is a mean of n. */
const GROUPS = 999;

/** Whether a cell stands out. */
export const marked = ({ p }: Judged) => p !== null && p <= alpha;

/**
 * The cells of a table.
 *
 * The interval is over networks where there are several, else over sequences. NaN rows are left out.
 *
 * @param drawn   the same of networks that learned nothing; null for none
 * @param stream  of the groups, where the subject is a mean over networks
 */
export function judgeCells(
  own: Measured,
  drawn: Measured | null,
  { direction, stream }: { direction: Direction; stream: RandomStream },
): Judged[] {
  const means = cellMeans(own); // [cell][model]
  const intervals = means.map((ofModel, cell) => {
    if (own.models > 1) return intervalOf(ofModel);
    return intervalOf(rowsOf(own, 0, cell));
  });
  const estimates = means.map(finiteMean);
  if (drawn === null)
    return estimates.map((estimate, cell) => ({ estimate, interval: intervals[cell], null: null, p: null }));
  const pool = cellMeans(drawn);
  const draws = own.models === 1 ? pool : groupMeans(pool, own.models, stream);
  const p = correctedP(estimates, draws, direction);
  return estimates.map((estimate, cell) => {
    const sorted = Float64Array.from(draws[cell].filter(Number.isFinite)).sort();
    return {
      estimate,
      interval: intervals[cell],
      null: {
        median: quantileSorted(sorted, 0.5),
        low: quantileSorted(sorted, 0.025),
        high: quantileSorted(sorted, 0.975),
      },
      p: p[cell],
    };
  });
}

/**
 * P values of all cells, corrected by the largest over the table.
 *
 * @param draws  [cell][draw]
 * @returns      null for a cell without a number, or whose draws are all one: how far is far, they do not say
 */
export function correctedP(
  own: readonly number[],
  draws: readonly (readonly number[])[],
  direction: Direction,
): (number | null)[] {
  const count = draws[0]?.length ?? 0;
  const largest = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  const scores = own.map((value, cell) => {
    const all = [value, ...draws[cell]].filter(Number.isFinite);
    const centre = median(all);
    const spread = spreadAbout(centre, all);
    const scaled = (x: number) => {
      if (x === centre) return 0;
      const score = (x - centre) / spread;
      return direction === "greater" ? score : Math.abs(score);
    };
    draws[cell].forEach((x, draw) => {
      const score = scaled(x);
      if (score > largest[draw]) largest[draw] = score; // false for NaN, which is no number
    });
    return draws[cell].every((x) => x === draws[cell][0]) ? Number.NaN : scaled(value);
  });
  return scores.map((score) => {
    if (Number.isNaN(score)) return null;
    return (1 + largest.filter((other) => other >= score).length) / (1 + count);
  });
}

/** Median absolute deviation; the mean one where half of the values are the same, as of a unit that is silent in most draws. */
function spreadAbout(centre: number, values: readonly number[]): number {
  const deviations = values.map((x) => Math.abs(x - centre));
  return median(deviations) || finiteMean(deviations);
}

/** Mean over the rows that have a number, [cell][model]. */
export function cellMeans(measured: Measured): number[][] {
  return Array.from({ length: measured.cells }, (_, cell) =>
    Array.from({ length: measured.models }, (_, model) => finiteMean(rowsOf(measured, model, cell))),
  );
}

function rowsOf({ values, cells, rows }: Measured, model: number, cell: number): number[] {
  return Array.from({ length: rows }, (_, row) => values[(model * cells + cell) * rows + row]);
}

function finiteMean(values: readonly number[]): number {
  const kept = values.filter(Number.isFinite);
  return kept.reduce((sum, value) => sum + value, 0) / kept.length; // 0 / 0 = NaN: none has a number
}

function intervalOf(values: readonly number[]): Judged["interval"] {
  const kept = values.filter(Number.isFinite);
  if (kept.length < 2) return null;
  const { low, high } = tInterval(kept);
  return [low, high];
}

/** Means of n different networks each, [cell][group]; the same networks in every cell. */
function groupMeans(pool: readonly (readonly number[])[], n: number, stream: RandomStream): number[][] {
  const count = pool[0]?.length ?? 0;
  if (count < 2 * n)
    throw new ArgumentError({
      where: "--draws",
      rule: `a null of means of ${n} networks needs at least ${2 * n}`,
      got: String(count),
    });
  const groups = Array.from({ length: GROUPS }, () => [...stream.permutation(count).subarray(0, n)]);
  return pool.map((values) => groups.map((group) => finiteMean(group.map((i) => values[i]))));
}
