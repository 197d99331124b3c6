/** Heat maps of every unit's tuning, initial beside final. */
import { type RenderFunction, text } from "@observablehq/plot";
import { quantileSorted } from "../stats/quantile.ts";
import { type ColorScale, colorFill, colorLevel, rampHeight, rampMark } from "./colorScale.ts";
import { type Exemplar, otherUnitNull, type UnitTuning, unitTunings } from "./exemplar.ts";
import type { FigureSpec, Panel } from "./figure.ts";
import { fixed, intervalText, listed } from "./numberText.ts";
import { type Population, presetTitle, seedsSentence, unitName } from "./population.ts";
import { sortedFinite } from "./spread.ts";
import { svgElement } from "./svgElement.ts";
import { fontSize, ink, muted, nowColor, thenColor } from "./theme.ts";

/** What {@link thenAndNow} draws of one preset. */
export interface ThenAndNowData extends Population {
  probe: { dVocab: number; nPos: number };
  layers: readonly { layer: number; exemplar: Exemplar }[];
}

/** Rows of a panel at most; a wider layer shows its most and its least persistent units, half and half. */
const mostRows = 64;
/** Deviations are divided by the unit's largest. */
const scale: ColorScale = { kind: "signed", limit: 1 };

/** The four maps, left to right. */
const blocks = [
  { factor: "token", time: "then", color: thenColor },
  { factor: "token", time: "now", color: nowColor },
  { factor: "position", time: "then", color: thenColor },
  { factor: "position", time: "now", color: nowColor },
] as const;

interface Column {
  slot: string;
  block: number;
  index: number;
}

/** One slot per column of a map, and an empty one between maps. */
function columnsOf(dVocab: number, nPos: number): { slots: string[]; columns: Column[] } {
  const columns = blocks.flatMap(({ factor }, block) =>
    Array.from({ length: factor === "token" ? dVocab : nPos }, (_, index) => ({
      slot: `${block}:${index}`,
      block,
      index,
    })),
  );
  const slots = columns.flatMap(({ slot, block, index }) =>
    block > 0 && index === 0 ? [`gap ${block}`, slot] : [slot],
  );
  return { slots, columns };
}

/** Draws all cells as one path per colour: a tenth of the size of one element per cell. */
function cellsMark(
  units: readonly { row: string; tuning: UnitTuning }[],
  columns: readonly Column[],
): RenderFunction {
  return (_index, scales, _values, _dimensions, { document }) => {
    const x = scales.x as unknown as ((slot: string) => number) & { bandwidth(): number };
    const y = scales.y as unknown as ((row: string) => number) & { bandwidth(): number };
    const [width, height] = [x.bandwidth(), y.bandwidth()];
    const paths = new Map<number, string[]>();
    for (const { row, tuning } of units)
      for (const { slot, block, index } of columns) {
        const { factor, time } = blocks[block];
        const level = colorLevel(scale, tuning[time][factor][index] / tuning.scale);
        if (level === undefined || level === 0) continue;
        const cell = `M${x(slot)},${y(row)}h${width}v${height}h-${width}z`;
        paths.set(level, [...(paths.get(level) ?? []), cell]);
      }
    const group = svgElement(document, "g");
    for (const [level, cells] of [...paths].sort(([a], [b]) => a - b))
      group.append(svgElement(document, "path", { ...colorFill(scale, level), d: cells.join("") }));
    return group;
  };
}

