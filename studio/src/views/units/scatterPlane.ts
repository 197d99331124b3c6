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

/**
 * The selectivities that are shown: whole tenths around those of all seeds, so that neither training nor the choice of a
 * seed moves them.
 */
export function shownSelectivity(initial: ArrayLike<number>): Range {
  const finite = Array.from(initial).filter(Number.isFinite);
  const low = Math.floor(10 * finite.reduce((a, b) => Math.min(a, b), 1)) / 10;
  const high = Math.ceil(10 * finite.reduce((a, b) => Math.max(a, b), 0)) / 10;
  return low < high ? [low, high] : [0, 1];
}

/** Labelled selectivities: tenths, or every second one of many. */
export function selectivityTicks([low, high]: Range): number[] {
  const tenths = Math.round(10 * (high - low));
  const stride = tenths > 5 ? 2 : 1;
  return Array.from({ length: Math.floor(tenths / stride) + 1 }, (_, i) => low + (i * stride) / 10);
}

/** Where a selectivity stands, px; those that are not shown stand at the ends. */
export function xOf(selectivity: number, [low, high]: Range): number {
  return plane.left + ((inside(selectivity, [low, high]) - low) / (high - low)) * inner.width;
}
/** Where an r in [−1, 1] stands, px. */
export const yOf = (r: number) => plane.top + ((1 - r) / 2) * inner.height;

/** A point of the picture. */
export interface PlanePoint {
  readonly x: number;
  readonly y: number;
}

/** The values that a rectangle between two points covers, to the hundredth. */
export function brushed(
  a: PlanePoint,
  b: PlanePoint,
  shown: Range,
): { selectivity: Range; persistence: Range } {
  const [low, high] = shown;
  const selectivity = ({ x }: PlanePoint) =>
    hundredth(inside(low + ((high - low) * (x - plane.left)) / inner.width, shown));
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
export function pointsPath(
  points: Iterable<{ readonly initial: number; readonly r: number }>,
  shown: Range,
): string {
  let d = "";
  for (const { initial, r } of points)
    if (!Number.isNaN(initial) && !Number.isNaN(r)) d += `M${tenth(xOf(initial, shown))},${tenth(yOf(r))}h0`;
  return d;
}

/** Distance from which a point is meant, px. */
const NEAR = 10;

/** The row nearest to a point, if one is near. */
export function nearestRow(
  rows: readonly UnitRow[],
  { x, y }: PlanePoint,
  shown: Range,
): UnitRow | undefined {
  let best: UnitRow | undefined;
  let least = NEAR * NEAR;
  for (const row of rows) {
    const distance = (xOf(row.initial, shown) - x) ** 2 + (yOf(row.r) - y) ** 2;
    if (distance <= least) [best, least] = [row, distance];
  }
  return best;
}
