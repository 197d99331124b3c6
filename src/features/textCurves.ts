/** Curves of units on text, how selective they are, and how much of them is still there at another time. */
import { integerIn } from "../base/check.ts";
import { ShapeError } from "../base/errors.ts";
import { pearson } from "../stats/correlation.ts";
import { disattenuated } from "../stats/reliability.ts";
import { type AdditiveParts, additiveFit } from "./additiveEffects.ts";
import { dot, squaredNorm } from "./cellEffects.ts";
import { compareUnits } from "./compareUnits.ts";
import type { FactorTable } from "./textFactors.ts";
import type { TextCells } from "./textTuning.ts";
import type { UnitCurves } from "./unitCurves.ts";

/** What a curve goes over: all cells of a table, one of its factors beside the other, or what is left of both. */
export const textCurveKinds = ["all", "rows", "columns", "interaction"] as const;
/** One of {@link textCurveKinds}. */
export type TextCurveKind = (typeof textCurveKinds)[number];

type ByKind<T> = Readonly<Record<TextCurveKind, T>>;

/** Curves of every unit of a site on one table, over the cells that have enough observations. */
export interface TextCurves {
  readonly site: string;
  readonly table: FactorTable;
  readonly models: number;
  readonly units: number;
  /** Kept cells, rows and columns of the table, ascending. */
  readonly cells: Int32Array;
  readonly rows: Int32Array;
  readonly columns: Int32Array;
  /** Observations of each kept cell, both halves together, [kept cell]. */
  readonly counts: Float64Array;
  /** Mean of each kept cell, as observed, [model, unit, kept cell]. */
  readonly cellMean: Float64Array;
  /** Curves of the whole probe. */
  readonly curves: ByKind<UnitCurves>;
  /** Curves of each half. */
  readonly halves: readonly [ByKind<UnitCurves>, ByKind<UnitCurves>];
  /** Variance within the cells, mean over kept cells, [model, unit]. */
  readonly within: Float64Array;
}

/** Which cells are used. */
export interface TextCurveOptions {
  /** Least observations of a cell in each half; 8 unless given. A mean of fewer says more about its noise. */
  readonly leastCount?: number;
}

const LEAST_COUNT = 8;
/** See unitCurves.ts. */
const flatShare = 1e-12;

/**
 * Curves of every unit.
 *
 * Cells with fewer than `leastCount` observations in either half are left out, for all units and checkpoints alike. Cell
 * means are plain; effects count every kept cell once (additiveEffects.ts), so that a factor's curve is not made of
 * another factor's that goes with it.
 *
 * @throws ArgumentError if no cell has enough observations
 */
