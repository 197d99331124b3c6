/** What the bootstraps share: checking, summarising and looping over replicates of a statistic. */
import { integerIn } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";
import type { RandomStream } from "../base/random.ts";
import type { Interval } from "./intervals.ts";
import { sd } from "./moments.ts";
import { quantileSorted } from "./quantile.ts";

/** Resamples drawn where the caller does not say: percentile ends then move by about 1% of the interval. */
export const DEFAULT_RESAMPLES = 10_000;

/** Options of a bootstrap whose resamples are drawn. */
export interface ResampleOptions {
  stream: RandomStream;
  /** Number of resamples, default 10 000. */
  resamples?: number;
  /** Confidence in (0, 1), default 0.95. */
  level?: number;
}

/** The stream, or an {@link ArgumentError} that says why one is needed. */
export function requireStream(where: string, stream: RandomStream | undefined): RandomStream {
  if (stream !== undefined) return stream;
  throw new ArgumentError({
    where,
    rule: "drawing resamples needs a random stream",
    wayOut: 'Pass { stream: randomStream("study", "purpose") }.',
  });
}

/** The replicates of a statistic. */
export interface Replicates {
  /** Ascending, without the undefined ones. */
  sorted: Float64Array;
  /** How many resamples gave NaN and were left out (e.g. a correlation of a constant resample). */
  undefinedResamples: number;
}

/** Collects `count` replicates of `draw`, sorts them and sets NaN apart. */
export function replicates(where: string, count: number, draw: (resample: number) => number): Replicates {
  integerIn(`${where}, resamples`, count, 1);
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) values[i] = draw(i);
  values.sort(); // a typed array sorts NaN to the end
  let defined = count;
  while (defined > 0 && Number.isNaN(values[defined - 1])) defined--;
  return { sorted: values.subarray(0, defined), undefinedResamples: count - defined };
}

/** Standard deviation of the replicates as a population (divisor B): the bootstrap standard error. */
export function standardError(sorted: ArrayLike<number>): number {
  return sorted.length === 1 ? 0 : sd(sorted) * Math.sqrt((sorted.length - 1) / sorted.length);
}

/** The interval between the (1−level)/2 and (1+level)/2 quantiles of the replicates. */
export function percentileInterval(estimate: number, sorted: ArrayLike<number>, level: number): Interval {
  return {
    estimate,
    low: quantileSorted(sorted, (1 - level) / 2),
    high: quantileSorted(sorted, (1 + level) / 2),
  };
}
