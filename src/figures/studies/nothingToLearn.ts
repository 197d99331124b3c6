/** Figures of S7: persistence with and without something to learn, what decides tuning, quality beside persistence. */
import { areaY, barX, dot, line, link, ruleY, text } from "@observablehq/plot";
import { type DotRow, dotRowsPanel } from "../dotRows.ts";
import type { FigureSpec, Panel } from "../figure.ts";
import { counted, fixed, intervalText, listed, percent } from "../numberText.ts";
import { columnOf, meanFinite, meanInterval, spreadOf } from "../spread.ts";
import { categoryColors, fontSize, muted, nowColor, nullFill, nullLine, paper, thenColor } from "../theme.ts";

/** Networks that were trained in one way, [seed][checkpoint]. */
export interface PersistencePath {
  readonly name: string;
  readonly r: readonly (readonly number[])[];
  /** Distance of all weights from where they began, as a share of how large they began. */
  readonly displacement: readonly (readonly number[])[];
  /** r after isotropic noise of the last displacement in every weight, [seed]; empty where none was drawn. */
  readonly noise: readonly number[];
}

/** What {@link nothingToLearnPersistence} draws; the first condition is the task. */
export interface NothingToLearnData {
  readonly seeds: number;
  readonly steps: readonly number[];
  readonly layers: readonly {
    readonly layer: number;
    /** Tuning r with another initialisation, [seed]. */
    readonly null: readonly number[];
    readonly conditions: readonly PersistencePath[];
  }[];
}

const pathColors = [nowColor, categoryColors[1], categoryColors[0], categoryColors[3]] as const;
const size = { width: 450, height: 300 } as const;
const margins = { marginLeft: 42, marginRight: 128, marginTop: 24, marginBottom: 40 } as const;

/** Mean over seeds at every checkpoint. */
function meanPath({ r, displacement }: PersistencePath, steps: readonly number[]) {
  return steps.map((step, c) => {
    const { mean, low, high } = meanInterval(columnOf(r, c));
    return { step, r: mean, low, high, distance: meanFinite(columnOf(displacement, c)) };
  });
}

type PathPoint = ReturnType<typeof meanPath>[number];

function pathPanel(
  { layer, null: strangers, conditions }: NothingToLearnData["layers"][number],
  { steps, far, low }: { steps: readonly number[]; far: number; low: number },
): Panel {
  const paths = conditions.map((condition, i) => ({
    name: condition.name,
    color: pathColors[i % pathColors.length],
    points: meanPath(condition, steps),
  }));
  const thin = conditions.flatMap(({ r, displacement }, i) =>
    r.flatMap((own, seed) =>
      own.map((value, c) => ({
        r: value,
        distance: displacement[seed][c],
        path: `${i} ${seed}`,
        color: pathColors[i % pathColors.length],
      })),
    ),
  );
  const band = spreadOf(strangers);
  const noises = conditions
    .filter(({ noise }) => noise.length > 0)
    .map((condition) => ({
      r: meanFinite(condition.noise),
      distance: meanPath(condition, steps).at(-1)?.distance ?? Number.NaN,
    }));
  return {
    title: `layer ${layer}`,
    description: `${paths
      .map(({ name, points }) => {
        const end = points.at(-1);
        return `${name}: r ${fixed(end?.r)} ${intervalText([end?.low ?? Number.NaN, end?.high ?? Number.NaN])} at displacement ${fixed(end?.distance)}`;
      })
      .join("; ")}; another initialisation ${fixed(meanFinite(strangers))}`,
    options: {
      ...size,
      ...margins,
      x: {
        domain: [0, far],
        label: "displacement of all weights, ‖θ − θ₀‖ / ‖θ₀‖",
        labelAnchor: "center",
        labelArrow: "none",
        ticks: 6,
      },
      y: { domain: [low, 1], label: "tuning r", labelArrow: "none", ticks: 6, grid: true },
      marks: [
        areaY([0, far], { x: (x: number) => x, y1: band.low, y2: band.high, fill: nullFill }),
        ruleY([band.median], { stroke: nullLine, strokeWidth: 1.2 }),
        line(thin, {
          ...{ x: "distance", y: "r", z: "path", stroke: "color" },
          ...{ strokeWidth: 0.6, strokeOpacity: 0.22 },
        }),
        ...paths.map(({ points, color }) =>
          line(points, { x: "distance", y: "r", stroke: color, strokeWidth: 2 }),
        ),
        ...paths.map(({ points, color }) =>
          link(points.slice(-1), { x: "distance", y1: "low", y2: "high", stroke: color, strokeWidth: 3 }),
        ),
        ...paths.map(({ points, color }) =>
          dot(points.slice(1), {
            ...{ x: "distance", y: "r", r: 3, fill: color, stroke: paper },
            strokeWidth: 0.8,
          }),
        ),
        dot(noises, {
          ...{ x: "distance", y: "r", r: 4, symbol: "diamond" },
          ...{ fill: paper, stroke: nullLine, strokeWidth: 1.8 },
        }),
        dot([{ distance: 0, r: 1 }], { x: "distance", y: "r", r: 4, fill: thenColor }),
        ...pathLabels(paths, { far, low }),
        text([band.high], {
          ...{ x: () => far, y: (high: number) => high, text: () => "another initialisation" },
          ...{ textAnchor: "end", dx: -2, dy: -8, fill: muted, fontSize: fontSize.label },
        }),
      ],
    },
  };
}

