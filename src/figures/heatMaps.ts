/** Heat maps side by side: one pair of axes, one scale of colour, one legend. */
import type { RenderFunction } from "@observablehq/plot";
import {
  type ColorScale,
  colorFill,
  colorLevel,
  colorText,
  rampHeight,
  rampMark,
  type ScaleTick,
} from "./colorScale.ts";
import type { Panel } from "./figure.ts";
import { labelStride, labelsMark, type PlacedLabel } from "./labelsMark.ts";
import { svgElement } from "./svgElement.ts";
import { longestLabel, shortLabel, textWidth } from "./textWidth.ts";
import { fontSize, ink, muted, rule } from "./theme.ts";

/** Width of a panel: a phone shows it whole and unscaled, a desk has room for three. */
export const panelWidth = 296;

/** One map of a grid. */
export interface HeatMap {
  /** Above the map, e.g. `L0N17`; the empty string is left out everywhere or nowhere. */
  title: string;
  /** Beneath the title, in grey. */
  note?: string;
  /** [row][column], row-major; NaN is blank. */
  values: ArrayLike<number>;
}

/** What the rows or the columns of all maps of a grid are. */
export interface HeatAxis {
  /** E.g. `query position`. */
  title: string;
  labels: readonly string[];
  /** Index that stands a little apart from those before it, e.g. that of a margin's means. */
  gapBefore?: number;
  /** Labels of columns are written upwards, for those that are longer than a cell is wide. */
  upwards?: boolean;
}

/** What is written into a cell. */
export interface CellText {
  text: string;
  strong?: boolean;
  under?: string;
}

/** Maps with the same axes and colours. */
export interface HeatMapGrid {
  title: string;
  /** The numbers that matter, for who cannot see the colours. */
  description: string;
  maps: readonly HeatMap[];
  rows: HeatAxis;
  columns: HeatAxis;
  scale: ColorScale;
  /** Beneath the maps; left out where another panel has it. */
  legend?: { title: string; ticks: readonly ScaleTick[] };
  /** Maps in a line at most, default all. */
  across?: number;
  /** Width of the panel at most, px; default {@link panelWidth}. Maps with more columns than pixels get more. */
  maxWidth?: number;
  /** Largest width of a cell, px; default 18. */
  maxCell?: number;
  /** Height of a cell, px; default its width. */
  cellHeight?: number;
  /** Text in a cell and, smaller, under it; drawn where every cell has room for its own. */
  cellText?: (value: number, map: number, cell: number) => CellText;
  /** Texts to the right of each row of the last map in a line, and what they are. */
  rowNotes?: { title: string; notes: readonly { text: string; strong: boolean }[] };
}

/** Room between maps, and before what stands apart, px. */
const mapGap = 12;
const partGap = 3;
/** Square cells get flatter where a map would be higher, px. */
const mostHeight = 480;
/** Labels of rows, and of columns that are written upwards, are cut to this, px. */
const longestLabelRoom = 92;

const hundredth = (value: number) => Math.floor(100 * value) / 100;

/** Places along an axis, and its whole length, px. */
function placesOf({ labels, gapBefore }: HeatAxis, cell: number): { at: number[]; length: number } {
  const gap = (index: number) => (gapBefore !== undefined && index >= gapBefore ? partGap : 0);
  const at = labels.map((_, index) => hundredth(index * cell + gap(index)));
  return { at, length: labels.length * cell + gap(labels.length - 1) };
}

interface MapPlace {
  map: HeatMap;
  left: number;
  top: number;
}

/** Everything that has a place, px. */
interface Layout {
  places: MapPlace[];
  x: number[];
  y: number[];
  cell: { width: number; height: number };
  marginLeft: number;
  width: number;
  height: number;
  /** Height of the labels beneath the maps. */
  columnRoom: number;
}

