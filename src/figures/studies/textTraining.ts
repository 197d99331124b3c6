/** Language models in training: what they lose on text they have not seen, and what their neurons keep of their start. */
import { areaY, dot, line, ruleY, text } from "@observablehq/plot";
import type { FigureSpec, Panel } from "../figure.ts";
import { counted, fixed, intervalText } from "../numberText.ts";
import { columnOf, meanFinite, meanInterval, spreadOf } from "../spread.ts";
import { stepScale } from "../stepAxis.ts";
import { fontSize, ink, muted, nowColor, nullFill, nullLine, thenColor } from "../theme.ts";

/** What every figure of a text population has to know of it. */
export interface TextPopulationData {
  readonly preset: string;
  readonly seeds: readonly number[];
  /** One a seed: the step at which it diverged, or null. */
  readonly divergedAt: readonly (number | null)[];
  /** Steps of the checkpoints; the first is 0. */
  readonly checkpoints: readonly number[];
}

/** What {@link textLosses} draws; losses in nats per token. */
export interface TextLossesData extends TextPopulationData {
  /** Training loss before every update, [seed][step]. */
  readonly train: readonly ArrayLike<number>[];
  /** [seed][checkpoint] */
  readonly heldOut: readonly ArrayLike<number>[];
  /** At the last checkpoint, [seed][pos]. */
  readonly heldOutByPosition: readonly ArrayLike<number>[];
  /** Held-out loss of models that only count. */
  readonly baseline: { readonly unigram: number; readonly bigram: number };
  /** Factor from nats per token to bits per character. */
  readonly bitsPerNat: number;
}

/** What {@link textPersistence} draws. */
export interface TextPersistenceData extends TextPopulationData {
  readonly groups: readonly {
    readonly layer: number;
    readonly kind: "token" | "position" | "class";
    /** Mean over units of the correlation with the own start, [seed][checkpoint]. */
    readonly r: readonly ArrayLike<number>[];
    /** The same with units of the same network in another order: its mean over all orders. */
    readonly shuffled: readonly ArrayLike<number>[];
    /** The same with the start of another seed. */
    readonly otherInit: readonly ArrayLike<number>[];
  }[];
}

const size = { width: 450, height: 270, marginLeft: 40, marginRight: 48, marginTop: 22, marginBottom: 38 };
const plotWidth = size.width - size.marginLeft - size.marginRight;

/** `4 seeds (char); 1 diverged and is left out.` */
function seedsText({ preset, seeds, divergedAt }: TextPopulationData): string {
  const lost = divergedAt.flatMap((step, i) => (step === null ? [] : [`${seeds[i]} at step ${step}`]));
  const why =
    lost.length === 0 ? "" : `; ${lost.length} diverged and left out from there (seed ${lost.join(", ")})`;
  return `${counted(seeds.length, "seed")} (${preset})${why}.`;
}

/** A course over checkpoints: the mean over seeds with its t interval. */
function course(rows: readonly ArrayLike<number>[], steps: readonly number[], factor = 1) {
  return steps.map((step, i) => {
    const { mean, low, high } = meanInterval(columnOf(rows, i).map((value) => value * factor));
    return { step, value: mean, low, high };
  });
}

const points = (rows: readonly ArrayLike<number>[], places: readonly number[], factor = 1) =>
  rows.flatMap((row, seed) =>
    places.map((step, i) => ({ seed, step, value: i < row.length ? row[i] * factor : Number.NaN })),
  );

type Points = ReturnType<typeof points>;
type Course = ReturnType<typeof course>;

/** Thin lines of seeds, and their mean with its interval on top. */
const curveMarks = (seeds: Points, mean: Course) => [
  line(seeds, { x: "step", y: "value", z: "seed", stroke: nowColor, strokeWidth: 0.7, strokeOpacity: 0.4 }),
  areaY(mean, { x: "step", y1: "low", y2: "high", fill: nowColor, fillOpacity: 0.3 }),
  line(mean, { x: "step", y: "value", stroke: ink, strokeWidth: 1.8 }),
];

/** The last value beside its point. */
const endLabel = (mean: Course) =>
  text(mean.slice(-1), {
    ...{
      x: "step",
      y: "value",
      text: ({ value }: { value: number }) => fixed(value),
      textAnchor: "start",
      dx: 6,
    },
    ...{ fill: ink, fontWeight: 600, fontSize: fontSize.label },
  });

