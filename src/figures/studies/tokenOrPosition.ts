/** Figures of S9: token against position, by every measure, and through training. */
import { areaY, dot, line, text } from "@observablehq/plot";
import { dotRowsPanel } from "../dotRows.ts";
import type { FigureSpec, Panel } from "../figure.ts";
import { counted, fixed, intervalText, listed } from "../numberText.ts";
import { columnOf, meanFinite, meanInterval, spreadOf } from "../spread.ts";
import { stepScale } from "../stepAxis.ts";
import { categoryColors, fontSize, ink, muted, nowColor, nullFill, nullLine, thenColor } from "../theme.ts";

/** What {@link factorContrasts} draws: token less position, one number a seed. */
export interface FactorContrastsData {
  readonly seeds: number;
  /** Differences of r inside ± this are none. */
  readonly margin: number;
  readonly measures: readonly {
    readonly name: string;
    /** Empty for a pure number. */
    readonly unit: string;
    /** Whether it is r, which has a margin. */
    readonly isR: boolean;
    readonly rows: readonly {
      readonly arm: string;
      readonly layer: number;
      /** In full colour: the arm in which both factors are treated alike. */
      readonly main: boolean;
      readonly bySeed: readonly number[];
    }[];
  }[];
}

/** Figure: a panel for each measure, a row for each arm and layer. */
export function factorContrasts({ seeds, margin, measures }: FactorContrastsData): FigureSpec {
  const panels = measures.map(({ name, unit, isR, rows }) =>
    dotRowsPanel({
      title: name,
      axis: `token − position${unit === "" ? "" : ` (${unit})`}`,
      rows: rows.map(({ arm, layer, main, bySeed }) => {
        const { mean, low, high } = meanInterval(bySeed);
        return {
          label: `${arm}, L${layer}`,
          ...{ estimate: mean, low, high, note: fixed(mean), strong: main },
          ...(isR ? { null: { low: -margin, high: margin } } : {}),
        };
      }),
      reference: 0,
      color: nowColor,
      width: 328,
    }),
  );
  const main = measures.map(({ rows }) => rows.filter((row) => row.main));
  const leads = (main[0] ?? []).map(({ layer }, i) => {
    const means = main.map((rows) => meanFinite(rows[i].bySeed));
    const [tokens, positions] = [
      means.filter((value) => value > 0).length,
      means.filter((value) => value < 0).length,
    ];
    return `${tokens} and ${positions} in layer ${layer}`;
  });
  return {
    name: "token-or-position",
    title: `Of ${counted(measures.length, "measure")}, so many have token tuning and so many position tuning ahead: ${listed(leads)}.`,
    question: "Does token or position tuning persist better where both are treated alike?",
    seeds: `${counted(seeds, "seed")} in every arm.`,
    nullModel: `dashed line: no difference. Grey band of r: ±${fixed(margin)}, inside which a difference is none.`,
    reading:
      "Dot: mean over seeds of token less position, line: 95 % t interval, not adjusted; right of the line tokens persist better. In colour: learned positions, the symmetric design; grey: other kinds of positions.",
    panels,
  };
}

/** What {@link factorsThroughTraining} draws: r with the own initialisation, [seed][checkpoint]. */
export interface FactorsThroughTrainingData {
  readonly steps: readonly number[];
  readonly layers: readonly {
    readonly layer: number;
    readonly token: readonly (readonly number[])[];
    readonly position: readonly (readonly number[])[];
    /** With another seed's, at the end. */
    readonly null: readonly number[];
  }[];
}

const size = { width: 420, height: 270 } as const;
const margins = { marginLeft: 42, marginRight: 88, marginTop: 24, marginBottom: 40 } as const;
const colors = { token: categoryColors[1], position: categoryColors[0] } as const;

