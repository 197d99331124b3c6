/** Untrained units beside the random-projection null: mean differences by configuration, and whole distributions. */
import { type DotRow, dotRowsPanel } from "../dotRows.ts";
import type { FigureSpec, Panel } from "../figure.ts";
import { histogramPanel } from "../histogram.ts";
import { counted, fixed } from "../numberText.ts";
import type { Factor } from "../population.ts";
import { meanFinite, meanInterval } from "../spread.ts";
import { thenColor } from "../theme.ts";

/** A layer and factor of one configuration. */
export interface InitialDifference {
  arm: string;
  layer: number;
  kind: Factor;
  /** Mean eta² over units minus that of the null, by seed. */
  difference: ArrayLike<number>;
}

/** What {@link initialDifferences} draws. */
export interface InitialDifferencesData {
  rows: readonly InitialDifference[];
  /** Difference that counts as none. */
  margin: number;
  seeds: number;
}

/** The panels of layers and factors, in their order. */
function panelsOf<T extends { layer: number; kind: Factor }>(
  rows: readonly T[],
  panel: (title: string, rows: readonly T[]) => Panel,
): Panel[] {
  const titles = [...new Set(rows.map(({ layer, kind }) => `layer ${layer} · ${kind}`))];
  return titles.map((title) =>
    panel(
      title,
      rows.filter(({ layer, kind }) => `layer ${layer} · ${kind}` === title),
    ),
  );
}

/** Figure: mean eta² minus the null's, a row a configuration, over the margin that counts as none. */
export function initialDifferences({ rows, margin, seeds }: InitialDifferencesData): FigureSpec {
  const within = (layer: number) => {
    const arms = [...new Set(rows.map(({ arm }) => arm))];
    const inside = arms.filter((arm) =>
      rows
        .filter((row) => row.arm === arm && row.layer === layer)
        .every(({ difference }) => Math.abs(meanFinite(difference)) < margin),
    );
    return `${inside.length} of ${arms.length}`;
  };
  const layers = [...new Set(rows.map(({ layer }) => layer))];
  const intervals = rows.map(({ difference }) => meanInterval(difference));
  const ends = intervals.flatMap(({ low, high }) => [low, high]).filter(Number.isFinite);
  const reach = Math.max(2 * margin, ...ends.map(Math.abs));
  return {
    name: "initial-differences",
    title: `Untrained units are as selective as random projections, to ${fixed(margin)} in tokens and positions, in ${layers
      .map((layer) => `${within(layer)} configurations in layer ${layer}`)
      .join(" and in ")}.`,
    question: "Is the selectivity of untrained networks more than a random projection gives?",
    seeds: `${counted(seeds, "seed")} in each configuration.`,
    nullModel: `zero: the mean of random projections of random embeddings, without attention; grey band: differences of less than ${fixed(margin)}, which count as none.`,
    reading:
      "Dot: mean over units, then over seeds; line: its 95 % t interval, not adjusted for the number of rows.",
    panels: panelsOf(rows, (title, group) =>
      dotRowsPanel({
        title,
        rows: group.map(({ arm, difference }): DotRow => {
          const { mean, low, high } = meanInterval(difference);
          return { label: arm, estimate: mean, low, high, null: { low: -margin, high: margin } };
        }),
        axis: "mean eta² − null",
        domain: [-1.05 * reach, 1.05 * reach],
        reference: 0,
        color: thenColor,
        digits: 3,
      }),
    ),
  };
}

/** A layer and factor of one configuration in full. */
export interface InitialDistribution {
  layer: number;
  kind: Factor;
  /** eta² of all units of all seeds. */
  units: ArrayLike<number>;
  /** eta² of the null's units. */
  null: ArrayLike<number>;
  /** Kolmogorov–Smirnov distances: of the units from the null, and of the null from itself. */
  distance: number;
  nullDistance: number;
}

/** What {@link initialDistributions} draws. */
export interface InitialDistributionsData {
  arm: string;
  seeds: number;
  groups: readonly InitialDistribution[];
}

/** Bins of eta² in [0, 1]. */
const binCount = 40;

function binShares(values: ArrayLike<number>): number[] {
  const shares = Array.from({ length: binCount }, () => 0);
  for (let i = 0; i < values.length; i++)
    shares[Math.min(binCount - 1, Math.floor(values[i] * binCount))] += 1 / values.length;
  return shares;
}

/** Figure: histograms of eta² at initialisation over the curve of the null. */
export function initialDistributions({ arm, seeds, groups }: InitialDistributionsData): FigureSpec {
  const distances = groups.map(
    ({ layer, kind, distance, nullDistance }) =>
      `L${layer} ${kind} ${fixed(distance)} (${fixed(nullDistance)})`,
  );
  return {
    name: "initial-distributions",
    title: `Distribution functions of eta² at initialisation differ from the null's by at most (in brackets: the null from itself, by chance): ${distances.join(", ")}.`,
    question: "Do untrained units differ from random projections anywhere in the range of eta²?",
    seeds: `${counted(seeds, "seed")} (${arm}), all units together.`,
    nullModel: "grey curve: units of random projections, the same bins.",
    reading: "Outline: share of units in each bin of eta².",
    panels: panelsOf(groups, (title, [group]) => {
      const own = binShares(group.units);
      return histogramPanel({
        title,
        description: `mean eta² ${fixed(meanFinite(group.units))}, null ${fixed(meanFinite(group.null))}`,
        edges: Array.from({ length: binCount + 1 }, (_, i) => i / binCount),
        shares: own,
        curve: binShares(group.null).map((share, i) => ({ x: (i + 0.5) / binCount, share })),
        axis: `eta² (${group.kind})`,
        of: "units",
        color: thenColor,
      });
    }),
  };
}
