/** Representational similarity analysis (RSA): do two representations find the same samples alike? */
import { pearson, spearman } from "./correlation.ts";
import { type Representation, rectangular, sameSamples } from "./representation.ts";

/**
 * Euclidean distances between all pairs of samples, [pair] in the order (0,1), (0,2), …, (n−2,n−1).
 *
 * @param rows  [sample][feature]
 * @throws ShapeError if rows are ragged
 */
export function pairDistances(rows: Representation): Float64Array {
  return distancesOf(rectangular("pair distances", rows));
}

function distancesOf(rows: readonly Float64Array[]): Float64Array {
  const n = rows.length;
  const distances = new Float64Array((n * (n - 1)) / 2);
  let pair = 0;
  for (let i = 0; i < n; i++)
    for (let j = i + 1; j < n; j++)
      distances[pair++] = Math.sqrt(rows[i].reduce((all, value, k) => all + (value - rows[j][k]) ** 2, 0));
  return distances;
}

/**
 * Correlation of the pairwise distances of two representations, in [−1, 1].
 *
 *   corr over pairs i < j of ( ‖x_i − x_j‖, ‖y_i − y_j‖ )
 *
 * Distances that are equal on paper but not in their last bits are no ties; with few distinct activations take the
 * correlation of the distances.
 *
 * The pairs are not independent, so {@link correlationP} does not hold: for a p-value permute the samples of one
 * representation ({@link monteCarloTest}).
 *
 * Edges: fewer than three samples, or all distances of one representation equal, gives NaN; NaN entries give NaN.
 *
 * @param x            [sample][feature]
 * @param y            [sample][feature], the same samples, any number of features
 * @param correlation  of ranks (default) or of the distances themselves
 * @throws ShapeError if the numbers of samples differ or rows are ragged
 * @source Kriegeskorte, Mur & Bandettini 2008
 */
export function representationalSimilarity(
  x: Representation,
  y: Representation,
  { correlation = "spearman" }: { correlation?: "spearman" | "pearson" } = {},
): number {
  const where = "representational similarity";
  sameSamples(where, x, y);
  const [first, second] = [
    rectangular(`${where}, first representation`, x),
    rectangular(`${where}, second representation`, y),
  ];
  return (correlation === "spearman" ? spearman : pearson)(distancesOf(first), distancesOf(second));
}
