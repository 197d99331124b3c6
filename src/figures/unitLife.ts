/** One unit's whole life: its tuning then and now, and what became of it at every look in between. */
import { areaY, dot, line, ruleY, text } from "@observablehq/plot";
import { type ColorScale, signedScale } from "./colorScale.ts";
import type { FigureSpec, Panel } from "./figure.ts";
import { heatMapPanel } from "./heatMaps.ts";
import { counted, fixed, intervalText } from "./numberText.ts";
import { unitName } from "./population.ts";
import type { Spread } from "./spread.ts";
import { stepScale } from "./stepAxis.ts";
import { fontSize, ink, muted, nowColor, nullFill, nullLine, thenColor } from "./theme.ts";

/** A unit's tuning at one time; deviations from its mean, activation units. */
export interface UnitMoment {
  /** Mean over all cells. */
  mean: number;
  /** [token][pos], row-major. */
  cells: ArrayLike<number>;
  token: ArrayLike<number>;
  position: ArrayLike<number>;
  /** Curves of all units of the layer in the other seeds, level by level: the middle 90 %. */
  population: { token: readonly Spread[]; position: readonly Spread[] };
}

/** A unit at one look. */
export interface UnitLook {
  step: number;
  token: ArrayLike<number>;
  position: ArrayLike<number>;
  /** Correlation with its own initialisation. */
  r: number;
  /** The same of the units of that index in other seeds. */
  others: Spread;
  /** Correlation with units of other seeds' initialisations. */
  null: Spread;
}

/** What {@link unitLife} draws. */
export interface UnitLifeData {
  layer: number;
  unit: number;
  seed: number;
  /** Seeds in all, the unit's own among them. */
  seeds: number;
  /** What r compares, e.g. `token tuning`. */
  tuning: string;
  probe: { dVocab: number; nPos: number };
  before: UnitMoment;
  after: UnitMoment;
  /** Steps ascending, the first is 0, the last that of `after`. */
  looks: readonly UnitLook[];
}

