/** What the entries of a weight look like, beside the law that an initialisation draws them from. */

import { sizeOf } from "../graph/node.ts";
import type { ModelConfig } from "../model/config.ts";
import { fanOf } from "../model/fans.ts";
import { type InitSchemeName, initLaw, initSchemes, type Law } from "../model/init.ts";
import { weightShapes } from "../model/weights.ts";
import { normalSf } from "../stats/distributions.ts";

/** Moments of the entries of one weight of one model. */
export interface WeightMoments {
  readonly name: string;
  readonly entries: number;
  readonly mean: number;
  /** Square root of the mean squared deviation from the mean. */
  readonly sd: number;
  /** Σ x² / n, about 0: what a law fixes. */
  readonly meanSquare: number;
  /** Largest |x|. */
  readonly largest: number;
}

/** Moments of all entries; one pass more for the deviations, so that no digits are lost. */
export function weightMoments(name: string, values: ArrayLike<number>): WeightMoments {
  const entries = values.length;
  let [mean, meanSquare, largest, deviations] = [0, 0, 0, 0];
  for (let i = 0; i < entries; i++) {
    mean += values[i] / entries;
    meanSquare += (values[i] * values[i]) / entries;
    largest = Math.max(largest, Math.abs(values[i]));
  }
  for (let i = 0; i < entries; i++) deviations += (values[i] - mean) ** 2;
  return { name, entries, mean, sd: Math.sqrt(deviations / entries), meanSquare, largest };
}

/** What a law says of an entry. */
export interface LawMoments {
  readonly mean: number;
  readonly variance: number;
  /** Fourth moment over the squared variance: what the spread of a mean square depends on. 0 where it is fixed. */
  readonly kurtosis: number;
  /** Standard deviation of the mean square over n entries, as a share of the variance. */
  meanSquareError(entries: number): number;
}

/**
 * Moments of a law.
 *
 *   constant c      mean c, variance 0
 *   normal σ        variance σ², kurtosis 3
 *   uniform ± b     variance b² / 3, kurtosis 9/5
 *   orthogonal      the mean square of all entries is exactly 1 / max(rows, columns): it has no spread
 *
 * The mean square of n independent entries has the standard deviation variance · √((kurtosis − 1) / n).
 *
 * @param longest  of an orthogonal law, the larger of the matrix's two sizes, heads counted together
 */
export function lawMoments(law: Law, longest: number): LawMoments {
  const spread = (kurtosis: number) => (entries: number) => Math.sqrt((kurtosis - 1) / entries);
  switch (law.kind) {
    case "constant":
      return { mean: law.value, variance: 0, kurtosis: 0, meanSquareError: () => 0 };
    case "normal":
      return { mean: 0, variance: law.std ** 2, kurtosis: 3, meanSquareError: spread(3) };
    case "uniform":
      return { mean: 0, variance: law.bound ** 2 / 3, kurtosis: 9 / 5, meanSquareError: spread(9 / 5) };
    case "orthogonal":
      return { mean: 0, variance: 1 / longest, kurtosis: 0, meanSquareError: () => 0 };
  }
}

/**
 * Moments that every weight of a config has under a scheme.
 *
 * @returns  by weight, in the order of `weightShapes`
 */
export function expectedMoments(config: ModelConfig, scheme: InitSchemeName): Map<string, LawMoments> {
  return new Map(
    [...weightShapes(config)].map(([name, shape]) => {
      const { role, fanIn, fanOut } = fanOf(config, name);
      const rows = role === "embedding" ? sizeOf(shape) / fanOut : fanIn;
      return [name, lawMoments(initLaw(config, name, scheme), Math.max(rows, fanOut))];
    }),
  );
}

/** Rounding of float32 entries, as a share of a variance that a law fixes. */
const ROUNDING = 1e-5;

/**
 * Two-sided p that entries with this mean square, the mean over models of equally many each, follow a law; 1 or 0 where
 * the law leaves no room.
 */
export function lawP(
  { mean, variance, meanSquareError }: LawMoments,
  meanSquare: number,
  entries: number,
): number {
  const fixed = mean * mean + variance;
  const error = meanSquareError(entries);
  if (error === 0) return Math.abs(meanSquare - fixed) <= ROUNDING * fixed ? 1 : 0;
  return 2 * normalSf(Math.abs(meanSquare / fixed - 1) / error);
}

/**
 * The scheme whose weights have mean squares nearest to these: the smallest mean of ln² ratio over the weights that it
 * draws. Embeddings are left out, for a factor of their own may have scaled them; a scheme that leaves one at 0 that is
 * not, or the other way round, is out of the question.
 *
 * @param meanSquares  by weight
 * @returns            undefined where no scheme is possible, such as for trained biases of a scheme that starts them at 0
 */
export function nearestScheme(
  config: ModelConfig,
  meanSquares: ReadonlyMap<string, number>,
): { scheme: InitSchemeName; distance: number } | undefined {
  let best: { scheme: InitSchemeName; distance: number } | undefined;
  for (const scheme of Object.keys(initSchemes) as InitSchemeName[]) {
    if (scheme === "mup" && config.tiedUnembed) continue;
    let [total, count] = [0, 0];
    for (const [name, { mean, variance }] of expectedMoments(config, scheme)) {
      const { role } = fanOf(config, name);
      if (role === "embedding" || role === "normWeight" || role === "normBias") continue;
      const expected = mean * mean + variance;
      const found = meanSquares.get(name) ?? Number.NaN;
      if (expected === 0 && found === 0) continue;
      total += Math.log(found / expected) ** 2; // infinite where one of them is 0
      count++;
    }
    const distance = count === 0 ? 0 : total / count;
    if (Number.isFinite(distance) && !(distance >= (best?.distance ?? Number.POSITIVE_INFINITY)))
      best = { scheme, distance };
  }
  return best;
}
