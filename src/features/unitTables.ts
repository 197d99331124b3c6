/** Units as points on a sphere: their cell means, centred and scaled to length 1, so that products are correlations. */
import { ShapeError } from "../base/errors.ts";
import { cellEffects, squaredNorm } from "./cellEffects.ts";
import { type CellSource, cellSources } from "./varianceComponents.ts";

/** The standardised cell means of the units of one network. */
export interface UnitTables {
  readonly units: number;
  readonly dVocab: number;
  readonly nPos: number;
  /** [unit, token, pos]; Σ = 0 and Σ² = 1 of every unit that is not flat, 0 of one that is. */
  readonly values: Float64Array;
  /** Shares of a unit's Σ², [unit]; they sum to 1, and are 0 for a flat unit. */
  readonly shares: Readonly<Record<CellSource, Float64Array>>;
  /** 1 for a unit whose cells are all alike or not finite, [unit]; it has no correlation. */
  readonly flat: Uint8Array;
}

/** Σ of squares about the mean below this share of Σ of squares is rounding of float32 cell means. */
const FLAT = 1e-12;

/**
 * Standardises tables of cell means.
 *
 * @param cellMeans  [unit, token, pos] of one network
 * @throws ShapeError if they do not divide into tables
 */
export function unitTables(
  cellMeans: ArrayLike<number>,
  { dVocab, nPos }: { dVocab: number; nPos: number },
): UnitTables {
  const cells = dVocab * nPos;
  const units = cellMeans.length / cells;
  if (!Number.isInteger(units))
    throw new ShapeError({
      where: "unit tables",
      rule: `cell means must be [unit, token ${dVocab}, pos ${nPos}]`,
      got: `${cellMeans.length} numbers`,
    });
  const values = new Float64Array(cellMeans.length);
  const shares = {
    token: new Float64Array(units),
    position: new Float64Array(units),
    interaction: new Float64Array(units),
  };
  /** How many cells share one entry of an effect. */
  const sharing = { token: nPos, position: dVocab, interaction: 1 };
  const flat = new Uint8Array(units);
  for (let unit = 0; unit < units; unit++) {
    const table = Float64Array.from({ length: cells }, (_, cell) => cellMeans[unit * cells + cell]);
    const effects = cellEffects(table, nPos);
    const total = squaredNorm(effects.all);
    if (!(Number.isFinite(total) && total > FLAT * squaredNorm(table))) {
      flat[unit] = 1;
      continue;
    }
    const scale = 1 / Math.sqrt(total);
    for (let cell = 0; cell < cells; cell++) values[unit * cells + cell] = effects.all[cell] * scale;
    for (const source of cellSources)
      shares[source][unit] = (sharing[source] * squaredNorm(effects[source])) / total;
  }
  return { units, dVocab, nPos, values, shares, flat };
}
