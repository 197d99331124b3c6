/** Figures of a checkpoint series: what changes from step to step, in front of what random networks and units do. */
import { areaY, dot, line, ruleX, text } from "@observablehq/plot";
import type { FigureSpec, Panel } from "../figure.ts";
import { labelsMark } from "../labelsMark.ts";
import { counted, fixed, intervalText, listed, percent } from "../numberText.ts";
import { stepScale } from "../stepAxis.ts";
import { fontSize, muted, nowColor, nullFill, nullLine, thenColor } from "../theme.ts";

/** A number at each step with the ends of its interval, NaN where it has none. */
export interface Course {
  readonly label: string;
  readonly points: readonly {
    readonly step: number;
    readonly value: number;
    readonly low: number;
    readonly high: number;
  }[];
  /** 0 shallow to 1 deep: how dark; the colour of what is measured where left out. */
  readonly depth?: number;
  /** Single networks behind their mean. */
  readonly thin?: boolean;
}

/** The null at each step. */
export interface CourseBand {
  readonly label: string;
  readonly points: readonly {
    readonly step: number;
    readonly low: number;
    readonly high: number;
    readonly middle: number;
  }[];
}

/** One panel. */
export interface CoursePanel {
  readonly title: string;
  readonly courses: readonly Course[];
  readonly bands: readonly CourseBand[];
  readonly axis: string;
  /** Decimals of the labels, default 2. */
  readonly digits?: number;
  /** Ends of the axis that are always shown. */
  readonly reach?: readonly number[];
  /** Steps whose checkpoints are faulty and were measured all the same. */
  readonly faulty?: readonly number[];
}

const size = { width: 450, height: 260 } as const;
const margins = { marginLeft: 46, marginRight: 96, marginTop: 22, marginBottom: 38 } as const;
/** Least distance of two labels, px. */
const labelGap = 13;
/** Most courses that are labelled. */
const mostLabels = 12;

const finite = (values: readonly number[]) => values.filter(Number.isFinite);

/** Ends of the axis: everything that is drawn. */
function domainOf({ courses, bands, reach = [] }: CoursePanel): [number, number] {
  const all = finite([
    ...reach,
    ...courses.flatMap(({ points }) => points.flatMap(({ value, low, high }) => [value, low, high])),
    ...bands.flatMap(({ points }) => points.flatMap(({ low, high }) => [low, high])),
  ]);
  if (all.length === 0) return [0, 1];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const margin = Math.max((high - low) / 20, 1e-9 * Math.max(1, Math.abs(high)));
  return [low - margin, high + margin];
}

/** Mixes from light to dark of one hue, so that a layer's depth can be seen without a legend. */
function strokeOf({ depth }: Course): string {
  if (depth === undefined) return nowColor;
  return `var(--amount-${3 + Math.round(6 * Math.min(1, Math.max(0, depth)))})`;
}

/** Labels moved apart so that none covers another, top to bottom. */
function spreadLabels<T extends { y: number }>(labels: readonly T[], bottom: number): T[] {
  const sorted = [...labels].sort((a, b) => a.y - b.y).map((label) => ({ ...label }));
  for (let i = 1; i < sorted.length; i++) sorted[i].y = Math.max(sorted[i].y, sorted[i - 1].y + labelGap);
  const over = (sorted.at(-1)?.y ?? 0) - bottom;
  if (over > 0)
    for (let i = sorted.length - 1; i >= 0; i--)
      sorted[i].y = Math.min(sorted[i].y, (sorted[i + 1]?.y ?? bottom + labelGap) - labelGap);
  return sorted;
}

