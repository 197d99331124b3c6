/** Persistence by tuning identity: the correlation of tuning curves, its null and its ceiling. */
import { barX, dot, link, text, tickX } from "@observablehq/plot";
import type { FigureSpec, Panel } from "./figure.ts";
import { fixed, intervalText } from "./numberText.ts";
import { type Factor, type Population, presetTitle, seedsSentence } from "./population.ts";
import { fontSize, ink, muted, nowColor, nullFill, nullLine, paper } from "./theme.ts";

/** One layer and factor by the correlation of tuning curves. */
export interface TuningGroup {
  layer: number;
  kind: Factor;
  tuning: {
    r: number;
    ci: readonly [number, number];
    nullR: number;
    nullCi: readonly [number, number];
    ceilingR: number;
    ceilingCi: readonly [number, number];
  };
}

/** What {@link tuningCorrelation} draws of one preset. */
export interface TuningCorrelationData extends Population {
  summary: Population["summary"] & { groups: readonly TuningGroup[] };
}

function panelOf(data: TuningCorrelationData, low: number): Panel {
  const rows = data.summary.groups.map(({ layer, kind, tuning }) => ({
    row: `L${layer} ${kind}`,
    ...tuning,
  }));
  const clamp = (value: number) => Math.min(1, Math.max(low, value));
  const first = rows.slice(0, 1);
  return {
    title: presetTitle(data),
    description: rows
      .map(
        (row) =>
          `${row.row}: r ${fixed(row.r)} ${intervalText(row.ci)}, null ${fixed(row.nullR)}, ceiling ${fixed(row.ceilingR)}`,
      )
      .join("; "),
    options: {
      width: 450,
      height: 54 + 40 * rows.length,
      marginLeft: 74,
      marginRight: 56,
      marginTop: 14,
      marginBottom: 38,
      x: {
        domain: [low, 1],
        ticks: 6,
        tickFormat: (r: number) => fixed(r, 1),
        label: "correlation of tuning curves, before and after",
        labelAnchor: "center",
        labelArrow: "none",
        grid: true,
      },
      y: { domain: rows.map(({ row }) => row), label: null, tickSize: 0, padding: 0.3 },
      marks: [
        barX(rows, {
          x1: ({ nullCi }) => clamp(nullCi[0]),
          x2: ({ nullCi }) => clamp(nullCi[1]),
          y: "row",
          fill: nullFill,
        }),
        tickX(rows, { x: "nullR", y: "row", stroke: nullLine, strokeWidth: 1.5 }),
        link(rows, {
          x1: ({ ceilingCi }) => clamp(ceilingCi[0]),
          x2: ({ ceilingCi }) => clamp(ceilingCi[1]),
          y: "row",
          stroke: ink,
        }),
        tickX(rows, { x: "ceilingR", y: "row", insetTop: 6, insetBottom: 6, stroke: ink, strokeWidth: 1.5 }),
        link(rows, {
          x1: ({ ci }) => clamp(ci[0]),
          x2: ({ ci }) => clamp(ci[1]),
          y: "row",
          stroke: nowColor,
          strokeWidth: 2.5,
        }),
        dot(rows, { x: "r", y: "row", r: 4.5, fill: nowColor }),
        text(rows, {
          x: "r",
          y: "row",
          text: ({ r }) => fixed(r),
          dy: -11,
          fill: ink,
          stroke: paper,
          strokeWidth: 3,
          fontWeight: 600,
          fontSize: fontSize.label,
        }),
        text(first, {
          x: "nullR",
          y: "row",
          text: () => "another initialisation",
          textAnchor: "start",
          dx: 8,
          fill: muted,
          fontSize: fontSize.label,
        }),
        text(first, {
          x: "ceilingR",
          y: "row",
          text: () => "ceiling",
          textAnchor: "start",
          dx: 8,
          fill: muted,
          fontSize: fontSize.label,
        }),
      ],
    },
  };
}

/** Figure: correlation of every unit's tuning with its own initialisation, between its null and its ceiling. */
export function tuningCorrelation(presets: readonly TuningCorrelationData[]): FigureSpec {
  const groups = presets.flatMap(({ summary }) => summary.groups);
  const lowest = Math.min(
    0,
    ...groups.flatMap(({ tuning }) => [tuning.r, tuning.ci[0], tuning.nullCi[0]]).filter(Number.isFinite),
  );
  const low = Math.max(-1, Math.floor(10 * lowest) / 10);
  const findings = presets.flatMap(({ summary }) => {
    const values = summary.groups.map(({ tuning }) => tuning.r).filter(Number.isFinite);
    if (values.length === 0) return [];
    return [`${summary.preset} r ${fixed(Math.min(...values))} to ${fixed(Math.max(...values))}`];
  });
  const nulls = groups.map(({ tuning }) => Math.abs(tuning.nullR)).filter(Number.isFinite);
  return {
    name: "tuning-correlation",
    title: `Tuning correlates with its own initialisation: ${findings.join("; ") || "not measured"}. With another initialisation |r| is ${nulls.length === 0 ? "not measured" : `${fixed(Math.max(...nulls))} at most`}.`,
    question: "Does a unit keep what it is tuned to, and not only how strongly it is tuned?",
    seeds: seedsSentence(presets),
    nullModel:
      "grey: the same correlation with units grown from another initialisation on the same data, 95 % t interval and mean.",
    reading:
      "Dot: mean over units, then seeds, with its 95 % t interval over seeds. Strong tick with its interval, the ceiling: trained twins of one initialisation on different data.",
    panels: presets.map((data) => panelOf(data, low)),
  };
}
