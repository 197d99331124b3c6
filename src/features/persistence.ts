/**
 * Persistence of tuning, unit by unit: is a unit still tuned as it was?
 *
 * Everything here compares curves, not effect sizes: a unit that changed the token it prefers keeps its share of
 * variance and loses its correlation. A flat curve (a dead unit, or one without that kind of tuning) has no persistence:
 * it gives NaN, and {@link unitMeans} leaves it out and counts it.
 */
import { concordance, pearson, spearman } from "../stats/correlation.ts";
import { dot, squaredNorm } from "./cellEffects.ts";
import { compareUnits, counterparts } from "./compareUnits.ts";
import { ownModel, type PairingOptions } from "./pairing.ts";
import { preferenceKept } from "./preference.ts";
import type { TuningCurves } from "./tuningCurves.ts";
import { type CellMeans, type CurveKind, checkComparable, unitCurves } from "./unitCurves.ts";

/** What {@link persistence} returns; every array is [model, unit] of the first population, NaN where undefined. */
export interface Persistence {
  readonly models: number;
  readonly units: number;
  /** Pearson correlation of the curves, by kind. Its square is the share of the later variance linearly inherited. */
  readonly r: Readonly<Record<CurveKind, Float64Array>>;
  /** Spearman rank correlation over all cells. */
  readonly rho: Float64Array;
  /** r / √(reliability before · reliability after), by kind; above 1 is possible and not cut off. */
  readonly corrected: Readonly<Record<CurveKind, Float64Array>>;
  /** ⟨c₀, c₁⟩ / ⟨c₀, c₀⟩ of the centred cells: 1 unchanged, above 1 amplified, near 0 suppressed, below 0 inverted. */
  readonly gain: Float64Array;
  /** Lin's concordance of the cell means: a correlation that also falls with gain and baseline. */
  readonly concordance: Float64Array;
  /** 1 if the most preferred token (position) is still the same, else 0; chance is about 1 / V (1 / T). */
  readonly preferred: Readonly<Record<"token" | "position", Float64Array>>;
}

/**
 * Every persistence statistic of every unit.
 *
 *   r = corr over points (c₀, c₁),  c = cells, token curve α, position curve β or interaction γ
 *
 * @param before  e.g. curves at initialisation
 * @param after   curves of the same site on a probe of the same size, e.g. after training
 * @throws ShapeError if units or cells differ
 */
export function persistence(
  before: TuningCurves,
  after: TuningCurves,
  { partner = ownModel }: PairingOptions = {},
): Persistence {
  checkComparable("persistence", before, after);
  const { models, units } = before;
  const cells = before.dVocab * before.nPos;
  const pairs = counterparts(before, after, partner);
  const first = unitCurves(before);
  const second = unitCurves(after);
  const compare = (kind: CurveKind, statistic: (x: Float64Array, y: Float64Array) => number) =>
    compareUnits(first[kind], second[kind], pairs, statistic);
  const r = byKind((kind) => compare(kind, pearson));
  const [early, late] = [reliability(before), reliability(after)];
  return {
    models,
    units,
    r,
    rho: compare("all", spearman),
    corrected: byKind((kind) =>
      r[kind].map((value, at) => value / Math.sqrt(early[kind][at] * late[kind][pairs[at]])),
    ),
    gain: compare("all", (x, y) => dot(x, y) / squaredNorm(x)),
    concordance: pairs.map((other, at) => {
      if (first.all.flat[at] || !(second.all.flat[other] === 0)) return Number.NaN;
      const cellsOf = (curves: TuningCurves, unit: number) =>
        curves.cellMean.subarray(unit * cells, (unit + 1) * cells);
      return concordance(cellsOf(before, at), cellsOf(after, other));
    }),
    preferred: {
      token: preferenceKept(before, after, "token", { partner }),
      position: preferenceKept(before, after, "position", { partner }),
    },
  };
}

/**
 * The correlation alone, for one kind of curve: what a trajectory of many checkpoints needs.
 *
 * @returns  [model, unit] of the first population; NaN for flat curves and models without a partner
 * @throws ShapeError if units or cells differ
 */
export function tuningCorrelation(
  before: CellMeans,
  after: CellMeans,
  { kind = "all", partner = ownModel }: PairingOptions & { kind?: CurveKind } = {},
): Float64Array {
  checkComparable("tuning correlation", before, after);
  const pairs = counterparts(before, after, partner);
  return compareUnits(unitCurves(before)[kind], unitCurves(after)[kind], pairs, pearson);
}

/**
 * Reliability of every unit's curve: how well a second probe of the same size would reproduce it.
 *
 *   2 r_h / (1 + r_h),  r_h = correlation between the curves of the two halves
 *
 * Edges: NaN where a half is flat, empty or lacks a cell. A context that outweighs the tuning can make it negative, and
 * a corrected r is then NaN.
 *
 * @returns  by kind of curve, [model, unit], at most 1
 * @source Spearman 1910; Brown 1910
 */
export function reliability(curves: TuningCurves): Record<CurveKind, Float64Array> {
  const [first, second] = curves.halfMean.map((means) => unitCurves(curves, means));
  const own = Float64Array.from({ length: curves.models * curves.units }, (_, at) => at);
  return byKind((kind) =>
    compareUnits(first[kind], second[kind], own, pearson).map((r) => (2 * r) / (1 + r)),
  );
}

function byKind(of: (kind: CurveKind) => Float64Array): Record<CurveKind, Float64Array> {
  return {
    all: of("all"),
    token: of("token"),
    position: of("position"),
    interaction: of("interaction"),
  };
}
