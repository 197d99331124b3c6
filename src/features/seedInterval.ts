/** One number a seed, summarised: the seed is the unit of replication. */
import { type Interval, tInterval } from "../stats/intervals.ts";
import { mean } from "../stats/moments.ts";

/**
 * Mean and 95 % t interval over seeds.
 *
 * Seeds without a finite number (a model that diverged, a score that no query has) are left out. Fewer than two leave
 * no interval: its ends are NaN, which JSON writes as null; none leaves no estimate either.
 *
 * @param values  one a seed
 */
export function seedInterval(values: ArrayLike<number>): Interval {
  const kept = Array.from(values).filter(Number.isFinite);
  if (kept.length >= 2) return tInterval(kept);
  return { estimate: kept.length === 0 ? Number.NaN : mean(kept), low: Number.NaN, high: Number.NaN };
}