/** Lines over steps, with their bands behind them and their names at their ends. */
export function coursePanel(panel: CoursePanel): Panel {
  const { title, courses, bands, axis, digits = 2, faulty = [] } = panel;
  const steps = courses.flatMap(({ points }) => points.map(({ step }) => step));
  const last = Math.max(0, ...steps);
  const [low, high] = domainOf(panel);
  const top = margins.marginTop;
  const bottom = size.height - margins.marginBottom;
  const place = (value: number) => bottom - ((value - low) / (high - low)) * (bottom - top);
  const strong = courses.filter(({ thin }) => thin !== true);
  const every = Math.ceil(strong.length / mostLabels);
  const ends = strong.flatMap((course, i) => {
    const end = course.points.filter(({ value }) => Number.isFinite(value)).at(-1);
    const labelled = end !== undefined && (i % every === 0 || i === strong.length - 1);
    return labelled ? [{ course, end, y: place(end.value) }] : [];
  });
  const labels = spreadLabels(ends, bottom);
  const starts = strong.flatMap(({ points }) => points.slice(0, 1).filter(({ step }) => step === 0));
  const described = ends.map(({ course, end }) => {
    const interval = Number.isFinite(end.low + end.high)
      ? ` ${intervalText([end.low, end.high], digits)}`
      : "";
    return `${course.label} ${fixed(end.value, digits)}${interval}`;
  });
  return {
    title,
    description: `${faulty.length > 0 ? `with faulty checkpoints at step ${faulty.join(", ")}; ` : ""}at step ${last}: ${described.join("; ") || "nothing"}${bands.length > 0 ? `; behind it ${listed(bands.map(({ label }) => label))}` : ""}`,
    options: {
      ...size,
      ...margins,
      x: stepScale(last, size.width - margins.marginLeft - margins.marginRight),
      y: { domain: [low, high], label: axis, labelArrow: "none", ticks: 6, grid: true },
      marks: [
        ...bands.map(({ points }) => areaY(points, { x: "step", y1: "low", y2: "high", fill: nullFill })),
        ...bands.map(({ points }) =>
          line(points, { x: "step", y: "middle", stroke: nullLine, strokeWidth: 1.2 }),
        ),
        // of two bands that cover each other the second is named at the other end
        ...bands.map(({ points, label }, i) =>
          text(i === 0 ? points.slice(-1) : points.slice(0, 1), {
            ...{ x: "step", y: "high", text: () => label, textAnchor: i === 0 ? "end" : "start" },
            ...{ dx: i === 0 ? -4 : 4, dy: -7, fill: muted, fontSize: fontSize.small },
          }),
        ),
        ruleX(faulty, { stroke: nullLine, strokeDasharray: "2,3" }),
        text(faulty, {
          ...{ x: (step: number) => step, frameAnchor: "bottom", dy: -4, text: () => "× faulty" },
          ...{ fill: nowColor, fontSize: fontSize.small, fontWeight: 600 },
        }),
        ...strong.map((course) =>
          areaY(
            course.points.filter((point) => Number.isFinite(point.low + point.high)),
            { x: "step", y1: "low", y2: "high", fill: strokeOf(course), fillOpacity: 0.25 },
          ),
        ),
        ...courses.map((course) =>
          line(course.points, {
            ...{ x: "step", y: "value", stroke: strokeOf(course) },
            ...{ strokeWidth: course.thin ? 0.7 : 1.8, strokeOpacity: course.thin ? 0.4 : 1 },
          }),
        ),
        dot(starts, { x: "step", y: "value", r: 3.5, fill: thenColor }),
        dot(
          ends.map(({ end }) => end),
          { x: "step", y: "value", r: 3, fill: nowColor },
        ),
        labelsMark(
          labels.map(({ course, end, y }) => ({
            text:
              strong.length === 1 ? fixed(end.value, digits) : `${course.label} ${fixed(end.value, digits)}`,
            ...{ x: size.width - margins.marginRight + 7, y, anchor: "start" as const },
            size: fontSize.label,
          })),
        ),
      ],
    },
  };
}

/** What every figure of a series says of where its numbers come from. */
export interface SeriesOfFigure {
  /** The sentence on seeds: how many networks, and what intervals are over. */
  readonly seeds: string;
  /** What random networks are. */
  readonly random: string;
}

