/** How many directions a representation uses, from the variances along its principal axes. */
import { numberIn } from "../base/check.ts";
import { centred, type Representation } from "./representation.ts";
import { singular } from "./singular.ts";

/**
 * Variances along the principal axes: eigenvalues of the sample covariance, descending, those above rounding.
 *
 * @param rows  [sample][feature]
 * @returns     empty without variance or where an entry is not finite
 * @throws ShapeError if rows are ragged
 */
export function covarianceSpectrum(rows: Representation): Float64Array {
  return singular(centred("covariance spectrum", rows)).values.map((value) => value ** 2 / (rows.length - 1));
}

function total(where: string, eigenvalues: ArrayLike<number>, term: (value: number) => number): number {
  let all = 0;
  for (let i = 0; i < eigenvalues.length; i++) all += term(numberIn(`${where}[${i}]`, eigenvalues[i], 0));
  return all;
}

/**
 * Participation ratio (Σλ)²/Σλ²: p for p equal variances, 1 for a single direction; NaN where all are 0.
 *
 * @param eigenvalues  variances ≥ 0, in any order
 * @throws ArgumentError if one is negative or not finite
 */
export function participationRatio(eigenvalues: ArrayLike<number>): number {
  const where = "participation ratio, eigenvalue";
  return total(where, eigenvalues, (value) => value) ** 2 / total(where, eigenvalues, (value) => value ** 2);
}

/**
 * Effective dimension at a ridge, d_eff = Σ λ/(λ + ridge): the parameters that a ridge regression has left.
 *
 * @param eigenvalues  ≥ 0
 * @param ridge        > 0, in the unit of the eigenvalues
 * @throws ArgumentError if an argument is out of range
 * @source Hastie, Tibshirani & Friedman 2009, eq. 3.50
 */
export function effectiveDimension(eigenvalues: ArrayLike<number>, ridge: number): number {
  numberIn("effective dimension, ridge", ridge, Number.MIN_VALUE);
  return total("effective dimension, eigenvalue", eigenvalues, (value) => value / (value + ridge));
}

/**
 * Effective rank exp(H), H = −Σ p ln p with p = σ/Σσ: the number of equal singular values of the same entropy.
 *
 * Edges: no value above 0 gives NaN.
 *
 * @param singularValues  ≥ 0, e.g. of a weight's displacement
 * @throws ArgumentError if one is negative or not finite
 * @source Roy & Vetterli 2007, definition 1
 */
export function effectiveRank(singularValues: ArrayLike<number>): number {
  const where = "effective rank, singular value";
  const all = total(where, singularValues, (value) => value);
  if (all === 0) return Number.NaN;
  return Math.exp(
    total(where, singularValues, (value) => (value === 0 ? 0 : -(value / all) * Math.log(value / all))),
  );
}