export function textCurves(
  cells: TextCells,
  { leastCount = LEAST_COUNT }: TextCurveOptions = {},
): TextCurves {
  integerIn("curves on text, least observations", leastCount, 1);
  const { site, table, models, units, counts, means, squares, resolution } = cells;
  const size = counts[0].length;
  const keep = counts[0].map((n, cell) => (n >= leastCount && counts[1][cell] >= leastCount ? 1 : 0));
  const fit = additiveFit(keep, table.columns.levels.length);
  const pooled = new Float64Array(models * units * size);
  pooled.forEach((_, at) => {
    const cell = at % size;
    const [a, b] = [counts[0][cell], counts[1][cell]];
    pooled[at] = (a * means[0][at] + b * means[1][at]) / (a + b);
  });
  const lengths = {
    all: fit.cells.length,
    rows: fit.rows.length,
    columns: fit.columns.length,
    interaction: fit.cells.length,
  };
  const taken = (from: Float64Array): ByKind<UnitCurves> => {
    const curves = byKind((kind) => ({
      length: lengths[kind],
      values: new Float64Array(models * units * lengths[kind]),
      flat: new Uint8Array(models * units),
    }));
    for (let at = 0; at < models * units; at++) {
      const own = from.subarray(at * size, (at + 1) * size);
      const parts = fit.parts(own);
      const floor = flatShare * fit.cells.reduce((sum, cell) => sum + own[cell] ** 2, 0);
      for (const kind of textCurveKinds) {
        const curve: AdditiveParts[TextCurveKind] = parts[kind];
        curves[kind].values.set(curve, at * lengths[kind]);
        const strength = (lengths.all / lengths[kind]) * squaredNorm(curve);
        curves[kind].flat[at] = strength > floor && Number.isFinite(strength) ? 0 : 1;
      }
    }
    return curves;
  };
  const cellMean = new Float64Array(models * units * lengths.all);
  const within = new Float64Array(models * units);
  for (let at = 0; at < models * units; at++)
    fit.cells.forEach((cell, i) => {
      const mean = pooled[at * size + cell];
      const square = squares[at * size + cell];
      const variance = square - mean * mean;
      cellMean[at * lengths.all + i] = mean;
      // the difference of two large numbers; rounding alone can even make it negative
      within[at] += (variance < resolution * square ? 0 : variance) / lengths.all;
    });
  return {
    ...{ site, table, models, units, cells: fit.cells, rows: fit.rows, columns: fit.columns },
    counts: Float64Array.from(fit.cells, (cell) => counts[0][cell] + counts[1][cell]),
    ...{ cellMean, within, curves: taken(pooled), halves: [taken(means[0]), taken(means[1])] },
  };
}

function byKind<T>(of: (kind: TextCurveKind) => T): ByKind<T> {
  return { all: of("all"), rows: of("rows"), columns: of("columns"), interaction: of("interaction") };
}

/**
 * Selectivity of every unit, [model, unit]; NaN for a dead unit.
 *
 *   V_x / V,  V_x = mean over the points of the curve, squared,  V = V_all + V_within
 *
 * A row's effect counts once in V_rows, and once for each kept cell of it in V. Where every cell is kept that is the same,
 * and V_rows + V_columns + V_interaction = V_all: these are shares of variance. Where cells are missing they are ratios
 * of variances, of the effects in a world in which all rows are equally frequent to what the kept cells hold: they need
 * not add up, and one of them can exceed 1, as where a row with a single cell is unlike all others.
 */
export interface TextSelectivity {
  /** From curves of the whole probe. On a balanced probe these are the eta² of the factors and their interaction. */
  readonly eta2: ByKind<Float64Array>;
  /**
   * The same without the noise of the curves: V_x from the product of the halves' curves. It is 0 on average for a unit
   * without tuning, as omega² is, and may be negative; unlike omega² it does not take the positions of one text for
   * independent, only the halves of the probe. Halves that hold as much of every cell give at most eta².
   */
  readonly unbiased: ByKind<Float64Array>;
  /**
   * Plain one-way shares, every position counted once, as they stand in the text: confounded with whatever goes with the
   * factor there.
   */
  readonly plain: Readonly<
    Record<"rows" | "columns", { readonly eta2: Float64Array; readonly omega2: Float64Array }>
  >;
}

/** How much of the units' variance factors explain. */
export function textSelectivity(of: TextCurves): TextSelectivity {
  const { models, units, curves, halves, within } = of;
  const count = models * units;
  const total = Float64Array.from({ length: count }, (_, at) => {
    const { length, values } = curves.all;
    const sum = squaredNorm(values.subarray(at * length, (at + 1) * length)) / length + within[at];
    return sum > 0 && Number.isFinite(sum) ? sum : Number.NaN;
  });
  const share = (kind: TextCurveKind, [a, b]: readonly [ByKind<UnitCurves>, ByKind<UnitCurves>]) =>
    total.map((whole, at) => {
      const { length } = a[kind];
      const [from, to] = [at * length, (at + 1) * length];
      return dot(a[kind].values.subarray(from, to), b[kind].values.subarray(from, to)) / length / whole;
    });
  return {
    eta2: byKind((kind) => share(kind, [curves, curves])),
    unbiased: byKind((kind) => share(kind, halves)),
    plain: { rows: plainShares(of, "rows"), columns: plainShares(of, "columns") },
  };
}

