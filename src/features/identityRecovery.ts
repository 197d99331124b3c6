/** Whether units can be told apart by their tuning: the best one-to-one matching of two layers. */
import { assignment } from "../stats/assignment.ts";
import { dot, squaredNorm } from "./cellEffects.ts";
import { ownModel, type PairingOptions } from "./pairing.ts";
import {
  type CellMeans,
  type CurveKind,
  checkComparable,
  curveOf,
  type UnitCurves,
  unitCurves,
} from "./unitCurves.ts";

/** What {@link identityRecovery} returns, [model]. */
export interface IdentityRecovery {
  /** Share of units matched to themselves; chance is 1 / compared. */
  recovered: Float64Array;
  /** Mean correlation of the matched pairs. Matching maximises it: compare it with that of an unrelated model. */
  matchedMean: Float64Array;
  /** Mean correlation of a unit with any unit: what {@link matchedMean} would be under a random relabelling. */
  shuffledMean: Float64Array;
  /** Units that were matched: those whose curve is flat in neither. */
  compared: Int32Array;
}

/**
 * Matches the units of two populations by their tuning, model by model.
 *
 *   R_ij = corr(curve of unit i before, curve of unit j after);  π maximises Σ R_{i,π(i)};  recovered = mean 1[π(i) = i]
 *
 * Edges: units that are flat before or after are left out on both sides and show in `compared`; no unit left, or no
 * partner, gives NaN.
 *
 * @throws ShapeError if units or cells differ
 * @source Li et al. 2016 (arXiv 1511.07543), one-to-one matching
 */
export function identityRecovery(
  before: CellMeans,
  after: CellMeans,
  { kind = "all", partner = ownModel }: PairingOptions & { kind?: CurveKind } = {},
): IdentityRecovery {
  checkComparable("identity recovery", before, after);
  const { models, units } = before;
  const first = unitLength(unitCurves(before)[kind]);
  const second = unitLength(unitCurves(after)[kind]);
  const result: IdentityRecovery = {
    recovered: new Float64Array(models).fill(Number.NaN),
    matchedMean: new Float64Array(models).fill(Number.NaN),
    shuffledMean: new Float64Array(models).fill(Number.NaN),
    compared: new Int32Array(models),
  };
  for (let model = 0; model < models; model++) {
    const other = partner(model);
    const alive = Array.from({ length: units }, (_, unit) => unit).filter(
      (unit) => first.flat[model * units + unit] === 0 && second.flat[other * units + unit] === 0,
    );
    if (alive.length === 0) continue;
    const correlations = alive.map((i) => {
      const own = curveOf(first, model * units + i);
      return Float64Array.from(alive, (j) => dot(own, curveOf(second, other * units + j)));
    });
    const { columns, sum } = assignment(correlations);
    const count = alive.length;
    result.compared[model] = count;
    result.matchedMean[model] = sum / count;
    result.recovered[model] = columns.filter((column, row) => column === row).length / count;
    result.shuffledMean[model] =
      correlations.reduce((total, row) => total + row.reduce((a, b) => a + b, 0), 0) / count ** 2;
  }
  return result;
}

/** The curves scaled to length 1, so that dot products are correlations. */
function unitLength(curves: UnitCurves): UnitCurves {
  const values = curves.values.slice();
  for (let at = 0; at < curves.flat.length; at++) {
    const curve = values.subarray(at * curves.length, (at + 1) * curves.length);
    const norm = Math.sqrt(squaredNorm(curve));
    for (let point = 0; point < curve.length; point++) curve[point] /= norm;
  }
  return { ...curves, values };
}
