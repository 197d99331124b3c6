/** Kendall's rank correlation, with its interval and its range by chance. */
import { sameLength } from "../base/check.ts";
import { normalQuantile } from "../base/normalQuantile.ts";
import { fraction } from "./arguments.ts";
import type { Interval } from "./intervals.ts";

const order = (a: number, b: number) => (a < b ? -1 : a > b ? 1 : 0);

/** Ranks from 0 without gaps, equal values having the same, and how many values have each; null for a NaN. */
function denseRanks(values: ArrayLike<number>): { ranks: Int32Array; counts: Int32Array } | null {
  const sorted = Float64Array.from(values).sort();
  const distinct = sorted.filter((value, i) => i === 0 || value !== sorted[i - 1]);
  const ranks = new Int32Array(values.length);
  const counts = new Int32Array(distinct.length);
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) return null;
    let [low, high] = [0, distinct.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (order(distinct[middle], values[i]) < 0) low = middle + 1;
      else high = middle;
    }
    ranks[i] = low;
    counts[low]++;
  }
  return { ranks, counts };
}

/** How often ranks came, and how many that came were below a rank: a Fenwick tree, each in O(log n). */
function rankCounter(distinct: number) {
  const sums = new Int32Array(distinct + 1);
  let total = 0;
  return {
    add: (rank: number) => {
      total++;
      for (let i = rank + 1; i <= distinct; i += i & -i) sums[i]++;
    },
    /** That came with ranks above this one, less those below it. */
    aboveLessBelow: (rank: number) => {
      const below = (ranks: number) => {
        let sum = 0;
        for (let i = ranks; i > 0; i -= i & -i) sum += sums[i];
        return sum;
      };
      return total - below(rank + 1) - below(rank);
    },
  };
}

/** What pairs of observations are to each other, observation by observation. */
interface Pairs {
  readonly n: number;
  /** Concordant less discordant pairs that an observation is in. */
  readonly scores: Int32Array;
  /** Observations with the same x, or y, as this one, itself with them. */
  readonly tiedX: Int32Array;
  readonly tiedY: Int32Array;
  /** Sizes of the groups of equal values. */
  readonly groupsX: Int32Array;
  readonly groupsY: Int32Array;
}

/** Null where a value is NaN. */
function pairsOf(x: ArrayLike<number>, y: ArrayLike<number>): Pairs | null {
  sameLength("Kendall correlation", x, y);
  const [inX, inY] = [denseRanks(x), denseRanks(y)];
  if (inX === null || inY === null) return null;
  const n = x.length;
  const byX = Array.from({ length: n }, (_, i) => i).sort((i, j) => inX.ranks[i] - inX.ranks[j]);
  const scores = new Int32Array(n);
  // those with smaller x are concordant where their y is below; then, from the other end, those with larger x
  for (const sign of [-1, 1]) {
    const before = rankCounter(inY.counts.length);
    const walk = sign < 0 ? byX : byX.toReversed();
    for (let start = 0; start < n; ) {
      const end = start + inX.counts[inX.ranks[walk[start]]];
      for (let k = start; k < end; k++) scores[walk[k]] += sign * before.aboveLessBelow(inY.ranks[walk[k]]);
      for (let k = start; k < end; k++) before.add(inY.ranks[walk[k]]);
      start = end;
    }
  }
  return {
    ...{ n, scores, groupsX: inX.counts, groupsY: inY.counts },
    tiedX: inX.ranks.map((rank) => inX.counts[rank]),
    tiedY: inY.ranks.map((rank) => inY.counts[rank]),
  };
}

const sumOf = (counts: Int32Array, of: (count: number) => number) =>
  counts.reduce((sum, count) => sum + of(count), 0);

/** Twice the pairs, and those of them that are tied in neither x, nor y: n(n − 1) − Σ t(t − 1). */
function untiedOf({ n, groupsX, groupsY }: Pairs) {
  const tied = (counts: Int32Array) => sumOf(counts, (t) => t * (t - 1));
  const all = n * (n - 1);
  return { all, untiedX: all - tied(groupsX), untiedY: all - tied(groupsY) };
}

function tauOf(pairs: Pairs): number {
  const { untiedX, untiedY } = untiedOf(pairs);
  return sumOf(pairs.scores, (score) => score) / Math.sqrt(untiedX * untiedY);
}

/**
 * Kendall's τ_b, in [−1, 1]: concordant minus discordant pairs, with ties taken out of the denominator.
 *
 *   (C − D)/√( (n₀ − tₓ)(n₀ − t_y) ),  n₀ = n(n−1)/2,  t: pairs tied in that list;   O(n log n)
 *
 * Edges: a list whose values are all equal, or fewer than two values, gives NaN; NaN values give NaN.
 *
 * @throws ArgumentError if the lengths differ
 * @source Kendall 1945; counted by a tree of ranks, Christensen 2005, as fast as the sorting of Knight 1966
 */
