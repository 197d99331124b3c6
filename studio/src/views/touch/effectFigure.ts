/** What edits do: a dot a seed, the mean with its interval, and what the same edits do elsewhere. */
import { dot, link, rectX, ruleX, text } from "@observablehq/plot";
import { axisNumber } from "../../../../src/figures/dotRows.ts";
import type { FigureSpec } from "../../../../src/figures/figure.ts";
import { counted, fixed, intervalText } from "../../../../src/figures/numberText.ts";
import { type Subject, subjectSlug } from "../../../../src/figures/subject.ts";
import { longestLabel, shortLabel } from "../../../../src/figures/textWidth.ts";
import { fontSize, ink, muted, nullFill, nullLine, paper } from "../../../../src/figures/theme.ts";
import type { TouchEdits } from "../../state/touchChoice.ts";
import type { Elsewhere, SeedEffect } from "./effects.ts";
import { type Measure, measureText, measureUnit } from "./measure.ts";
import { editsText, effectText } from "./touchText.ts";

/** A row of the figure. */
export interface EffectRow {
  readonly label: string;
  readonly effect: SeedEffect;
  /** A color of the theme. */
  readonly color: string;
}

/** What {@link effectFigure} draws. */
export interface EffectFigureData {
  readonly subject: Subject;
  readonly edits: TouchEdits;
  readonly measure: Measure;
  /** The edits first, then what they are compared with. */
  readonly rows: readonly EffectRow[];
  /** Mean effects of the same edits at other parts; null where there are none. */
  readonly null: Elsewhere | null;
  /** Seeds by model, and the index of the one that is shown singly. */
  readonly seeds: readonly number[];
  readonly model: number;
}

const WIDTH = 344;
const ROW = 52;
/** Places of neighbouring seeds across a row, so that few dots hide each other; parts of the row's height. */
const LANES = [0, 0.14, -0.14, 0.28, -0.28];

interface Mark {
  x: number;
  y: number;
  color: string;
  shown: boolean;
}

function domainOf({ rows, null: elsewhere }: EffectFigureData): [number, number] {
  const ends = rows.flatMap(({ effect }) => [...effect.bySeed, effect.over.low, effect.over.high]);
  const all = [0, ...ends, elsewhere?.low ?? 0, elsewhere?.high ?? 0].filter(Number.isFinite);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const margin = high > low ? (high - low) / 16 : 1;
  return [low - margin, high + margin];
}

/** How an effect stands to the null. Of a few other choices nothing can be said but what they do. */
function againstText({ over }: SeedEffect, { low, high, variants, holds }: Elsewhere): string {
  const interval = intervalText([low, high], 3);
  if (holds === "range") return `, the same at ${counted(variants, "other choice")} of parts by ${interval}`;
  const isOutside = over.estimate < low || over.estimate > high;
  return `, ${isOutside ? "outside" : "inside"} what the same does elsewhere ${interval}`;
}

