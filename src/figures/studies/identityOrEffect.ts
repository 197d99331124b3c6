/** Keeping an effect size beside keeping a tuning: both measures as the embeddings shrink, and the curves behind them. */
import { areaY, dot, line, type Markish, ruleX, ruleY, text } from "@observablehq/plot";
import type { FigureSpec, Panel } from "../figure.ts";
import { counted, fixed } from "../numberText.ts";
import { type Factor, unitName } from "../population.ts";
import { meanInterval, spreadOf } from "../spread.ts";
import {
  categoryColors,
  fontSize,
  ink,
  muted,
  nowColor,
  nullFill,
  nullLine,
  paper,
  thenColor,
} from "../theme.ts";

/** What {@link criterionAgainstTuning} draws. */
export interface CriterionAgainstTuningData {
  readonly seeds: number;
  /** Factors of the initial embeddings, largest first. */
  readonly scales: readonly number[];
  readonly panels: readonly {
    readonly layer: number;
    readonly kind: Factor;
    /** Every array is [seed]. */
    readonly byScale: readonly {
      readonly scale: number;
      /** Share of tracked units that the criterion calls maintained. */
      readonly criterion: readonly number[];
      /** Mean tuning r of all units. */
      readonly r: readonly number[];
      /** The criterion with units shuffled. */
      readonly base: readonly number[];
      /** r with another network's initialisation. */
      readonly stranger: readonly number[];
    }[];
  }[];
}

type Cell = CriterionAgainstTuningData["panels"][number];

const criterionColor = categoryColors[1];
const tuningColor = categoryColors[0];

/** Seeds as dots, their mean as a line with intervals, and its name at its end. */
function measureMarks(
  cell: Cell,
  pick: (of: Cell["byScale"][number]) => readonly number[],
  { color, name, dx, dy }: { color: string; name: string; dx: number; dy: number },
): Markish[] {
  const dots = cell.byScale.flatMap((of) => pick(of).map((value) => ({ scale: of.scale, value })));
  const means = cell.byScale.map((of) => ({ scale: of.scale, ...meanInterval(pick(of)) }));
  return [
    dot(dots, { x: "scale", y: "value", dx, r: 1.6, fill: color, fillOpacity: 0.35 }),
    line(means, { x: "scale", y: "mean", dx, stroke: color, strokeWidth: 2 }),
    ruleX(
      means.filter(({ low, high }) => Number.isFinite(low + high)),
      { x: "scale", y1: "low", y2: "high", dx, stroke: color, strokeWidth: 2 },
    ),
    dot(means, { x: "scale", y: "mean", dx, r: 4, fill: color, stroke: paper }),
    text(means.slice(-1), {
      ...{ x: "scale", y: "mean", text: ({ mean }: { mean: number }) => `${name} ${fixed(mean)}` },
      ...{ textAnchor: "start", dx: dx + 8, dy, fill: ink, stroke: paper, strokeWidth: 3 },
      ...{ fontWeight: 600, fontSize: fontSize.label },
    }),
  ];
}

/** Pixels that keep a label clear of the other's, where their values lie close together. */
function apart(own: number, other: number): number {
  if (!(Math.abs(own - other) < 0.1)) return 0;
  return own > other ? -6 : 6;
}

function cellPanel(cell: Cell, scales: readonly number[]): Panel {
  const last = cell.byScale[cell.byScale.length - 1];
  const band = cell.byScale.map(({ scale, stranger }) => ({ scale, ...spreadOf(stranger) }));
  const [kept, r] = [meanInterval(last?.criterion ?? []).mean, meanInterval(last?.r ?? []).mean];
  const base = cell.byScale.map((of) => ({ scale: of.scale, base: meanInterval(of.base).mean }));
  return {
    title: `${cell.kind} · layer ${cell.layer}`,
    description: `embeddings × ${last?.scale}: the criterion says ${fixed(kept)}, tuning r is ${fixed(r)}`,
    options: {
      ...{ width: 450, height: 250, marginLeft: 36, marginRight: 92, marginTop: 12, marginBottom: 38 },
      x: {
        ...{ type: "point", domain: [...scales], padding: 0.3, tickFormat: (scale: number) => `× ${scale}` },
        ...{ label: "scale of the initial embeddings", labelAnchor: "center", labelArrow: "none" },
      },
      y: { domain: [-0.2, 1.03], label: "share, or r", labelArrow: "none", ticks: 6, grid: true },
      marks: [
        areaY(band, { x: "scale", y1: "low", y2: "high", fill: nullFill }),
        ruleY([0], { stroke: nullLine }),
        line(base, { x: "scale", y: "base", stroke: nullLine, strokeWidth: 1.5, strokeDasharray: "4,3" }),
        text(base.slice(0, 1), {
          ...{
            x: "scale",
            y: "base",
            text: () => "base rate",
            textAnchor: "start",
            dx: 8,
            dy: base[1]?.base > base[0]?.base ? 9 : -8,
          },
          ...{ fill: muted, stroke: paper, strokeWidth: 3, fontSize: fontSize.small },
        }),
        ...measureMarks(cell, ({ criterion }) => criterion, {
          ...{ color: criterionColor, name: "criterion", dx: -4, dy: apart(kept, r) },
        }),
        ...measureMarks(cell, ({ r }) => r, {
          color: tuningColor,
          name: "tuning r",
          dx: 4,
          dy: apart(r, kept),
        }),
      ],
    },
  };
}