/** Names of paths in the margin at the height of their ends, moved apart where they touch. */
function pathLabels(
  paths: readonly { name: string; color: string; points: readonly PathPoint[] }[],
  { far, low }: { far: number; low: number },
) {
  const high = size.height - margins.marginTop - margins.marginBottom;
  const ends = paths
    .flatMap(({ name, color, points }) => {
      const end = points.at(-1);
      return end === undefined || !Number.isFinite(end.r) ? [] : [{ r: end.r, name, color }];
    })
    .map((end) => ({ ...end, label: `${end.name} ${fixed(end.r)}`, y: ((1 - end.r) / (1 - low)) * high }))
    .sort((a, b) => a.y - b.y);
  let previous = Number.NEGATIVE_INFINITY;
  return ends.map((end) => {
    const place = Math.max(end.y, previous + 14);
    previous = place;
    return text([end], {
      ...{ x: () => far, y: "r", text: "label", textAnchor: "start", dx: 8, dy: place - end.y },
      ...{ fill: end.color, fontWeight: 600, fontSize: fontSize.label },
    });
  });
}

/** Figure: tuning r against how far the weights have moved, for the task and for training with nothing to learn. */
export function nothingToLearnPersistence({ seeds, steps, layers }: NothingToLearnData): FigureSpec {
  const points = layers.flatMap(({ conditions }) => conditions);
  const far = largest(points.flatMap(({ displacement }) => displacement.flat())) * 1.04;
  const lowest = Math.min(0, ...points.flatMap(({ r }) => r.flat().filter(Number.isFinite)));
  const low = Math.floor(10 * (lowest - 0.05)) / 10;
  const endOf = (i: number, path: number) => {
    const found = layers[i]?.conditions[path];
    return found === undefined ? Number.NaN : meanFinite(columnOf(found.r, steps.length - 1));
  };
  const findings = layers.map(
    ({ layer }, i) => `${fixed(endOf(i, 0))} against ${fixed(endOf(i, 1))} in layer ${layer}`,
  );
  const noises = layers.map(({ conditions }) => fixed(meanFinite(conditions[1]?.noise ?? [])));
  return {
    name: "nothing-to-learn",
    title: `After ${counted(steps.at(-1) ?? 0, "step")} tuning r is ${listed(findings)}: the task against uniform random tokens; noise as large as their displacement leaves ${listed(noises)}.`,
    question: "Does tuning persist because of what is learned, or as well where there is nothing to learn?",
    seeds: `${counted(seeds, "seed")}, the same initialisation and data stream in every condition.`,
    nullModel:
      "grey band: trained tuning of two initialisations on the same data, unit by unit, middle 90 % of seeds, and median. Grey diamonds: isotropic noise that moved every weight as far as training had at the end of a path.",
    reading: `Thin lines: seeds; strong lines: their mean; dots: steps ${listed(steps.slice(1).map(String))}; bar at the end: 95 % t interval. Compare heights at one displacement.`,
    panels: layers.map((layer) => pathPanel(layer, { steps, far, low })),
  };
}

function largest(values: readonly number[]): number {
  return values.reduce((a, b) => (b > a ? b : a), 0) || 1;
}

/** What {@link tuningShareFigure} draws. */
export interface TuningShareData {
  readonly inits: number;
  readonly orders: number;
  readonly shares: readonly {
    readonly layer: number;
    /** Jackknife pseudo-values, [initialisation]. */
    readonly byInit: readonly { readonly init: number; readonly data: number; readonly rest: number }[];
  }[];
}

const shareParts = [
  { key: "init", name: "initialisation", color: thenColor },
  { key: "data", name: "data", color: categoryColors[2] },
  { key: "rest", name: "both together", color: nullLine },
] as const;

