/** One number a seed, summarised: seeds without a number (a model that diverged) are left out, and none leaves NaN. */
import { tInterval } from "../../stats/intervals.ts";
import { mean } from "../../stats/moments.ts";
import { tTest } from "../../stats/tTest.ts";

/** The seeds that have a number. */
export function finite(values: ArrayLike<number>): number[] {
  return Array.from(values).filter(Number.isFinite);
}

/** Mean over the seeds that have a number; NaN where none has. */
export function meanOverSeeds(values: ArrayLike<number>): number {
  const kept = finite(values);
  return kept.length === 0 ? Number.NaN : mean(kept);
}

/** 95 % t interval over the seeds that have a number; NaN where fewer than two have. */
export function intervalOverSeeds(values: ArrayLike<number>): [low: number, high: number] {
  const kept = finite(values);
  if (kept.length < 2) return [Number.NaN, Number.NaN];
  const { low, high } = tInterval(kept);
  return [low, high];
}

/** Two-sided p of a t test of mean 0; 1 where it cannot be tested: too few seeds, or all equal to 0. */
export function pOverSeeds(values: ArrayLike<number>): number {
  const kept = finite(values);
  if (kept.length < 2) return 1;
  const { p } = tTest(kept);
  return Number.isNaN(p) ? 1 : p;
}
