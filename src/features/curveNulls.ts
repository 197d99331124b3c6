/** Nulls of persistence that need no further networks: what would any unit of the layer have kept? */
import { integerIn } from "../base/check.ts";
import { ShapeError } from "../base/errors.ts";
import type { RandomStream } from "../base/random.ts";
import { quantile } from "../stats/quantile.ts";
import { curveOf, type UnitCurves } from "./unitCurves.ts";

/** Mean correlation of a layer's units with themselves, beside that with each other. */
export interface IdentityShuffle {
  /** Units with a curve at both times. */
  readonly units: number;
  /** Mean r of a unit with itself. */
  readonly own: number;
  /** Mean r over all pairings of two different units: the expectation under shuffled identity, exactly. */
  readonly shuffled: number;
  /** 5 % and 95 % quantiles of the mean r under random pairings of all units. */
  readonly low: number;
  readonly high: number;
  /** (1 + number of pairings with a mean as high) / (1 + pairings). */
  readonly p: number;
}

/**
 * The identity-shuffle null: which later unit belongs to which earlier one is forgotten.
 *
 *   own = (1/n) Σ_i u_i · v_i    shuffled = (Σ_i u_i · Σ_j v_j − Σ_i u_i · v_i) / (n (n − 1))
 *
 * u and v are the curves about their means, of length 1, so that a product is a correlation.
 *
 * @param before    [model, unit, point]; `model` is the one that is looked at
 * @param pairings  drawn for interval and p
 * @returns         NaN throughout for fewer than two units with curves
 */
export function identityShuffle(
  before: UnitCurves,
  after: UnitCurves,
  {
    model,
    units,
    pairings,
    stream,
  }: { model: number; units: number; pairings: number; stream: RandomStream },
): IdentityShuffle {
  integerIn("identity shuffle, pairings", pairings, 1);
  requireSamePoints(before, after);
  const kept = unitsWithCurves(before, after, { model, units });
  const n = kept.length;
  const nothing = Number.NaN;
  if (n < 2) return { units: n, own: nothing, shuffled: nothing, low: nothing, high: nothing, p: nothing };
  const [u, v] = [before, after].map((curves) => kept.map((unit) => direction(curves, model * units + unit)));
  const own = u.reduce((sum, curve, i) => sum + product(curve, v[i]), 0) / n;
  const shuffled = (product(total(u), total(v)) - n * own) / (n * (n - 1));
  const drawn = Float64Array.from({ length: pairings }, () => {
    const order = stream.permutation(n);
    return u.reduce((sum, curve, i) => sum + product(curve, v[order[i]]), 0) / n;
  });
  const asHigh = drawn.filter((value) => value >= own).length;
  return {
    ...{ units: n, own, shuffled, low: quantile(drawn, 0.05), high: quantile(drawn, 0.95) },
    p: (1 + asHigh) / (1 + pairings),
  };
}

/**
 * Mean correlation over all pairs of a unit of one network and a unit of another: what two networks have in common that
 * know nothing of each other. Units of a freshly drawn layer are exchangeable, so that no pairing is better than another.
 *
 * @param first   of one model
 * @param second  of one model, with the same points
 * @returns       NaN if either has no unit with a curve
 */
export function crossCorrelation(first: UnitCurves, second: UnitCurves): number {
  requireSamePoints(first, second);
  const [u, v] = [first, second].map((curves) =>
    Array.from(curves.flat.keys())
      .filter((unit) => curves.flat[unit] === 0)
      .map((unit) => direction(curves, unit)),
  );
  if (u.length === 0 || v.length === 0) return Number.NaN;
  return product(total(u), total(v)) / (u.length * v.length);
}

function requireSamePoints(a: UnitCurves, b: UnitCurves): void {
  if (a.length === b.length) return;
  throw new ShapeError({
    where: "null of persistence",
    rule: "curves must have the same points",
    got: `${a.length} and ${b.length}`,
  });
}

function unitsWithCurves(
  a: UnitCurves,
  b: UnitCurves,
  { model, units }: { model: number; units: number },
): number[] {
  return Array.from({ length: units }, (_, unit) => unit).filter(
    (unit) => a.flat[model * units + unit] === 0 && b.flat[model * units + unit] === 0,
  );
}

/** A curve about its mean, of length 1. */
function direction(curves: UnitCurves, at: number): Float64Array {
  const curve = curveOf(curves, at);
  const mean = curve.reduce((sum, value) => sum + value, 0) / curve.length;
  const about = curve.map((value) => value - mean);
  const length = Math.sqrt(product(about, about));
  return about.map((value) => value / length);
}

function product(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function total(curves: readonly Float64Array[]): Float64Array {
  const sum = new Float64Array(curves[0].length);
  for (const curve of curves) for (let i = 0; i < sum.length; i++) sum[i] += curve[i];
  return sum;
}
