/** Courses of persistence, and what is fitted to them. */
import {
  chanceCorrected,
  curveByRate,
  curveFamilies,
  type OneCurve,
  oneCurve,
} from "../../features/index.ts";
import { type StretchedFit, stretchedExponential } from "../../stats/stretchedExponential.ts";
import { type AmountName, amounts } from "./amounts.ts";
import type { DoseTold } from "./measure.ts";

/** What one network that did not diverge told, with its seed and rate. */
export interface Course {
  readonly seed: number;
  readonly rate: number;
  readonly told: DoseTold;
}

/** exp(−(steps/τ)^β) of one network and layer. */
export interface FadingFit extends StretchedFit {
  readonly seed: number;
  readonly rate: number;
  readonly layer: number;
}

/** One amount, judged in one layer. */
export interface JudgedAmount {
  readonly layer: number;
  readonly amount: AmountName;
  readonly stretched: OneCurve;
  readonly monotone: OneCurve;
  /** R² of any falling curves, one for each rate, [seed]. */
  readonly byRate: Float64Array;
}

/** κ of a layer at every checkpoint: r above what units in any order would have. */
export function kappaOf({ layers }: DoseTold, layer: number): Float64Array {
  const { r, chance } = layers[layer];
  return r.map((value, c) => chanceCorrected(value, chance[c]).kappa);
}

/** The curve of κ against steps of one network. */
export function fadingFit({ seed, rate, told }: Course, layer: number): FadingFit {
  return { ...stretchedExponential(told.steps, kappaOf(told, layer)), seed, rate, layer };
}

/** How well one curve of an amount serves all rates. */
export function judge(courses: readonly Course[], layer: number, amount: AmountName): JudgedAmount {
  const points = courses.flatMap(({ seed, rate, told }) => {
    const kappa = kappaOf(told, layer);
    const x = amounts[amount].of(told, layer, rate);
    // not the first checkpoint, at which all amounts are 0 and κ is 1 by definition
    return Array.from(kappa, (value, c) => ({ kappa: value, x: x[c], seed, rate })).slice(1);
  });
  const columns = {
    x: points.map((point) => point.x),
    kappa: points.map((point) => point.kappa),
    seed: points.map((point) => point.seed),
    rate: points.map((point) => point.rate),
  };
  return {
    ...{ layer, amount },
    stretched: oneCurve(columns, curveFamilies.stretched),
    monotone: oneCurve(columns, curveFamilies.monotone),
    byRate: curveByRate(columns, curveFamilies.monotone),
  };
}