const panelWidth = 296;
const levels = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name} ${i}`);

function cellsPanel({ probe, before, after, looks }: UnitLifeData): Panel {
  const scale = signedScale([...Array.from(before.cells), ...Array.from(after.cells)]);
  const moments = [
    { title: "then", moment: before },
    { title: "now", moment: after },
  ];
  return heatMapPanel({
    title: `cells, step 0 and step ${looks[looks.length - 1]?.step ?? 0}`,
    description: moments
      .map(({ title, moment }) => {
        const best = Array.from(moment.cells).reduce((top, value, i, all) => (value > all[top] ? i : top), 0);
        return `${title} most active at token ${Math.floor(best / probe.nPos)}, position ${best % probe.nPos}`;
      })
      .join("; "),
    maps: moments.map(({ title, moment }) => ({
      title,
      note: `mean ${fixed(moment.mean)}`,
      values: moment.cells,
    })),
    rows: { title: "token", labels: Array.from({ length: probe.dVocab }, (_, i) => String(i)) },
    columns: { title: "position", labels: Array.from({ length: probe.nPos }, (_, i) => String(i)) },
    scale,
    legend: { title: "activation, about the unit's mean", ticks: signedTicks(scale) },
  });
}

function signedTicks(scale: ColorScale) {
  const limit = scale.kind === "signed" ? scale.limit : 1;
  return [-limit, 0, limit].map((value) => ({ value, label: fixed(value) }));
}

function curvesPanel({ probe: { dVocab, nPos }, before, after }: UnitLifeData): Panel {
  const moments = [
    { time: "then", moment: before, color: thenColor },
    { time: "now", moment: after, color: nowColor },
  ];
  const points = moments.flatMap(({ time, moment, color }) =>
    (["token", "position"] as const).flatMap((factor) =>
      Array.from(moment[factor], (value, i) => ({
        time,
        color,
        curve: factor,
        // positions stand to the right of the tokens, one place apart
        x: factor === "token" ? i : dVocab + 1 + i,
        value,
        ...moment.population[factor][i],
      })),
    ),
  );
  const names = moments.flatMap(({ time }) => [
    { time, x: (dVocab - 1) / 2, label: `token 0–${dVocab - 1}` },
    { time, x: dVocab + 1 + (nPos - 1) / 2, label: `pos 0–${nPos - 1}` },
  ]);
  return {
    title: "curves, among units of the other seeds",
    description: moments
      .map(
        ({ time, moment }) =>
          `${time}: by token ${Array.from(moment.token, (value) => fixed(value)).join(", ")}; by position ${Array.from(moment.position, (value) => fixed(value)).join(", ")}`,
      )
      .join(". "),
    options: {
      width: panelWidth,
      height: 216,
      marginLeft: 40,
      marginRight: 6,
      marginTop: 20,
      marginBottom: 24,
      x: { domain: [-0.5, dVocab + nPos + 0.5], axis: null },
      y: { label: "activation", labelArrow: "none", ticks: 5, grid: true, nice: true },
      fx: { domain: ["then", "now"], axis: null, padding: 0.08 },
      marks: [
        areaY(points, { fx: "time", x: "x", y1: "low", y2: "high", z: "curve", fill: nullFill }),
        ruleY([0], { stroke: nullLine, strokeWidth: 0.7 }),
        line(points, { fx: "time", x: "x", y: "value", z: "curve", stroke: "color", strokeWidth: 2 }),
        dot(points, { fx: "time", x: "x", y: "value", fill: "color", r: 2 }),
        text(moments, {
          fx: "time",
          text: "time",
          frameAnchor: "top",
          dy: -14,
          fill: "color",
          fontWeight: 600,
          fontSize: fontSize.label,
        }),
        text(names, {
          fx: "time",
          x: "x",
          text: "label",
          frameAnchor: "bottom",
          dy: 13,
          fill: muted,
          fontSize: fontSize.small,
        }),
      ],
    },
  };
}

function stripPanel({ probe: { dVocab, nPos }, looks }: UnitLifeData): Panel {
  const rows = looks.map((look) => [...Array.from(look.token), ...Array.from(look.position)]);
  const scale = signedScale(rows.flat());
  return heatMapPanel({
    title: "curves at every look",
    description: `token and position curves at steps ${looks.map(({ step }) => step).join(", ")}`,
    maps: [
      {
        title: "",
        values: Array.from(
          { length: (dVocab + nPos) * looks.length },
          (_, i) => rows[i % looks.length][Math.floor(i / looks.length)],
        ),
      },
    ],
    rows: {
      title: "",
      labels: [...levels("token", dVocab), ...levels("pos", nPos)],
      gapBefore: dVocab,
    },
    columns: { title: "step (updates)", labels: looks.map(({ step }) => String(step)) },
    scale,
    legend: { title: "activation, about the unit's mean", ticks: signedTicks(scale) },
    cellHeight: 11,
  });
}

function coursePanel({ looks, tuning }: UnitLifeData): Panel {
  const margins = { marginLeft: 34, marginRight: 34, marginTop: 20, marginBottom: 38 };
  const last = looks[looks.length - 1];
  const flat = looks.map((look) => ({
    step: look.step,
    r: look.r,
    nullLow: look.null.low,
    nullHigh: look.null.high,
    nullMedian: look.null.median,
    otherLow: look.others.low,
    otherHigh: look.others.high,
  }));
  const low = Math.min(
    0,
    ...flat.flatMap(({ r, nullLow, otherLow }) => [r, nullLow, otherLow]).filter(Number.isFinite),
  );
  const ends = flat.filter(({ step }) => step === 0 || step === last?.step);
  const end = flat.slice(-1);
  return {
    title: "r with the initialisation",
    description: `${tuning}, ${looks.map(({ step, r }) => `step ${step}: ${fixed(r)}`).join(", ")}; with other initialisations at the end ${intervalText([last?.null.low ?? Number.NaN, last?.null.high ?? Number.NaN])}`,
    options: {
      width: panelWidth,
      height: 216,
      ...margins,
      x: stepScale(last?.step ?? 0, panelWidth - margins.marginLeft - margins.marginRight),
      y: { domain: [Math.floor(10 * low) / 10, 1], label: "r", labelArrow: "none", ticks: 5, grid: true },
      marks: [
        areaY(flat, { x: "step", y1: "nullLow", y2: "nullHigh", fill: nullFill }),
        line(flat, { x: "step", y: "nullMedian", stroke: nullLine, strokeWidth: 1.2 }),
        areaY(flat, { x: "step", y1: "otherLow", y2: "otherHigh", fill: nowColor, fillOpacity: 0.2 }),
        line(flat, { x: "step", y: "r", stroke: nowColor, strokeWidth: 2 }),
        dot(ends, { x: "step", y: "r", r: 4, fill: ({ step }) => (step === 0 ? thenColor : nowColor) }),
        text(end, {
          x: "step",
          y: "r",
          text: ({ r }) => fixed(r),
          textAnchor: "start",
          dx: 7,
          fill: ink,
          fontWeight: 600,
          fontSize: fontSize.label,
        }),
        text(end, {
          x: "step",
          y: "nullLow",
          text: () => "other initialisations",
          textAnchor: "end",
          dx: -4,
          dy: -7,
          fill: muted,
          fontSize: fontSize.small,
        }),
      ],
    },
  };
}

/** What the last look says of a unit, by its null; it goes on after the unit's name. */
function finding({ step, r, null: band }: UnitLook, tuning: string): string {
  const text = intervalText([band.low, band.high]);
  if (step === 0)
    return ` before the first update: its ${tuning} is itself; units of other initialisations have r in ${text}.`;
  const own = `r ${fixed(r)} at step ${step}`;
  if (!Number.isFinite(band.high))
    return `: ${tuning} ${own}; there is no other initialisation to compare it with.`;
  const verdict = r > band.high ? "keeps more of its" : "is not shown to keep more of its";
  return ` ${verdict} ${tuning} than chance: ${own}; units of other initialisations have r in ${text}.`;
}

/** Figure: cells and curves then and now, the curves at every look, and how the resemblance to the start went. */
export function unitLife(data: UnitLifeData): FigureSpec {
  const { layer, unit, seed, seeds, tuning, looks } = data;
  const last = looks[looks.length - 1];
  const name = unitName(layer, unit);
  return {
    name: `unit-life-${name.toLowerCase()}-seed-${seed}`,
    title: `${name} of seed ${seed}${last === undefined || !Number.isFinite(last.r) ? ` has no ${tuning} to compare: its curve is flat, then or now.` : finding(last, tuning)}`,
    question:
      "What did this unit respond to before training, what does it respond to now, and when did it change?",
    seeds: `seed ${seed} in full, of ${counted(seeds, "seed")}.`,
    nullModel:
      "grey: r of the unit at that step with units of other seeds' initialisations, middle 90 %, above which one unit of twenty stands by chance, so that of a sorted layer some do; behind the curves, those of all units of the layer in the other seeds, middle 90 % at each level.",
    reading:
      "Blue is below and red above the unit's mean. Tint behind r: the unit of the same index in the other seeds with its own initialisation, middle 90 %.",
    panels: [cellsPanel(data), curvesPanel(data), stripPanel(data), coursePanel(data)],
  };
}
