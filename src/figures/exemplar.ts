/** One seed's units as curves: what the heat maps and strips are drawn from. */
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

/** Correlation of one unit's cells before with one unit's cells after, over all token × position cells. */
function cellCorrelation(
  before: ArrayLike<number>,
  i: number,
  after: ArrayLike<number>,
  j: number,
  cells: number,
) {
  let meanThen = 0;
  let meanNow = 0;
  for (let cell = 0; cell < cells; cell++) {
    meanThen += before[i * cells + cell] / cells;
    meanNow += after[j * cells + cell] / cells;
  }
  let product = 0;
  let squaresThen = 0;
  let squaresNow = 0;
  for (let cell = 0; cell < cells; cell++) {
    const a = before[i * cells + cell] - meanThen;
    const b = after[j * cells + cell] - meanNow;
    product += a * b;
    squaresThen += a * a;
    squaresNow += b * b;
  }
  return product / Math.sqrt(squaresThen * squaresNow);
}

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
      r: cellCorrelation(before, unit, after, unit, cells),
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
  const correlations: number[] = [];
  for (let i = 0; i < units; i++)
    for (let offset = 1; offset <= Math.min(units - 1, mostPartners); offset++)
      correlations.push(cellCorrelation(before, i, after, (i + offset) % units, dVocab * nPos));
  return spreadOf(correlations);
}
