/** A number of each network beside the same number of random networks. */
import { randomStream } from "../base/random.ts";
import { type Alternative, permutationTest } from "../stats/permutation.ts";
import { quantile } from "../stats/quantile.ts";

/** Where networks stand among random ones. */
export interface NetworkComparison {
  /** Random networks with a number. */
  readonly networks: number;
  /** Their mean, and the 5 % and 95 % quantiles of single networks; NaN without any. */
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  /** p of the permutation test that both are of one kind; NaN where there is nothing to compare. */
  readonly p: number;
  /** The smallest p that so few networks could have had; NaN where there is nothing to compare. */
  readonly smallest: number;
}

/**
 * Permutation test of the mean over networks against the mean over random networks; a network is one value.
 *
 * Values that are not finite are left out. One network among K random ones has p = (1 + #{as extreme}) / (1 + K).
 *
 * @param values       one a network
 * @param nulls        one a random network; may be empty
 * @param alternative  two-sided unless given
 */
export function againstNetworks(
  values: readonly number[],
  nulls: readonly number[],
  alternative: Alternative = "two-sided",
): NetworkComparison {
  const own = values.filter(Number.isFinite);
  const drawn = nulls.filter(Number.isFinite);
  const networks = drawn.length;
  const none = { networks, mean: Number.NaN, low: Number.NaN, high: Number.NaN };
  if (networks === 0) return { ...none, p: Number.NaN, smallest: Number.NaN };
  const spread = {
    networks,
    mean: drawn.reduce((sum, value) => sum + value, 0) / networks,
    low: quantile(drawn, 0.05),
    high: quantile(drawn, 0.95),
  };
  if (own.length === 0) return { ...spread, p: Number.NaN, smallest: Number.NaN };
  const { p, arrangements } = permutationTest(own, drawn, {
    alternative,
    stream: randomStream("features", "against networks"),
  });
  return { ...spread, p, smallest: 1 / arrangements };
}
