/** How persistence falls with steps, with displacement and with what was learned, one line a learning rate. */
import { areaY, line, type Markish, ruleY, text } from "@observablehq/plot";
import { stretchedExponential, stretchedExponentialAt } from "../../stats/stretchedExponential.ts";
import type { FigureSpec, Panel } from "../figure.ts";
import { counted, fixed, listed } from "../numberText.ts";
import { columnOf, meanFinite, spreadOf } from "../spread.ts";
import { stepScale } from "../stepAxis.ts";
import { amountColors, fontSize, ink, muted, nullFill, nullLine, paper } from "../theme.ts";

/** One network. */
export interface DoseCourse {
  readonly seed: number;
  readonly rate: number;
  /** [checkpoint] */
  readonly steps: readonly number[];
  /** Loss progress, [checkpoint]. */
  readonly progress: ArrayLike<number>;
  /** Every array is [checkpoint]. */
  readonly layers: readonly {
    readonly kappa: ArrayLike<number>;
    readonly displacement: ArrayLike<number>;
    /** κ against another network's initialisation. */
    readonly stranger: ArrayLike<number>;
  }[];
}

/** What both figures draw. */
export interface DoseData {
  /** Seeds of every rate. */
  readonly seeds: number;
  /** Networks that did not diverge. */
  readonly courses: readonly DoseCourse[];
  /** Ascending. */
  readonly rates: readonly number[];
  readonly layers: readonly number[];
}

/** What the figure against steps draws besides. */
export interface DoseCurvesData extends DoseData {
  /** Half-lives in steps of every network and layer. */
  readonly fits: readonly { readonly rate: number; readonly layer: number; readonly halfLife: number }[];
}

/** What the figure of the two accounts draws besides. */
export interface DoseCollapseData extends DoseData {
  /** R² of one curve for all rates, one a seed. */
  readonly r2: (layer: number, amount: "displacement" | "progress") => ArrayLike<number>;
}

const panelWidth = 450;
const margins = { marginLeft: 36, marginRight: 46, marginTop: 14, marginBottom: 38 };
const plotWidth = panelWidth - margins.marginLeft - margins.marginRight;
const meanLine = { strokeWidth: 2, marker: "dot" } as const;

/** Little to much, as the rates are. */
function colorOf(rate: number, rates: readonly number[]): string {
  const [from, to] = [2, amountColors.length - 1];
  const share = rates.length < 2 ? 1 : rates.indexOf(rate) / (rates.length - 1);
  return amountColors[Math.round(from + share * (to - from))];
}

interface Sample {
  x: number;
  kappa: number;
  rate: number;
  seed: number;
}

/** Lines of the seeds, their mean by checkpoint, and the rate at its end, `labelRise` px above it. */
function linesOf(
  data: DoseData,
  layer: number,
  xOf: (course: DoseCourse) => ArrayLike<number>,
  labelRise: number,
): { marks: Markish[]; samples: Sample[] } {
  const samples = data.courses.flatMap((course) => {
    const x = xOf(course);
    return Array.from(course.layers[layer].kappa, (kappa, c) => ({
      ...{ kappa, x: x[c], rate: course.rate, seed: course.seed },
    }));
  });
  const means = data.rates.flatMap((rate) => {
    const own = data.courses.filter((course) => course.rate === rate);
    const steps = own[0]?.steps ?? [];
    return steps.map((_, c) => ({
      rate,
      x: meanFinite(columnOf(own.map(xOf), c)),
      kappa: meanFinite(
        columnOf(
          own.map((course) => course.layers[layer].kappa),
          c,
        ),
      ),
    }));
  });
  const ends = data.rates.flatMap((rate) => means.filter((point) => point.rate === rate).slice(-1));
  const stroke = ({ rate }: { rate: number }) => colorOf(rate, data.rates);
  return {
    samples,
    marks: [
      line(samples, {
        ...{ x: "x", y: "kappa", z: ({ rate, seed }: Sample) => `${rate} ${seed}`, stroke },
        ...{ strokeWidth: 0.6, strokeOpacity: 0.3 },
      }),
      line(means, { x: "x", y: "kappa", z: "rate", stroke, ...meanLine }),
      text(ends, {
        ...{ x: "x", y: "kappa", text: ({ rate }: { rate: number }) => String(rate) },
        ...{
          textAnchor: "start",
          dx: 7,
          dy: -labelRise,
          fill: ink,
          stroke: paper,
          strokeWidth: 3,
          fontSize: fontSize.label,
        },
      }),
    ],
  };
}

