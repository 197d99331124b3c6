/**
 * Subspace persistence: a unit may leave its own tuning and stay within what its layer could read from the start.
 *
 * The layer's initial vocabulary is the residual stream that its MLP read before training: dModel numbers in each cell.
 * Regressing trained tuning on the 64 or more initial units instead would fit anything, with hardly more cells.
 */
import { ShapeError } from "../base/errors.ts";
import { linearFit } from "../stats/linearFit.ts";
import { ownModel, type PairingOptions } from "./pairing.ts";
import type { CellMeans } from "./unitCurves.ts";

/** What {@link subspacePersistence} returns. */
export interface SubspacePersistence {
  /** Left-out R² of each trained unit, [model, unit]; NaN for a unit that is constant or a model without partner. */
  readonly r2: Float64Array;
  /** Left-out R² of all units of a layer together, so that strong units count more, [model]. */
  readonly layer: Float64Array;
}

/**
 * How well the stream's initial coordinates predict trained pre-activations in cells left out of the fit.
 *
 *   after[cell, unit] ≈ constant + Σ_d before[cell, d] · w_d,   R² = 1 − Σ_cell (left-out error)² / Σ_cell (left-out mean's)²
 *
 * Pre-activations are linear in the stream, so R² = 1 before training. The stream is nearly a sum of a token's vector and
 * a position's; with dModel ≥ (V − 1) + (T − 1) that of *any* network spans all such sums, and predicts all tuning that is
 * additive. Only the excess over another initialisation's coordinates (by `partner`) speaks of inheritance.
 *
 * @param before  cell means of the stream that the MLP reads, `hook_resid_mid`, at initialisation
 * @param after   cell means of `mlp.hook_pre` of the same layer after training
 * @param options `partner`: which model of `before` predicts each model of `after`, itself unless given; `ridge` as
 *                {@link linearFit}, 0 unless given
 * @throws ShapeError if the cells differ
 */
export function subspacePersistence(
  before: CellMeans,
  after: CellMeans,
  { partner = ownModel, ridge = 0 }: PairingOptions & { ridge?: number } = {},
): SubspacePersistence {
  if (before.dVocab !== after.dVocab || before.nPos !== after.nPos)
    throw new ShapeError({
      where: "subspace persistence",
      rule: "both must be measured in the same cells",
      got: `${before.dVocab} × ${before.nPos} and ${after.dVocab} × ${after.nPos}`,
      wayOut: "Measure stream and units on probes of the same size.",
    });
  const { models, units } = after;
  const r2 = new Float64Array(models * units).fill(Number.NaN);
  const layer = new Float64Array(models).fill(Number.NaN);
  for (let model = 0; model < models; model++) {
    const other = partner(model);
    if (!(other >= 0 && other < before.models)) continue;
    const fit = linearFit(rowsOf(before, other), rowsOf(after, model), { ridge });
    r2.set(fit.r2LeftOutOf, model * units);
    layer[model] = fit.r2LeftOut;
  }
  return { r2, layer };
}

/** Cell means of one model as samples, [cell][unit]. */
function rowsOf({ units, dVocab, nPos, cellMean }: CellMeans, model: number): Float64Array[] {
  const cells = dVocab * nPos;
  return Array.from({ length: cells }, (_, cell) =>
    Float64Array.from({ length: units }, (_, unit) => cellMean[(model * units + unit) * cells + cell]),
  );
}
