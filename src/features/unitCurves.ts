/** The curves of all units of a site, ready to be compared. */
import { ShapeError } from "../base/errors.ts";
import { type CellEffects, cellEffects, squaredNorm } from "./cellEffects.ts";

/**
 * Which part of a unit's tuning is compared: `all` cells about their mean, the `token` curve, the `position` curve or
 * the `interaction` surface.
 */
export type CurveKind = Exclude<keyof CellEffects, "mean">;

/** Every kind of curve. */
export const curveKinds = ["all", "token", "position", "interaction"] as const satisfies readonly CurveKind[];

/** Mean activation of every unit of a site in every cell: all that a comparison of curves needs. */
export interface CellMeans {
  readonly site: string;
  readonly models: number;
  /** The site's axes after [batch, pos], flattened: heads of `attn.hook_z` give unit `head · dHead + i`. */
  readonly units: number;
  readonly dVocab: number;
  readonly nPos: number;
  /** Over both halves of the probe, [model, unit, token, pos]; NaN in a cell that it never visits. */
  readonly cellMean: Float64Array;
}

/** One kind of curve of every unit, each about its mean. */
export interface UnitCurves {
  /** Points of a curve: cells, tokens or positions. */
  readonly length: number;
  /** [model, unit, point] */
  readonly values: Float64Array;
  /** 1 for a curve without variance or with a value that is not finite, [model, unit]; it has no correlation. */
  readonly flat: Uint8Array;
}

/**
 * Σ of a curve's squares below this share of Σ of the squared cell means is rounding: cell means of float32
 * activations are good to 1e-7, whose square is 1e-14.
 */
const flatShare = 1e-12;

/**
 * All kinds of curves of every unit.
 *
 * @param means  [model, unit, token, pos]: `curves.cellMean` unless given, or `halfMean` of one half
 */
export function unitCurves(curves: CellMeans, means = curves.cellMean): Record<CurveKind, UnitCurves> {
  const { models, units, dVocab, nPos } = curves;
  const cells = dVocab * nPos;
  const empty = (length: number) => ({
    length,
    values: new Float64Array(models * units * length),
    flat: new Uint8Array(models * units),
  });
  const result = {
    all: empty(cells),
    token: empty(dVocab),
    position: empty(nPos),
    interaction: empty(cells),
  };
  for (let at = 0; at < models * units; at++) {
    const table = means.subarray(at * cells, (at + 1) * cells);
    const floor = flatShare * squaredNorm(table);
    const effects = cellEffects(table, nPos);
    for (const kind of curveKinds) {
      const { length, values, flat } = result[kind];
      values.set(effects[kind], at * length);
      // each point is the mean of so many cells
      const strength = (cells / length) * squaredNorm(effects[kind]);
      flat[at] = strength > floor && Number.isFinite(strength) ? 0 : 1;
    }
  }
  return result;
}

/** The points of one unit's curve, as a view. */
export function curveOf({ values, length }: UnitCurves, at: number): Float64Array {
  return values.subarray(at * length, (at + 1) * length);
}

/**
 * Throws unless two sets of curves have the same units and cells.
 *
 * @throws ShapeError
 */
export function checkComparable(where: string, a: CellMeans, b: CellMeans): void {
  if (a.units === b.units && a.dVocab === b.dVocab && a.nPos === b.nPos) return;
  const sizes = ({ site, units, dVocab, nPos }: CellMeans) =>
    `${site} with ${units} units, ${dVocab} tokens, ${nPos} positions`;
  throw new ShapeError({
    where,
    rule: "both sets of tuning curves must have the same units and cells",
    got: `${sizes(a)} and ${sizes(b)}`,
    wayOut: "Measure both at the same site on probes of the same size.",
  });
}
