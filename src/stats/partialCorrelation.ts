/** Correlation of what two lists do not share with others. */
import { sameLength } from "../base/check.ts";
import { averageRanks, cosine } from "./correlation.ts";
import { mean, sumOfSquares } from "./moments.ts";
import { centred } from "./representation.ts";
import { dot, singular } from "./singular.ts";

const EXPLAINED = 1e-20; // share of a list's squares below which its residual is rounding of the subtraction

/** What the directions leave of a list; NaN where they leave only rounding. */
function residual(values: ArrayLike<number>, directions: readonly Float64Array[]): Float64Array {
  const centre = mean(values);
  const rest = Float64Array.from(values, (value) => value - centre);
  for (const direction of directions) {
    const share = dot(direction, rest);
    for (let i = 0; i < rest.length; i++) rest[i] -= share * direction[i];
  }
  return dot(rest, rest) > EXPLAINED * sumOfSquares(values) ? rest : rest.fill(Number.NaN);
}

/**
 * Partial correlation: of the residuals of x and y after least squares on the controls and a constant, in [−1, 1].
 *
 *   one control z:  (r_xy − r_xz r_yz)/√( (1 − r_xz²)(1 − r_yz²) )
 *
 * For a p-value or interval give n minus the number of controls to {@link correlationP} or {@link fisherZ}.
 *
 * Edges: a list that the controls explain completely, or one without variance, gives NaN; a control without variance, or
 * one that depends on the others, changes nothing; no controls give {@link pearson}; NaN values give NaN.
 *
 * @param controls  [control][item]
 * @throws ArgumentError if lengths differ
 * @source Anderson 2003, section 2.5
 */
export function partialCorrelation(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  controls: readonly ArrayLike<number>[],
): number {
  sameLength("partial correlation", x, y);
  for (const [i, control] of controls.entries()) sameLength(`partial correlation, control ${i}`, x, control);
  const rows = Array.from(x, (_, item) => controls.map((control) => control[item]));
  if (rows.some((row) => row.some((value) => !Number.isFinite(value)))) return Number.NaN;
  const { left } = singular(centred("partial correlation, controls", rows));
  return cosine(residual(x, left), residual(y, left)); // residuals have mean 0
}

/**
 * Partial rank correlation: {@link partialCorrelation} of {@link averageRanks}, with its edges.
 *
 * @throws ArgumentError if lengths differ
 */
export function partialSpearman(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  controls: readonly ArrayLike<number>[],
): number {
  return partialCorrelation(averageRanks(x), averageRanks(y), controls.map(averageRanks));
}