/** The middle 90 % of κ against another network's initialisation, over all networks and steps. */
function nullMarks(data: DoseData, layer: number, ends: readonly [number, number]): Markish[] {
  const { low, high } = spreadOf(data.courses.flatMap(({ layers }) => Array.from(layers[layer].stranger)));
  const band = ends.map((x) => ({ x, low, high }));
  return [
    areaY(band, { x: "x", y1: "low", y2: "high", fill: nullFill }),
    ruleY([0], { stroke: nullLine, strokeWidth: 1.2 }),
    text(band.slice(0, 1), {
      ...{ x: "x", y: "high", text: () => "another initialisation", textAnchor: "start", dx: 3, dy: -7 },
      ...{ fill: muted, fontSize: fontSize.label },
    }),
  ];
}

const kappaScale = {
  domain: [-0.1, 1.02],
  label: "κ of tuning",
  labelArrow: "none",
  ticks: 6,
  grid: true,
} as const;
const seedsText = ({ seeds, courses, rates }: DoseData) => {
  const lost = seeds * rates.length - courses.length;
  return `${counted(seeds, "seed")} at each of ${rates.length} rates${lost === 0 ? "" : `; ${lost} diverged and are not drawn`}.`;
};
const nullText =
  "κ = 0: what units in any order would have (grey line); band: κ with another network's initialisation, middle 90 % of networks and steps.";

/** Geometric mean; NaN where there is none. */
const typicalTime = (times: readonly number[]) => Math.exp(meanFinite(times.map(Math.log)));

/** `1,060`, or `no value`. */
const stepsText = (steps: number) =>
  Number.isFinite(steps) ? Number(steps.toPrecision(2)).toLocaleString("en-US") : "an unknown number of";

/** Figure: κ of every network against steps, a panel a layer. */
export function doseResponseCurves(data: DoseCurvesData): FigureSpec {
  const last = Math.max(1, ...data.courses.map(({ steps }) => steps[steps.length - 1]));
  const halfLife = (layer: number, rate: number) =>
    typicalTime(
      data.fits.filter((fit) => fit.layer === layer && fit.rate === rate).map((fit) => fit.halfLife),
    );
  const deepest = data.layers[data.layers.length - 1];
  const seen = data.rates.filter((rate) => halfLife(deepest, rate) <= last);
  const ends = [...new Set([seen[0], seen[seen.length - 1]])].filter((rate) => rate !== undefined);
  const halves = ends.map((rate) => `${stepsText(halfLife(deepest, rate))} steps at rate ${rate}`);
  return {
    name: "dose-response-steps",
    title:
      halves.length === 0
        ? `Layer ${deepest} keeps more than half of its tuning for ${last} steps at every rate.`
        : `Half of layer ${deepest}'s tuning is left after ${listed(halves)}.`,
    question:
      "For how long does training leave tuning as it was, and how does that depend on the learning rate?",
    seeds: seedsText(data),
    nullModel: nullText,
    reading:
      "Thin lines: networks; thick line: mean over seeds of one learning rate, which stands at its end. κ: correlation of a unit's cell means with those before training, mean over units, above chance. Half-lives are those of exp(−(steps/τ)^β), geometric mean over seeds; beyond the last step they are extrapolated.",
    panels: data.layers.map((layer): Panel => {
      const { marks } = linesOf(data, layer, ({ steps }) => steps, 0);
      return {
        title: `layer ${layer}`,
        description: listed(
          data.rates.map((rate) => `rate ${rate}: half-life ${stepsText(halfLife(layer, rate))} steps`),
        ),
        options: {
          ...{ width: panelWidth, height: 290, ...margins },
          x: stepScale(last, plotWidth),
          y: kappaScale,
          marks: [...nullMarks(data, layer, [0, last]), ...marks],
        },
      };
    }),
  };
}