/** Horizontal lines of the models that count, the higher named above its line and the lower below. */
function baselineMarks(levels: readonly { name: string; value: number }[], side: "left" | "right") {
  const sorted = [...levels].sort((a, b) => b.value - a.value);
  return [
    ruleY(levels, { y: "value", stroke: nullLine, strokeWidth: 1.3 }),
    ...sorted.map((level, i) =>
      text([level], {
        ...{ y: "value", text: ({ name, value }) => `${name} ${fixed(value)}`, frameAnchor: side },
        ...{ textAnchor: side === "left" ? "start" : "end", dx: side === "left" ? 4 : -4 },
        ...{ dy: i === 0 ? -7 : 8, fill: muted, fontSize: fontSize.label },
      }),
    ),
  ];
}

const baselines = ({ baseline }: TextLossesData, factor = 1) => [
  { name: "unigram", value: baseline.unigram * factor },
  { name: "bigram", value: baseline.bigram * factor },
];

const loud = (label: string, domain: [number, number]) => ({
  ...{ domain, label, labelArrow: "none" as const, grid: true, ticks: 6 },
});

function bounds(values: readonly number[]): [number, number] {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return [0, 1];
  return [Math.floor(10 * Math.min(...finite)) / 10, Math.ceil(10 * Math.max(...finite)) / 10];
}

/** Training losses at steps a sixteenth of the way apart on the step axis: means over the steps between. */
function trainingPoints(rows: readonly ArrayLike<number>[]): Points {
  return rows.flatMap((row, seed) => {
    const out: Points = [];
    for (let start = 0; start < row.length; ) {
      const end = Math.min(row.length, Math.max(start + 1, Math.floor(start * 1.0625)));
      out.push({ seed, step: (start + end) / 2, value: meanFinite(Array.from(row).slice(start, end)) });
      start = end;
    }
    return out;
  });
}

function throughTraining(data: TextLossesData): Panel {
  const { checkpoints, heldOut } = data;
  const mean = course(heldOut, checkpoints);
  const train = trainingPoints(data.train);
  const levels = baselines(data);
  const last = checkpoints[checkpoints.length - 1];
  const values = [...train, ...points(heldOut, checkpoints), ...levels].map(({ value }) => value);
  return {
    title: "loss through training, nats per token",
    description: `mean held-out loss falls from ${fixed(mean[0].value)} to ${fixed(mean[mean.length - 1].value)} nats per token; counting pairs reaches ${fixed(data.baseline.bigram)}`,
    options: {
      ...size,
      x: stepScale(last, plotWidth),
      y: loud("loss (nats per token)", bounds(values)),
      marks: [
        ...baselineMarks(levels, "left"),
        line(train, {
          ...{ x: "step", y: "value", z: "seed", stroke: thenColor, strokeWidth: 0.7, strokeOpacity: 0.5 },
        }),
        ...curveMarks(points(heldOut, checkpoints), mean),
        dot(mean, { x: "step", y: "value", r: 2.2, fill: ink }),
        endLabel(mean),
      ],
    },
  };
}

function bits(data: TextLossesData): Panel {
  const { checkpoints, heldOut, bitsPerNat } = data;
  const last = checkpoints[checkpoints.length - 1];
  const mean = course(heldOut, checkpoints, bitsPerNat);
  const levels = baselines(data, bitsPerNat);
  const end = mean[mean.length - 1];
  return {
    title: "bits per character, even steps",
    description: `mean held-out loss ends at ${fixed(end.value)} ${intervalText([end.low, end.high])} bits per character`,
    options: {
      ...size,
      x: {
        ...{ domain: [0, Math.max(1, last)], label: "step (updates)", labelAnchor: "center" },
        ...{ labelArrow: "none", ticks: 5 },
      },
      y: loud(
        "held-out loss (bits per character)",
        bounds([...mean.flatMap(({ value, low }) => [value, low]), ...levels.map(({ value }) => value)]),
      ),
      marks: [
        ...baselineMarks(levels, "right"),
        ...curveMarks(points(heldOut, checkpoints, bitsPerNat), mean),
        dot(mean, { x: "step", y: "value", r: 2.2, fill: ink }),
        endLabel(mean),
      ],
    },
  };
}

function byPosition(data: TextLossesData): Panel {
  const { heldOutByPosition } = data;
  const places = Array.from(heldOutByPosition[0] ?? [], (_, pos) => pos);
  const mean = course(heldOutByPosition, places);
  const levels = baselines(data);
  const [first, last] = [mean[0], mean[mean.length - 1]];
  return {
    title: "what context gives, after training",
    description: `mean held-out loss is ${fixed(first?.value)} nats at the first position and ${fixed(last?.value)} at the last`,
    options: {
      ...size,
      x: {
        ...{
          domain: [0, Math.max(1, places.length - 1)],
          label: "position in the window (tokens before it)",
        },
        ...{ labelAnchor: "center", labelArrow: "none", ticks: 6 },
      },
      y: loud("held-out loss (nats per token)", bounds([...mean, ...levels].map(({ value }) => value))),
      marks: [
        ...baselineMarks(levels, "right"),
        ...curveMarks(points(heldOutByPosition, places), mean),
        endLabel(mean),
      ],
    },
  };
}

