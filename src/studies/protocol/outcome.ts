/** What a study measured: one number a seed, its mean over seeds, and how sure that mean is. */
import { clopperPearson, tInterval } from "../../stats/intervals.ts";
import { mean, sum } from "../../stats/moments.ts";
import { tTest } from "../../stats/tTest.ts";

/** A quantity with its interval; plain data. */
export interface Outcome {
  /** Short and unique within the study; the rules name it, e.g. `difference L0`. */
  readonly name: string;
  /** As a reader sees it, e.g. `r trained − r noise, layer 0`. */
  readonly label: string;
  /** Empty for a pure number. */
  readonly unit: string;
  readonly estimate: number;
  /** 95 %; NaN where there are too few seeds. */
  readonly interval: readonly [low: number, high: number];
  /** 90 %, for equivalence by two one-sided tests at 5 %. */
  readonly interval90: readonly [low: number, high: number];
  /** Seeds that have a number. */
  readonly seeds: number;
  /** Two-sided p of the value that would mean nothing; null where no test was made. */
  readonly p: number | null;
  /** How estimate and interval came about, e.g. `t over seeds`. */
  readonly method: string;
}

/** How an outcome is named and tested. */
export interface OutcomeNames {
  readonly name: string;
  readonly label: string;
  readonly unit?: string;
  /** The value that would mean nothing, which p is against; no test is made where there is none. */
  readonly nothing?: number;
}

/**
 * The mean of one number a seed, with t intervals over seeds. Seeds without a number are left out.
 *
 * @param bySeed  one number for each seed; of paired arms, their difference
 */
export function overSeeds(
  bySeed: ArrayLike<number>,
  { name, label, unit = "", nothing }: OutcomeNames,
): Outcome {
  const kept = Array.from(bySeed).filter(Number.isFinite);
  const ends = (level: number): readonly [number, number] => {
    if (kept.length < 2) return [Number.NaN, Number.NaN];
    const { low, high } = tInterval(kept, level);
    return [low, high];
  };
  const p = nothing === undefined || kept.length < 2 ? null : tTest(kept.map((value) => value - nothing)).p;
  return {
    ...{ name, label, unit },
    estimate: kept.length === 0 ? Number.NaN : mean(kept),
    interval: ends(0.95),
    interval90: ends(0.9),
    seeds: kept.length,
    p: p !== null && Number.isNaN(p) ? null : p,
    method: "mean and t interval over seeds",
  };
}

/**
 * The share of seeds of which something is true, with exact binomial intervals, which hold at 0 and at all of them too.
 *
 * @param bySeed  1 or 0 for each seed, NaN where it cannot be said
 */
export function shareOfSeeds(
  bySeed: ArrayLike<number>,
  { name, label }: Pick<OutcomeNames, "name" | "label">,
): Outcome {
  const kept = Array.from(bySeed).filter(Number.isFinite);
  const ends = (level: number): readonly [number, number] => {
    if (kept.length === 0) return [Number.NaN, Number.NaN];
    const { low, high } = clopperPearson(sum(kept), kept.length, level);
    return [low, high];
  };
  return {
    ...{ name, label, unit: "" },
    estimate: kept.length === 0 ? Number.NaN : mean(kept),
    interval: ends(0.95),
    interval90: ends(0.9),
    seeds: kept.length,
    p: null,
    method: "share of seeds, exact binomial interval",
  };
}