function layoutOf(grid: HeatMapGrid): Layout {
  const { maps, rows, columns, maxWidth = panelWidth, maxCell = 18 } = grid;
  const across = Math.max(1, Math.min(grid.across ?? maps.length, maps.length));
  const rowLabels = Math.min(longestLabelRoom, longestLabel(rows.labels, fontSize.small));
  const marginLeft = Math.ceil((rows.title === "" ? 0 : 14) + rowLabels + 6);
  const notes = grid.rowNotes;
  const marginRight =
    notes === undefined
      ? 6
      : Math.ceil(longestLabel([notes.title, ...notes.notes.map(({ text }) => text)], fontSize.small)) + 10;
  const room = maxWidth - marginLeft - marginRight - (across - 1) * mapGap - across * partGap;
  const wanted = Math.min(maxCell, room / across / Math.max(1, columns.labels.length));
  // a cell narrower than a quarter of a pixel is not there any more
  const width = wanted >= 3 ? Math.floor(wanted) : Math.max(0.25, hundredth(wanted));
  const cell = {
    width,
    height: grid.cellHeight ?? Math.min(width, hundredth(mostHeight / rows.labels.length)),
  };
  const [x, y] = [placesOf(columns, cell.width), placesOf(rows, cell.height)];
  const head =
    (maps.some(({ title }) => title !== "") ? 14 : 0) +
    (maps.some(({ note }) => note !== undefined) ? 12 : 0) +
    (notes === undefined ? 0 : 10);
  const line = head + y.length + mapGap;
  const lines = Math.ceil(maps.length / across);
  const places = maps.map((map, i) => ({
    map,
    left: marginLeft + (i % across) * (x.length + mapGap),
    top: head + Math.floor(i / across) * line,
  }));
  const columnRoom =
    columns.upwards === true
      ? Math.min(longestLabelRoom, longestLabel(columns.labels, fontSize.small)) + 8
      : 14;
  const axis = columnRoom + (columns.title === "" ? 0 : 12);
  const mapsWidth = across * x.length + (across - 1) * mapGap;
  return {
    places,
    x: x.at,
    y: y.at,
    cell,
    marginLeft,
    // room for the legend and for the title of narrow maps
    width: Math.ceil(Math.max(marginLeft + mapsWidth + marginRight, marginLeft + 160)),
    height: Math.ceil(lines * line - mapGap + axis + (grid.legend === undefined ? 4 : rampHeight + 8)),
    columnRoom,
  };
}

/** All cells as one path a colour, neighbours of one colour in one piece: a hundredth of the size of an element each. */
function cellsMark({ scale, rows, columns }: HeatMapGrid, { places, x, y, cell }: Layout): RenderFunction {
  const paths = new Map<number, string[]>();
  for (const { map, left, top } of places)
    for (let row = 0; row < rows.labels.length; row++)
      for (let column = 0; column < columns.labels.length; ) {
        const at = (index: number) => colorLevel(scale, map.values[row * columns.labels.length + index]);
        const level = at(column);
        let end = column + 1;
        while (end < columns.labels.length && end !== columns.gapBefore && at(end) === level) end++;
        if (level !== undefined && !(scale.kind === "signed" && level === 0)) {
          const wide = hundredth(x[end - 1] - x[column] + cell.width);
          const piece = `M${hundredth(left + x[column])},${hundredth(top + y[row])}h${wide}v${cell.height}h-${wide}z`;
          const pieces = paths.get(level);
          if (pieces === undefined) paths.set(level, [piece]);
          else pieces.push(piece);
        }
        column = end;
      }
  return (_index, _scales, _values, _dimensions, { document }) => {
    const group = svgElement(document, "g", { "aria-label": "cells" });
    for (const [level, pieces] of [...paths].sort(([a], [b]) => a - b))
      group.append(svgElement(document, "path", { ...colorFill(scale, level), d: pieces.join("") }));
    return group;
  };
}

/** Thin frames: no colour inside is a value near zero, outside it is nothing. */
function framesMark({ places, x, y, cell }: Layout): RenderFunction {
  const [width, height] = [(x.at(-1) ?? 0) + cell.width, (y.at(-1) ?? 0) + cell.height];
  return (_index, _scales, _values, _dimensions, { document }) => {
    const group = svgElement(document, "g", { "aria-label": "frames", fill: "none", stroke: rule });
    for (const { left, top } of places)
      group.append(
        svgElement(document, "rect", { x: left - 0.5, y: top - 0.5, width: width + 1, height: height + 1 }),
      );
    return group;
  };
}

function titleLabels({ maps }: HeatMapGrid, { places, x, cell }: Layout): PlacedLabel[] {
  const wide = (x.at(-1) ?? 0) + cell.width + (maps.length === 1 ? 200 : mapGap - 4);
  return places.flatMap(({ map: { title, note }, left, top }) => {
    const noteRoom = note === undefined ? 0 : 12;
    const place = { x: left, anchor: "start" as const };
    return [
      ...(title === ""
        ? []
        : [
            {
              ...place,
              text: shortLabel(title, wide, fontSize.label),
              y: top - 8 - noteRoom,
              size: fontSize.label,
              strong: true,
            },
          ]),
      ...(note === undefined
        ? []
        : [{ ...place, text: shortLabel(note, wide, fontSize.small), y: top - 7, fill: muted }]),
    ];
  });
}