/** Figure: losses of all seeds, their mean and its interval, over what counting tokens and pairs reaches. */
export function textLosses(data: TextLossesData): FigureSpec {
  const { checkpoints, heldOut, baseline, bitsPerNat } = data;
  const end = course(heldOut, checkpoints)[checkpoints.length - 1];
  const relation = end.value < baseline.bigram ? "below" : "above";
  return {
    name: "text-losses",
    title: `${data.preset} ends at ${fixed(end.value)} nats per token, ${fixed(end.value * bitsPerNat)} bits per character, ${relation} the ${fixed(baseline.bigram)} nats of counting pairs.`,
    question: "Does the model predict text that it has not seen better than counting would?",
    seeds: seedsText(data),
    nullModel:
      "grey lines: held-out loss of a unigram and of a smoothed bigram model of the same training text.",
    reading:
      "Thin blue: training loss of each seed (means over growing spans). Thin orange: held-out loss of each seed; strong: mean over seeds, its tint the 95 % t interval; dots: checkpoints.",
    panels: [throughTraining(data), bits(data), byPosition(data)],
  };
}

type Group = TextPersistenceData["groups"][number];

function persistencePanel(data: TextPersistenceData, group: Group, low: number): Panel {
  const { checkpoints } = data;
  const mean = course(group.r, checkpoints);
  const shuffled = course(group.shuffled, checkpoints);
  const others = checkpoints.map((step, i) => ({ step, ...spreadOf(columnOf(group.otherInit, i)) }));
  const end = mean[mean.length - 1];
  const ends = [mean[0], end];
  return {
    title: `layer ${group.layer} · by ${group.kind}`,
    description: `mean correlation with the own start falls from 1 to ${fixed(end.value)} ${intervalText([end.low, end.high])}; with units in another order it ends at ${fixed(shuffled[shuffled.length - 1].value)}, with another initialisation at ${fixed(others[others.length - 1].median)}`,
    options: {
      ...size,
      height: 230,
      x: stepScale(checkpoints[checkpoints.length - 1], plotWidth),
      y: loud("tuning r", [low, 1]),
      marks: [
        areaY(others, { x: "step", y1: "low", y2: "high", fill: nullFill }),
        line(others, { x: "step", y: "median", stroke: nullLine, strokeWidth: 1.2 }),
        line(shuffled, { x: "step", y: "value", stroke: nullLine, strokeWidth: 1.6, strokeDasharray: "4,3" }),
        ...curveMarks(points(group.r, checkpoints), mean),
        dot(ends, { x: "step", y: "value", r: 4, fill: ({ step }) => (step === 0 ? thenColor : nowColor) }),
        endLabel(mean),
      ],
    },
  };
}

/** Figure: how far neurons still respond to tokens and positions as at their start, above both nulls. */
export function textPersistence(data: TextPersistenceData): FigureSpec {
  const all = data.groups.flatMap(({ r, shuffled, otherInit }) =>
    [...r, ...shuffled, ...otherInit].flatMap((row) => Array.from(row).filter(Number.isFinite)),
  );
  const low = Math.max(-1, Math.floor(10 * all.reduce((a, b) => Math.min(a, b), 0)) / 10);
  const last = data.checkpoints.length - 1;
  const found = data.groups.map(({ layer, kind, r, shuffled }) => {
    const end = meanFinite(columnOf(r, last));
    return `L${layer} ${kind} ${fixed(end)} (shuffled ${fixed(meanFinite(columnOf(shuffled, last)))})`;
  });
  return {
    name: "text-persistence",
    title: `Tuning r with the own start after ${data.checkpoints[last]} steps: ${found.join(", ")}.`,
    question: "Do neurons of a language model still respond to what they responded to at initialisation?",
    seeds: seedsText(data),
    nullModel:
      "dashed: units of the same trained network in another order, the mean over all orders; grey band: another seed's initialisation, middle 90 % of seeds.",
    reading: `Thin lines: mean over the MLP neurons of each seed; strong line: mean over seeds, its tint the 95 % t interval. Blue dot then, orange dot now. By token: mean response to each followed token; by position: to each position${data.groups.some(({ kind }) => kind === "class") ? "; by class: to the words of each class" : ""}.`,
    panels: data.groups.map((group) => persistencePanel(data, group, low)),
  };
}
