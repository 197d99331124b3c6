/** From numbers of units to one number a model. */
import { ShapeError } from "../base/errors.ts";

/** A mean over units with what it leaves out. */
export interface UnitMeans {
  /** Mean over the units that have a number, [model]; NaN where none has. */
  mean: Float64Array;
  /** Units without one (dead, flat or diverged), [model]. */
  excluded: Int32Array;
}

/**
 * Mean over the units of each model; units that are NaN are left out and counted, never taken for 0.
 *
 * @param values  [model, unit]
 * @throws ShapeError if they do not divide into models
 */
export function unitMeans(values: ArrayLike<number>, models: number): UnitMeans {
  const units = values.length / models;
  if (!Number.isInteger(units))
    throw new ShapeError({
      where: "mean over units",
      rule: "values must be [model, unit]",
      got: `${values.length} values for ${models} models`,
    });
  const mean = new Float64Array(models);
  const excluded = new Int32Array(models);
  for (let model = 0; model < models; model++) {
    let total = 0;
    for (let at = model * units; at < (model + 1) * units; at++) {
      if (Number.isNaN(values[at])) excluded[model]++;
      else total += values[at];
    }
    mean[model] = total / (units - excluded[model]);
  }
  return { mean, excluded };
}