const axes = {
  displacement: { label: "displacement ‖ΔW‖ / ‖W₀‖ (square-root axis)", type: "sqrt" },
  progress: { label: "loss progress (fraction of what can be learned)", type: "linear" },
} as const;

/** Figure: κ of every network against displacement and against loss progress, with the curve that serves all rates. */
export function doseCollapse(data: DoseCollapseData): FigureSpec {
  const amounts = ["displacement", "progress"] as const;
  const r2Text = (amount: (typeof amounts)[number]) =>
    listed(data.layers.map((layer) => fixed(meanFinite(data.r2(layer, amount)), 3)));
  return {
    name: "dose-response-collapse",
    title: `One curve for all learning rates explains ${r2Text("displacement")} of κ's variance from displacement, ${r2Text("progress")} from loss progress (layers ${listed(data.layers.map(String))}).`,
    question: "Does persistence fall with how far the weights moved, or with how much was learned?",
    seeds: seedsText(data),
    nullModel: nullText,
    reading:
      "Thin lines: networks; thick line: mean over seeds of one learning rate, which stands at its end; dashed: exp(−(x/τ)^β) fitted to all networks. R² is that of seeds that were left out of the fit. If the amount were all that matters, the lines would coincide.",
    panels: amounts.flatMap((amount) =>
      data.layers.map((layer): Panel => {
        const xOf = (course: DoseCourse) =>
          amount === "progress"
            ? Array.from(course.progress, (value) => Math.max(0, value))
            : course.layers[layer].displacement;
        const { marks, samples } = linesOf(data, layer, xOf, 6);
        const usable = samples.filter(
          ({ x, kappa }) => x > 0 && Number.isFinite(x) && Number.isFinite(kappa),
        );
        const right = Math.max(0.01, ...usable.map(({ x }) => x));
        const curve =
          usable.length < 2
            ? []
            : curvePoints(
                usable.map(({ x }) => x),
                usable.map(({ kappa }) => kappa),
                right,
              );
        const r2 = fixed(meanFinite(data.r2(layer, amount)), 3);
        return {
          title: `${amount === "progress" ? "loss progress" : "displacement"} · layer ${layer}`,
          description: `κ of every network against ${axes[amount].label}; one curve for all rates has R² ${r2}`,
          options: {
            ...{ width: panelWidth, height: 290, ...margins },
            x: {
              ...{ domain: [0, amount === "progress" ? 1 : right], ticks: 6, grid: true },
              ...{ ...axes[amount], labelAnchor: "center", labelArrow: "none" },
            },
            y: kappaScale,
            marks: [
              ...nullMarks(data, layer, [0, amount === "progress" ? 1 : right]),
              ...marks,
              line(curve, { x: "x", y: "kappa", stroke: ink, strokeWidth: 1.5, strokeDasharray: "5,3" }),
              text([`R² ${r2}`], {
                ...{ frameAnchor: "top-right", dx: -4, dy: 4, fontWeight: 600, fill: ink },
                ...{ fontSize: fontSize.label },
              }),
            ],
          },
        };
      }),
    ),
  };
}

const CURVE_POINTS = 120;

/** The fitted curve, denser near 0 where it falls. */
function curvePoints(x: readonly number[], kappa: readonly number[], right: number) {
  const fit = stretchedExponential(x, kappa);
  return Array.from({ length: CURVE_POINTS + 1 }, (_, i) => {
    const at = right * (i / CURVE_POINTS) ** 2;
    return { x: at, kappa: stretchedExponentialAt(fit, at) };
  });
}
