/** Selectivity of untrained networks against random projection: is there anything to explain? */
import { line, ruleX, text } from "@observablehq/plot";
import { quantileSorted } from "../stats/quantile.ts";
import type { FigureSpec, Panel } from "./figure.ts";
import { fixed } from "./numberText.ts";
import { type Factor, factors, type Population } from "./population.ts";
import { singleSeeds, singleSeedsSentence } from "./singleSeeds.ts";
import { sortedFinite } from "./spread.ts";
import { fontSize, ink, nullLine, thenColor } from "./theme.ts";

/** What {@link selectivityAtInit} draws of one preset. */
export interface SelectivityAtInitData extends Population {
  layers: readonly {
    layer: number;
    /** [seed][checkpoint][unit]; the first checkpoint is the initialisation. */
    eta2: Readonly<Record<Factor, readonly (readonly ArrayLike<number>[])[]>>;
    projectionNull: Readonly<Record<Factor, ArrayLike<number>>>;
  }[];
}

/** Points of a drawn distribution function: its quantiles at equal steps. */
const quantileSteps = 50;

function distribution(sorted: readonly number[]): { eta2: number; share: number }[] {
  if (sorted.length === 0) return [];
  return Array.from({ length: quantileSteps + 1 }, (_, i) => ({
    eta2: quantileSorted(sorted, i / quantileSteps),
    share: i / quantileSteps,
  }));
}

interface Comparison {
  data: SelectivityAtInitData;
  layer: number;
  factor: Factor;
  seeds: number[][];
  all: number[];
  projection: number[];
  medians: { real: number; projected: number };
}

function comparisonOf(data: SelectivityAtInitData, index: number, factor: Factor): Comparison {
  const { layer, eta2, projectionNull } = data.layers[index];
  const seeds = eta2[factor].map((checkpoints) => sortedFinite(checkpoints[0] ?? []));
  const all = sortedFinite(seeds.flat());
  const projection = sortedFinite(projectionNull[factor]);
  return {
    data,
    layer,
    factor,
    seeds,
    all,
    projection,
    medians: { real: quantileSorted(all, 0.5), projected: quantileSorted(projection, 0.5) },
  };
}

function panelOf({ data, layer, factor, seeds, all, projection, medians }: Comparison): Panel {
  const seedCurves = singleSeeds(seeds).flatMap((sorted, seed) =>
    distribution(sorted).map((point) => ({ ...point, seed })),
  );
  const nullCurve = distribution(projection);
  return {
    title: `${data.summary.preset} · L${layer} ${factor}`,
    description: `distribution of eta2 over units at initialisation, median ${fixed(medians.real)}; random projection, median ${fixed(medians.projected)}`,
    options: {
      width: 214,
      height: 190,
      marginLeft: 34,
      marginRight: 10,
      marginTop: 22,
      marginBottom: 36,
      x: { domain: [0, 1], ticks: 5, label: `eta2 (${factor})`, labelAnchor: "center", labelArrow: "none" },
      y: { domain: [0, 1], ticks: 5, label: "share of units below", labelArrow: "none", grid: true },
      marks: [
        line(seedCurves, {
          x: "eta2",
          y: "share",
          z: "seed",
          stroke: thenColor,
          strokeWidth: 0.5,
          strokeOpacity: 0.25,
        }),
        line(nullCurve, { x: "eta2", y: "share", stroke: nullLine, strokeWidth: 7, strokeOpacity: 0.55 }),
        line(distribution(all), { x: "eta2", y: "share", stroke: thenColor, strokeWidth: 1.8 }),
        ruleX([medians.real].filter(Number.isFinite), {
          y1: 0,
          y2: 0.5,
          stroke: ink,
          strokeDasharray: "2,2",
        }),
        text(
          [medians].filter(({ real }) => Number.isFinite(real)),
          {
            x: "real",
            y: () => 0.04,
            text: ({ real, projected }) => `${fixed(real)} (${fixed(projected)})`,
            textAnchor: "start",
            dx: 4,
            fill: ink,
            fontSize: fontSize.label,
          },
        ),
      ],
    },
  };
}

/** Figure: distribution functions of eta2 at step 0 over the grey curve of random projection. */
export function selectivityAtInit(presets: readonly SelectivityAtInitData[]): FigureSpec {
  const comparisons = presets.flatMap((data) =>
    data.layers.flatMap((_, index) => factors.map((factor) => comparisonOf(data, index, factor))),
  );
  const gap = ({ medians }: Comparison) => Math.abs(medians.real - medians.projected);
  const worst = comparisons
    .filter((comparison) => Number.isFinite(gap(comparison)))
    .sort((a, b) => gap(b) - gap(a))[0];
  return {
    name: "selectivity-at-init",
    title:
      worst === undefined
        ? "Selectivity at initialisation has no null to compare with."
        : `At initialisation median eta2 is within ${fixed(gap(worst))} of random projection in every layer: at worst ${fixed(worst.medians.real)} against ${fixed(worst.medians.projected)} (${worst.data.summary.preset}, L${worst.layer} ${worst.factor}).`,
    question: "Is the selectivity of untrained networks more than a random projection gives?",
    seeds: singleSeedsSentence(presets),
    nullModel:
      "thick grey curve: random projections of random embeddings through layer norm and ReLU, no attention.",
    reading:
      "Thin blue lines: units of one seed; strong blue line: units of all seeds; number: their median, and the null's in brackets.",
    panels: comparisons.map(panelOf),
  };
}
