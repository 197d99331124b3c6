/** Figures of S14: heads that emerge, dictionaries of trained and random networks, embeddings without a trained body. */
import { areaY, dot, line, ruleY, text } from "@observablehq/plot";
import { tInterval } from "../../stats/intervals.ts";
import { type DotRow, dotRowsPanel } from "../dotRows.ts";
import type { FigureSpec, Panel } from "../figure.ts";
import { counted, fixed, intervalText, listed } from "../numberText.ts";
import { columnOf, meanFinite, meanInterval } from "../spread.ts";
import { stepScale } from "../stepAxis.ts";
import { fontSize, ink, muted, nowColor, nullLine, thenColor } from "../theme.ts";

/** Scores of the best head and losses, [seed][checkpoint]. */
export interface HeadsEmergingData {
  readonly steps: readonly number[];
  readonly scores: readonly (readonly number[])[];
  readonly losses: readonly (readonly number[])[];
}

const size = { width: 300, height: 230 } as const;
const margins = { marginLeft: 44, marginRight: 40, marginTop: 26, marginBottom: 38 } as const;

function coursePanel(
  steps: readonly number[],
  rows: readonly (readonly number[])[],
  { title, label, top, reference }: { title: string; label: string; top: number; reference?: string },
): Panel {
  const last = steps.at(-1) ?? 0;
  const seeds = rows.flatMap((row, seed) => steps.map((step, c) => ({ seed, step, value: row[c] })));
  const mean = steps.map((step, c) => {
    const { mean: value, low, high } = meanInterval(columnOf(rows, c));
    return { step, value, low, high };
  });
  const ends = [mean[0], mean.at(-1)].filter((point) => point !== undefined);
  return {
    title,
    description: `mean ${fixed(ends[0]?.value)} at step 0, ${fixed(ends.at(-1)?.value)} at step ${last}`,
    options: {
      ...size,
      ...margins,
      x: stepScale(last, size.width - margins.marginLeft - margins.marginRight),
      y: { domain: [-top / 10, top], label, labelArrow: "none", ticks: 5, grid: true },
      marks: [
        ruleY(reference === undefined ? [] : [0], { stroke: nullLine, strokeWidth: 1.5 }),
        text(reference === undefined ? [] : [reference], {
          ...{ frameAnchor: "bottom-right", text: (words: string) => words, dy: -2, dx: -4 },
          fill: muted,
          fontSize: fontSize.small,
        }),
        line(seeds, {
          ...{ x: "step", y: "value", z: "seed", stroke: nowColor },
          ...{ strokeWidth: 0.7, strokeOpacity: 0.35 },
        }),
        areaY(mean, { x: "step", y1: "low", y2: "high", fill: nowColor, fillOpacity: 0.3, clip: true }),
        line(mean, { x: "step", y: "value", stroke: ink, strokeWidth: 1.8 }),
        dot(ends, { x: "step", y: "value", r: 4, fill: ({ step }) => (step === 0 ? thenColor : nowColor) }),
        text(ends.slice(-1), {
          ...{ x: "step", y: "value", text: ({ value }: { value: number }) => fixed(value) },
          ...{ textAnchor: "start", dx: 8, fill: ink, fontWeight: 600, fontSize: fontSize.label },
        }),
      ],
    },
  };
}

/** Figure: prefix matching of the best head, and the loss, at every checkpoint. */
export function headsEmerging({ steps, scores, losses }: HeadsEmergingData): FigureSpec {
  const ends = [0, steps.length - 1].map((c) => meanFinite(columnOf(scores, c)));
  const worst = losses.flat().reduce((a, b) => (b > a ? b : a), 0);
  return {
    name: "heads-emerging",
    title: `The best head matches prefixes with ${fixed(ends[0])} before training and ${fixed(ends[1])} after it.`,
    question: "Is an induction head there before training?",
    seeds: `${counted(scores.length, "seed")}.`,
    nullModel:
      "grey line: uniform attention, exactly 0; the best of eight heads lies above it by chance alone.",
    reading:
      "Thin lines: each network; strong line: their mean, its tint the 95 % t interval over seeds. Score: attention to what followed an earlier copy of the token, 1 for a pure induction head.",
    panels: [
      coursePanel(steps, scores, {
        ...{ title: "prefix matching, best of eight heads", label: "score beyond uniform", top: 1 },
        reference: "uniform attention",
      }),
      coursePanel(steps, losses, {
        ...{ title: "held-out loss", label: "nats", top: Math.max(1, worst) },
      }),
    ],
  };
}