/** Figure: share maintained by the criterion and mean tuning r against the scale of the embeddings. */
export function criterionAgainstTuning({ seeds, scales, panels }: CriterionAgainstTuningData): FigureSpec {
  const first = panels.find(({ layer, kind }) => layer === 0 && kind === "token") ?? panels[0];
  const smallest = first?.byScale[first.byScale.length - 1];
  const [kept, r] = [meanInterval(smallest?.criterion ?? []).mean, meanInterval(smallest?.r ?? []).mean];
  return {
    name: "identity-or-effect",
    title: `Embeddings × ${smallest?.scale}: the criterion calls a share of ${fixed(kept)} maintained where tuning correlates ${fixed(r)} with what it was (${first?.kind}, layer ${first?.layer}).`,
    question: "Does a unit that keeps its η² keep what it is tuned to?",
    seeds: `${counted(seeds, "seed")} at each scale; networks of one seed share draws and data.`,
    nullModel:
      "dashed: the criterion with the trained layer's units shuffled; grey band: r with another network's initialisation, middle 90 % of seeds.",
    reading:
      "Green: share of the five most selective units that the original criterion calls maintained; pink: correlation of token (position) curves before and after training, mean over all units. Small dots: seeds; large ones: their mean with its 95 % t interval.",
    panels: panels.map((cell) => cellPanel(cell, scales)),
  };
}

/** What {@link trackedCurves} draws. */
export interface TrackedCurvesData {
  readonly seed: number;
  readonly panels: readonly {
    readonly scale: number;
    /** The units that the criterion follows, of layer 0. */
    readonly units: readonly {
      readonly unit: number;
      readonly eta2: readonly [before: number, after: number];
      readonly r: number;
      /** [token] */
      readonly before: ArrayLike<number>;
      readonly after: ArrayLike<number>;
    }[];
  }[];
}

type Units = TrackedCurvesData["panels"][number]["units"];

/** A curve at length 1: what a correlation compares. */
function unitLength(curve: ArrayLike<number>): number[] {
  const values = Array.from(curve);
  const length = Math.sqrt(values.reduce((total, value) => total + value * value, 0));
  return values.map((value) => value / length);
}

function curvesPanel(scale: number, units: Units): Panel {
  const name = ({ unit, eta2: [then, now], r }: Units[number]) =>
    `${unitName(0, unit)}\nη² ${fixed(then)} → ${fixed(now)}\nr ${fixed(r)}`;
  const points = (pick: (of: Units[number]) => ArrayLike<number>) =>
    units.flatMap((of) => unitLength(pick(of)).map((value, token) => ({ unit: name(of), token, value })));
  return {
    title: `embeddings × ${scale}`,
    description: units
      .map(
        (of) => `${unitName(0, of.unit)} r ${fixed(of.r)}, η² ${fixed(of.eta2[0])} to ${fixed(of.eta2[1])}`,
      )
      .join("; "),
    options: {
      ...{ width: 450, height: 180, marginLeft: 34, marginRight: 8, marginTop: 46, marginBottom: 36 },
      fx: { domain: units.map(name), label: null, padding: 0.12, axis: null },
      x: { ticks: [0, 4, 8], tickSize: 3, label: "token", labelAnchor: "center", labelArrow: "none" },
      y: { domain: [-1, 1], ticks: 3, label: null, grid: true },
      marks: [
        ruleY([0], { stroke: nullLine }),
        line(
          points(({ before }) => before),
          {
            ...{ fx: "unit", x: "token", y: "value", stroke: thenColor, strokeWidth: 1.8 },
          },
        ),
        line(
          points(({ after }) => after),
          {
            ...{ fx: "unit", x: "token", y: "value", stroke: nowColor, strokeWidth: 1.8 },
          },
        ),
        text(units.map(name), {
          ...{ fx: (label: string) => label, text: (label: string) => label, frameAnchor: "top", dy: -24 },
          ...{ fill: ink, fontSize: fontSize.small, lineHeight: 1.25 },
        }),
      ],
    },
  };
}

/** Figure: token curves of the tracked units of one network before and after training, at both ends of the scale. */
export function trackedCurves({ seed, panels }: TrackedCurvesData): FigureSpec {
  const meanR = (units: Units) => fixed(meanInterval(units.map(({ r }) => r)).mean);
  const kept = (units: Units) =>
    units.filter(({ eta2: [before, after] }) => after > Math.max(0.05, before / 2)).length;
  const parts = panels.map(
    ({ scale, units }) =>
      `embeddings × ${scale}: ${kept(units)} of ${units.length} units keep their η², mean r ${meanR(units)}`,
  );
  return {
    name: "tracked-curves",
    title: `${parts.join("; ")}.`.replace(/^e/, "E"),
    question: "What does a unit that is called maintained respond to, before and after?",
    seeds: `seed ${seed} alone, for illustration; the numbers of all seeds are in the other figure.`,
    nullModel: "unrelated curves: r 0. The grey line is the unit's mean over tokens.",
    reading:
      "The five units of layer 0 with the largest initial η² for tokens, most selective first. Blue: mean activation by token before training, orange: after; each about its mean and scaled to length 1, as a correlation sees it.",
    panels: panels.map(({ scale, units }) => curvesPanel(scale, units)),
  };
}
