/** The fate of the units that were strongest before training, beside what the others foretell. */
import { arrow, barX, dot, link, text, tickX } from "@observablehq/plot";
import type { Interval } from "../../stats/intervals.ts";
import { type DotRow, dotRowsPanel } from "../dotRows.ts";
import type { FigureSpec, Panel } from "../figure.ts";
import { panelWidth } from "../heatMaps.ts";
import { counted, fixed, intervalText, listed } from "../numberText.ts";
import { fontSize, ink, muted, nowColor, nullFill, nullLine, paper, thenColor } from "../theme.ts";

/** The two statistics of one layer and factor. */
export interface SelectionGroup {
  label: string;
  /** Observed minus predicted eta² of the strongest units. */
  difference: Interval;
  differenceNull: Interval;
  differenceNoise: Interval;
  /** Rank correlation of initial share and persistence over units. */
  rank: Interval;
  rankNull: Interval;
  rankNoise: Interval;
}

/** What {@link selectionEffects} draws of one arm. */
export interface SelectionEffectsData {
  name: string;
  seeds: number;
  groups: readonly SelectionGroup[];
}

const seedsOf = (arms: readonly { name: string; seeds: number }[]) =>
  `${listed(arms.map(({ name, seeds }) => `${counted(seeds, "seed")} (${name})`))}.`;

/** One axis for all arms, so that they compare: zero in its middle, and as many steps as hold all intervals. */
function commonDomain(
  arms: readonly SelectionEffectsData[],
  of: (group: SelectionGroup) => readonly Interval[],
  step: number,
): [number, number] {
  const ends = arms.flatMap(({ groups }) => groups.flatMap(of).flatMap(({ low, high }) => [low, high]));
  const most = ends.filter(Number.isFinite).reduce((reach, end) => Math.max(reach, Math.abs(end)), step / 2);
  const reach = step * Math.ceil(most / step);
  return [-reach, reach];
}

/** Figure: both statistics with those of a stranger's units. */
export function selectionEffects(arms: readonly SelectionEffectsData[]): FigureSpec {
  const findings = arms.map(({ name, groups }) => {
    const above = (of: (group: SelectionGroup) => Interval) =>
      groups.filter((group) => of(group).low > 0).length;
    return `${name}: beyond the prediction in ${above(({ difference }) => difference)} of ${groups.length} groups, positively ranked in ${above(({ rank }) => rank)}`;
  });
  const rows = (
    { groups }: SelectionEffectsData,
    own: (group: SelectionGroup) => Interval,
    other: (group: SelectionGroup) => Interval,
    noise: (group: SelectionGroup) => Interval,
  ) =>
    groups.map((group): DotRow => {
      const { low, high, estimate: middle } = other(group);
      return { label: group.label, ...own(group), null: { low, high, middle }, other: noise(group) };
    });
  return {
    name: "selection-effects",
    title: `Strong units, ${findings.join("; ")}.`,
    question: "Do units that were strongly tuned persist more than their strength alone foretells?",
    seeds: seedsOf(arms),
    nullModel:
      "zero, and the grey band: the same statistic with trained units of another initialisation, 95 % t interval and mean.",
    reading:
      "Dot: mean over seeds; line: its t interval, four together at 95 %. Hollow: the same after isotropic noise as large as training's change, 95 % t interval. Left: final eta² of the five strongest minus the prediction of the line through the others; right: Spearman correlation over units of initial eta² and tuning correlation.",
    panels: arms.flatMap((arm) => [
      dotRowsPanel({
        title: `${arm.name} · observed − predicted`,
        rows: rows(
          arm,
          ({ difference }) => difference,
          ({ differenceNull }) => differenceNull,
          ({ differenceNoise }) => differenceNoise,
        ),
        axis: "eta²",
        domain: commonDomain(
          arms,
          ({ difference, differenceNull, differenceNoise }) => [difference, differenceNull, differenceNoise],
          0.1,
        ),
        reference: 0,
        color: nowColor,
        digits: 3,
      }),
      dotRowsPanel({
        title: `${arm.name} · strength and persistence`,
        rows: rows(
          arm,
          ({ rank }) => rank,
          ({ rankNull }) => rankNull,
          ({ rankNoise }) => rankNoise,
        ),
        axis: "Spearman's rank correlation",
        domain: commonDomain(arms, ({ rank, rankNull, rankNoise }) => [rank, rankNull, rankNoise], 0.5),
        reference: 0,
        color: nowColor,
      }),
    ]),
  };
}