function axisLabels(grid: HeatMapGrid, layout: Layout): PlacedLabel[] {
  const { rows, columns, maps } = grid;
  const { places, x, y, cell, marginLeft, columnRoom } = layout;
  const across = Math.max(1, Math.min(grid.across ?? maps.length, maps.length));
  const bottom = (y.at(-1) ?? 0) + cell.height;
  const rowStride = labelStride(cell.height, fontSize.small + 1);
  const upwards = columns.upwards === true;
  const columnStride = labelStride(
    cell.width,
    upwards
      ? fontSize.small + 1
      : longestLabel(columns.labels.slice(0, columns.gapBefore), fontSize.small) + 3,
  );
  const apart = (axis: HeatAxis, index: number) => index === axis.gapBefore;
  const labels: PlacedLabel[] = [];
  places.forEach(({ left, top }, i) => {
    if (i % across === 0) {
      rows.labels.forEach((label, row) => {
        if (row % rowStride === 0 || apart(rows, row))
          labels.push({
            text: shortLabel(label, longestLabelRoom, fontSize.small),
            x: left - 5,
            y: top + y[row] + cell.height / 2,
            anchor: "end",
            fill: apart(rows, row) ? muted : ink,
          });
      });
      if (rows.title !== "")
        labels.push({ text: rows.title, x: 6, y: top + bottom / 2, fill: muted, upwards: true });
    }
    if (i + across < places.length) return;
    const below = top + bottom;
    columns.labels.forEach((label, column) => {
      if (apart(columns, column) || (column % columnStride === 0 && !hidesApart(columns, column, cell.width)))
        labels.push({
          text: apart(columns, column)
            ? label
            : shortLabel(
                label,
                upwards ? longestLabelRoom : Math.max(cell.width * columnStride, 10),
                fontSize.small,
              ),
          x: left + x[column] + cell.width / 2,
          y: below + (upwards ? 5 : 9),
          ...(upwards ? { upwards, anchor: "end" as const } : {}),
          fill: apart(columns, column) ? muted : ink,
        });
    });
    if (columns.title !== "" && i % across === 0 && i + across >= places.length)
      labels.push({
        text: columns.title,
        x: marginLeft,
        y: below + columnRoom + 7,
        anchor: "start",
        fill: muted,
      });
  });
  return labels;
}

/** Whether a label would stand too near to that of a column that stands apart. */
function hidesApart({ gapBefore, labels }: HeatAxis, column: number, cell: number): boolean {
  if (gapBefore === undefined || column >= gapBefore) return false;
  const room = (textWidth(labels[column], fontSize.small) + textWidth(labels[gapBefore], fontSize.small)) / 2;
  return (gapBefore - column) * cell + partGap < room + 2;
}

function noteLabels(grid: HeatMapGrid, { places, x, y, cell }: Layout): PlacedLabel[] {
  const last = places.at(-1);
  if (grid.rowNotes === undefined || last === undefined) return [];
  const { title, notes } = grid.rowNotes;
  const room = [title, ...notes.map(({ text }) => text)].map((text) => textWidth(text, fontSize.small));
  const right = last.left + (x.at(-1) ?? 0) + cell.width + 6 + Math.max(...room);
  return [
    { text: title, x: right, y: last.top - 7, anchor: "end", fill: muted },
    ...notes.map(({ text, strong }, row) => ({
      text,
      x: right,
      y: last.top + y[row] + cell.height / 2,
      anchor: "end" as const,
      fill: strong ? ink : muted,
    })),
  ];
}

function cellLabels(grid: HeatMapGrid, { places, x, y, cell }: Layout): PlacedLabel[] {
  const { cellText, scale } = grid;
  if (cellText === undefined) return [];
  const columns = grid.columns.labels.length;
  const texts = places.flatMap(({ map, left, top }, index) =>
    Array.from({ length: grid.rows.labels.length * columns }, (_, i) => i)
      .filter((i) => !Number.isNaN(map.values[i]))
      .map((i) => ({
        ...cellText(map.values[i], index, i),
        x: left + x[i % columns] + cell.width / 2,
        y: top + y[Math.floor(i / columns)] + cell.height / 2,
        fill: colorText(scale, colorLevel(scale, map.values[i])),
      })),
  );
  const lines = texts.some(({ under }) => under !== undefined) ? 2 : 1;
  const longest = longestLabel(
    texts.flatMap(({ text, under = "" }) => [text, under]),
    fontSize.small,
  );
  if (longest + 4 > cell.width || lines * (fontSize.small + 2) + 1 > cell.height) return [];
  return texts.flatMap(({ under, ...label }) =>
    under === undefined
      ? [label]
      : [
          { ...label, y: label.y - 5 },
          { ...label, text: under, y: label.y + 6, strong: false },
        ],
  );
}

/**
 * Heat maps as one panel: maps in lines, row labels at the left of each line, column labels beneath each column.
 *
 * Labels that would touch are thinned out; colours have ten steps (ten on either side of zero for signed values).
 */
export function heatMapPanel(grid: HeatMapGrid): Panel {
  const layout = layoutOf(grid);
  const { width, height, marginLeft } = layout;
  return {
    title: grid.title,
    description: grid.description,
    options: {
      width,
      height,
      margin: 0,
      axis: null,
      marks: [
        framesMark(layout),
        cellsMark(grid, layout),
        labelsMark([
          ...titleLabels(grid, layout),
          ...axisLabels(grid, layout),
          ...noteLabels(grid, layout),
          ...cellLabels(grid, layout),
        ]),
        ...(grid.legend === undefined
          ? []
          : [rampMark(grid.scale, { ...grid.legend, left: marginLeft, top: height - rampHeight })]),
      ],
    },
  };
}
