/**
 * Does a unit respond to a token at a position? Its activation there with the token, against without.
 *
 * A unit is a fixed function of its input: for almost any weights the answer is yes, and a small p only says that the
 * probe is long. What tells is the size of the difference; the test guards against calling luck a preference.
 *
 * Both groups are at the same position, so a unit that only tells positions apart responds to no token: it is constant.
 */
import { ShapeError } from "../base/errors.ts";
import type { Probe } from "../data/probes.ts";

/** Which sequences of a probe are looked at: one half of it, or both. */
export type Part = 0 | 1 | "both";

/** One cell for each unit. */
export interface UnitCells {
  /** [unit]; −1 for a unit without one. */
  readonly token: Int32Array;
  readonly pos: Int32Array;
}

/**
 * Throws unless values are [sequence, pos, unit] of a probe.
 *
 * @throws ShapeError
 */
export function checkProbed(
  where: string,
  values: ArrayLike<number>,
  { count, nPos }: Pick<Probe, "count" | "nPos">,
  units: number,
): void {
  if (values.length === count * nPos * units) return;
  throw new ShapeError({
    where,
    rule: `values must be [sequence ${count}, pos ${nPos}, unit ${units}]`,
    got: `${values.length} numbers`,
  });
}

/** A within-group sum of squares below this share of Σ a² is rounding of sums of squares. */
const ROUNDING = 1e-12;

/**
 * Cohen's d of every unit in every cell: with the token at the position, against without it there.
 *
 *   d = (mean with − mean without) / s,   s² = (SS with + SS without) / (n − 2)
 *
 * Edges: ±∞ where neither group has spread but their means differ; NaN where the unit is constant at that position, or
 * where the part never, or always, has the token there.
 *
 * @param values  [sequence, pos, unit]
 * @returns       [unit, token, pos]
 * @throws ShapeError if the values do not fit the probe
 */
export function cellContrasts(
  values: ArrayLike<number>,
  probe: Probe,
  { units, part = "both" }: { units: number; part?: Part },
): Float64Array {
  const { tokens, count, nPos, dVocab, half } = probe;
  checkProbed("cell contrasts", values, probe, units);
  const cells = dVocab * nPos;
  const n = new Float64Array(cells);
  const nAt = new Float64Array(nPos);
  const sums = new Float64Array(cells * units);
  const squares = new Float64Array(cells * units);
  for (let sequence = 0; sequence < count; sequence++) {
    if (part !== "both" && half[sequence] !== part) continue;
    for (let pos = 0; pos < nPos; pos++) {
      const cell = tokens[sequence * nPos + pos] * nPos + pos;
      const from = (sequence * nPos + pos) * units;
      n[cell]++;
      nAt[pos]++;
      for (let unit = 0; unit < units; unit++) {
        const value = values[from + unit];
        sums[cell * units + unit] += value;
        squares[cell * units + unit] += value * value;
      }
    }
  }
  const d = new Float64Array(units * cells);
  for (let unit = 0; unit < units; unit++)
    for (let pos = 0; pos < nPos; pos++) {
      let [total, square] = [0, 0];
      for (let token = 0; token < dVocab; token++) {
        total += sums[(token * nPos + pos) * units + unit];
        square += squares[(token * nPos + pos) * units + unit];
      }
      for (let token = 0; token < dVocab; token++) {
        const cell = token * nPos + pos;
        const [own, without] = [n[cell], nAt[pos] - n[cell]];
        const sum = sums[cell * units + unit];
        const difference = sum / own - (total - sum) / without;
        const within = square - sum ** 2 / own - (total - sum) ** 2 / without;
        const spread = within > ROUNDING * square ? within : 0;
        // what rounding leaves of equal means is no difference either
        const real = difference ** 2 > (ROUNDING * square) / nAt[pos] ? difference : 0;
        d[unit * cells + cell] = real / Math.sqrt(spread / (nAt[pos] - 2));
      }
    }
  return d;
}

/**
 * The cell with the largest |d| of every unit; the first of equals, and none (−1) where no cell has a d.
 *
 * @param contrasts  [unit, token, pos], of {@link cellContrasts}
 */
export function strongestCells(contrasts: Float64Array, { nPos, dVocab }: Probe): UnitCells {
  const cells = dVocab * nPos;
  const units = contrasts.length / cells;
  const token = new Int32Array(units).fill(-1);
  const pos = new Int32Array(units).fill(-1);
  for (let unit = 0; unit < units; unit++) {
    let best = -1;
    for (let cell = 0; cell < cells; cell++) {
      const size = Math.abs(contrasts[unit * cells + cell]);
      if (!(size > best)) continue;
      best = size;
      token[unit] = Math.floor(cell / nPos);
      pos[unit] = cell % nPos;
    }
  }
  return { token, pos };
}

/** Activations of a unit at a position, with the token there and without. */
export interface CellGroups {
  readonly having: number[];
  readonly lacking: number[];
}

/**
 * The two groups of one hypothesis.
 *
 * @param values  [sequence, pos, unit]
 */
export function cellGroups(
  values: ArrayLike<number>,
  { tokens, half, count, nPos }: Probe,
  {
    units,
    unit,
    token,
    pos,
    part = "both",
  }: { units: number; unit: number; token: number; pos: number; part?: Part },
): CellGroups {
  const [having, lacking]: [number[], number[]] = [[], []];
  for (let sequence = 0; sequence < count; sequence++) {
    if (part !== "both" && half[sequence] !== part) continue;
    const at = sequence * nPos + pos;
    (tokens[at] === token ? having : lacking).push(values[at * units + unit]);
  }
  return { having, lacking };
}
