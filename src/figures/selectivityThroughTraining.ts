/** Variance share explained by token or position (eta2) of all units at every checkpoint. */
import { dot, line, rect, text } from "@observablehq/plot";
import type { FigureSpec, Panel } from "./figure.ts";
import { fixed } from "./numberText.ts";
import { type Factor, factors, type Population } from "./population.ts";
import { singleSeeds, singleSeedsSentence } from "./singleSeeds.ts";
import { meanFinite, type Spread, spreadOf } from "./spread.ts";
import { stepScale } from "./stepAxis.ts";
import { fontSize, ink, muted, nowColor, nullFill, paper, thenColor } from "./theme.ts";

/** What {@link selectivityThroughTraining} draws of one preset. */
export interface SelectivityThroughTrainingData extends Population {
  checkpoints: readonly number[];
  layers: readonly {
    layer: number;
    /** [seed][checkpoint][unit] */
    eta2: Readonly<Record<Factor, readonly (readonly ArrayLike<number>[])[]>>;
    /** A sample of what random projection gives. */
    projectionNull: Readonly<Record<Factor, ArrayLike<number>>>;
  }[];
}

interface Course {
  data: SelectivityThroughTrainingData;
  layer: number;
  factor: Factor;
  /** Of each seed's units: the median, [seed][checkpoint]. */
  seedMedians: { seed: number; step: number; eta2: number }[];
  /** Of all seeds' units together, by checkpoint. */
  all: (Spread & { step: number })[];
  projection: Spread;
}

function courseOf(data: SelectivityThroughTrainingData, index: number, factor: Factor): Course {
  const { layer, eta2, projectionNull } = data.layers[index];
  const bySeed = eta2[factor];
  return {
    data,
    layer,
    factor,
    seedMedians: singleSeeds(bySeed).flatMap((checkpoints, seed) =>
      checkpoints.map((units, c) => ({ seed, step: data.checkpoints[c], eta2: spreadOf(units).median })),
    ),
    all: data.checkpoints.map((step, c) => ({
      step,
      ...spreadOf(bySeed.flatMap((checkpoints) => Array.from(checkpoints[c] ?? []))),
    })),
    projection: spreadOf(projectionNull[factor]),
  };
}

/** Four panels, a preset with two layers, share a row. */
const panelWidth = 214;
const margins = { marginLeft: 28, marginRight: 36, marginTop: 22, marginBottom: 38 };

function panelOf({ data, layer, factor, seedMedians, all, projection }: Course): Panel {
  const last = data.checkpoints[data.checkpoints.length - 1] ?? 0;
  const ends = [all[0], all[all.length - 1]].filter((point) => point !== undefined);
  const hasNull = Number.isFinite(projection.median) ? [projection] : [];
  return {
    title: `${data.summary.preset} · L${layer} ${factor}`,
    description: `median eta2 of units goes from ${fixed(ends[0]?.median)} at initialisation to ${fixed(ends[1]?.median)} after ${last} steps; random projection gives ${fixed(projection.median)}`,
    options: {
      width: panelWidth,
      height: 210,
      ...margins,
      x: stepScale(last, panelWidth - margins.marginLeft - margins.marginRight),
      y: { domain: [0, 1], label: `eta2 (${factor})`, labelArrow: "none", ticks: 5, grid: true },
      marks: [
        rect(hasNull, {
          x1: 0,
          x2: Math.max(1, last),
          y1: "low",
          y2: "high",
          fill: nullFill,
          fillOpacity: 0.75,
        }),
        line(all, { x: "step", y: "low", stroke: nowColor, strokeWidth: 1.2, strokeDasharray: "3,2" }),
        line(all, { x: "step", y: "high", stroke: nowColor, strokeWidth: 1.2, strokeDasharray: "3,2" }),
        line(seedMedians, {
          x: "step",
          y: "eta2",
          z: "seed",
          stroke: nowColor,
          strokeWidth: 0.6,
          strokeOpacity: 0.3,
        }),
        line(all, { x: "step", y: "median", stroke: ink, strokeWidth: 1.6 }),
        dot(ends, { x: "step", y: "median", r: 4, fill: ({ step }) => (step === 0 ? thenColor : nowColor) }),
        text(ends.slice(1), {
          x: "step",
          y: "median",
          text: ({ median }) => fixed(median),
          textAnchor: "start",
          dx: 8,
          fill: ink,
          fontWeight: 600,
        }),
        text(ends.slice(0, 1), {
          x: "step",
          y: "median",
          text: ({ median }) => fixed(median),
          textAnchor: "start",
          dx: 4,
          dy: -11,
          fill: ink,
          stroke: paper,
          strokeWidth: 3,
          fontWeight: 600,
        }),
        text(hasNull, {
          x: Math.max(1, last),
          y: "high",
          text: () => "random projection",
          textAnchor: "end",
          dx: -4,
          dy: 10,
          fill: muted,
          stroke: nullFill,
          strokeWidth: 3,
          fontSize: fontSize.label,
        }),
      ],
    },
  };
}

/** Figure: median over units of each seed (thin) and of all (strong), the middle 90 % of units, the null behind. */
export function selectivityThroughTraining(presets: readonly SelectivityThroughTrainingData[]): FigureSpec {
  const courses = presets.flatMap((data) =>
    data.layers.flatMap((_, index) => factors.map((factor) => courseOf(data, index, factor))),
  );
  const change = ({ all }: Course) =>
    all.length === 0 ? Number.NaN : all[all.length - 1].median - all[0].median;
  const largest = courses
    .filter((course) => Number.isFinite(change(course)))
    .sort((a, b) => Math.abs(change(b)) - Math.abs(change(a)))[0];
  const typical = meanFinite(courses.map((course) => Math.abs(change(course))));
  return {
    name: "selectivity-through-training",
    title:
      largest === undefined
        ? "No eta2 was measured."
        : `Median eta2 changes most for L${largest.layer} ${largest.factor} (${largest.data.summary.preset}): ${fixed(largest.all[0].median)} to ${fixed(largest.all[largest.all.length - 1].median)}; the mean change over ${courses.length} panels is ${fixed(typical)}.`,
    question: "When in training does selectivity rise or fall, and does it ever leave what chance gives?",
    seeds: singleSeedsSentence(presets),
    nullModel:
      "grey band: middle 90 % of eta2 of random projections of random embeddings, no training and no attention.",
    reading:
      "Thin lines: median unit of each seed; strong line: median of all units of all seeds; dashed: their middle 90 %. Blue dot then, orange dot now.",
    panels: courses.map(panelOf),
  };
}
