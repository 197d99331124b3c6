/** Numbers of runs side by side: what each measured last, and by how much it differs from the first of them. */
import { mean, tInterval } from "../../stats/index.ts";
import type { LastCell } from "./lastMeasurements.ts";

/** Confidence of the intervals. */
export const intervalLevel = 0.95;

/** A run's number, and its difference from the first run's. */
export interface ComparedNumber {
  readonly step: number;
  /** Seeds that have the number. */
  readonly seeds: number;
  /** Seeds that were measured and have no number, as diverged networks: they are in no mean. */
  readonly lost: number;
  /** Mean over units, then over seeds. */
  readonly mean: number;
  /** Null for the first run, and where no seed is in both. */
  readonly difference: PairedDifference | null;
}

/** Over the seeds that two runs have in common. */
export interface PairedDifference {
  readonly seeds: number;
  /** Mean of a seed's number minus the same seed's in the first run. */
  readonly mean: number;
  /** Student's t interval; null for a single seed, which says nothing of spread. */
  readonly interval: readonly [low: number, high: number] | null;
  /** Whether every common seed has the same number to the bit. */
  readonly equal: boolean;
}

/** One statistic at one site of one arm, in every run. */
export interface ComparedCell {
  readonly arm: string;
  readonly site: string;
  readonly statistic: string;
  /** In the order of the runs; null where a run has no such number. */
  readonly numbers: readonly (ComparedNumber | null)[];
}

function pairedDifference(
  first: ReadonlyMap<number, number>,
  other: ReadonlyMap<number, number>,
): PairedDifference | null {
  const common = [...other].flatMap(([seed, value]) => {
    const before = first.get(seed);
    return before === undefined ? [] : [{ value, before }];
  });
  if (common.length === 0) return null;
  const differences = common.map(({ value, before }) => value - before);
  const { estimate, low, high } = tInterval(differences, intervalLevel);
  return {
    seeds: common.length,
    mean: estimate,
    interval: common.length > 1 ? [low, high] : null,
    equal: common.every(({ value, before }) => Object.is(value, before)),
  };
}

/**
 * Every arm, site and statistic that any run has, sorted by arm, then site, then statistic.
 *
 *   dₛ = xₛ − aₛ over the seeds s of both,  d̄ ± t_{0.975, n−1} · s_d/√n
 *
 * The differences describe the runs. No claim is tested by them, and nothing corrects for their number.
 *
 * @param runs  the cells of each run; differences are from the first
 */
export function compareNumbers(runs: readonly ReadonlyMap<string, LastCell>[]): ComparedCell[] {
  const keys = [...new Set(runs.flatMap((cells) => [...cells.keys()]))].sort();
  return keys.map((key) => {
    const cells = runs.map((run) => run.get(key));
    const { arm, site, statistic } = cells.find((cell) => cell !== undefined) as LastCell;
    const numbers = cells.map((cell, i): ComparedNumber | null => {
      if (cell === undefined || cell.seeds.size === 0) return null;
      const first = i === 0 ? undefined : cells[0];
      return {
        ...{ step: cell.step, seeds: cell.seeds.size, lost: cell.lost, mean: mean([...cell.seeds.values()]) },
        difference: first === undefined ? null : pairedDifference(first.seeds, cell.seeds),
      };
    });
    return { arm, site, statistic, numbers };
  });
}
