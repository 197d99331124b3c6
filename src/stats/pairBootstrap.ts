/** Bootstrap of a mean over pairs of seeds, where only seeds are independent. */
import { ShapeError } from "../base/errors.ts";
import { atLeast, fraction } from "./arguments.ts";
import type { HierarchicalBootstrap } from "./hierarchicalBootstrap.ts";
import {
  DEFAULT_RESAMPLES,
  percentileInterval,
  type ResampleOptions,
  replicates,
  requireStream,
  standardError,
} from "./resample.ts";

/**
 * Bootstrap of the mean of a pair statistic, e.g. the similarity of each network to each other one.
 *
 *   estimate = mean over a ≠ b of matrix[a][b];   a resample draws seeds and averages over its pairs of different seeds
 *
 * n seeds give n(n−1) pairs but are n observations: each seed is in 2(n−1) pairs, and an interval that takes pairs as
 * independent is far too narrow. Pairs of a seed with itself, which a resample contains, are left out, for they measure
 * something else. As any bootstrap it is too narrow for fewer than about 15 seeds.
 *
 * Edges: fewer than two seeds give NaN; two give (−∞, ∞); a resample of one seed alone has no pair and is counted as
 * undefined; a NaN entry gives NaN wherever it is drawn.
 *
 * @param matrix  [seed][seed], not necessarily symmetric; the diagonal is ignored
 * @throws ShapeError if the matrix is not square, ArgumentError if it is empty or there is no stream
 * @source Davison & Hinkley 1997, section 2.2, for resampling what is independent; drops i = j
 */
export function pairBootstrap(
  matrix: readonly ArrayLike<number>[],
  { stream, resamples = DEFAULT_RESAMPLES, level = 0.95 }: ResampleOptions,
): HierarchicalBootstrap {
  const where = "pair bootstrap";
  fraction(`${where}, level`, level);
  const source = requireStream(where, stream);
  const n = atLeast(where, "seeds", matrix.length, 1);
  const odd = matrix.findIndex((row) => row.length !== n);
  if (odd >= 0)
    throw new ShapeError({
      where,
      rule: "the matrix must be square",
      got: `${n} rows, row ${odd} with ${matrix[odd].length} columns`,
    });
  const seeds = new Int32Array(n);
  const statistic = (): number => {
    let [total, pairs] = [0, 0];
    for (const a of seeds)
      for (const b of seeds)
        if (a !== b) {
          total += matrix[a][b];
          pairs++;
        }
    return total / pairs;
  };
  const { sorted, undefinedResamples } = replicates(where, resamples, () => {
    for (let i = 0; i < n; i++) seeds[i] = source.integer(n);
    return statistic();
  });
  for (let i = 0; i < n; i++) seeds[i] = i;
  const estimate = statistic();
  const unknown = { estimate, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  return {
    sorted,
    undefinedResamples,
    estimate,
    standardError: n <= 2 ? Number.NaN : standardError(sorted),
    percentile: n <= 2 ? unknown : percentileInterval(estimate, sorted, level),
  };
}
