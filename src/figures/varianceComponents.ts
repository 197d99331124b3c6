/** Variance of activations in absolute amounts: a share can fall because the rest grew. */
import { barX, type RenderFunction, text } from "@observablehq/plot";
import type { FigureSpec, Panel } from "./figure.ts";
import { fixed } from "./numberText.ts";
import { type Population, presetTitle, seedsSentence } from "./population.ts";
import { svgElement } from "./svgElement.ts";
import { categoryColors, fontSize, ink, nowColor, thenColor } from "./theme.ts";

/** Mean amounts of variance, activation units squared. */
export interface VarianceAmounts {
  token: number;
  position: number;
  interaction: number;
  context: number;
}

/** What {@link varianceComponents} draws of one preset. */
export interface VarianceComponentsData extends Population {
  layers: readonly { layer: number; components: { before: VarianceAmounts; after: VarianceAmounts } }[];
}

const parts = ["token", "position", "interaction", "context"] as const;

const total = (amounts: VarianceAmounts) => parts.reduce((sum, part) => sum + amounts[part], 0);

interface Bar {
  row: string;
  layer: number;
  time: "then" | "now";
  amounts: VarianceAmounts;
}

function barsOf({ layers }: VarianceComponentsData): Bar[] {
  return layers.flatMap(({ layer, components }) => [
    { row: `L${layer} then`, layer, time: "then" as const, amounts: components.before },
    { row: `L${layer} now`, layer, time: "now" as const, amounts: components.after },
  ]);
}

/** Bars cut into their parts, each with where it starts and ends. A negative estimate is drawn as nothing. */
function segmentsOf(bars: readonly Bar[]) {
  return bars.flatMap(({ row, amounts }) => {
    let end = 0;
    return parts.map((part, i) => {
      const start = end;
      const amount = Number.isFinite(amounts[part]) ? Math.max(0, amounts[part]) : 0;
      end += amount;
      return { row, part, color: categoryColors[i], start, end, amount };
    });
  });
}

/** Room for the longest name in the key, px. */
const keyStep = 86;

/** The four categories in the order of the bars, above them: small parts have no room for their names. */
function keyMark(): RenderFunction {
  return (_index, _scales, _values, { marginLeft }, { document }) => {
    const group = svgElement(document, "g", { "font-size": fontSize.label, fill: ink });
    parts.forEach((part, i) => {
      const left = marginLeft + i * keyStep;
      group.append(
        svgElement(document, "rect", { x: left, y: 2, width: 9, height: 9, fill: categoryColors[i] }),
        svgElement(document, "text", { x: left + 13, y: 10, "text-anchor": "start" }, part),
      );
    });
    return group;
  };
}

function panelOf(data: VarianceComponentsData, top: number): Panel {
  const bars = barsOf(data);
  const segments = segmentsOf(bars);
  const totals = bars.map((bar, i) => {
    const sum = total(bar.amounts);
    const growth = bar.time === "now" ? ` (×${fixed(sum / total(bars[i - 1].amounts))})` : "";
    return { ...bar, sum, label: `${fixed(sum, 3)}${growth}` };
  });
  return {
    title: presetTitle(data),
    description: bars
      .map(
        ({ row, amounts }) =>
          `${row}: ${parts.map((part) => `${part} ${fixed(amounts[part], 3)}`).join(", ")}`,
      )
      .join("; "),
    options: {
      width: 450,
      height: 70 + 34 * bars.length,
      marginLeft: 58,
      marginRight: 84,
      marginTop: 22,
      marginBottom: 38,
      x: {
        domain: [0, top],
        ticks: 5,
        label: "variance (activation units squared)",
        labelAnchor: "center",
        labelArrow: "none",
        grid: true,
      },
      y: { domain: bars.map(({ row }) => row), axis: null, padding: 0.18 },
      marks: [
        keyMark(),
        barX(segments, { x1: "start", x2: "end", y: "row", fill: "color" }),
        text(bars, {
          y: "row",
          text: "row",
          frameAnchor: "left",
          textAnchor: "end",
          dx: -8,
          fill: ({ time }) => (time === "then" ? thenColor : nowColor),
          fontWeight: 600,
          fontSize: fontSize.label,
        }),
        text(
          totals.filter(({ sum }) => Number.isFinite(sum)),
          {
            x: "sum",
            y: "row",
            text: "label",
            textAnchor: "start",
            dx: 6,
            fill: ink,
            fontSize: fontSize.label,
          },
        ),
      ],
    },
  };
}

/** Figure: stacked amounts then and now. What matters is the width of a part, not its share of the bar. */
export function varianceComponents(presets: readonly VarianceComponentsData[]): FigureSpec {
  const sums = presets
    .flatMap((data) => barsOf(data).map(({ amounts }) => total(amounts)))
    .filter(Number.isFinite);
  const top = 1.02 * Math.max(1e-6, ...sums);
  const growths = presets
    .flatMap((data) =>
      data.layers.map(({ layer, components: { before, after } }) => ({
        name: `L${layer} of ${data.summary.preset}`,
        total: total(after) / total(before),
        position: after.position / before.position,
        token: after.token / before.token,
        context: after.context / before.context,
      })),
    )
    .filter((growth) => Number.isFinite(growth.total))
    .sort((a, b) => b.total - a.total);
  const [most] = growths;
  return {
    name: "variance-components",
    title:
      most === undefined
        ? "No variance was measured."
        : `Total variance grows most in ${most.name}, ×${fixed(most.total)}, while its position part changes ×${fixed(most.position)} and its token part ×${fixed(most.token)}: shares move with the total.`,
    question: "Did the tuning of a layer shrink, or did everything else grow?",
    seeds: seedsSentence(presets),
    nullModel: "no change: the bar of the same layer before training (then).",
    reading: `Means over units and seeds of the balanced variance components, left to right: ${parts.join(", ")}; at the end of a bar its total, and the factor from then to now.`,
    panels: presets.map((data) => panelOf(data, top)),
  };
}