function coursePanel(
  layer: FactorsThroughTrainingData["layers"][number],
  steps: readonly number[],
  low: number,
): Panel {
  const last = steps.at(-1) ?? 0;
  const courses = (["token", "position"] as const).map((factor) => ({
    factor,
    color: colors[factor],
    points: steps.map((step, c) => {
      const { mean, low, high } = meanInterval(columnOf(layer[factor], c));
      return { step, r: mean, low, high };
    }),
  }));
  const thin = courses.flatMap(({ factor, color }) =>
    layer[factor].flatMap((row, seed) =>
      steps.map((step, c) => ({ step, r: row[c], path: `${factor} ${seed}`, color })),
    ),
  );
  const band = spreadOf(layer.null);
  const nulls = [0, last].map((step) => ({ step, ...band }));
  const ends = courses.flatMap(({ factor, color, points }) =>
    points.slice(-1).map((end) => ({ ...end, color, label: `${factor} ${fixed(end.r)}` })),
  );
  const [upper, lower] = ends.toSorted((a, b) => b.r - a.r);
  const apart =
    upper === undefined || lower === undefined ? 0 : ((upper.r - lower.r) / (1 - low)) * (size.height - 64);
  const push = Math.max(0, (13 - apart) / 2); // labels that would touch
  return {
    title: `layer ${layer.layer}`,
    description: `${ends.map((end) => `${end.label} ${intervalText([end.low, end.high])}`).join("; ")} after ${last} steps; another seed ${fixed(band.median)}`,
    options: {
      ...size,
      ...margins,
      x: stepScale(last, size.width - margins.marginLeft - margins.marginRight),
      y: { domain: [low, 1], label: "r of curves", labelArrow: "none", ticks: 6, grid: true },
      marks: [
        areaY(nulls, { x: "step", y1: "low", y2: "high", fill: nullFill }),
        line(nulls, { x: "step", y: "median", stroke: nullLine, strokeWidth: 1.2 }),
        line(thin, {
          ...{ x: "step", y: "r", z: "path", stroke: "color" },
          ...{ strokeWidth: 0.6, strokeOpacity: 0.25 },
        }),
        ...courses.flatMap(({ points, color }) => [
          areaY(points, { x: "step", y1: "low", y2: "high", fill: color, fillOpacity: 0.3 }),
          line(points, { x: "step", y: "r", stroke: color, strokeWidth: 2 }),
          dot(points.slice(-1), { x: "step", y: "r", r: 4, fill: color }),
        ]),
        dot([{ step: 0, r: 1 }], { x: "step", y: "r", r: 4, fill: thenColor }),
        ...ends.map((end) =>
          text([end], {
            ...{ x: "step", y: "r", text: "label", textAnchor: "start", dx: 8 },
            ...{ dy: end === upper ? -push : push, fill: ink, fontWeight: 600, fontSize: fontSize.label },
          }),
        ),
        text([band.high], {
          ...{ x: () => last, y: (high: number) => high, text: () => "another seed" },
          ...{ textAnchor: "end", dx: -4, dy: -8, fill: muted, fontSize: fontSize.label },
        }),
      ],
    },
  };
}

/** Figure: r of token and of position curves at every checkpoint. */
export function factorsThroughTraining({ steps, layers }: FactorsThroughTrainingData): FigureSpec {
  const lowest = layers.flatMap((layer) =>
    [...layer.token.flat(), ...layer.position.flat(), ...layer.null].filter(Number.isFinite),
  );
  const low = Math.max(-1, Math.floor(10 * lowest.reduce((a, b) => Math.min(a, b), 0)) / 10);
  const last = steps.length - 1;
  const ends = layers.map(
    ({ layer, token, position }) =>
      `${fixed(meanFinite(columnOf(token, last)))} and ${fixed(meanFinite(columnOf(position, last)))} in layer ${layer}`,
  );
  return {
    name: "token-and-position-through-training",
    title: `After ${counted(steps[last] ?? 0, "step")} token and position curves correlate ${listed(ends)} with what they were.`,
    question: "Do token and position tuning fade at the same pace?",
    seeds: `${counted(layers[0]?.token.length ?? 0, "seed")}, 8 tokens at 8 learned positions.`,
    nullModel:
      "grey band: trained curves with another seed's untrained ones, both factors, middle 90 % of seeds, and median.",
    reading: "Thin lines: seeds; strong lines: their mean, the tint its 95 % t interval.",
    panels: layers.map((layer) => coursePanel(layer, steps, low)),
  };
}
