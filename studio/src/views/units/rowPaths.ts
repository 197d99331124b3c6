/** Rows as paths, one for each colour: a few elements however many cells there are. */

import type { CurveKind } from "../../../../src/features/unitCurves.ts";
import { curveOf, type UnitCurves } from "../../../../src/features/unitCurves.ts";
import { type ColorScale, colorLevel } from "../../../../src/figures/colorScale.ts";
import type { NullBand } from "./initNull.ts";
import type { LayerLook } from "./layerLook.ts";
import { columnLeft, type RowLayout, rPlace } from "./rowLayout.ts";
import type { UnitRow } from "./unitRows.ts";

/** Deviations are divided by a largest one. */
export const stripScale: ColorScale = { kind: "signed", limit: 1 };

/** Curves share a scale, and cells have their own: a curve is a mean of cells, and paler. */
const familyOf = (kind: CurveKind) => (kind === "token" || kind === "position" ? "curves" : "cells");

/** Times of a layer. */
export interface Both {
  readonly first: LayerLook;
  readonly now: LayerLook;
}

type Limits = Record<"curves" | "cells", number>;

/** Largest deviation of one unit, then or now; 0 for a silent unit. */
function limitsOf({ first, now }: Both, kinds: readonly CurveKind[], at: number): Limits {
  const limits = { curves: 0, cells: 0 };
  for (const kind of kinds)
    for (const { curves } of [first, now]) {
      const curve = curveOf(curves[kind], at);
      const family = familyOf(kind);
      for (let i = 0; i < curve.length; i++) {
        const size = Math.abs(curve[i]);
        if (size > limits[family] && size < Number.POSITIVE_INFINITY) limits[family] = size;
      }
    }
  return limits;
}

/** Largest deviation among some units. */
export function layerLimits(both: Both, rows: readonly UnitRow[], layout: RowLayout): Limits {
  const kinds = kindsOf(layout);
  const limits = { curves: 0, cells: 0 };
  for (const { at } of rows) {
    const own = limitsOf(both, kinds, at);
    limits.curves = Math.max(limits.curves, own.curves);
    limits.cells = Math.max(limits.cells, own.cells);
  }
  return limits;
}

const kindsOf = ({ groups }: RowLayout) => [...new Set(groups.map(({ kind }) => kind))];

const tenth = (value: number) => Math.round(10 * value) / 10;

/** A path and the step of colour that it has. */
export interface LevelPath {
  readonly level: number;
  /** Horizontal lines, to be stroked as wide as a strip is high. */
  readonly d: string;
}

/**
 * All strips of some rows, row `i` about y = (i + ½) · rowHeight. Cells of equal colour that touch are one line.
 *
 * @param limits  the darkest colour is this deviation; each unit's own largest unless given
 */
export function stripPaths(
  both: Both,
  rows: readonly UnitRow[],
  { layout, limits }: { layout: RowLayout; limits?: Limits },
): LevelPath[] {
  const kinds = kindsOf(layout);
  const paths = new Map<number, string[]>();
  // written once, not for every row
  const words = layout.groups.map((group) => ({
    group,
    from: Array.from({ length: group.columns }, (_, column) => `M${tenth(columnLeft(group, column))},`),
    wide: Array.from({ length: group.columns + 1 }, (_, columns) => `h${tenth(columns * group.cell)}`),
  }));
  rows.forEach(({ at }, i) => {
    const scale = limits ?? limitsOf(both, kinds, at);
    const y = (i + 0.5) * layout.rowHeight;
    for (const { group, from, wide } of words) {
      const curves: UnitCurves = (group.time === "then" ? both.first : both.now).curves[group.kind];
      const limit = scale[familyOf(group.kind)];
      const start = at * curves.length;
      const { columns, every, gap } = group;
      const levelAt = (column: number) => colorLevel(stripScale, curves.values[start + column] / limit);
      let level = levelAt(0);
      for (let column = 0; column < columns; ) {
        const left = column++;
        const own = level;
        level = levelAt(column);
        while (column < columns && level === own && (gap === 0 || column % every !== 0))
          level = levelAt(++column);
        if (own === undefined || own === 0) continue;
        const line = `${from[left]}${y}${wide[column - left]}`;
        const path = paths.get(own);
        if (path === undefined) paths.set(own, [line]);
        else path.push(line);
      }
    }
  });
  return [...paths].sort(([a], [b]) => a - b).map(([level, lines]) => ({ level, d: lines.join("") }));
}

/** The scales of persistence of some rows. */
export interface PersistencePaths {
  /** Null bands, to be stroked as wide as a strip is high. */
  readonly bands: string;
  readonly medians: string;
  /** The unit of the same index in other seeds. */
  readonly others: string;
  /** The unit itself, above its null and not; points, to be stroked with round ends. */
  readonly above: string;
  readonly within: string;
}

/**
 * The scale of persistence of some rows.
 *
 * @param bands  by row
 * @param r      [model, unit], of all seeds
 */
export function persistencePaths(
  rows: readonly UnitRow[],
  {
    layout,
    bands,
    r,
    units,
  }: { layout: RowLayout; bands: readonly NullBand[]; r: Float64Array; units: number },
): PersistencePaths {
  const { rowHeight, stripHeight } = layout;
  const x = (value: number) => tenth(rPlace(layout, value));
  const parts = { bands: "", medians: "", others: "", above: "", within: "" };
  rows.forEach((row, i) => {
    const y = (i + 0.5) * rowHeight;
    const { low, median, high } = bands[i];
    if (Number.isFinite(low)) {
      parts.bands += `M${x(low)},${y}H${x(high)}`;
      parts.medians += `M${x(median)},${y - stripHeight / 2}v${stripHeight}`;
    }
    for (let at = row.unit; at < r.length; at += units)
      if (at !== row.at && !Number.isNaN(r[at]))
        parts.others += `M${x(r[at])},${y - stripHeight / 4}v${stripHeight / 2}`;
    if (!Number.isNaN(row.r)) parts[row.r > high ? "above" : "within"] += `M${x(row.r)},${y}h0`;
  });
  return parts;
}
