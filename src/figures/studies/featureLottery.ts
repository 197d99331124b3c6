/** Figures of S13: frequencies of single units through training, when they are decided, and which of them win. */
import { areaY, dot, line, link, ruleY, text } from "@observablehq/plot";
import type { FigureSpec, Panel } from "../figure.ts";
import { counted, fixed, listed, percent } from "../numberText.ts";
import { columnOf, meanInterval } from "../spread.ts";
import { stepScale } from "../stepAxis.ts";
import { categoryColors, fontSize, ink, muted, nowColor, nullLine, thenColor } from "../theme.ts";

/** Shares of frequencies of some units of one network. */
export interface LotteryUnitsData {
  /** E.g. `perceptron, p = 23, scale 0.1`. */
  readonly network: string;
  readonly seed: number;
  readonly steps: readonly number[];
  readonly frequencies: number;
  /** Share [checkpoint, frequency], and the index of the frequency that led first and that leads last. */
  readonly units: readonly {
    readonly unit: number;
    readonly share: ArrayLike<number>;
    readonly first: number;
    readonly last: number;
  }[];
}

const unitSize = { width: 222, height: 190 } as const;
const unitMargins = { marginLeft: 34, marginRight: 40, marginTop: 22, marginBottom: 36 } as const;

function unitPanel(
  data: LotteryUnitsData,
  { unit, share, first, last }: LotteryUnitsData["units"][number],
): Panel {
  const { steps, frequencies } = data;
  const points = Array.from({ length: frequencies }, (_, k) =>
    steps.map((step, c) => ({ k, step, share: share[c * frequencies + k] })),
  );
  const end = steps[steps.length - 1] ?? 0;
  const room = unitSize.width - unitMargins.marginLeft - unitMargins.marginRight;
  const named =
    first === last
      ? [{ k: last, color: nowColor }]
      : [
          { k: first, color: thenColor },
          { k: last, color: nowColor },
        ];
  const lastOf = (k: number) => points[k].slice(-1);
  const outcome =
    first === last ? `k = ${last + 1} leads and wins` : `k = ${last + 1} wins, k = ${first + 1} led`;
  return {
    title: `unit ${unit}: ${outcome}`,
    description: `frequency ${last + 1} ends with ${fixed(lastOf(last)[0]?.share)} of the unit's variance from ${fixed(points[last][0]?.share)}`,
    options: {
      ...unitSize,
      ...unitMargins,
      x: stepScale(end, room),
      y: { domain: [0, 1], label: "share of variance", labelArrow: "none", ticks: 3, grid: true },
      marks: [
        ruleY([1 / frequencies], { stroke: nullLine, strokeDasharray: "3,2" }),
        line(points.flat(), {
          x: "step",
          y: "share",
          z: "k",
          stroke: nullLine,
          strokeWidth: 0.8,
          strokeOpacity: 0.7,
        }),
        ...named.map(({ k, color }) =>
          line(points[k], { x: "step", y: "share", stroke: color, strokeWidth: 2.2 }),
        ),
        ...named.map(({ k, color }) =>
          text(lastOf(k), {
            ...{ x: "step", y: "share", text: () => `k = ${k + 1}`, textAnchor: "start", dx: 5 },
            ...{ fill: color, fontWeight: 600, fontSize: fontSize.small },
          }),
        ),
      ],
    },
  };
}

/** Figure: shares of all frequencies of the first units of one network, at every checkpoint. */
export function lotteryUnits(data: LotteryUnitsData): FigureSpec {
  const kept = data.units.filter(({ first, last }) => first === last).length;
  const won = data.units.map(({ share, last }) => share[(data.steps.length - 1) * data.frequencies + last]);
  return {
    name: "lottery-units",
    title: `Of ${counted(data.units.length, "unit")} of one network, ${kept} end with the frequency that led at initialisation; winners end with ${rangeText(won)} of a unit's variance.`,
    question: "How does a unit come to its frequency?",
    seeds: `seed ${data.seed} (${data.network}); its first ${data.units.length} units, not chosen.`,
    nullModel: `dashed line: equal shares, 1/${data.frequencies}.`,
    reading:
      "Lines: share of each frequency in a unit's variance over a, b and its outputs. Blue: the frequency that led at initialisation; orange: the one that wins; grey: the others.",
    panels: data.units.map((unit) => unitPanel(data, unit)),
  };
}

