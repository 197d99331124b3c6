/** Figures of S15: what language models learned, what is left of their tuning, and what their neurons select. */
import { areaY, dot, line, link, type Markish, ruleX, ruleY, text } from "@observablehq/plot";
import type { FigureSpec, Panel } from "../figure.ts";
import { counted, fixed, intervalText, listed } from "../numberText.ts";
import { columnOf, meanFinite, meanInterval, spreadOf } from "../spread.ts";
import { stepScale } from "../stepAxis.ts";
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

/** What the neurons of one layer of one network told. */
export interface TextLayerCourse {
  /** Tuning r with its own and with a stranger's initialisation, [checkpoint]. */
  readonly r: readonly number[];
  readonly stranger: readonly number[];
  /** Shares of variance before and after training, by factor. */
  readonly end: { readonly selected: Readonly<Record<string, readonly [before: number, after: number]>> };
}

/** One network. */
export interface TextCourse {
  /** [checkpoint] */
  readonly steps: readonly number[];
  /** Loss on unseen text, nats a character, [checkpoint]. */
  readonly loss: readonly number[];
  /** Loss of models that count. */
  readonly baseline: { readonly unigram: number; readonly bigram: number };
  readonly layers: readonly TextLayerCourse[];
}

/** Networks that were trained in one way. */
export interface TextCondition {
  readonly name: string;
  readonly networks: readonly TextCourse[];
}

/** What the figures draw; the first condition is the text. */
export interface TextCoursesData {
  readonly seeds: number;
  readonly conditions: readonly TextCondition[];
}

const colors = [nowColor, categoryColors[1], categoryColors[0], categoryColors[3]] as const;
const size = { width: 450, height: 300 } as const;
const margins = { marginLeft: 42, marginRight: 142, marginTop: 24, marginBottom: 40 } as const;
const plotWidth = size.width - margins.marginLeft - margins.marginRight;
const plotHeight = size.height - margins.marginTop - margins.marginBottom;
/** Least distance of two labels, px. */
const labelGap = 14;

interface Path {
  readonly name: string;
  readonly color: string;
  readonly steps: readonly number[];
  /** [network][checkpoint] */
  readonly values: readonly (readonly number[])[];
}

function pathsOf(
  conditions: readonly TextCondition[],
  of: (network: TextCourse) => readonly number[],
): Path[] {
  return conditions.map(({ name, networks }, i) => ({
    ...{ name, color: colors[i % colors.length] },
    steps: networks[0]?.steps ?? [],
    values: networks.map(of),
  }));
}

/** Last step of any network. */
const lastStep = (conditions: readonly TextCondition[]) =>
  Math.max(1, ...conditions.flatMap(({ networks }) => networks.flatMap(({ steps }) => steps.slice(-1))));

/** Thin lines of networks, the mean over them with its interval at the end, and its name in the margin. */
function pathMarks(paths: readonly Path[], [low, high]: readonly [number, number]): Markish[] {
  const thin = paths.flatMap(({ color, steps, values }, i) =>
    values.flatMap((own, network) =>
      own.map((value, c) => ({ step: steps[c], value, path: `${i} ${network}`, color })),
    ),
  );
  const means = paths.map(({ name, color, steps, values }) => ({
    ...{ name, color },
    points: steps.map((step, c) => {
      const { mean, low, high } = meanInterval(columnOf(values, c));
      return { step, value: mean, low, high };
    }),
  }));
  return [
    line(thin, {
      ...{ x: "step", y: "value", z: "path", stroke: "color" },
      ...{ strokeWidth: 0.6, strokeOpacity: 0.3 },
    }),
    ...means.flatMap(({ points, color }) => [
      line(points, { x: "step", y: "value", stroke: color, strokeWidth: 2 }),
      dot(points, { x: "step", y: "value", r: 2.6, fill: color, stroke: paper, strokeWidth: 0.8 }),
      link(points.slice(-1), { x: "step", y1: "low", y2: "high", stroke: color, strokeWidth: 3 }),
    ]),
    ...endLabels(
      means.flatMap(({ name, color, points }) => {
        const end = points.at(-1);
        return end === undefined || !Number.isFinite(end.value)
          ? []
          : [{ ...{ step: end.step, value: end.value, color }, label: `${name} ${fixed(end.value)}` }];
      }),
      [low, high],
    ),
  ];
}

