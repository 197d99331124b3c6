/** Whether a unit still prefers what it preferred. */
import { compareUnits, counterparts } from "./compareUnits.ts";
import { ownModel, type PairingOptions } from "./pairing.ts";
import { type CellMeans, checkComparable, unitCurves } from "./unitCurves.ts";

/**
 * 1 where the largest point of a unit's curve is the same before and after, 0 where not; chance is about one over the
 * points of the curve. Among equally large points the first is the preferred one.
 *
 * @returns  [model, unit] of the first population; NaN for flat curves and models without a partner
 * @throws ShapeError if units or cells differ
 */
export function preferenceKept(
  before: CellMeans,
  after: CellMeans,
  kind: "token" | "position",
  { partner = ownModel }: PairingOptions = {},
): Float64Array {
  checkComparable("preference", before, after);
  const pairs = counterparts(before, after, partner);
  return compareUnits(unitCurves(before)[kind], unitCurves(after)[kind], pairs, (x, y) =>
    indexOfMax(x) === indexOfMax(y) ? 1 : 0,
  );
}

function indexOfMax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}
