/** Whether a change of weights lies where the inputs vary. */
import { sameLength } from "../base/check.ts";
import type { CellMeans } from "./unitCurves.ts";

/**
 * How much more a change of a layer's weights changes its tuning than a change of the same length in a random direction.
 *
 *   Σ_unit dᵀ C d / (‖D‖² · tr C / dModel)
 *
 * D [dModel, unit] is the change, d a column of it, C [dModel, dModel] the covariance over cells (token, position) of
 * the layer's mean input. The numerator is the variance over cells of what D adds to pre-activations, the denominator
 * its expectation where D is isotropic: 1 means no alignment, dModel is the most (all of it on one axis that has all
 * the variance). The input is held as it is, so this is the change that the layer itself makes.
 *
 * Edges: NaN where nothing moved, the input does not vary, or a number is not finite.
 *
 * @param inputs  cell means of what the weights read, e.g. `hook_resid_mid` for W_in; units are its dimensions
 * @param change  [model, dModel, unit]
 * @returns       [model]
 * @throws ArgumentError if the sizes differ
 */
export function inputAlignment(
  { models, units: dModel, dVocab, nPos, cellMean }: CellMeans,
  change: ArrayLike<number>,
  units: number,
): Float64Array {
  sameLength("input alignment", { length: models * dModel * units }, change);
  const cells = dVocab * nPos;
  return Float64Array.from({ length: models }, (_, model) => {
    const centred = Array.from({ length: dModel }, (_, dim) => {
      const from = (model * dModel + dim) * cells;
      const means = cellMean.subarray(from, from + cells);
      const grand = means.reduce((sum, value) => sum + value, 0) / cells;
      return means.map((value) => value - grand);
    });
    let [made, moved, varied] = [0, 0, 0];
    for (const dimension of centred) for (const value of dimension) varied += value * value;
    const added = new Float64Array(cells);
    for (let unit = 0; unit < units; unit++) {
      added.fill(0);
      for (let dim = 0; dim < dModel; dim++) {
        const weight = change[(model * dModel + dim) * units + unit];
        moved += weight * weight;
        for (let cell = 0; cell < cells; cell++) added[cell] += weight * centred[dim][cell];
      }
      for (const value of added) made += value * value;
    }
    return (made * dModel) / (moved * varied);
  });
}
