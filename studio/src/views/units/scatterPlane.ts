/** The plane of the scatter: initial selectivity to the right, persistence upwards. */
import type { Range } from "../../state/rowChoice.ts";
import type { UnitRow } from "./unitRows.ts";

/** Sizes of the picture, px. */
export const plane = { width: 400, height: 300, left: 44, right: 12, top: 10, bottom: 40 } as const;

const inner = {
  width: plane.width - plane.left - plane.right,
  height: plane.height - plane.top - plane.bottom,
};

const tenth = (value: number) => Math.round(10 * value) / 10;
const hundredth = (value: number) => Math.round(100 * value) / 100;
const inside = (value: number, [low, high]: Range) => Math.min(high, Math.max(low, value));

/** Where a selectivity in [0, 1] stands, px. */
export const xOf = (selectivity: number) => plane.left + selectivity * inner.width;
/** Where an r in [−1, 1] stands, px. */
export const yOf = (r: number) => plane.top + ((1 - r) / 2) * inner.height;

/** A point of the picture. */
export interface PlanePoint {
  readonly x: number;
  readonly y: number;
}

/** The values that a rectangle between two points covers, to the hundredth. */
export function brushed(a: PlanePoint, b: PlanePoint): { selectivity: Range; persistence: Range } {
  const selectivity = ({ x }: PlanePoint) => hundredth(inside((x - plane.left) / inner.width, [0, 1]));
  const persistence = ({ y }: PlanePoint) =>
    hundredth(inside(1 - (2 * (y - plane.top)) / inner.height, [-1, 1]));
  const ordered = (first: number, second: number): Range => [
    Math.min(first, second),
    Math.max(first, second),
  ];
  return {
    selectivity: ordered(selectivity(a), selectivity(b)),
    persistence: ordered(persistence(a), persistence(b)),
  };
}

/** Points as a path to be stroked with round ends; those without a value are left out. */
export function pointsPath(points: Iterable<{ readonly initial: number; readonly r: number }>): string {
  let d = "";
  for (const { initial, r } of points)
    if (!Number.isNaN(initial) && !Number.isNaN(r)) d += `M${tenth(xOf(initial))},${tenth(yOf(r))}h0`;
  return d;
}

/** The row nearest to a point, if one is near. */
export function nearestRow(rows: readonly UnitRow[], { x, y }: PlanePoint, within = 10): UnitRow | undefined {
  let best: UnitRow | undefined;
  let least = within * within;
  for (const row of rows) {
    const distance = (xOf(row.initial) - x) ** 2 + (yOf(row.r) - y) ** 2;
    if (distance <= least) [best, least] = [row, distance];
  }
  return best;
}
