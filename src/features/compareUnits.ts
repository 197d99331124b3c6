/** One statistic of every pair of units. */
import type { Pairing } from "./pairing.ts";
import { type CellMeans, curveOf, type UnitCurves } from "./unitCurves.ts";

/** For each unit of the first population the place of its counterpart in the second, NaN without one. */
export function counterparts(
  before: Pick<CellMeans, "models" | "units">,
  after: Pick<CellMeans, "models">,
  partner: Pairing,
): Float64Array {
  return Float64Array.from({ length: before.models * before.units }, (_, at) => {
    const other = partner(Math.floor(at / before.units));
    return other >= 0 && other < after.models ? other * before.units + (at % before.units) : Number.NaN;
  });
}

/**
 * A statistic of each unit's curve and its counterpart's.
 *
 * @param pairs  from {@link counterparts}
 * @returns      [model, unit] of the first population; NaN where a curve is flat or has no counterpart
 */
export function compareUnits(
  first: UnitCurves,
  second: UnitCurves,
  pairs: Float64Array,
  statistic: (x: Float64Array, y: Float64Array) => number,
): Float64Array {
  return pairs.map((other, at) =>
    first.flat[at] === 0 && second.flat[other] === 0 // undefined where there is no counterpart
      ? statistic(curveOf(first, at), curveOf(second, other))
      : Number.NaN,
  );
}
