/** Bootstrap of nested data: units within seeds, where only seeds are independent. */
import { atLeast, fraction } from "./arguments.ts";
import type { Interval } from "./intervals.ts";
import {
  DEFAULT_RESAMPLES,
  percentileInterval,
  type Replicates,
  type ResampleOptions,
  replicates,
  requireStream,
  standardError,
} from "./resample.ts";

/** Options of {@link hierarchicalBootstrap}. */
export interface HierarchicalBootstrapOptions extends ResampleOptions {
  /** Also draw units within each drawn group; default false, right where the units are the whole population. */
  resampleUnits?: boolean;
}

/** What {@link hierarchicalBootstrap} returns. */
export interface HierarchicalBootstrap extends Replicates {
  estimate: number;
  standardError: number;
  percentile: Interval;
}

/**
 * Bootstrap that draws groups (seeds) with replacement and then, if asked, units within each drawn group.
 *
 * A network's units share weights and data: drawing them as if independent would make the interval too narrow by the
 * square root of the design effect. Drawing at both levels adds the within-group sampling variance a second time (it is
 * already in the spread of group means), so its interval is conservative; draw groups alone where all of a layer's units
 * are measured.
 *
 * Edges: one group gives (−∞, ∞), for nothing is known about other groups; NaN replicates are left out and counted.
 *
 * @param groups     [group][unit]; sizes may differ, none empty
 * @param statistic  of a resample [group][unit]; the arrays are reused between calls
 * @throws ArgumentError if there is no group, or one is empty
 * @source Davison & Hinkley 1997, section 3.8, strategies 1 (groups alone, units kept) and 2 (both)
 */
export function hierarchicalBootstrap<T>(
  groups: readonly ArrayLike<T>[],
  statistic: (sample: readonly (readonly T[])[]) => number,
  {
    stream,
    resamples = DEFAULT_RESAMPLES,
    resampleUnits = false,
    level = 0.95,
  }: HierarchicalBootstrapOptions,
): HierarchicalBootstrap {
  const where = "hierarchical bootstrap";
  fraction(`${where}, level`, level);
  const source = requireStream(where, stream);
  const n = atLeast(where, "groups", groups.length, 1);
  const original = groups.map((group, i) => {
    atLeast(`${where}, group ${i}`, "units", group.length, 1);
    return Array.from(group);
  });
  const sample: T[][] = original.slice();
  const drawUnits = (units: T[]) => units.map(() => units[source.integer(units.length)]);
  const { sorted, undefinedResamples } = replicates(where, resamples, () => {
    for (let g = 0; g < n; g++) {
      const drawn = original[source.integer(n)];
      sample[g] = resampleUnits ? drawUnits(drawn) : drawn;
    }
    return statistic(sample);
  });
  const estimate = statistic(original);
  return {
    sorted,
    undefinedResamples,
    estimate,
    standardError: n === 1 ? Number.NaN : standardError(sorted),
    percentile:
      n === 1
        ? { estimate, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY }
        : percentileInterval(estimate, sorted, level),
  };
}
