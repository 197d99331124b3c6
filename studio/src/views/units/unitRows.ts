/** The list of units: one row each, chosen and sorted. */

import type { CurveKind } from "../../../../src/features/unitCurves.ts";
import { curveOf, type UnitCurves } from "../../../../src/features/unitCurves.ts";
import { unitName } from "../../../../src/figures/population.ts";
import { type Fate, type Range, type RowChoice, type SortKey, wholeRange } from "../../state/rowChoice.ts";
import { fateOf } from "./fates.ts";
import type { LayerLook } from "./layerLook.ts";

/** One unit of one seed. */
export interface UnitRow {
  readonly model: number;
  readonly unit: number;
  /** model · units + unit. */
  readonly at: number;
  readonly name: string;
  /** Correlation of the curve now with that at initialisation; NaN for a flat one. */
  readonly r: number;
  /** Share of variance of the kind, then and now. */
  readonly initial: number;
  readonly current: number;
  /** Token and position with the highest mean activation; −1 for a flat curve. */
  readonly token: Levels;
  readonly position: Levels;
  readonly fate: Fate;
}

/** A level before training and now. */
export type Levels = readonly [then: number, now: number];

/** Level with the largest value, the first of equals; −1 of a flat curve. */
function peak(curves: UnitCurves, at: number): number {
  if (curves.flat[at] !== 0) return -1;
  const curve = curveOf(curves, at);
  let best = 0;
  for (let i = 1; i < curve.length; i++) if (curve[i] > curve[best]) best = i;
  return best;
}

/**
 * The units of some seeds, in the order of their index.
 *
 * @param r       [model, unit], of the same kind
 * @param models  indices of the seeds
 */
export function unitRows(
  { first, now, r }: { first: LayerLook; now: LayerLook; r: Float64Array },
  { layer, kind, models }: { layer: number; kind: CurveKind; models: readonly number[] },
): UnitRow[] {
  const { units } = first;
  const [before, after] = [first.selectivity[kind], now.selectivity[kind]];
  return models.flatMap((model) =>
    Array.from({ length: units }, (_, unit) => {
      const at = model * units + unit;
      const levels = (factor: "token" | "position"): Levels => [
        peak(first.curves[factor], at),
        peak(now.curves[factor], at),
      ];
      return {
        ...{
          model,
          unit,
          at,
          name: unitName(layer, unit),
          r: r[at],
          initial: before[at],
          current: after[at],
        },
        token: levels("token"),
        position: levels("position"),
        fate: fateOf(before[at], after[at]),
      };
    }),
  );
}

/** Whether a value is in a range; NaN only in the whole one. */
export function isInRange(value: number, [low, high]: Range, whole: Range): boolean {
  if (low <= whole[0] && high >= whole[1]) return true;
  return value >= low && value <= high;
}

/** Whether a name is meant by a text: `L0N17`, `N17`, `17`, or the beginning of a name; several with spaces or commas. */
export function isMeant(name: string, text: string): boolean {
  const words = text
    .toUpperCase()
    .split(/[\s,;]+/)
    .filter((word) => word !== "");
  if (words.length === 0) return true;
  const [, index] = name.split("N");
  return words.some((word) =>
    /^\d+$/.test(word) ? word === index : `N${index}`.startsWith(word) || name.startsWith(word),
  );
}

/** Correlations that differ less are equal: at initialisation all are 1, but for rounding. */
const ROUNDING = 1e-9;

/** What a row is sorted by; higher comes first, and what has no value last. */
const keys: Record<SortKey, (row: UnitRow) => number> = {
  persistence: ({ r }) => Math.round(r / ROUNDING),
  initial: ({ initial }) => initial,
  current: ({ current }) => current,
  change: ({ initial, current }) => current - initial,
  token: ({ token }) => (token[1] < 0 ? Number.NaN : -token[1]),
  position: ({ position }) => (position[1] < 0 ? Number.NaN : -position[1]),
  unit: ({ unit }) => -unit,
};

/**
 * The rows that are wanted, in the wanted order: largest first (least first for preferred levels and indices), or the
 * other way round; rows without a value are last either way. Equal rows stay in the order of seeds and indices.
 */
export function chosenRows(rows: readonly UnitRow[], choice: RowChoice): UnitRow[] {
  const { sort, reversed, text, fate, selectivity, persistence } = choice;
  const key = keys[sort];
  const sign = reversed ? -1 : 1;
  return rows
    .filter(
      (row) =>
        (fate === "any" || row.fate === fate) &&
        isInRange(row.initial, selectivity, wholeRange.selectivity) &&
        isInRange(row.r, persistence, wholeRange.persistence) &&
        isMeant(row.name, text),
    )
    .sort((a, b) => {
      const [x, y] = [key(a), key(b)];
      if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
      return sign * (y - x);
    });
}
