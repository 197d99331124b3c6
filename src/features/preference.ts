/** Whether a unit still prefers what it preferred. */
import { integerIn } from "../base/check.ts";
import { compareUnits, counterparts } from "./compareUnits.ts";
import { ownModel, type PairingOptions } from "./pairing.ts";
import { type CellMeans, checkComparable, unitCurves } from "./unitCurves.ts";

/**
 * 1 where the largest point of a unit's curve is the same before and after, 0 where not; chance is about one over the
 * points of the curve. Among equally large points the first is the preferred one.
 *
 * @returns  [model, unit] of the first population; NaN for flat curves and models without a partner
 * @throws ShapeError if units or cells differ
 */
export function preferenceKept(
  before: CellMeans,
  after: CellMeans,
  kind: "token" | "position",
  { partner = ownModel }: PairingOptions = {},
): Float64Array {
  checkComparable("preference", before, after);
  const pairs = counterparts(before, after, partner);
  return compareUnits(unitCurves(before)[kind], unitCurves(after)[kind], pairs, (x, y) =>
    indexOfMax(x) === indexOfMax(y) ? 1 : 0,
  );
}

/**
 * Share of a unit's most preferred points that are among its most preferred still, in [0, 1]; chance is about `top` over
 * the points of the curve. More forgiving than {@link preferenceKept}, of which it is the case `top` = 1.
 *
 *   |{top points before} ∩ {top points after}| / top
 *
 * @param top  how many are preferred, default 2; among equally large points the first ones are
 * @returns    [model, unit] of the first population; NaN for flat curves and models without a partner
 * @throws ShapeError if units or cells differ, ArgumentError if `top` is not a number of points, from 1 to all but one
 */
export function preferenceOverlap(
  before: CellMeans,
  after: CellMeans,
  kind: "token" | "position",
  { top = 2, partner = ownModel }: PairingOptions & { top?: number } = {},
): Float64Array {
  checkComparable("preference", before, after);
  integerIn("preference, top", top, 1, (kind === "token" ? before.dVocab : before.nPos) - 1);
  const pairs = counterparts(before, after, partner);
  return compareUnits(unitCurves(before)[kind], unitCurves(after)[kind], pairs, (x, y) => {
    const early = largestPoints(x, top);
    return largestPoints(y, top).filter((at) => early.includes(at)).length / top;
  });
}

/**
 * Agreement of the preferred positions on a circle: cosine of the angle between the phases of the position curves.
 *
 *   cos(φ₁ − φ₀),  φ = arg Σ_s β_s e^{2πis/T}
 *
 * 1 for the same preference, −1 for the opposite side, chance 0. A preference that moved by one position is nearly
 * kept, which a comparison of the largest points would call lost. The last position counts as the neighbour of the
 * first.
 *
 * @returns  [model, unit] of the first population; NaN for flat curves, for curves without a first harmonic (no preferred
 *           side), and for models without a partner
 * @throws ShapeError if units or cells differ
 */
export function positionPhaseKept(
  before: CellMeans,
  after: CellMeans,
  { partner = ownModel }: PairingOptions = {},
): Float64Array {
  checkComparable("preference", before, after);
  const pairs = counterparts(before, after, partner);
  return compareUnits(unitCurves(before).position, unitCurves(after).position, pairs, (x, y) => {
    const [a, b] = [firstHarmonic(x), firstHarmonic(y)];
    return (a.real * b.real + a.imaginary * b.imaginary) / (length(a) * length(b));
  });
}

interface Harmonic {
  real: number;
  imaginary: number;
}

const length = ({ real, imaginary }: Harmonic) => Math.sqrt(real * real + imaginary * imaginary);

/** A harmonic below this share of its curve's norm is rounding, for sines are good to 1e-16. */
const noHarmonic = 1e-12;

/** Σ_s β_s e^{2πis/T}; NaN where it is 0 up to rounding. */
function firstHarmonic(curve: Float64Array): Harmonic {
  let [real, imaginary, squares] = [0, 0, 0];
  curve.forEach((value, s) => {
    const angle = (2 * Math.PI * s) / curve.length;
    real += value * Math.cos(angle);
    imaginary += value * Math.sin(angle);
    squares += value * value;
  });
  const found = { real, imaginary };
  return length(found) > noHarmonic * Math.sqrt(squares)
    ? found
    : { real: Number.NaN, imaginary: Number.NaN };
}

function largestPoints(values: ArrayLike<number>, count: number): number[] {
  return Array.from(values, (_, at) => at)
    .sort((a, b) => values[b] - values[a] || a - b)
    .slice(0, count);
}

function indexOfMax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}