interface EndLabel {
  readonly step: number;
  readonly value: number;
  readonly label: string;
  readonly color: string;
}

/** Labels in the right margin at the height of their values, moved apart where they touch. */
function endLabels(ends: readonly EndLabel[], [low, high]: readonly [number, number]): Markish[] {
  const placed = ends
    .map((end) => ({ ...end, y: ((high - end.value) / (high - low)) * plotHeight }))
    .sort((a, b) => a.y - b.y);
  const places: number[] = [];
  for (const { y } of placed)
    places.push(Math.max(y, (places.at(-1) ?? Number.NEGATIVE_INFINITY) + labelGap));
  // what was pushed below the axis moves the labels above it up
  let floor = plotHeight;
  for (let i = places.length - 1; i >= 0; i--) {
    places[i] = Math.min(places[i], floor);
    floor = places[i] - labelGap;
  }
  return placed.map((end, i) =>
    text([end], {
      ...{ x: "step", y: "value", text: "label", textAnchor: "start", dx: 8, dy: places[i] - end.y },
      ...{ fill: end.color, fontWeight: 600, fontSize: fontSize.label },
    }),
  );
}

const seedsText = ({ seeds, conditions }: TextCoursesData) => {
  const lost = conditions.reduce((sum, { networks }) => sum + seeds - networks.length, 0);
  return `${counted(seeds, "seed")} under each of ${conditions.length} conditions${lost === 0 ? "" : `; ${lost} networks are left out, as one of their set diverged`}.`;
};

/** `1.93 nats (2.79 bits)`. */
const natsText = (nats: number) => `${fixed(nats)} nats (${fixed(nats / Math.LN2)} bits)`;

/** Figure: loss on unseen text against steps, with what counting reaches. */
export function textLoss(data: TextCoursesData): FigureSpec {
  const { conditions } = data;
  const all = conditions.flatMap(({ networks }) => networks);
  const baseline = (of: "unigram" | "bigram") =>
    meanFinite((conditions[0]?.networks ?? []).map((network) => network.baseline[of]));
  const [unigram, bigram] = [baseline("unigram"), baseline("bigram")];
  const ends = (condition: TextCondition | undefined) =>
    meanFinite((condition?.networks ?? []).flatMap(({ loss }) => loss.slice(-1)));
  const values = [unigram, bigram, ...all.flatMap(({ loss }) => loss)].filter(Number.isFinite);
  const domain = [Math.min(...values, 2.5) - 0.1, Math.max(...values, 3) + 0.1] as const;
  const counting = [
    { value: unigram, label: "counting characters" },
    { value: bigram, label: "counting pairs" },
  ].filter(({ value }) => Number.isFinite(value));
  return {
    name: "text-persistence-loss",
    title: `Reading text, the networks reach ${natsText(ends(conditions[0]))} a character; counting pairs of characters reaches ${natsText(bigram)}.`,
    question: "Do these networks learn more of the language than its frequencies?",
    seeds: seedsText(data),
    nullModel: `Grey lines: what a model that counts characters (${fixed(unigram)} nats) or pairs of them (${fixed(bigram)} nats) in the training text reaches on the same unseen text. Of the shuffled text only the first can be known.`,
    reading:
      "Thin lines: networks; thick line: mean over seeds, which stands at its end with its 95 % t interval. Loss on unseen windows of what each network reads.",
    panels: [
      {
        title: "loss on unseen text",
        description: `${listed(conditions.map((condition) => `${condition.name} ${natsText(ends(condition))}`))}; counting characters ${natsText(unigram)}, pairs ${natsText(bigram)}`,
        options: {
          ...{ ...size, ...margins },
          x: stepScale(lastStep(conditions), plotWidth),
          y: { domain, label: "nats a character", labelArrow: "none", ticks: 6, grid: true },
          marks: [
            ruleY(counting, { y: "value", stroke: nullLine, strokeWidth: 1.2 }),
            text(counting, {
              ...{ x: () => 0, y: "value", text: "label", textAnchor: "start", dx: 4, dy: 8 },
              ...{ fill: muted, fontSize: fontSize.label, stroke: paper, strokeWidth: 3 },
            }),
            ...pathMarks(
              pathsOf(conditions, ({ loss }) => loss),
              domain,
            ),
          ],
        },
      },
    ],
  };
}

