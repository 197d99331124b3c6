/** How far training moved each weight matrix, relative to its size. */
import { dot, ruleX, text, tickX } from "@observablehq/plot";
import type { FigureSpec, Panel } from "./figure.ts";
import { fixed, percent } from "./numberText.ts";
import { type Population, presetTitle } from "./population.ts";
import { singleSeeds, singleSeedsSentence } from "./singleSeeds.ts";
import { meanFinite } from "./spread.ts";
import { fontSize, ink, nowColor, nullLine } from "./theme.ts";

/** What {@link weightDisplacement} draws of one preset. */
export interface WeightDisplacementData extends Population {
  /** Relative displacement |ΔW| / |W₀|, [seed], by weight name. */
  layers: readonly { layer: number; displacement: Readonly<Record<string, readonly number[]>> }[];
}

/** Weights in the order in which a token meets them; others follow in their given order. */
const order = ["W_E", "W_pos", "W_token_type", "W_Q", "W_K", "W_V", "W_O", "W_gate", "W_in", "W_out", "W_U"];

interface Row {
  row: string;
  values: number[];
  mean: number;
  /** Place from top to bottom. */
  rank: number;
}

/** A row per matrix with a finite displacement; biases and gains that start at zero have none. */
function rowsOf({ layers }: WeightDisplacementData): Row[] {
  const rows = layers.flatMap(({ layer, displacement }) =>
    Object.entries(displacement).map(([name, values]) => {
      const shared = /^(W_E|W_pos|W_token_type|W_U|b_U)$/.test(name);
      const place = order.indexOf(name) < 0 ? order.length : order.indexOf(name);
      const finite = values.filter(Number.isFinite);
      return {
        row: shared ? name : `L${layer} ${name}`,
        values: finite,
        mean: meanFinite(finite),
        // embeddings first, unembeddings last, layers between
        rank: shared ? (/U$/.test(name) ? 1e6 : -1e6) + place : 1000 * layer + place,
      };
    }),
  );
  return rows.filter(({ values }) => values.length > 0).sort((a, b) => a.rank - b.rank);
}

function panelOf(data: WeightDisplacementData, domain: string[], top: number): Panel {
  const rows = rowsOf(data);
  const dots = rows.flatMap(({ row, values }) => singleSeeds(values).map((value) => ({ row, value })));
  return {
    title: presetTitle(data),
    description: rows.map(({ row, mean }) => `${row} ${percent(mean)}`).join(", "),
    options: {
      width: 450,
      height: 52 + 18 * domain.length,
      marginLeft: 78,
      marginRight: 40,
      marginTop: 8,
      marginBottom: 38,
      x: {
        domain: [0, top],
        ticks: 5,
        label: "displacement |ΔW| / |W₀| (ratio)",
        labelAnchor: "center",
        labelArrow: "none",
        grid: true,
      },
      y: { type: "band", domain, label: null, tickSize: 0, padding: 0.2 },
      marks: [
        ruleX([0], { stroke: nullLine, strokeWidth: 3 }),
        dot(dots, { x: "value", y: "row", r: 2, fill: nowColor, fillOpacity: 0.28 }),
        tickX(rows, { x: "mean", y: "row", stroke: nowColor, strokeWidth: 2.5 }),
        text(rows, {
          x: ({ values, mean }) => Math.max(mean, ...values),
          y: "row",
          text: ({ mean }) => fixed(mean),
          textAnchor: "start",
          dx: 7,
          fill: ink,
          fontSize: fontSize.label,
        }),
      ],
    },
  };
}

/** Figure: one dot per seed and matrix, the mean as a tick, on a scale that starts at no motion. */
export function weightDisplacement(presets: readonly WeightDisplacementData[]): FigureSpec {
  const perPreset = presets.map(rowsOf);
  const all = perPreset.flat();
  const domain = [...new Set([...all].sort((a, b) => a.rank - b.rank).map(({ row }) => row))];
  const top = 1.02 * Math.max(1e-6, ...all.flatMap(({ values }) => values));
  const findings = perPreset.flatMap((rows, i) => {
    const sorted = [...rows].sort((a, b) => a.mean - b.mean);
    if (sorted.length === 0) return [];
    const [least, most] = [sorted[0], sorted[sorted.length - 1]];
    return [
      `${presets[i].summary.preset}: ${least.row} moved by ${percent(least.mean)} of its size, ${most.row} by ${percent(most.mean)}`,
    ];
  });
  return {
    name: "weight-displacement",
    title: findings.length === 0 ? "No displacement was measured." : `${findings.join("; ")}.`,
    question: "Is tuning kept because the weights that make it hardly moved?",
    seeds: singleSeedsSentence(presets),
    nullModel: "no motion, 0 (grey line): what an untrained matrix has exactly.",
    reading:
      "Dots: seeds; tick and number: their mean. Frobenius norms; weights that start at zero have no ratio and are not shown.",
    panels: presets.map((data) => panelOf(data, domain, top)),
  };
}