/** Figure: loss on the probe. */
export function trackedLoss(
  panels: readonly CoursePanel[],
  of: SeriesOfFigure & { first: number; last: number },
): FigureSpec {
  return {
    name: "track-loss",
    title: `Loss on the probe goes from ${fixed(of.first)} to ${fixed(of.last)} nats a token.`,
    question: "Do these checkpoints learn what the probe is made of?",
    seeds: of.seeds,
    nullModel: `grey band: ${of.random}, lowest to highest loss.`,
    reading:
      "Mean next-token loss of the probe's positions. Blue dot: before training; orange dot: the last sound checkpoint.",
    panels: panels.map(coursePanel),
  };
}

/** Figure: selectivity of units by factor. */
export function trackedSelectivity(
  panels: readonly CoursePanel[],
  of: SeriesOfFigure & { finding: string },
): FigureSpec {
  return {
    name: "track-selectivity",
    title: of.finding,
    question: "When do units become selective, and for what?",
    seeds: of.seeds,
    nullModel: `grey band: ${of.random}, lowest to highest layer and network.`,
    reading:
      "Selectivity: variance of a factor's effects, each class or position counted once, over a unit's variance, each cell of the table counted once; mean over units, a line for each layer. The effects are those of one half of the probe times those of the other: 0 on average without tuning, and it can be negative. With every cell there it is a share of variance; where cells are missing it is a ratio, and can exceed 1.",
    panels: panels.map(coursePanel),
  };
}

/** Figure: persistence of tuning since the first checkpoint, against both nulls. */
export function trackedPersistence(
  panels: readonly CoursePanel[],
  of: SeriesOfFigure & { finding: string; first: string },
): FigureSpec {
  return {
    name: "track-persistence",
    title: of.finding,
    question: `How much of what units responded to at ${of.first} is left at each step?`,
    seeds: of.seeds,
    nullModel: `two grey bands: units of the same layer in another pairing (middle 90 % of pairings); units of ${of.random} (lowest to highest).`,
    reading:
      "Correlation of a unit's cell means (class × position) with its own at the first checkpoint, mean over units. What lies within the bands is what any unit would have.",
    panels: panels.map(coursePanel),
  };
}

/** Figure: emergence of heads of known kinds. */
export function trackedHeads(
  panels: readonly CoursePanel[],
  of: SeriesOfFigure & { finding: string },
): FigureSpec {
  return {
    name: "track-heads",
    title: of.finding,
    question: "When do heads of known kinds emerge, and were they there before?",
    seeds: of.seeds,
    nullModel: `grey band: from uniform attention (0) to the highest score of any head of ${of.random}.`,
    reading:
      "Corrected score on random tokens that are repeated: 0 uniform attention, 1 the pure kind. A line for each head, the highest at the end labelled.",
    panels: panels.map(coursePanel),
  };
}

/** Figure: motion of the weights. */
export function trackedMotion(
  panels: readonly CoursePanel[],
  of: SeriesOfFigure & { most: string; least: string; byMost: number; byLeast: number },
): FigureSpec {
  return {
    name: "track-motion",
    title: `Weights moved most in ${of.most}, by ${percent(of.byMost)} of their size; least in ${of.least}, by ${percent(of.byLeast)}.`,
    question: "Is tuning kept because the weights that make it hardly moved?",
    seeds: of.seeds,
    nullModel: "no motion: 0, where every line begins.",
    reading: "‖W − W₀‖ / ‖W₀‖ since the first checkpoint, root mean square over the matrices of a group.",
    panels: panels.map(coursePanel),
  };
}

/** `one network, no interval over seeds` or `3 networks`. */
export function networksSentence(count: number): string {
  return count === 1
    ? "one network: nothing here is an interval over seeds"
    : `${counted(count, "network")}; strong lines are means, tints 95 % t intervals over networks`;
}
