/** What a sweep found: a statistic against a swept field, with intervals over seeds, in small multiples. */
import { dot, line, ruleX, ruleY } from "@observablehq/plot";
import type { Interval } from "../../stats/intervals.ts";
import { kendallByChance, kendallInterval } from "../../stats/kendall.ts";
import { axisNumber } from "../dotRows.ts";
import type { FigureSpec, Panel } from "../figure.ts";
import { labelsMark, type PlacedLabel } from "../labelsMark.ts";
import { counted, fixed, intervalText } from "../numberText.ts";
import { longestLabel } from "../textWidth.ts";
import { fontSize, nullLine } from "../theme.ts";
import { type ResponseScale, responseScale } from "./responseScale.ts";
import type { ResponsePanel, ResponsePoint, ResponsesData } from "./responsesData.ts";
import { thinned } from "./thinned.ts";

/** Width of a panel, and height of the picture itself, px; below it are labels of values, and the name of the axis. */
interface PanelSize {
  readonly width: number;
  readonly plotHeight: number;
}

/** Two, three or four panels fill a row of the report. */
function sizeOf(panels: number): PanelSize {
  if (panels <= 2) return { width: 456, plotHeight: 210 };
  return panels === 3 ? { width: 296, plotHeight: 180 } : { width: 216, plotHeight: 140 };
}

const margin = { top: 22, left: 38 };
const axisHeight = 29;
/** Distance of neighbouring series at one value, px: intervals that lie on each other cannot be told apart. */
const dodge = 4;
/** Distance of two labels, px. */
const lineHeight = 11;

const isFinitePoint = ({ mean }: ResponsePoint) => Number.isFinite(mean);

/** Least and greatest of some numbers; a call takes fewer arguments than a large search has points. */
const endsOf = (values: readonly number[]) =>
  values.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [values[0], values[0]],
  );

/**
 * Ends of the shared vertical axis: all means, and of the intervals what is no farther from the means than they are from
 * each other. Two seeds have an interval of thirteen standard errors, which would leave nothing else to be seen.
 */
function verticalDomain({ panels, reference }: ResponsesData): readonly [number, number] {
  const points = panels.flatMap(({ series }) => series.flatMap(({ points }) => points)).filter(isFinitePoint);
  const means = [
    ...points.map(({ mean }) => mean),
    ...panels.flatMap((panel) => (panel.null ?? []).map(({ y }) => y)).filter(Number.isFinite),
    ...(reference === undefined ? [] : [reference]),
  ];
  if (means.length === 0) return [0, 1];
  const [least, most] = endsOf(means);
  const reach = most - least || Math.abs(most) || 1;
  const ends = points.flatMap(({ low, high }) => [low, high]).filter(Number.isFinite);
  const [lowest, highest] = endsOf([least, most, ...ends]);
  const [low, high] = [Math.max(least - reach, lowest), Math.min(most + reach, highest)];
  const pad = (high - low || 1) / 20;
  return [low - pad, high + pad];
}

/** Names of series at the heights of their right ends, moved apart where they would lie on each other. */
function endLabels(
  series: readonly { label: string; color: string; points: readonly ResponsePoint[] }[],
  [low, high]: readonly [number, number],
  { x, plotHeight, drawn }: { x: number; plotHeight: number; drawn: boolean },
): PlacedLabel[] {
  if (series.length < 2) return [];
  const { top } = margin;
  const bottom = top + plotHeight;
  const labels = series.flatMap(({ label, color, points }) => {
    // of scattered points the end is where the last quarter of them lies
    const end = points.slice(drawn ? Math.floor(0.75 * points.length) : -1).map(({ mean }) => mean);
    if (end.length === 0) return [];
    const at = end.reduce((sum, mean) => sum + mean / end.length, 0);
    const y = top + ((high - at) / (high - low)) * (bottom - top);
    return [{ text: label, x, y, anchor: "start" as const, fill: color, strong: true }];
  });
  labels.sort((a, b) => a.y - b.y);
  for (let i = 1; i < labels.length; i++) labels[i].y = Math.max(labels[i].y, labels[i - 1].y + lineHeight);
  const over = Math.max(0, (labels.at(-1)?.y ?? 0) - bottom);
  return labels.map((label) => ({ ...label, y: label.y - over }));
}

