/** One seed's units as curves: what the heat maps and strips are drawn from. */
import { pearson } from "../stats/correlation.ts";
import { type Spread, spreadOf } from "./spread.ts";

/** Cell means of one layer of one seed before and after training, [unit][token][pos], row-major. */
export interface Exemplar {
  seed: number;
  units: number;
  before: ArrayLike<number>;
  after: ArrayLike<number>;
}

/** One unit's tuning before and after. */
export interface UnitTuning {
  unit: number;
  /** Correlation of its cells before and after; NaN where either is constant. */
  r: number;
  /** Token curve α_t = mean_s μ_ts − μ, [token]; and position curve β_s = mean_t μ_ts − μ, [pos]. */
  then: { token: number[]; position: number[] };
  now: { token: number[]; position: number[] };
  /** Largest |α| or |β|, then or now; 0 for a silent unit. */
  scale: number;
}

/** One unit's cells. */
const cellsOf = (all: ArrayLike<number>, unit: number, cells: number) =>
  Float64Array.from({ length: cells }, (_, cell) => all[unit * cells + cell]);

/** Row and column effects of one unit's cell means [token][pos]. */
function curvesOf(cells: ArrayLike<number>, start: number, dVocab: number, nPos: number) {
  const token = new Array<number>(dVocab).fill(0);
  const position = new Array<number>(nPos).fill(0);
  let mean = 0;
  for (let t = 0; t < dVocab; t++)
    for (let s = 0; s < nPos; s++) {
      const value = cells[start + t * nPos + s];
      token[t] += value / nPos;
      position[s] += value / dVocab;
      mean += value / (dVocab * nPos);
    }
  return { token: token.map((value) => value - mean), position: position.map((value) => value - mean) };
}

/**
 * Every unit's curves, most persistent first; units without a correlation (constant before or after) come last.
 *
 * @param probe  sizes of the axes token and pos
 */
export function unitTunings(
  { units, before, after }: Exemplar,
  { dVocab, nPos }: { dVocab: number; nPos: number },
): UnitTuning[] {
  const cells = dVocab * nPos;
  const tunings = Array.from({ length: units }, (_, unit) => {
    const start = unit * cells;
    const then = curvesOf(before, start, dVocab, nPos);
    const now = curvesOf(after, start, dVocab, nPos);
    const all = [...then.token, ...then.position, ...now.token, ...now.position].map(Math.abs);
    return {
      unit,
      r: pearson(cellsOf(before, unit, cells), cellsOf(after, unit, cells)),
      then,
      now,
      scale: Math.max(0, ...all.filter(Number.isFinite)),
    };
  });
  const rank = ({ r }: UnitTuning) => (Number.isFinite(r) ? r : -2);
  return tunings.sort((a, b) => rank(b) - rank(a) || a.unit - b.unit);
}

/** Other units that each unit is compared with: all of a layer of 64; of a wider one enough for two quantiles. */
const mostPartners = 63;

/**
 * What r would be if units did not keep their identity: tuning after training of every unit with the tuning before of
 * every *other* unit of the same network (the next 63 at most). Median and middle 90 %; all NaN with a single unit.
 */
export function otherUnitNull(
  { units, before, after }: Exemplar,
  { dVocab, nPos }: { dVocab: number; nPos: number },
): Spread {
  const rows = (all: ArrayLike<number>) =>
    Array.from({ length: units }, (_, unit) => cellsOf(all, unit, dVocab * nPos));
  const [then, now] = [rows(before), rows(after)];
  const correlations: number[] = [];
  for (let i = 0; i < units; i++)
    for (let offset = 1; offset <= Math.min(units - 1, mostPartners); offset++)
      correlations.push(pearson(then[i], now[(i + offset) % units]));
  return spreadOf(correlations);
}