/** Shares of units of some networks through training; arrays are [seed][checkpoint]. */
export interface LotteryCourse {
  /** E.g. `perceptron`. */
  readonly kind: string;
  /** What sets it apart from others of its kind. */
  readonly label: string;
  readonly chance: number;
  readonly steps: readonly number[];
  readonly asAtStart: readonly ArrayLike<number>[];
  readonly asAtEnd: readonly ArrayLike<number>[];
  readonly purity: readonly ArrayLike<number>[];
}

const courseSize = { width: 296, height: 230 } as const;
const courseMargins = { marginLeft: 36, marginRight: 48, marginTop: 22, marginBottom: 38 } as const;

function coursePanel(group: LotteryCourse): Panel {
  const { steps } = group;
  const last = steps[steps.length - 1] ?? 0;
  const courses = [
    { rows: group.asAtStart, color: thenColor, name: "as at start" },
    { rows: group.asAtEnd, color: nowColor, name: "as at end" },
    { rows: group.purity, color: ink, name: "purity" },
  ].map(({ rows, ...how }) => ({
    ...how,
    mean: steps.map((step, c) => {
      const { mean: value, low, high } = meanInterval(columnOf(rows, c));
      return inRange({ step, value, low, high });
    }),
  }));
  const ends = courses.map(({ mean, name, color }) => ({ ...mean[mean.length - 1], name, color }));
  const [start, , purity] = ends;
  return {
    title: `${group.kind}, ${group.label}`,
    description: `${percent(start.value)} of the units have the leading frequency of the start after ${last} steps; mean purity ${fixed(courses[2].mean[0]?.value)} before and ${fixed(purity.value)} after`,
    options: {
      ...courseSize,
      ...courseMargins,
      x: stepScale(last, courseSize.width - courseMargins.marginLeft - courseMargins.marginRight),
      y: { domain: [0, 1], label: "share", labelArrow: "none", ticks: 5, grid: true },
      marks: [
        ruleY([group.chance], { stroke: nullLine, strokeWidth: 1.5 }),
        ...courses.flatMap(({ mean, color, name }) => [
          areaY(mean, { x: "step", y1: "low", y2: "high", fill: color, fillOpacity: 0.2 }),
          line(mean, {
            ...{ x: "step", y: "value", stroke: color, strokeWidth: 1.8 },
            strokeDasharray: name === "purity" ? "4,2" : undefined,
          }),
        ]),
        text(ends.slice(0, 1).concat(ends.slice(2)), {
          ...{ x: "step", y: "value", text: ({ value }: { value: number }) => fixed(value) },
          ...{ textAnchor: "start", dx: 5, fill: ({ color }: { color: string }) => color },
          ...{ fontWeight: 600, fontSize: fontSize.label },
        }),
      ],
    },
  };
}

/** Figure: how many units have the leading frequency of the start, and that of the end, at every checkpoint. */
export function lotteryCourses(courses: readonly LotteryCourse[]): FigureSpec {
  const drawn = courses.filter(({ asAtStart }) => asAtStart.length > 0);
  const kinds = [...new Set(drawn.map(({ kind }) => kind))];
  const findings = kinds.map((kind) => {
    const ends = drawn
      .filter((course) => course.kind === kind)
      .map(({ asAtStart, steps }) => meanInterval(columnOf(asAtStart, steps.length - 1)).mean);
    return `${rangeText(ends)} in ${kind}s`;
  });
  return {
    name: "lottery-courses",
    title: `Share of units that end with the frequency that led at initialisation: ${listed(findings)}.`,
    question: "When is the frequency of a unit decided?",
    seeds: seedsText(drawn.map(({ asAtStart }) => asAtStart.length)),
    nullModel: "grey line: a frequency at random.",
    reading:
      "Blue: share of units whose leading frequency is the one that led at initialisation; orange: the one that leads after training; dashed: mean purity, the share of the leading frequency in a unit's variance. Tints: 95 % t intervals over seeds.",
    panels: drawn.map(coursePanel),
  };
}

/** `36 %`, or `36 to 45 %`. */
function rangeText(shares: readonly number[]): string {
  const finite = shares.filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)].map((share) => fixed(100 * share, 0));
  return low === high ? `${low} %` : `${low} to ${high} %`;
}

/** `20 seeds a network.`, or `18 to 20 seeds a network.` */
function seedsText(counts: readonly number[]): string {
  const [low, high] = [Math.min(...counts), Math.max(...counts)];
  return `${low === high ? "" : `${low} to `}${counted(high, "seed")} a network.`;
}