function describe({ series }: ResponsePanel): string {
  const texts = series.map(({ label, points }) => {
    const shown = points
      .filter(isFinitePoint)
      .slice(0, 8)
      .map(({ x, mean, low, high }) => `${x} ${fixed(mean)} ${intervalText([low, high])}`);
    const rest = points.length - shown.length;
    return `${label}: ${[...shown, ...(rest > 0 ? [`and ${rest} more`] : [])].join(", ") || "no number"}`;
  });
  return texts.join("; ");
}

function panelOf(
  panel: ResponsePanel,
  { axis, drawn, label, reference }: ResponsesData,
  scale: ResponseScale,
  domain: readonly [number, number],
  { width, plotHeight, marginRight }: PanelSize & { readonly marginRight: number },
): Panel {
  const [low, high] = domain;
  const inside = (y: number) => Math.min(high, Math.max(low, y));
  const placed = panel.series.map(({ points, color, label }, i) => ({
    ...{ color, label },
    dx: drawn ? 0 : (i - (panel.series.length - 1) / 2) * dodge,
    points: points
      .filter(isFinitePoint)
      .map((point) => ({ ...point, at: scale.place(point.x) }))
      .sort((a, b) => a.at - b.at),
  }));
  const spans = (points: (typeof placed)[number]["points"]) =>
    points.filter(({ low, high }) => Number.isFinite(low + high));
  const joined = !drawn && axis.scale !== "names";
  const marginBottom = axisHeight + scale.labelHeight;
  const nulls = (panel.null ?? []).map(({ x, y }) => ({ at: scale.place(x), y })).sort((a, b) => a.at - b.at);
  const sameNull = nulls.length > 1 && nulls.every(({ y }) => y === nulls[0].y);
  return {
    title: panel.title,
    description: describe(panel),
    options: {
      ...{ width, height: margin.top + plotHeight + marginBottom },
      ...{ marginRight, marginTop: margin.top, marginBottom, marginLeft: margin.left },
      x: scale.options,
      y: {
        domain: [...domain],
        label,
        labelArrow: "none",
        grid: true,
        ticks: 5,
        tickFormat: (value: number) => axisNumber(value, high - low),
      },
      marks: [
        ruleY(reference === undefined ? [] : [reference], { stroke: nullLine, strokeWidth: 1.5 }),
        line(joined || sameNull ? nulls : [], { x: "at", y: "y", stroke: nullLine, strokeWidth: 1.5 }),
        dot((joined && nulls.length > 1) || sameNull ? [] : nulls, {
          ...{ x: "at", y: "y", stroke: nullLine, symbol: "times", r: 2.5 },
        }),
        ...placed.flatMap(({ points, color, dx }) => [
          ruleX(spans(points), {
            ...{
              x: "at",
              y1: ({ low }: ResponsePoint) => inside(low),
              y2: ({ high }: ResponsePoint) => inside(high),
            },
            ...{ dx, stroke: color, strokeWidth: drawn ? 0.8 : 1.5, strokeOpacity: drawn ? 0.5 : 0.8 },
          }),
          line(joined ? points : [], { x: "at", y: "mean", dx, stroke: color, strokeWidth: 1.5 }),
          dot(points, { x: "at", y: "mean", dx, r: drawn ? 2.2 : 3, fill: color }),
        ]),
        labelsMark(endLabels(placed, domain, { x: width - marginRight + 8, plotHeight, drawn })),
      ],
    },
  };
}

const noTau: Interval = { estimate: Number.NaN, low: Number.NaN, high: Number.NaN };

/** How strongly a series ranks with the field. */
const strength = ({ tau }: { readonly tau: Interval }) => Math.abs(tau.estimate) || 0;

/** Series with the two of its points that differ most, in the order of the axis; of names the lower one first. */
function changes({ panels, axis, drawn }: ResponsesData) {
  return panels.flatMap((panel) =>
    panel.series.flatMap((series) => {
      const points = series.points.filter(isFinitePoint);
      if (series.isBaseline || points.length < 2) return [];
      const byMean = [...points].sort((a, b) => a.mean - b.mean);
      const ends = [byMean[0], byMean[byMean.length - 1]];
      if (axis.scale !== "names") ends.sort((a, b) => Number(a.x) - Number(b.x));
      const isRanked = drawn && axis.scale !== "names";
      const [xs, means] = [points.map(({ x }) => Number(x)), points.map(({ mean }) => mean)];
      const tau = isRanked ? kendallInterval(xs, means) : noTau;
      const chance = isRanked ? kendallByChance(xs, means) : Number.NaN;
      const several = panel.series.filter(({ isBaseline }) => !isBaseline).length > 1;
      const names = [several ? series.label : "", panels.length > 1 ? panel.title : ""];
      const where = names.filter((part) => part !== "").join(" ");
      return [{ where, first: ends[0], last: ends[1], count: points.length, tau, chance }];
    }),
  );
}

