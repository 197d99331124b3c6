/** Tuning curves of the most and the least persistent units. */
import { line, ruleY, text } from "@observablehq/plot";
import { type Exemplar, otherUnitNull, unitTunings } from "./exemplar.ts";
import type { FigureSpec, Panel } from "./figure.ts";
import { fixed, intervalText, listed } from "./numberText.ts";
import { type Population, presetTitle, seedsSentence, unitName } from "./population.ts";
import { fontSize, ink, muted, nowColor, nullLine, thenColor } from "./theme.ts";

/** What {@link tuningStrips} draws of one preset. */
export interface TuningStripsData extends Population {
  probe: { dVocab: number; nPos: number };
  layers: readonly { layer: number; exemplar: Exemplar }[];
}

/** Units in each of the two rows. */
const unitsPerRow = 4;

interface Strip {
  column: number;
  row: string;
  name: string;
  r: number;
  points: { x: number; value: number; curve: string; time: "then" | "now" }[];
}

function stripsOf(
  { layer, exemplar }: TuningStripsData["layers"][number],
  probe: TuningStripsData["probe"],
): Strip[] {
  const sorted = unitTunings(exemplar, probe).filter(({ r }) => Number.isFinite(r));
  const count = Math.min(unitsPerRow, Math.floor(sorted.length / 2));
  const rows = { "kept most": sorted.slice(0, count), "kept least": sorted.slice(sorted.length - count) };
  return Object.entries(rows).flatMap(([row, units]) =>
    units.map((tuning, column) => ({
      column,
      row,
      name: unitName(layer, tuning.unit),
      r: tuning.r,
      points: (["then", "now"] as const).flatMap((time) =>
        (["token", "position"] as const).flatMap((factor) =>
          tuning[time][factor].map((value, i) => ({
            // positions stand to the right of the tokens, one place apart
            x: factor === "token" ? i : probe.dVocab + 1 + i,
            value: value / tuning.scale,
            curve: `${time} ${factor}`,
            time,
          })),
        ),
      ),
    })),
  );
}

function panelOf(data: TuningStripsData, layer: TuningStripsData["layers"][number]): Panel {
  const { dVocab, nPos } = data.probe;
  const strips = stripsOf(layer, data.probe);
  const points = strips.flatMap(({ column, row, points }) =>
    points.map((point) => ({ column, row, ...point })),
  );
  const facet = { fx: "column", fy: "row" } as const;
  const axisLabels = strips
    .filter(({ row }) => row === "kept least")
    .flatMap(({ column, row }) => [
      { column, row, x: (dVocab - 1) / 2, label: `token 0–${dVocab - 1}` },
      { column, row, x: dVocab + 1 + (nPos - 1) / 2, label: `pos 0–${nPos - 1}` },
    ]);
  return {
    title: `${presetTitle(data)} · layer ${layer.layer} · seed ${layer.exemplar.seed}`,
    description: `token and position curves before and after training; ${strips.map(({ row, name, r }) => `${name} (${row}) r ${fixed(r)}`).join(", ")}`,
    options: {
      width: 450,
      height: 220,
      marginLeft: 8,
      marginRight: 8,
      marginTop: 4,
      marginBottom: 22,
      x: { domain: [-0.5, dVocab + nPos + 0.5], axis: null },
      y: { domain: [-1.05, 1.6], axis: null },
      fx: { axis: null, padding: 0.08 },
      fy: { axis: null, domain: ["kept most", "kept least"], padding: 0.06 },
      marks: [
        ruleY(strips, { ...facet, y: () => 0, stroke: nullLine, strokeOpacity: 0.5, strokeWidth: 0.7 }),
        line(points, {
          ...facet,
          x: "x",
          y: "value",
          z: "curve",
          stroke: ({ time }) => (time === "then" ? thenColor : nowColor),
          strokeWidth: ({ time }) => (time === "then" ? 2.6 : 1.3),
          strokeOpacity: ({ time }) => (time === "then" ? 0.6 : 1),
        }),
        text(strips, {
          ...facet,
          text: ({ name, r }) => `${name}  r ${fixed(r)}`,
          frameAnchor: "top-left",
          dy: 2,
          fill: ink,
          fontWeight: 600,
          fontSize: fontSize.label,
        }),
        text(axisLabels, {
          ...facet,
          x: "x",
          text: "label",
          frameAnchor: "bottom",
          dy: 12,
          fill: muted,
          fontSize: fontSize.small,
        }),
      ],
    },
  };
}

/** Figure: then in the cool hue, now in the warm one; tokens left, positions right; each unit on its own scale. */
export function tuningStrips(presets: readonly TuningStripsData[]): FigureSpec {
  const findings = presets.flatMap((data) =>
    data.layers.flatMap((layer) => {
      const strips = stripsOf(layer, data.probe);
      if (strips.length === 0) return [];
      const least = strips[strips.length - 1];
      return [`${least.name} of ${data.summary.preset} r ${fixed(least.r)}`];
    }),
  );
  return {
    name: "tuning-strips",
    title: `The least persistent units: ${findings.join(", ") || "none was measured"}.`,
    question: "What does it look like when a unit keeps its tuning, and when it loses it?",
    seeds: `one seed per panel, of ${seedsSentence(presets)}`,
    nullModel: `grey lines are units' means, what no tuning would be. A unit now and another unit then have r in the middle 90 % of ${listed(
      presets.flatMap((data) =>
        data.layers.map(({ layer, exemplar }) => {
          const { low, high } = otherUnitNull(exemplar, data.probe);
          return `${intervalText([low, high])} (${data.summary.preset}, layer ${layer})`;
        }),
      ),
    )}.`,
    reading:
      "Top row: the units kept best; bottom row: least. Blue: before training; orange: after. Token curve left, position curve right, divided by the unit's largest deviation; r is over all token × position cells.",
    panels: presets.flatMap((data) => data.layers.map((layer) => panelOf(data, layer))),
  };
}
