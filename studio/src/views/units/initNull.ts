/** The null of a unit's persistence: how it correlates with units of other seeds' initialisations. */
import { squaredNorm } from "../../../../src/features/cellEffects.ts";
import { curveOf, type UnitCurves } from "../../../../src/features/unitCurves.ts";
import { quantileSorted } from "../../../../src/stats/quantile.ts";

/** Units of other initialisations that a unit is compared with, about: enough for its 5 % and 95 % quantiles. */
const PARTNERS = 256;

/** Curves at initialisation, of length 1, of some units of every seed. */
export interface InitReference {
  /** Points of a curve. */
  readonly length: number;
  /** Units kept of each seed; flat ones are NaN. */
  readonly perModel: number;
  readonly models: number;
  /** [model, kept unit, point] */
  readonly values: Float64Array;
}

/** The grey band behind an r. */
export interface NullBand {
  /** 5 %, 50 % and 95 % quantiles. */
  readonly low: number;
  readonly median: number;
  readonly high: number;
  /** Share of the compared units that correlate less than the unit's own initialisation; NaN where r is. */
  readonly below: number;
  /** Units that it was compared with. */
  readonly partners: number;
}

/**
 * The curves that units are compared with.
 *
 * Freshly drawn units of a layer are exchangeable, so that any unit of another seed stands for "had it begun
 * elsewhere", not only that of the same index. Evenly spaced ones are kept, about 256 besides the own seed's.
 *
 * @param curves  at initialisation, [model, unit, point], each about its mean
 */
export function initReference(
  curves: UnitCurves,
  { models, units }: { models: number; units: number },
): InitReference {
  const { length } = curves;
  const perModel = Math.min(units, Math.ceil(PARTNERS / Math.max(1, models - 1)));
  const values = new Float64Array(models * perModel * length);
  for (let model = 0; model < models; model++)
    for (let i = 0; i < perModel; i++) {
      const at = model * units + Math.floor((i * units) / perModel);
      values.set(direction(curves, at), (model * perModel + i) * length);
    }
  return { length, perModel, models, values };
}

/** A curve about its mean at length 1; NaN if it is flat. */
function direction(curves: UnitCurves, at: number): Float64Array {
  const curve = curveOf(curves, at);
  const norm = curves.flat[at] === 0 ? Math.sqrt(squaredNorm(curve)) : Number.NaN;
  return curve.map((value) => value / norm);
}

/**
 * Correlations of a unit's curve now with units of other seeds' initialisations, ascending; without NaN.
 *
 * @param at  model · units + unit
 */
export function nullCorrelations(
  reference: InitReference,
  curves: UnitCurves,
  { at, model }: { at: number; model: number },
): Float64Array {
  const { length, perModel, models, values } = reference;
  const own = direction(curves, at);
  const found = new Float64Array((models - 1) * perModel);
  let count = 0;
  for (let other = 0; other < models; other++) {
    if (other === model) continue;
    for (let i = 0; i < perModel; i++) {
      const start = (other * perModel + i) * length;
      let sum = 0;
      for (let point = 0; point < length; point++) sum += own[point] * values[start + point];
      if (!Number.isNaN(sum)) found[count++] = sum;
    }
  }
  return found.subarray(0, count).sort();
}

/** The band of some null correlations, ascending, behind a unit's own r. */
export function nullBand(correlations: Float64Array, r: number): NullBand {
  const below = correlations.findIndex((value) => value >= r);
  return {
    low: quantileSorted(correlations, 0.05),
    median: quantileSorted(correlations, 0.5),
    high: quantileSorted(correlations, 0.95),
    below: Number.isNaN(r) ? Number.NaN : (below < 0 ? correlations.length : below) / correlations.length,
    partners: correlations.length,
  };
}