/** Figure: the effect over seeds, beside that of other networks or edits, over the null. */
export function effectFigure(data: EffectFigureData): FigureSpec {
  const { subject, edits, measure, rows, null: elsewhere, seeds, model } = data;
  const [{ effect: own }] = rows;
  const [low, high] = domainOf(data);
  const labels = rows.map(({ label }) => label);
  const marginLeft = Math.ceil(Math.min(WIDTH / 3, longestLabel(labels, fontSize.label))) + 10;
  const marks: Mark[] = rows.flatMap(({ effect, color }, row) =>
    [...effect.bySeed].flatMap((x, seed) =>
      Number.isFinite(x) ? [{ x, y: row + LANES[seed % LANES.length], color, shown: seed === model }] : [],
    ),
  );
  const spans = rows.flatMap(({ effect: { over }, color }, row) =>
    Number.isFinite(over.low + over.high) ? [{ ...over, color, y: row }] : [],
  );
  const estimates = rows.flatMap(({ effect: { over }, color }, row) =>
    Number.isFinite(over.estimate) ? [{ ...over, color, y: row }] : [],
  );
  const unit = measureUnit(measure);
  const against = elsewhere === null ? "" : againstText(own, elsewhere);
  const beside = rows
    .slice(1)
    .map(({ label, effect }) => `; ${label} ${effectText(effect)}`)
    .join("");
  return {
    name: subjectSlug("touch-effect", subject),
    title: `${subject.name}, ${editsText(edits)}: the ${measureText(measure)} changes by ${effectText(own)} ${unit}${against}${beside}.`,
    question: "What do these edits change, in every seed, and is it more than elsewhere?",
    seeds: `${counted(own.seeds, "seed")} (${subject.name})${own.seeds < seeds.length ? `; ${seeds.length - own.seeds} diverged and are left out` : ""}.`,
    nullModel: `no change, at 0; ${
      elsewhere === null
        ? "there is no other part of the kind to compare with."
        : `grey: the same edits at ${counted(elsewhere.variants, "other choice")} of parts of the same kind, the ${elsewhere.holds} of their means over seeds, and their median.`
    }`,
    reading: `A dot a seed: the ${measureText(measure)} with edits less without; seed ${seeds[model]} is filled. Bar: mean with its 95 % t interval over seeds.`,
    panels: [
      {
        title: `change of the ${measureText(measure)}`,
        description: rows
          .map(({ label, effect }) => `${label} ${effectText(effect)}, ${counted(effect.seeds, "seed")}`)
          .join("; "),
        options: {
          width: WIDTH,
          height: 46 + ROW * rows.length,
          ...{ marginLeft, marginRight: 12, marginTop: 6, marginBottom: 38 },
          x: {
            domain: [low, high],
            ticks: 5,
            tickFormat: (value: number) => axisNumber(value, high - low),
            label: `change, ${unit}`,
            ...{ labelAnchor: "center", labelArrow: "none", grid: true },
          },
          y: { type: "linear", domain: [rows.length - 0.5, -0.5], axis: null },
          color: { type: "identity" },
          marks: [
            rectX(elsewhere === null ? [] : [elsewhere], {
              ...{ x1: "low", x2: "high", fill: nullFill },
              ...{ y1: () => -0.5, y2: () => rows.length - 0.5 },
            }),
            ruleX(elsewhere?.middle === undefined ? [] : [elsewhere.middle], {
              ...{ stroke: nullLine, strokeWidth: 1.2 },
            }),
            ruleX([0], { stroke: nullLine, strokeDasharray: "2,2" }),
            link(spans, {
              ...{ x1: "low", x2: "high", y: "y", stroke: "color", strokeWidth: 9, strokeOpacity: 0.3 },
            }),
            dot(marks, {
              ...{ x: "x", y: "y", r: 3.2, stroke: "color", strokeWidth: 1.2 },
              fill: (mark: Mark) => (mark.shown ? mark.color : paper),
            }),
            ruleX(estimates, {
              ...{ x: "estimate", stroke: "color", strokeWidth: 2.5 },
              y1: ({ y }: Mark) => y - 0.33,
              y2: ({ y }: Mark) => y + 0.33,
            }),
            text(rows, {
              y: (_: EffectRow, row: number) => row,
              text: ({ label }: EffectRow) => shortLabel(label, WIDTH / 3, fontSize.label),
              ...{ frameAnchor: "left", textAnchor: "end", dx: -6, fill: ink },
            }),
            text(rows, {
              y: (_: EffectRow, row: number) => row,
              text: ({ effect }: EffectRow) => `mean ${fixed(effect.over.estimate, 3)}`,
              ...{
                frameAnchor: "left",
                textAnchor: "end",
                dx: -6,
                dy: 13,
                fill: muted,
                fontSize: fontSize.small,
              },
            }),
          ],
        },
      },
    ],
  };
}
