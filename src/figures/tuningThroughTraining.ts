/** How the resemblance to one's own initialisation fades through training. */
import { areaY, dot, line, text } from "@observablehq/plot";
import type { FigureSpec, Panel } from "./figure.ts";
import { fixed, intervalText } from "./numberText.ts";
import { type Population, presetTitle } from "./population.ts";
import { singleSeeds, singleSeedsSentence } from "./singleSeeds.ts";
import { columnOf, meanInterval, spreadOf } from "./spread.ts";
import { stepScale } from "./stepAxis.ts";
import { fontSize, ink, muted, nowColor, nullFill, nullLine, thenColor } from "./theme.ts";

/** What {@link tuningThroughTraining} draws of one preset; correlations over all cells, averaged over units. */
export interface TuningThroughTrainingData extends Population {
  checkpoints: readonly number[];
  layers: readonly {
    layer: number;
    /** With the own initialisation, [seed][checkpoint]. */
    tuningR: readonly ArrayLike<number>[];
    /** With another seed's initialisation, [seed][checkpoint]. */
    tuningNullR: readonly ArrayLike<number>[];
  }[];
}

type Layer = TuningThroughTrainingData["layers"][number];

const panelWidth = 450;
const margins = { marginLeft: 36, marginRight: 44, marginTop: 22, marginBottom: 38 };

/** Mean over seeds with its t interval, by checkpoint. */
function meanCourse(data: TuningThroughTrainingData, layer: Layer) {
  return data.checkpoints.map((step, c) => {
    const { mean, low, high } = meanInterval(columnOf(layer.tuningR, c));
    return { step, r: mean, low, high };
  });
}

function panelOf(data: TuningThroughTrainingData, layer: Layer, low: number): Panel {
  const last = data.checkpoints[data.checkpoints.length - 1] ?? 0;
  const seeds = singleSeeds(layer.tuningR).flatMap((row, seed) =>
    data.checkpoints.map((step, c) => ({ seed, step, r: c < row.length ? row[c] : Number.NaN })),
  );
  const mean = meanCourse(data, layer);
  const nulls = data.checkpoints.map((step, c) => ({ step, ...spreadOf(columnOf(layer.tuningNullR, c)) }));
  const ends = [mean[0], mean[mean.length - 1]].filter((point) => point !== undefined);
  const lastNull = nulls.slice(-1).filter(({ median }) => Number.isFinite(median));
  return {
    title: `${presetTitle(data)} · layer ${layer.layer}`,
    description: `mean correlation with the own initialisation falls from 1 to ${fixed(ends[1]?.r)} ${intervalText([ends[1]?.low ?? Number.NaN, ends[1]?.high ?? Number.NaN])} after ${last} steps; with another initialisation it ends at ${fixed(lastNull[0]?.median)}`,
    options: {
      width: panelWidth,
      height: 250,
      ...margins,
      x: stepScale(last, panelWidth - margins.marginLeft - margins.marginRight),
      y: { domain: [low, 1], label: "tuning r", labelArrow: "none", ticks: 6, grid: true },
      marks: [
        areaY(nulls, { x: "step", y1: "low", y2: "high", fill: nullFill }),
        line(nulls, { x: "step", y: "median", stroke: nullLine, strokeWidth: 1.2 }),
        line(seeds, {
          x: "step",
          y: "r",
          z: "seed",
          stroke: nowColor,
          strokeWidth: 0.7,
          strokeOpacity: 0.28,
        }),
        areaY(mean, { x: "step", y1: "low", y2: "high", fill: nowColor, fillOpacity: 0.35 }),
        line(mean, { x: "step", y: "r", stroke: ink, strokeWidth: 1.8 }),
        dot(ends, { x: "step", y: "r", r: 4, fill: ({ step }) => (step === 0 ? thenColor : nowColor) }),
        text(ends.slice(1), {
          x: "step",
          y: "r",
          text: ({ r }) => fixed(r),
          textAnchor: "start",
          dx: 8,
          fill: ink,
          fontWeight: 600,
          fontSize: fontSize.label,
        }),
        text(lastNull, {
          x: "step",
          y: "high",
          text: () => "another initialisation",
          textAnchor: "end",
          dx: -4,
          dy: -8,
          fill: muted,
          fontSize: fontSize.label,
        }),
      ],
    },
  };
}

function finding(data: TuningThroughTrainingData): string {
  const ends = data.layers.map((layer) => meanCourse(data, layer).pop());
  const show = (end: (typeof ends)[number]) =>
    `${fixed(end?.r)} ${intervalText([end?.low ?? Number.NaN, end?.high ?? Number.NaN])}`;
  const { preset } = data.summary;
  if (ends.length === 0) return `${preset}: no layer was measured`;
  const [first, last] = [ends[0], ends[ends.length - 1]];
  if (ends.length === 1) return `${preset}: tuning r ends at ${show(first)}`;
  const [shallowest, deepest] = [data.layers[0], data.layers[data.layers.length - 1]];
  const numbers = `tuning r ${show(last)} against ${show(first)}`;
  if (last?.step === 0) return `${preset}: before the first update every unit is itself`;
  const end = data.checkpoints.length - 1;
  const nearest = columnOf(shallowest.tuningR, end);
  // seed by seed: layers of one network are a pair
  const { low, high } = meanInterval(columnOf(deepest.tuningR, end).map((r, seed) => r - nearest[seed]));
  if (low > 0 || high < 0)
    return `${preset}: layer ${deepest.layer} keeps ${high < 0 ? "less" : "more"}, ${numbers}`;
  return `${preset}: layer ${deepest.layer} is not shown to differ from layer ${shallowest.layer}, ${numbers}`;
}

/** Figure: tuning r of every seed (thin) and their mean (strong) at every checkpoint, above the null's band. */
export function tuningThroughTraining(presets: readonly TuningThroughTrainingData[]): FigureSpec {
  const lowest = presets.flatMap(({ layers }) =>
    layers.flatMap(({ tuningR, tuningNullR }) =>
      [...tuningR, ...tuningNullR].flatMap((row) => Array.from(row).filter(Number.isFinite)),
    ),
  );
  const low = Math.max(-1, Math.floor(10 * lowest.reduce((a, b) => Math.min(a, b), 0)) / 10);
  return {
    name: "tuning-through-training",
    title: `${presets.map(finding).join("; ")}.`,
    question: "How much of what a unit responded to at initialisation is left at each step?",
    seeds: singleSeedsSentence(presets),
    nullModel: "grey band: the same correlation with another seed's initialisation, middle 90 % of seeds.",
    reading:
      "Thin lines: mean over units of each seed; strong line: mean over seeds, its tint the 95 % t interval. Blue dot then, orange dot now; correlation over all token × position cells.",
    panels: presets.flatMap((data) => data.layers.map((layer) => panelOf(data, layer, low))),
  };
}