/** Figure: tuning r against steps, a panel a layer. */
export function textPersistenceCourses(
  data: TextCoursesData & { readonly layers: readonly number[] },
): FigureSpec {
  const { conditions, layers } = data;
  const last = lastStep(conditions);
  const end = ({ networks }: TextCondition, layer: number) =>
    meanFinite(networks.flatMap(({ layers: of }) => of[layer].r.slice(-1)));
  const everyR = conditions.flatMap(({ networks }) =>
    networks.flatMap(({ layers: of }) => of.flatMap(({ r, stranger }) => [...r, ...stranger])),
  );
  const domain = [Math.min(-0.1, ...everyR.filter(Number.isFinite)), 1] as const;
  const endsText = (condition: TextCondition) => listed(layers.map((layer) => fixed(end(condition, layer))));
  return {
    name: "text-persistence-courses",
    title: `After ${last.toLocaleString("en-US")} steps tuning r in layers ${listed(layers.map(String))} is ${conditions.map((condition) => `${endsText(condition)} (${condition.name})`).join(", ")}.`,
    question: "For how long do the neurons of a language model respond to what they responded to at first?",
    seeds: seedsText(data),
    nullModel:
      "Band: r with the initialisation of another network, middle 90 % of networks and steps under all conditions, with its median.",
    reading:
      "Thin lines: networks; thick line: mean over seeds, which stands at its end with its 95 % t interval. r: correlation of a neuron's mean activations (character × position, unseen text) with those before training, mean over the neurons of the layer.",
    panels: layers.map((layer): Panel => {
      const strangers = conditions.flatMap(({ networks }) =>
        networks.flatMap(({ layers: of }) => of[layer].stranger.slice(1)),
      );
      const band = spreadOf(strangers);
      return {
        title: `layer ${layer}`,
        description: `${listed(conditions.map((condition) => `${condition.name} ${fixed(end(condition, layer))}`))}; another initialisation ${fixed(band.median)} ${intervalText([band.low, band.high])}`,
        options: {
          ...{ ...size, ...margins },
          x: stepScale(last, plotWidth),
          y: { domain, label: "tuning r", labelArrow: "none", ticks: 6, grid: true },
          marks: [
            areaY([0, last], { x: (x: number) => x, y1: band.low, y2: band.high, fill: nullFill }),
            ruleY([band.median], { stroke: nullLine, strokeWidth: 1.2 }),
            text([band.low], {
              ...{ x: () => 0, y: (low: number) => low, text: () => "another initialisation" },
              ...{ textAnchor: "start", dx: 4, dy: 9, fill: muted, fontSize: fontSize.label },
            }),
            ...pathMarks(
              pathsOf(conditions, ({ layers: of }) => of[layer].r),
              domain,
            ),
            dot([{ step: 0, r: 1 }], { x: "step", y: "r", r: 4, fill: thenColor }),
          ],
        },
      };
    }),
  };
}

const rowHeight = 20;
const selectionMargins = { marginLeft: 112, marginRight: 20, marginTop: 8, marginBottom: 38 } as const;

/** What {@link textSelection} draws besides. */
export interface TextSelectionData extends TextCoursesData {
  readonly layers: readonly number[];
  /** Name of each factor in the courses, and as a reader sees it. */
  readonly factors: readonly { readonly name: string; readonly label: string }[];
}

