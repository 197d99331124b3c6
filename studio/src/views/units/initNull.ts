/** The null of a unit's persistence: how it correlates with units of other seeds' initialisations. */
import { squaredNorm } from "../../../../src/features/cellEffects.ts";
import { curveOf, type UnitCurves } from "../../../../src/features/unitCurves.ts";
import type { Spread } from "../../../../src/figures/spread.ts";
import { quantileSorted } from "../../../../src/stats/quantile.ts";
import { countFrom } from "./sorted.ts";

/** Units of other initialisations that a unit is compared with, about: enough for its 5 % and 95 % quantiles. */
const PARTNERS = 256;
/** Units whose nulls are put together. */
const POOLED = 16;

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
export interface NullBand extends Spread {
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
      // two sums, so that an addition need not wait for the one before it
      let [sum, odd] = [0, 0];
      for (let point = 1; point < length; point += 2) {
        sum += own[point - 1] * values[start + point - 1];
        odd += own[point] * values[start + point];
      }
      sum += length % 2 === 1 ? odd + own[length - 1] * values[start + length - 1] : odd;
      if (!Number.isNaN(sum)) found[count++] = sum;
    }
  }
  return found.subarray(0, count).sort();
}

/**
 * Middle 90 % and median of the nulls of some units together: of at most 16 of them, evenly spaced, which are thousands
 * of correlations.
 */
export function pooledNull(
  reference: InitReference,
  curves: UnitCurves,
  units: readonly { at: number; model: number }[],
): Spread {
  const stride = Math.max(1, Math.ceil(units.length / POOLED));
  const found = units
    .filter((_, i) => i % stride === 0)
    .map((unit) => nullCorrelations(reference, curves, unit));
  const all = new Float64Array(found.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const values of found) {
    all.set(values, end);
    end += values.length;
  }
  return sortedSpread(all.sort());
}

/** Middle 90 % and median of ascending values. */
export function sortedSpread(sorted: Float64Array): Spread {
  return {
    low: quantileSorted(sorted, 0.05),
    median: quantileSorted(sorted, 0.5),
    high: quantileSorted(sorted, 0.95),
  };
}

/** The band of some null correlations, ascending, behind a unit's own r. */
export function nullBand(correlations: Float64Array, r: number): NullBand {
  return {
    ...sortedSpread(correlations),
    below: Number.isNaN(r) ? Number.NaN : 1 - countFrom(correlations, r) / correlations.length,
    partners: correlations.length,
  };
}