/** A subject's dictionaries, one entry a seed. */
export interface DictionarySubject {
  readonly name: string;
  readonly time: "then" | "now" | undefined;
  readonly numbers: readonly Readonly<Record<"fvu" | "token" | "context" | "entropy", number>>[];
}

const metricTitles = {
  fvu: ["variance unexplained", "share of variance"],
  token: ["token selectivity of latents", "eta² of the token"],
  context: ["context in latents", "share of variance"],
  entropy: ["spread of latents over tokens", "entropy, of ln V"],
} as const;

function rowOf(label: string, values: readonly number[], strong = true): DotRow {
  const kept = values.filter(Number.isFinite);
  const { estimate, low, high } =
    kept.length < 2 ? { estimate: meanFinite(kept), low: Number.NaN, high: Number.NaN } : tInterval(kept);
  return { label, estimate, low, high, note: fixed(estimate), strong };
}

/** Figure: four measures of sparse dictionaries, for trained networks and for what they are compared with. */
export function dictionaryMetrics(subjects: readonly DictionarySubject[]): FigureSpec {
  const of = (time: "then" | "now", metric: keyof typeof metricTitles) =>
    meanFinite(
      subjects.find((subject) => subject.time === time)?.numbers.map((numbers) => numbers[metric]) ?? [],
    );
  const pair = (metric: keyof typeof metricTitles) =>
    `${fixed(of("now", metric))} against ${fixed(of("then", metric))}`;
  return {
    name: "dictionary-metrics",
    title: `Dictionaries of trained networks leave ${pair("fvu")} of the variance unexplained, with token selectivity ${pair("token")}; context makes ${pair("context")} of their latents' variance.`,
    question: "Can a sparse autoencoder tell a trained network from a random one?",
    seeds: `${counted(subjects[0]?.numbers.length ?? 0, "seed")}.`,
    nullModel:
      "the same network before training (initial), with its body drawn anew under trained embeddings (random body), and Gaussian noise of its covariance.",
    reading:
      "Dot: mean over both layers and seeds; line: 95 % t interval over seeds. Unseen sequences; token, context and entropy are means over latents that are not dead.",
    panels: (Object.keys(metricTitles) as (keyof typeof metricTitles)[]).map((metric) =>
      dotRowsPanel({
        title: metricTitles[metric][0],
        axis: metricTitles[metric][1],
        rows: subjects.map(({ name, time, numbers }) =>
          rowOf(
            name,
            numbers.map((own) => own[metric]),
            time === "now",
          ),
        ),
        reference: 0,
        color: nowColor,
      }),
    ),
  };
}

/** Figure: how much of the whole network's gain its embeddings reach alone, by width. */
export function embeddingsGain(
  widths: readonly { readonly width: number; readonly shares: readonly number[] }[],
): FigureSpec {
  const rows = widths.map(({ width, shares }) => rowOf(`width ${width}`, shares));
  return {
    name: "embeddings-gain",
    title: `With a random body, embeddings alone reach ${listed(
      rows.map((row) => `${fixed(row.estimate)} ${intervalText([row.low, row.high])} (${row.label})`),
    )} of the whole network's gain.`,
    question: "How far does a network come whose body is never trained?",
    seeds: `${listed(widths.map(({ shares }) => String(shares.filter(Number.isFinite).length)))} seeds.`,
    nullModel: "dashed line: 0, no better than before training; 1 would be as good as training everything.",
    reading: "Dot: mean over seeds of (L₀ − L) / (L₀ − L whole) in held-out loss; line: 95 % t interval.",
    panels: [
      dotRowsPanel({
        ...{ title: "embeddings and unembedding alone", axis: "share of the gain" },
        ...{ rows, reference: 0, domain: [0, 1], color: nowColor },
      }),
    ],
  };
}
