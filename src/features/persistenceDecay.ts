/**
 * How persistence falls, and with what: is it one curve of an amount (of steps, of motion, of progress), whatever the
 * learning rate was?
 *
 * If an amount is all that matters, networks of every learning rate lie on one curve of it, networks that took no part in
 * fitting the curve are predicted by it, and what it leaves unexplained does not depend on the rate.
 */
import { sameLength } from "../base/check.ts";
import { linearRegression } from "../stats/linearRegression.ts";
import { monotoneAt, monotoneFit } from "../stats/monotoneFit.ts";
import { stretchedExponential, stretchedExponentialAt } from "../stats/stretchedExponential.ts";

/** Persistence of networks at checkpoints: element i of every array is one network at one step. */
export interface DecayPoints {
  /** The amount, ≥ 0; 0 at initialisation. */
  readonly x: ArrayLike<number>;
  /** What is left: 1 at initialisation, 0 at chance. */
  readonly kappa: ArrayLike<number>;
  /** Which seed the network has, in any numbering. */
  readonly seed: ArrayLike<number>;
  /** Learning rate, > 0. */
  readonly rate: ArrayLike<number>;
}

/** A kind of curve: fitted to pairs, it gives what it predicts at an amount. */
export type CurveFamily = (x: ArrayLike<number>, kappa: ArrayLike<number>) => (x: number) => number;

/** The kinds of curves: exp(−(x/tau)^beta), and any curve that does not rise. */
export const curveFamilies = {
  stretched: (x, kappa) => {
    const fit = stretchedExponential(x, kappa);
    return (at) => stretchedExponentialAt(fit, at);
  },
  monotone: (x, kappa) => {
    const fit = monotoneFit(x, kappa);
    return (at) => monotoneAt(fit, at);
  },
} as const satisfies Record<string, CurveFamily>;

/** How well one curve serves all learning rates; arrays are [seed], in ascending order of the seeds. */
export interface OneCurve {
  readonly seeds: readonly number[];
  /** 1 − Σ (κ − κ̂)² / Σ (κ − κ̄)² over a seed's points; κ̂ and κ̄, the curve and the mean, are those of the other seeds. */
  readonly r2: Float64Array;
  /** Slope of κ − κ̂ on log₁₀ rate: by how much κ is higher at equal amount when the rate is ten times as large. */
  readonly rateSlope: Float64Array;
}

/**
 * One curve for all rates, judged on seeds that were left out of its fit.
 *
 * Points with a value that is not finite (a network that diverged) are left out; amounts below 0 (a loss that rose) count
 * as 0. A seed with points of a single rate has no slope (NaN); a single seed leaves nothing to predict it from, and all
 * is NaN.
 *
 * @throws ArgumentError if the lengths differ
 */
export function oneCurve(points: DecayPoints, family: CurveFamily): OneCurve {
  return leftOut(points, (others) => {
    const curve = fitted(others, family);
    return ({ x }) => curve(x);
  });
}

/**
 * R² as {@link oneCurve} has it, but of a curve for each rate: what the amount could explain at best.
 *
 * @returns  [seed]
 * @throws ArgumentError if the lengths differ
 */
export function curveByRate(points: DecayPoints, family: CurveFamily): Float64Array {
  const { r2 } = leftOut(points, (others) => {
    const rates = [...new Set(others.map(({ rate }) => rate))];
    const curves = new Map(
      rates.map((each) => {
        const own = others.filter(({ rate }) => rate === each);
        return [each, fitted(own, family)];
      }),
    );
    return ({ x, rate }) => curves.get(rate)?.(x) ?? Number.NaN; // no other seed has points of this rate
  });
  return r2;
}

interface Point {
  readonly x: number;
  readonly kappa: number;
  readonly seed: number;
  readonly rate: number;
}

/** Predicts every seed's points from a curve through those of the others. */
function leftOut(
  { x, kappa, seed, rate }: DecayPoints,
  learn: (others: readonly Point[]) => (point: Point) => number,
): OneCurve {
  for (const other of [kappa, seed, rate]) sameLength("one curve", x, other);
  const points = Array.from({ length: x.length }, (_, i) => ({
    ...{ x: Math.max(0, x[i]), kappa: kappa[i], seed: seed[i], rate: rate[i] },
  })).filter((point) => Number.isFinite(point.x) && Number.isFinite(point.kappa));
  const seeds = [...new Set(points.map((point) => point.seed))].sort((a, b) => a - b);
  const bySeed = seeds.map((left) => {
    const others = points.filter((point) => point.seed !== left);
    const own = points.filter((point) => point.seed === left);
    const predicted = learn(others);
    const centre = others.reduce((total, point) => total + point.kappa, 0) / others.length;
    const rest = own.map((point) => point.kappa - predicted(point));
    const total = own.map((point) => point.kappa - centre);
    const logRate = own.map((point) => Math.log10(point.rate));
    return {
      r2: 1 - squares(rest) / squares(total),
      rateSlope: linearRegression(logRate, rest).estimate,
    };
  });
  return {
    seeds,
    r2: Float64Array.from(bySeed, (of) => of.r2),
    rateSlope: Float64Array.from(bySeed, (of) => of.rateSlope),
  };
}

/** The family's curve through points; NaN everywhere through fewer than two. */
function fitted(points: readonly Point[], family: CurveFamily): (x: number) => number {
  if (points.length < 2) return () => Number.NaN;
  return family(
    points.map((point) => point.x),
    points.map((point) => point.kappa),
  );
}

const squares = (values: readonly number[]) => values.reduce((total, value) => total + value * value, 0);

/**
 * The value of a course where another first reaches a level, on the straight line between checkpoints.
 *
 * @param along  [checkpoint], e.g. loss progress
 * @param value  [checkpoint], e.g. persistence
 * @returns      `value` at the first checkpoint if that is at the level already; NaN where the level is never reached
 * @throws ArgumentError if the lengths differ
 */
export function whenReached(along: ArrayLike<number>, value: ArrayLike<number>, level: number): number {
  sameLength("when reached", along, value);
  for (let c = 0; c < along.length; c++) {
    if (!(along[c] >= level)) continue;
    if (c === 0) return value[0];
    const share = (level - along[c - 1]) / (along[c] - along[c - 1]);
    return value[c - 1] + share * (value[c] - value[c - 1]);
  }
  return Number.NaN;
}