function plainShares(of: TextCurves, factor: "rows" | "columns") {
  const { models, units, table, cells, counts, cellMean, within } = of;
  const columns = table.columns.levels.length;
  const levelOf = Array.from(cells, (cell) =>
    factor === "rows" ? Math.floor(cell / columns) : cell % columns,
  );
  const n = counts.reduce((sum, value) => sum + value, 0);
  const levels = new Set(levelOf).size;
  const eta2 = new Float64Array(models * units);
  const omega2 = new Float64Array(models * units);
  for (let at = 0; at < models * units; at++) {
    const own = cellMean.subarray(at * cells.length, (at + 1) * cells.length);
    const sums = new Map<number, [number, number]>();
    let grand = 0;
    own.forEach((mean, i) => {
      const [sum, weight] = sums.get(levelOf[i]) ?? [0, 0];
      sums.set(levelOf[i], [sum + counts[i] * mean, weight + counts[i]]);
      grand += (counts[i] * mean) / n;
    });
    let between = 0;
    for (const [sum, weight] of sums.values()) between += weight * (sum / weight - grand) ** 2;
    let cellsSS = 0;
    own.forEach((mean, i) => {
      cellsSS += counts[i] * (mean - grand) ** 2;
    });
    const totalSS = cellsSS + n * within[at];
    const error = (totalSS - between) / (n - levels);
    const dead = !(totalSS > 0 && Number.isFinite(totalSS));
    eta2[at] = dead ? Number.NaN : between / totalSS;
    omega2[at] = dead ? Number.NaN : (between - (levels - 1) * error) / (totalSS + error);
  }
  return { eta2, omega2 };
}

/** Reliability of every unit's curve, by kind, [model, unit]: 2 r / (1 + r) of its halves; NaN where one is flat. */
export function textReliability({ models, units, halves }: TextCurves): ByKind<Float64Array> {
  const own = Float64Array.from({ length: models * units }, (_, at) => at);
  return byKind((kind) =>
    compareUnits(halves[0][kind], halves[1][kind], own, pearson).map((r) => (2 * r) / (1 + r)),
  );
}

/** Persistence of every unit's curve, by kind, [model, unit]. */
export interface TextPersistence {
  /** Correlation over the points of the curve; NaN where one is flat. */
  readonly r: ByKind<Float64Array>;
  /** r / √(reliability · reliability); above 1 is possible and not cut off; NaN where a reliability is 0 or below. */
  readonly corrected: ByKind<Float64Array>;
}

/**
 * How much of the curves is still there.
 *
 * @param before  e.g. at initialisation
 * @param after   of the same units, on the same probe and table
 * @throws ShapeError if units or cells differ
 */
export function textPersistence(before: TextCurves, after: TextCurves): TextPersistence {
  requireSame(before, after);
  const own = Float64Array.from({ length: before.models * before.units }, (_, at) => at);
  const r = byKind((kind) => compareUnits(before.curves[kind], after.curves[kind], own, pearson));
  const [early, late] = [textReliability(before), textReliability(after)];
  return {
    r,
    corrected: byKind((kind) =>
      r[kind].map((value, at) => disattenuated(value, early[kind][at], late[kind][at])),
    ),
  };
}

function requireSame(a: TextCurves, b: TextCurves): void {
  if (a.models === b.models && a.units === b.units && a.cells.join() === b.cells.join()) return;
  const sizes = ({ site, models, units, cells }: TextCurves) =>
    `${site} with ${models} models of ${units} units, ${cells.length} cells`;
  throw new ShapeError({
    where: "persistence on text",
    rule: "both must have the same units and cells",
    got: `${sizes(a)} and ${sizes(b)}`,
    wayOut: "Measure both on the same probe with the same classes.",
  });
}
