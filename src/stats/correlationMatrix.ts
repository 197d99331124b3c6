/** Correlations of every unit of one network with every unit of another. */
import { sameLength } from "../base/check.ts";
import { mean } from "./moments.ts";
import { dot } from "./singular.ts";

/** Centred and scaled to length 1; NaN without variance. */
function unitLength(values: ArrayLike<number>): Float64Array {
  const centre = mean(values);
  const curve = Float64Array.from(values, (value) => value - centre);
  const norm = Math.sqrt(dot(curve, curve)); // exactly 0 of equal values
  return curve.map((value) => value / norm);
}

/**
 * Pearson correlations of all pairs of units.
 *
 *   R[i][j] = corr over samples of ( first[i], second[j] )
 *
 * A unit without variance has a row, or column, of NaN: leave it out before {@link assignment} and report how many.
 *
 * @param first   [unit][sample]
 * @param second  [unit][sample], the same samples
 * @returns       [unit of first][unit of second], in [−1, 1]
 * @throws ArgumentError if the numbers of samples differ
 */
export function correlationMatrix(
  first: readonly ArrayLike<number>[],
  second: readonly ArrayLike<number>[],
): Float64Array[] {
  const samples = first[0] ?? second[0] ?? [];
  for (const [name, units] of Object.entries({ first, second }))
    for (const [i, unit] of units.entries()) sameLength(`correlation matrix, ${name}[${i}]`, samples, unit);
  const columns = second.map(unitLength);
  return first.map((unit) => {
    const row = unitLength(unit);
    return Float64Array.from(columns, (column) => Math.min(1, Math.max(-1, dot(row, column))));
  });
}
