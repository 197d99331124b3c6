/** The original criterion of persistence, beside what chance supplies of it. */
import { barX, dot, link, text, tickX } from "@observablehq/plot";
import type { FigureSpec, Panel } from "./figure.ts";
import { fixed, percent } from "./numberText.ts";
import { type Factor, type Population, presetTitle, seedsSentence } from "./population.ts";
import { fontSize, ink, muted, nowColor, nullFill, nullLine } from "./theme.ts";

/** One layer and factor by the original criterion; shares in [0, 1]. */
export interface MaintainedGroup {
  layer: number;
  kind: Factor;
  criterion: {
    maintained: number;
    ci: readonly [number, number];
    null: number;
    excess: number;
    nullOtherInit: number;
  };
}

/** What {@link maintained} draws of one preset. */
export interface MaintainedData extends Population {
  summary: Population["summary"] & { groups: readonly MaintainedGroup[] };
}

const rowName = ({ layer, kind }: { layer: number; kind: Factor }) => `L${layer} ${kind}`;

function panelOf(data: MaintainedData): Panel {
  const { groups } = data.summary;
  const rows = groups.map((group) => ({ row: rowName(group), ...group.criterion }));
  return {
    title: presetTitle(data),
    description: rows
      .map((row) => `${row.row}: ${percent(row.maintained)} maintained, ${percent(row.null)} by chance`)
      .join("; "),
    options: {
      width: 450,
      height: 54 + 40 * rows.length,
      marginLeft: 74,
      marginRight: 24,
      marginTop: 14,
      marginBottom: 38,
      x: {
        domain: [0, 1],
        ticks: 5,
        tickFormat: (share: number) => String(Math.round(100 * share)),
        label: "maintained (% of the five most selective units)",
        labelAnchor: "center",
        labelArrow: "none",
        grid: true,
      },
      y: { domain: rows.map(({ row }) => row), label: null, tickSize: 0, padding: 0.3 },
      marks: [
        barX(rows, { x1: 0, x2: "null", y: "row", fill: nullFill }),
        tickX(rows, { x: "nullOtherInit", y: "row", stroke: nullLine, strokeWidth: 1.5 }),
        link(rows, {
          x1: ({ ci }) => Math.max(0, ci[0]),
          x2: ({ ci }) => Math.min(1, ci[1]),
          y: "row",
          stroke: nowColor,
          strokeWidth: 2.5,
        }),
        dot(rows, { x: "maintained", y: "row", r: 4.5, fill: nowColor }),
        text(rows, {
          x: "maintained",
          y: "row",
          text: ({ maintained }) => fixed(100 * maintained, 0),
          dy: -11,
          fill: ink,
          fontWeight: 600,
          fontSize: fontSize.label,
        }),
        text(rows.slice(0, 1), {
          x: 0,
          y: "row",
          text: () => "what chance supplies",
          textAnchor: "start",
          dx: 5,
          fill: muted,
          fontSize: fontSize.label,
        }),
      ],
    },
  };
}

/** Figure: maintained share with its interval, above the grey share that any trained unit would reach. */
export function maintained(presets: readonly MaintainedData[]): FigureSpec {
  const [first] = presets;
  const groups = first?.summary.groups ?? [];
  const span = (values: number[]) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return percent(low) === percent(high) ? percent(low) : `${fixed(100 * low, 0)} to ${percent(high)}`;
  };
  const title =
    groups.length === 0
      ? "No group was measured."
      : `${span(groups.map(({ criterion }) => criterion.maintained))} of the selected units count as maintained (${first.summary.preset}); ${span(groups.map(({ criterion }) => criterion.null))} would by chance.`;
  return {
    name: "maintained",
    title,
    question: "How many of the five most selective units stay selective, and how many would by chance?",
    seeds: seedsSentence(presets),
    nullModel:
      "grey bar: the share that any unit of the same trained layer reaches (identity shuffle); grey tick: units of another initialisation at the same index.",
    reading:
      "Dot: mean over seeds; line: its 95 % t interval. The excess is the way from the grey bar to the dot.",
    panels: presets.map(panelOf),
  };
}
