/** The curve by which things fade: fast at first and slower later, or the other way round. */
import { sameLength } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";
import { atLeast } from "./arguments.ts";
import { mean } from "./moments.ts";

/** Parameters of exp(−(x/tau)^beta). */
export interface StretchedCurve {
  /** x at which 1/e = 0.37 is left, > 0, in the unit of x. */
  tau: number;
  /** 1 is the plain exponential; below it falls early and has a long tail, above it holds on and then falls. */
  beta: number;
}

/** What {@link stretchedExponential} returns. */
export interface StretchedFit extends StretchedCurve {
  /** x at which a half is left: tau (ln 2)^(1/beta). Beyond the largest x it is an extrapolation. */
  halfLife: number;
  /** 1 − Σ (y − ŷ)² / Σ (y − ȳ)²; negative where the curve fits worse than a constant. */
  r2: number;
}

const STEPS = 200; // 5 to 20 are enough; a fit whose tau runs away is stopped here
const SMALLEST_GAIN = 1e-15; // share of the sum of squares below which a step is rounding
/** tau as a share of the largest x. */
const STARTS = { beta: [0.3, 1, 3], tau: [0.01, 0.1, 0.5, 2, 10] } as const;

/** exp(−(x/tau)^beta), in [0, 1]; 1 at x = 0. */
export function stretchedExponentialAt({ tau, beta }: StretchedCurve, x: number): number {
  return Math.exp(-((x / tau) ** beta));
}

/**
 * Least squares of y on exp(−(x/tau)^beta).
 *
 *   minimise Σ (y − ŷ)² over a = ln tau, b = ln beta;  q = (x/tau)^beta
 *   ∂ŷ/∂a = ŷ q beta,   ∂ŷ/∂b = −ŷ q beta ln(x/tau)
 *
 * By Levenberg and Marquardt's damped Gauss–Newton steps from the best point of a grid. The line through ln(−ln y)
 * against ln x needs no iteration, but it has no place for y ≤ 0 or y ≥ 1, which noise makes of values near the ends, and
 * it gives points near 1 a weight without bound; a step is two equations in two unknowns, written out here, as no
 * library of the project has one.
 *
 * Edges: points at x = 0 say nothing of the parameters (ŷ = 1) but count in r2; y that never falls gives a tau far
 * beyond every x, y without variance r2 NaN; no x above 0, or a value that is not finite, gives NaN throughout.
 *
 * @param x  ≥ 0
 * @param y  what is left at x, 1 at x = 0; may leave [0, 1] by noise
 * @throws ArgumentError if the lengths differ, there are fewer than two points, or an x is negative
 * @source Marquardt 1963; the curve: Kohlrausch 1854
 */
export function stretchedExponential(x: ArrayLike<number>, y: ArrayLike<number>): StretchedFit {
  sameLength("stretched exponential", x, y);
  const n = atLeast("stretched exponential", "points", x.length, 2);
  let largest = 0;
  for (let i = 0; i < n; i++) {
    if (x[i] < 0)
      throw new ArgumentError({
        where: `stretched exponential, x[${i}]`,
        rule: "must not be negative",
        got: String(x[i]),
      });
    largest = Math.max(largest, x[i]); // NaN goes on to the end
  }
  const usable = largest > 0 && largest < Number.POSITIVE_INFINITY && Array.from(y).every(Number.isFinite);
  if (!usable) return { tau: Number.NaN, beta: Number.NaN, halfLife: Number.NaN, r2: Number.NaN };
  const logX = Float64Array.from(x, Math.log); // −∞ at x = 0, where the curve is 1 whatever its parameters
  const { a, b, squares } = descend(logX, y, bestStart(logX, y, largest));
  const [tau, beta] = [Math.exp(a), Math.exp(b)];
  const centre = mean(y);
  let total = 0;
  for (let i = 0; i < n; i++) total += (y[i] - centre) ** 2;
  return {
    tau,
    beta,
    halfLife: tau * Math.LN2 ** (1 / beta),
    r2: total > 0 ? 1 - squares / total : Number.NaN,
  };
}

/** A point of the search: a = ln tau, b = ln beta, and Σ (y − ŷ)² there. */
interface Point {
  a: number;
  b: number;
  squares: number;
}

function squaresAt(logX: Float64Array, y: ArrayLike<number>, a: number, b: number): number {
  const beta = Math.exp(b);
  let squares = 0;
  for (let i = 0; i < logX.length; i++) {
    const rest = y[i] - Math.exp(-Math.exp(beta * (logX[i] - a)));
    squares += rest * rest;
  }
  return squares;
}

/** The sum of squares can have a second, worse minimum (a step through the first points): look widely first. */
function bestStart(logX: Float64Array, y: ArrayLike<number>, largest: number): Point {
  const points = STARTS.beta.flatMap((beta) =>
    STARTS.tau.map((share) => {
      const [a, b] = [Math.log(share * largest), Math.log(beta)];
      return { a, b, squares: squaresAt(logX, y, a, b) };
    }),
  );
  return points.reduce((best, point) => (point.squares < best.squares ? point : best));
}

function descend(logX: Float64Array, y: ArrayLike<number>, start: Point): Point {
  let here = start;
  let damping = 1e-3;
  for (let step = 0; step < STEPS; step++) {
    const beta = Math.exp(here.b);
    let [aa, ab, bb, ga, gb] = [0, 0, 0, 0, 0];
    for (let i = 0; i < logX.length; i++) {
      if (logX[i] === Number.NEGATIVE_INFINITY) continue;
      const u = logX[i] - here.a;
      const q = Math.exp(beta * u);
      const fitted = Math.exp(-q);
      if (fitted === 0) continue; // its slope is 0, and q may be infinite
      const [da, db] = [fitted * q * beta, -fitted * q * beta * u];
      const rest = y[i] - fitted;
      aa += da * da;
      ab += da * db;
      bb += db * db;
      ga += da * rest;
      gb += db * rest;
    }
    const [first, second] = [aa * (1 + damping), bb * (1 + damping)];
    const determinant = first * second - ab * ab;
    if (!(determinant > 0)) return here; // flat: nothing left to gain
    const a = here.a + (second * ga - ab * gb) / determinant;
    const b = here.b + (first * gb - ab * ga) / determinant;
    const squares = squaresAt(logX, y, a, b);
    if (squares < here.squares) {
      const gain = here.squares - squares;
      here = { a, b, squares };
      if (gain <= SMALLEST_GAIN * squares) return here;
      damping /= 10;
    } else {
      if (damping > 1e12) return here;
      damping *= 10;
    }
  }
  return here;
}