function panelOf(data: ThenAndNowData, { layer, exemplar }: ThenAndNowData["layers"][number]): Panel {
  const { dVocab, nPos } = data.probe;
  const sorted = unitTunings(exemplar, data.probe);
  const shown =
    sorted.length <= mostRows ? sorted : [...sorted.slice(0, mostRows / 2), ...sorted.slice(-mostRows / 2)];
  const units = shown.map((tuning) => ({ row: unitName(layer, tuning.unit), tuning }));
  const chance = otherUnitNull(exemplar, data.probe);
  const { slots, columns } = columnsOf(dVocab, nPos);
  const cell = Math.max(2, Math.min(18, Math.floor(362 / slots.length)));
  const marginLeft = 46;
  const marginRight = 42;
  const marginTop = 36;
  const marginBottom = rampHeight + 8;
  const rowHeight = 11;
  const heads = columns
    .filter(({ index }) => index === 0)
    .map((column) => ({ ...column, ...blocks[column.block] }));
  const labelled = columns.filter(({ index }) => cell >= 7 || index % 5 === 0);
  return {
    title: `${presetTitle(data)} · layer ${layer} · seed ${exemplar.seed}`,
    description: `tuning of ${shown.length} of ${sorted.length} units to ${dVocab} tokens and ${nPos} positions, before and after training, sorted from the most to the least persistent: ${units[0]?.row ?? "none"} with r ${fixed(units[0]?.tuning.r)} to ${units[units.length - 1]?.row ?? "none"} with r ${fixed(units[units.length - 1]?.tuning.r)}`,
    options: {
      width: marginLeft + marginRight + cell * slots.length,
      height: marginTop + marginBottom + rowHeight * units.length,
      marginLeft,
      marginRight,
      marginTop,
      marginBottom,
      x: { type: "band", domain: slots, padding: 0, axis: null },
      y: {
        type: "band",
        domain: units.map(({ row }) => row),
        paddingInner: 0.1,
        paddingOuter: 0,
        axis: null,
      },
      marks: [
        cellsMark(units, columns),
        rampMark(scale, {
          title: "deviation from the unit's mean, of its largest",
          ticks: [
            { value: -1, label: "−1" },
            { value: 0, label: "0" },
            { value: 1, label: "+1" },
          ],
          left: marginLeft,
          top: marginTop + rowHeight * units.length + 6,
        }),
        text(units, {
          y: "row",
          text: "row",
          frameAnchor: "left",
          textAnchor: "end",
          dx: -5,
          fill: ink,
          fontSize: fontSize.small,
        }),
        text(units, {
          y: "row",
          text: ({ tuning }) => (tuning.scale === 0 ? "silent" : fixed(tuning.r)),
          frameAnchor: "right",
          textAnchor: "end",
          dx: 32,
          fill: ({ tuning }) => (tuning.r > chance.high ? ink : muted),
          fontSize: fontSize.small,
        }),
        text(["r"], {
          text: (label: string) => label,
          frameAnchor: "top-right",
          textAnchor: "end",
          dx: 32,
          dy: -12,
          fill: muted,
          fontSize: fontSize.small,
        }),
        text(labelled, {
          x: "slot",
          text: ({ index }) => String(index),
          frameAnchor: "top",
          dy: -12,
          fill: muted,
          fontSize: fontSize.small - 1,
        }),
        text(heads, {
          x: "slot",
          text: ({ factor, time }) => `${factor === "token" ? "token" : "pos"}, ${time}`,
          frameAnchor: "top",
          textAnchor: "start",
          dx: -cell / 2,
          dy: -26,
          fill: "color",
          fontWeight: 600,
          fontSize: fontSize.label,
        }),
      ],
    },
  };
}

/** Figure: units × tokens and units × positions, initial beside final, sorted by how well they were kept. */
export function thenAndNow(data: ThenAndNowData): FigureSpec {
  const findings = data.layers.map(({ layer, exemplar }) => {
    const sorted = unitTunings(exemplar, data.probe).filter(({ r }) => Number.isFinite(r));
    const last = sorted[sorted.length - 1];
    if (last === undefined) return `layer ${layer}: no unit has a tuning`;
    const median = quantileSorted(sortedFinite(sorted.map(({ r }) => r)), 0.5);
    return `layer ${layer}: half of the units keep r ${fixed(median)} or more, ${unitName(layer, last.unit)} only ${fixed(last.r)}`;
  });
  return {
    name: `then-and-now-${data.summary.preset.replace(/[^A-Za-z0-9-]/g, "-")}`,
    title: `${data.summary.preset}, ${findings.join("; ")}.`,
    question: "What did each unit respond to before training, and what does it respond to now?",
    seeds: `one seed in full, of ${seedsSentence([data])}`,
    nullModel: `r of a unit now with another unit of the same network then; middle 90 % ${listed(
      data.layers.map(({ layer, exemplar }) => {
        const { low, high } = otherUnitNull(exemplar, data.probe);
        return `${intervalText([low, high])} in layer ${layer}`;
      }),
    )}. Numbers in grey are not above it.`,
    reading: `Rows are units, most persistent on top, r is the correlation of all token × position cells; blue is below and red above the unit's mean, ±1 its largest deviation in all four maps.${
      data.layers.some(({ exemplar }) => exemplar.units > mostRows)
        ? ` The ${mostRows / 2} most and the ${mostRows / 2} least persistent are shown.`
        : ""
    }`,
    panels: data.layers.map((layer) => panelOf(data, layer)),
  };
}
