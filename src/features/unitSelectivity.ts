/** Selectivity indices of units: how few tokens, or positions, have most of a unit's activation. */
import {
  activityRatio,
  entropySelectivity,
  gini,
  hoyer,
  lifetimeSparseness,
  tuningDepth,
} from "../stats/selectivity.ts";
import type { CellMeans } from "./unitCurves.ts";

const indices = { activityRatio, lifetimeSparseness, entropySelectivity, gini, hoyer, tuningDepth };

/** An index of selectivity, by its name in `stats`. */
export type SelectivityIndex = keyof typeof indices;

/** Every index of {@link unitSelectivity}. */
export const selectivityIndices = Object.keys(indices) as readonly SelectivityIndex[];

/**
 * Selectivity of every unit for tokens and for positions, by every index.
 *
 *   r_t = mean over positions of the cell means (token),  r_s = mean over tokens (position)
 *
 * Unlike shares of variance these see the level of a curve: the same modulation on a high level is less selective. All
 * but `activityRatio`, which runs the other way, are larger for more selective units.
 *
 * @param curves  of activations ≥ 0, such as `hook_post` of a rectifier; every cell must have been visited
 * @returns       by factor and index, [model, unit]; NaN for a dead unit
 * @throws ArgumentError for a mean below 0 or a cell without one: take `hook_post` of a ReLU network, and a balanced probe
 */
export function unitSelectivity({
  models,
  units,
  dVocab,
  nPos,
  cellMean,
}: CellMeans): Record<"token" | "position", Record<SelectivityIndex, Float64Array>> {
  const curves = Array.from({ length: models * units }, (_, at) => {
    const [token, position] = [new Float64Array(dVocab), new Float64Array(nPos)];
    for (let t = 0; t < dVocab; t++)
      for (let s = 0; s < nPos; s++) {
        const value = cellMean[(at * dVocab + t) * nPos + s];
        token[t] += value / nPos;
        position[s] += value / dVocab;
      }
    return { token, position };
  });
  const of = (factor: "token" | "position") =>
    Object.fromEntries(
      selectivityIndices.map((name) => [
        name,
        Float64Array.from(curves, (curve) => indices[name](curve[factor])),
      ]),
    ) as Record<SelectivityIndex, Float64Array>;
  return { token: of("token"), position: of("position") };
}