/**
 * Where the means are farthest apart, with their numbers; of drawn points, how strongly they rank with the field. Nothing is
 * tested, so the title does not say that the statistic changes: two means of one and the same number are apart, too.
 */
function titleOf(data: ResponsesData, all: ReturnType<typeof changes>): string {
  const { axis, statistic, drawn } = data;
  const start = `${statistic.charAt(0).toUpperCase()}${statistic.slice(1)}`;
  if (all.length === 0) return `${start} by ${axis.name}.`;
  if (drawn && axis.scale !== "names") {
    const [{ where, tau, count }] = [...all].sort((a, b) => strength(b) - strength(a));
    const most = all.length > 1 ? `ranks most in ${where}, with` : "has";
    const { estimate, low, high } = tau;
    return `${start} by ${axis.name} ${most} τ ${fixed(estimate)} ${intervalText([low, high])} over ${count} points.`;
  }
  const [{ where, first, last }] = [...all].sort(
    (a, b) => Math.abs(b.last.mean - b.first.mean) - Math.abs(a.last.mean - a.first.mean),
  );
  const number = ({ mean, low, high }: ResponsePoint) => `${fixed(mean)} ${intervalText([low, high])}`;
  const most = all.length > 1 ? `is farthest apart in ${where}: ` : "is ";
  return `${start} by ${axis.name} ${most}${number(first)} at ${first.x}, ${number(last)} at ${last.x}.`;
}

/** What the title chose from: the largest of several is partly luck, and so are the ends of several points. */
function chosenText({ axis, drawn }: ResponsesData, all: ReturnType<typeof changes>): string {
  const points = Math.max(0, ...all.map(({ count }) => count));
  const ofSeries = all.length > 1 ? ` of ${all.length} series` : "";
  if (drawn && axis.scale !== "names" && all.length > 0) {
    const [{ chance, count }] = [...all].sort((a, b) => strength(b) - strength(a));
    const band = Number.isFinite(chance)
      ? `Of ${count} points for which the field means nothing τ lies within ±${fixed(chance)} in 95 of 100 searches. `
      : "";
    return all.length > 1
      ? `${band}The title names the strongest τ${ofSeries}, which is partly luck; nothing is tested.`
      : `${band}Nothing is tested.`;
  }
  if (all.length < 2 && points < 3) return "Nothing is tested.";
  return `The title names the two of ${counted(points, "point")} that are farthest apart${ofSeries}, which is partly luck; nothing is tested.`;
}

/**
 * Figure: a statistic along a swept field. All panels share both axes.
 *
 * Points of a grid are joined, as of what was swept only the field differs between them; draws are not, and their rank correlation with the
 * field is Kendall's τ_b with its interval over draws and its range by chance, without a test. Of more points than can be
 * told apart some are drawn, evenly among all.
 */
export function responses(data: ResponsesData): FigureSpec {
  const { name, axis, drawn, question, panels, nullModel, seeds, note } = data;
  const values = panels.flatMap(({ series }) => series.flatMap(({ points }) => points.map(({ x }) => x)));
  const labels = panels.flatMap(({ series }) => (series.length < 2 ? [] : series.map(({ label }) => label)));
  const marginRight = labels.length === 0 ? 16 : Math.ceil(longestLabel(labels, fontSize.small)) + 18;
  const size = { ...sizeOf(panels.length), marginRight };
  const scale = responseScale(axis, values, size.width - margin.left - marginRight);
  const domain = verticalDomain(data);
  const all = changes(data);
  const shown = thinned(panels);
  const joined = drawn
    ? "Dot: mean over seeds of one point, with its 95 % t interval; all drawn fields differ between draws, so none is held fixed and nothing is joined. τ: Kendall's rank correlation over points, with its 95 % interval over draws."
    : "Dot: mean over seeds with its 95 % t interval, one at a time and not for all together.";
  return {
    ...{ name, question, nullModel, seeds },
    title: titleOf(data, all),
    reading: [
      ...[joined, chosenText(data, all), "Intervals that leave the frame are cut at it.", shown.note, note],
    ]
      .filter((text) => text !== "")
      .join(" "),
    panels: shown.panels.map((panel) => panelOf(panel, data, scale, domain, size)),
  };
}