/** Mean eta² of one layer and factor, over units and seeds. */
export interface SelectedGroup {
  label: string;
  /** Of the strongest units before training; after it; and as the line through the others predicts it. */
  before: Interval;
  after: Interval;
  predicted: Interval;
  /** Of all units. */
  allBefore: Interval;
  allAfter: Interval;
}

/** What {@link selectionFates} draws of one arm. */
export interface SelectionFatesData {
  name: string;
  seeds: number;
  groups: readonly SelectedGroup[];
}

function fatesPanel({ name, groups }: SelectionFatesData): Panel {
  const drawn = groups.filter(({ before, after, predicted }) =>
    Number.isFinite(before.estimate + after.estimate + predicted.estimate),
  );
  const interval = (of: (group: SelectedGroup) => Interval) => ({
    x1: (group: SelectedGroup) => Math.max(0, of(group).low),
    x2: (group: SelectedGroup) => Math.min(1, of(group).high),
    y: "label",
  });
  const finite = (of: (group: SelectedGroup) => Interval) =>
    drawn.filter((group) => Number.isFinite(of(group).low + of(group).high));
  const [first] = drawn;
  return {
    title: name,
    description: drawn
      .map(
        ({ label, before, after, predicted }) =>
          `${label}: ${fixed(before.estimate)} before, ${fixed(after.estimate)} after, predicted ${fixed(predicted.estimate)} ${intervalText([predicted.low, predicted.high])}`,
      )
      .join("; "),
    options: {
      width: panelWidth,
      height: 60 + 34 * Math.max(1, groups.length),
      marginLeft: 68,
      marginRight: 14,
      marginTop: 18,
      marginBottom: 36,
      x: {
        domain: [0, 1],
        ticks: 5,
        label: "mean eta²",
        labelAnchor: "center",
        labelArrow: "none",
        grid: true,
      },
      y: { type: "band", domain: groups.map(({ label }) => label), label: null, tickSize: 0, padding: 0.3 },
      marks: [
        barX(
          finite(({ predicted }) => predicted),
          { ...interval(({ predicted }) => predicted), fill: nullFill },
        ),
        tickX(drawn, {
          x: ({ predicted }: SelectedGroup) => predicted.estimate,
          y: "label",
          stroke: nullLine,
          strokeWidth: 1.5,
        }),
        arrow(drawn, {
          x1: ({ allBefore }: SelectedGroup) => allBefore.estimate,
          x2: ({ allAfter }: SelectedGroup) => allAfter.estimate,
          y: "label",
          dy: 9,
          stroke: muted,
          strokeWidth: 1,
          headLength: 6,
        }),
        link(
          finite(({ after }) => after),
          { ...interval(({ after }) => after), stroke: nowColor, strokeWidth: 2.5 },
        ),
        dot(drawn, {
          x: ({ before }: SelectedGroup) => before.estimate,
          y: "label",
          r: 4,
          fill: thenColor,
          stroke: paper,
        }),
        dot(drawn, {
          x: ({ after }: SelectedGroup) => after.estimate,
          y: "label",
          r: 4,
          fill: nowColor,
          stroke: paper,
        }),
        text(first === undefined ? [] : [first], {
          x: ({ before }: SelectedGroup) => before.estimate,
          y: "label",
          text: () => "top five before",
          textAnchor: "start",
          dx: -8,
          dy: -13,
          fill: ink,
          fontSize: fontSize.small,
        }),
      ],
    },
  };
}

/** Figure: mean eta² of the strongest units before and after, over what the others predict. */
export function selectionFates(arms: readonly SelectionFatesData[]): FigureSpec {
  const [first] = arms;
  const falls = first.groups.map(
    ({ label, before, after, predicted }) =>
      `${label} ${fixed(before.estimate)} → ${fixed(after.estimate)} (${fixed(predicted.estimate)})`,
  );
  return {
    name: "selection-fates",
    title: `The five strongest units by eta² before and after, and as the other units predict (${first.name}): ${falls.join(", ")}.`,
    question: "Is the decline of the strongest units more than regression to the mean?",
    seeds: seedsOf(arms),
    nullModel:
      "grey tick and band: the line through all other units at the strength of the five, mean over seeds and its 95 % t interval.",
    reading:
      "Blue: before training, on one half of the probe; orange: after, on the other half, with its 95 % t interval over seeds; thin arrow: the mean of all units before and after.",
    panels: arms.map(fatesPanel),
  };
}