/** Figure: shares of the variance of trained tuning. */
export function tuningShareFigure({ inits, orders, shares }: TuningShareData): FigureSpec {
  const rows = shares.flatMap(({ layer, byInit }) => {
    let from = 0;
    return shareParts.map(({ key, name, color }) => {
      const { mean, low, high } = meanInterval(byInit.map((own) => own[key]));
      const start = from;
      from += Number.isFinite(mean) ? Math.max(0, mean) : 0;
      return { layer: `layer ${layer}`, name, color, share: mean, low, high, start, end: from };
    });
  });
  const shareOf = (name: string) =>
    rows.filter((row) => row.name === name).map(({ share }) => percent(share));
  const width = 420;
  return {
    name: "tuning-shares",
    title: `The initialisation makes ${listed(shareOf("initialisation"))} of the variance of trained tuning in layers ${listed(shares.map(({ layer }) => String(layer)))}, the data ${listed(shareOf("data"))}.`,
    question: "What decides what a unit is tuned to after training?",
    seeds: `${counted(inits, "initialisation")}, each trained on ${counted(orders, "data order")}.`,
    nullModel:
      "tuning that training alone decides would have no share of the initialisation; a universal one would be all data or nothing.",
    reading:
      "Bars: variance components of each neuron's trained cell means, summed over cells, mean over neurons. Numbers: share with its 95 % interval, jackknife over initialisations.",
    panels: [
      {
        title: "share of the variance of trained tuning",
        description: rows
          .map(
            (row) =>
              `${row.layer}, ${row.name}: ${fixed(row.share, 3)} ${intervalText([row.low, row.high], 3)}`,
          )
          .join("; "),
        options: {
          width,
          height: 46 + 62 * shares.length,
          ...{ marginLeft: 52, marginRight: 14, marginTop: 6, marginBottom: 38 },
          x: {
            domain: [0, 1],
            tickFormat: (share: number) => fixed(share, 1),
            label: "share of variance",
            labelAnchor: "center",
            labelArrow: "none",
            ticks: 5,
          },
          y: {
            domain: shares.map(({ layer }) => `layer ${layer}`),
            ...{ label: null, tickSize: 0, padding: 0.55 },
          },
          marks: [
            barX(rows, { x1: "start", x2: "end", y: "layer", fill: "color", fillOpacity: 0.85 }),
            ...shareParts.map(({ name, color }, i) =>
              text(
                rows.filter((row) => row.name === name),
                {
                  x: [0, 0.62, 1][i],
                  y: "layer",
                  dy: 23,
                  text: ({ share, low, high }: { share: number; low: number; high: number }) =>
                    `${name} ${fixed(share, 3)}${i === 0 ? ` ${intervalText([low, high], 3)}` : ""}`,
                  textAnchor: (["start", "middle", "end"] as const)[i],
                  fill: color === nullLine ? muted : color,
                  fontSize: fontSize.small,
                  fontWeight: 600,
                },
              ),
            ),
          ],
        },
      },
    ],
  };
}

/** What {@link nothingToLearnQuality} draws; numbers are one a seed. */
export interface NothingToLearnQualityData {
  readonly seeds: number;
  readonly layers: readonly {
    readonly layer: number;
    /** Linear quality before training. */
    readonly initial: readonly number[];
    readonly conditions: readonly {
      readonly name: string;
      readonly quality: readonly number[];
      readonly r: readonly number[];
    }[];
  }[];
}

/** Figure: what a linear readout finds in a layer, beside how much of its tuning has persisted. */
export function nothingToLearnQuality({ seeds, layers }: NothingToLearnQualityData): FigureSpec {
  const rowOf = (label: string, values: readonly number[], strong: boolean): DotRow => {
    const { mean, low, high } = meanInterval(values);
    return { label, estimate: mean, low, high, note: fixed(mean), strong };
  };
  const panels = layers.flatMap(({ layer, initial, conditions }) => {
    const before = spreadOf(initial);
    return [
      dotRowsPanel({
        title: `layer ${layer} · linear quality on the task`,
        axis: "Q_lin: 0 unigram, 1 Bayes",
        rows: [
          { ...rowOf("untrained", initial, false), strong: false },
          ...conditions.map(({ name, quality }, i) => ({
            ...rowOf(name, quality, i === 0),
            null: { low: before.low, high: before.high, middle: before.median },
          })),
        ],
        reference: 0,
        color: nowColor,
        width: size.width,
      }),
      dotRowsPanel({
        title: `layer ${layer} · persistence`,
        axis: "tuning r",
        rows: conditions.map(({ name, r }, i) => rowOf(name, r, i === 0)),
        domain: [0, 1.02],
        reference: 0,
        color: nowColor,
        width: size.width,
      }),
    ];
  });
  const findings = layers.map(
    ({ layer, initial, conditions }) =>
      `from ${fixed(meanFinite(initial))} to ${fixed(meanFinite(conditions[0]?.quality ?? []))} in layer ${layer}`,
  );
  const controlEnds = layers.map(({ conditions }) => fixed(meanFinite(conditions[1]?.quality ?? [])));
  return {
    name: "quality-beside-persistence",
    title: `Training on the task takes what a linear readout finds ${listed(findings)}; with nothing to learn it ends at ${listed(controlEnds)}.`,
    question: "Are the layers that keep their tuning also those that are good for the task?",
    seeds: `${counted(seeds, "seed")}.`,
    nullModel:
      "grey band and tick: quality of the untrained layers, middle 90 % of seeds and median; thin line: what a predictor knows that sees no input.",
    reading:
      "Dot: mean over seeds, line: 95 % t interval. Quality: share of the way from unigram to Bayes loss that a linear readout of the neurons covers on unseen sequences of the task.",
    panels,
  };
}