/** Figure: what neurons select before and after, a panel a factor and layer. */
export function textSelection(data: TextSelectionData): FigureSpec {
  const { conditions, layers, factors } = data;
  const share = ({ networks }: TextCondition, layer: number, factor: string, at: 0 | 1) =>
    networks.map(({ layers: of }) => of[layer].end.selected[factor][at]);
  const changeText = ({ name, label }: TextSelectionData["factors"][number]) => {
    const [first] = conditions;
    const both = layers.map((layer) =>
      ([0, 1] as const)
        .map((at) => (first === undefined ? Number.NaN : meanFinite(share(first, layer, name, at))))
        .map((value) => fixed(value))
        .join(" → "),
    );
    return `${label} ${both.join(" and ")}`;
  };
  const highest = Math.max(
    0.1,
    ...conditions.flatMap((condition) =>
      layers.flatMap((layer) =>
        factors.flatMap(({ name }) =>
          ([0, 1] as const).flatMap((at) => share(condition, layer, name, at).filter(Number.isFinite)),
        ),
      ),
    ),
  );
  return {
    name: "text-persistence-selection",
    title: `What a neuron's variance comes from, before → after reading text, in layers ${listed(layers.map(String))}: ${factors.map(changeText).join("; ")}.`,
    question: "What do neurons select before and after learning a language?",
    seeds: seedsText(data),
    nullModel:
      "0, the grey line: labels that say nothing explain nothing, as the shares are unbiased. The shuffled text shows what training without a language does.",
    reading:
      "Blue: before training; orange: after; small dots: networks; line: from mean to mean. Share of a neuron's variance over unseen text that comes from each factor beside the other of its table (character and position; character before, and what both characters do only together), mean over the neurons of the layer.",
    panels: factors.flatMap(({ name: factor, label }) =>
      layers.map((layer): Panel => {
        const rows = conditions.map((condition, row) => {
          const [before, after] = ([0, 1] as const).map((at) => share(condition, layer, factor, at));
          return {
            ...{ row, before, after, name: condition.name },
            ...{ from: meanFinite(before), to: meanFinite(after) },
          };
        });
        const dots = (of: (row: (typeof rows)[number]) => readonly number[]) =>
          rows.flatMap((row) => of(row).map((value) => ({ value, row: row.row })));
        return {
          title: `${label} · layer ${layer}`,
          description: listed(rows.map(({ name, from, to }) => `${name} ${fixed(from)} to ${fixed(to)}`)),
          options: {
            ...{
              width: size.width,
              height: rows.length * rowHeight + selectionMargins.marginTop + selectionMargins.marginBottom,
            },
            ...selectionMargins,
            x: {
              ...{ domain: [Math.min(0, -0.02), highest], label: "share of variance", ticks: 5, grid: true },
              ...{ labelAnchor: "center", labelArrow: "none" },
            },
            y: { domain: [-0.5, rows.length - 0.5], reverse: true, axis: null },
            marks: [
              ruleX([0], { stroke: nullLine, strokeWidth: 1.2 }),
              text(rows, {
                ...{ x: () => Math.min(0, -0.02), y: "row", text: "name", textAnchor: "end", dx: -6 },
                ...{ fill: ink, fontSize: fontSize.label },
              }),
              link(rows, { x1: "from", x2: "to", y: "row", stroke: nowColor, strokeWidth: 1.6 }),
              dot(
                dots(({ before }) => before),
                { x: "value", y: "row", r: 2, fill: thenColor, fillOpacity: 0.5 },
              ),
              dot(
                dots(({ after }) => after),
                { x: "value", y: "row", r: 2, fill: nowColor, fillOpacity: 0.5 },
              ),
              dot(rows, { x: "from", y: "row", r: 4, fill: thenColor, stroke: paper }),
              dot(rows, { x: "to", y: "row", r: 4, fill: nowColor, stroke: paper }),
            ],
          },
        };
      }),
    ),
  };
}