/** Which initial rank the winners had, by network; the shares of winners are [seed][rank]. */
export interface WinnerRanksData {
  readonly groups: readonly {
    readonly label: string;
    readonly frequencies: number;
    readonly scales: readonly { readonly scale: number; readonly wonByRank: readonly ArrayLike<number>[] }[];
  }[];
}

const rankSize = { width: 340, height: 246 } as const;

/** Ends of an interval of a share, which has no room outside [0, 1]. */
const inRange = <T extends { low: number; high: number }>(of: T): T => ({
  ...of,
  low: Math.max(0, of.low),
  high: Math.min(1, of.high),
});

function rankPanel({ label, frequencies, scales }: WinnerRanksData["groups"][number]): Panel {
  const rows = scales.map(({ scale, wonByRank }, s) => ({
    scale,
    color: categoryColors[s % categoryColors.length],
    points: Array.from({ length: frequencies }, (_, rank) => ({
      rank: rank + 1 + (s - (scales.length - 1) / 2) * 0.08, // beside each other, so that intervals are seen
      ...inRange(meanInterval(columnOf(wonByRank, rank))),
    })),
  }));
  const top = Math.max(
    0.3,
    ...rows.flatMap(({ points }) => points.map(({ high, mean }) => high || mean || 0)),
  );
  return {
    title: label,
    description: rows
      .map(
        ({ scale, points }) =>
          `scale ${scale}: ${percent(points[0].mean)} of winners were strongest at the start`,
      )
      .join("; "),
    options: {
      ...rankSize,
      ...{ marginLeft: 38, marginRight: 12, marginTop: 22, marginBottom: 38 },
      x: {
        ...{ domain: [0.5, frequencies + 0.5], ticks: Math.min(8, frequencies) },
        ...{ label: "rank of the frequency at initialisation", labelAnchor: "center", labelArrow: "none" },
      },
      y: {
        domain: [0, Math.min(1, 1.05 * top)],
        label: "share of units that it wins",
        labelArrow: "none",
        ticks: 5,
        grid: true,
      },
      marks: [
        ruleY([1 / frequencies], { stroke: nullLine, strokeWidth: 1.5 }),
        ...rows.flatMap(({ points, color }) => [
          line(points, { x: "rank", y: "mean", stroke: color, strokeWidth: 1.6 }),
          link(
            points.filter(({ low }) => Number.isFinite(low)),
            { x1: "rank", x2: "rank", y1: "low", y2: "high", stroke: color, strokeWidth: 1.2 },
          ),
          dot(points, { x: "rank", y: "mean", r: 2.6, fill: color }),
        ]),
        text(
          rows.map(({ scale, color }, s) => ({ scale, color, height: top * (1 - 0.085 * s) })),
          {
            ...{ x: () => frequencies + 0.4, y: "height", textAnchor: "end", fontSize: fontSize.label },
            ...{ text: ({ scale }: { scale: number }) => `scale ${scale}`, fontWeight: 600 },
            fill: ({ color }: { color: string }) => color,
          },
        ),
        text(["chance"], {
          ...{ x: () => frequencies + 0.4, y: () => 1 / frequencies, dy: -7, textAnchor: "end" },
          ...{ text: (words: string) => words, fill: muted, fontSize: fontSize.small },
        }),
      ],
    },
  };
}

/** Figure: of the frequencies of a unit by their rank at initialisation, how often each wins. */
export function winnerRanks({ groups }: WinnerRanksData): FigureSpec {
  const findings = groups.map(({ label, scales, frequencies }) => {
    const firsts = scales.map(({ wonByRank }) => meanInterval(columnOf(wonByRank, 0)).mean);
    return `${rangeText(firsts)} (${label}; chance ${percent(1 / frequencies)})`;
  });
  return {
    name: "winner-ranks",
    title: `The frequency that is strongest at initialisation wins its unit in ${listed(findings)}.`,
    question: "Which frequency wins a unit?",
    seeds: seedsText(groups.flatMap(({ scales }) => scales.map(({ wonByRank }) => wonByRank.length))),
    nullModel: "grey line: every frequency alike.",
    reading:
      "Dots: share of the units that are awake after training whose winner had that rank at initialisation, 1 the strongest; mean over seeds, lines: 95 % t intervals. Colours: scale of the initial weights.",
    panels: groups.map(rankPanel),
  };
}