export function kendall(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const pairs = pairsOf(x, y);
  return pairs === null ? Number.NaN : tauOf(pairs);
}

/**
 * τ_b with its interval over independent pairs (x, y).
 *
 *   τ ± z·σ, cut at −1 and 1;   σ² = 2/(n(n−1)) · ( 2(n−2)/n · Σhᵢ² + 1 − τ² )
 *   hᵢ = sᵢ/√(ab) − τ/2·(aᵢ/a + bᵢ/b)
 *
 * where of the pairs that observation i is in sᵢ is the concordant share less the discordant one, aᵢ and bᵢ the shares not
 * tied in x and in y, and a and b the means of these.
 *
 * Edges: ends are NaN for fewer than four values and where τ is; a perfect order gives the point.
 *
 * @param level  confidence in (0, 1), default 0.95
 * @throws ArgumentError if the lengths differ or `level` is outside (0, 1)
 * @source Hollander & Wolfe 1999, section 8.3, which this is where nothing is tied (our hᵢ is their (Cᵢ − C̄)/(n − 1));
 *         with ties the projection of the ratio, Hoeffding 1948
 */
export function kendallInterval(x: ArrayLike<number>, y: ArrayLike<number>, level = 0.95): Interval {
  fraction("level", level);
  const pairs = pairsOf(x, y);
  const estimate = pairs === null ? Number.NaN : tauOf(pairs);
  if (pairs === null || Number.isNaN(estimate) || pairs.n < 4)
    return { estimate, low: Number.NaN, high: Number.NaN };
  const rest = Math.max(0, 1 - estimate * estimate);
  const { n, scores, tiedX, tiedY } = pairs;
  const { all, untiedX, untiedY } = untiedOf(pairs);
  const [a, b] = [untiedX / all, untiedY / all];
  let squares = 0;
  for (let i = 0; i < n; i++) {
    const share = (count: number) => count / (n - 1);
    const h =
      share(scores[i]) / Math.sqrt(a * b) -
      (estimate / 2) * (share(n - tiedX[i]) / a + share(n - tiedY[i]) / b);
    squares += h * h;
  }
  const variance = ((2 * (n - 2) * squares) / n + rest) * (2 / (n * (n - 1)));
  const half = normalQuantile((1 + level) / 2) * Math.sqrt(variance);
  return { estimate, low: Math.max(-1, estimate - half), high: Math.min(1, estimate + half) };
}

/**
 * How far from 0 τ_b comes by chance: where x has no bearing on y, a share `level` of all orders has |τ| up to this.
 *
 *   z·√var(S)/√( (n₀ − tₓ)(n₀ − t_y) ),  S = C − D over all orders of the y
 *
 *   var(S) = ( n(n−1)(2n+5) − Σt(t−1)(2t+5) − Σu(u−1)(2u+5) )/18
 *            + Σt(t−1)·Σu(u−1)/(2n(n−1)) + Σt(t−1)(t−2)·Σu(u−1)(u−2)/(9n(n−1)(n−2))
 *
 * with t and u the sizes of groups of equal x and y. The variance is exact, the normal quantile z near from ten values on.
 *
 * Edges: NaN for fewer than three values, values that are all equal, and NaN values.
 *
 * @param level  in (0, 1), default 0.95
 * @throws ArgumentError if the lengths differ or `level` is outside (0, 1)
 * @source Kendall 1970, eq. 4.3
 */
export function kendallByChance(x: ArrayLike<number>, y: ArrayLike<number>, level = 0.95): number {
  fraction("level", level);
  const pairs = pairsOf(x, y);
  if (pairs === null || pairs.n < 3) return Number.NaN;
  const { n, groupsX, groupsY } = pairs;
  const { all, untiedX, untiedY } = untiedOf(pairs);
  const third = (counts: Int32Array) => sumOf(counts, (t) => t * (t - 1) * (2 * t + 5));
  const triples = (counts: Int32Array) => sumOf(counts, (t) => t * (t - 1) * (t - 2));
  const variance =
    (all * (2 * n + 5) - third(groupsX) - third(groupsY)) / 18 +
    ((all - untiedX) * (all - untiedY)) / (2 * all) +
    (triples(groupsX) * triples(groupsY)) / (9 * all * (n - 2));
  return (normalQuantile((1 + level) / 2) * Math.sqrt(variance)) / Math.sqrt((untiedX / 2) * (untiedY / 2));
}
