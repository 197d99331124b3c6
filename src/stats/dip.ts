/** One bump or more: Hartigan's dip. */
import { integerIn } from "../base/check.ts";
import { atLeast } from "./arguments.ts";
import { monteCarloTest } from "./monteCarloTest.ts";
import type { PermutationTest } from "./permutation.ts";
import { DEFAULT_RESAMPLES, type ResampleOptions } from "./resample.ts";

/**
 * Distance of a sample from the nearest distribution with one bump.
 *
 *   D = min_G max_x |F_n(x) − G(x)|,  G convex up to some mode and concave after it
 *
 * from 1/(2n), which no sample is below, to 1/4, two bumps of equal size far apart.
 *
 * The nearest G is the greatest convex minorant of F_n before the modal interval, the least concave majorant after it, and
 * a line between. The interval begins as the whole range. Each round looks where minorant and majorant of the interval are
 * farthest apart, shrinks the interval to the corners around that place, and takes the largest misfit of what was cut off;
 * it ends when the middle fits better than what was cut off.
 *
 * Edges: empty or NaN gives NaN; equal values give 1/(2n).
 *
 * @source Hartigan & Hartigan 1985, section 3; Hartigan 1985, algorithm AS 217
 */
export function dip(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort();
  // a typed array sorts NaN to the end
  if (sorted.length === 0 || Number.isNaN(sorted[sorted.length - 1])) return Number.NaN;
  return dipSorted(sorted);
}

/** {@link dip} of values that are sorted ascending. Heights are counts; value i has F_n from i to i + 1. */
function dipSorted(x: Float64Array): number {
  const n = x.length;
  const before = cornersBefore(x);
  const after = cornersAfter(x);
  let [low, high] = [0, n - 1];
  let worst = 1; // in units of 1/(2n): a step's own half height
  while (x[low] < x[high]) {
    const minorant = chainDown(before, high, low);
    const majorant = chainUp(after, low, high);
    const widest = widestGap(x, minorant, majorant);
    if (widest.gap < worst) break;
    for (let i = 0; minorant[i] < widest.low; i++)
      worst = Math.max(worst, misfit(x, minorant[i], minorant[i + 1], 1));
    for (let i = majorant.length - 1; majorant[i] > widest.high; i--)
      worst = Math.max(worst, misfit(x, majorant[i - 1], majorant[i], -1));
    if (widest.low === low && widest.high === high) break;
    [low, high] = [widest.low, widest.high];
  }
  return worst / (2 * n);
}

/** Of every value the corner before it, on the greatest convex minorant of all values up to it. */
function cornersBefore(x: Float64Array): Int32Array {
  const before = new Int32Array(x.length);
  for (let j = 1; j < x.length; j++) {
    let corner = j - 1;
    // a corner at which the slope does not rise is none
    while (corner > 0) {
      const earlier = before[corner];
      if ((x[j] - x[corner]) * (corner - earlier) < (x[corner] - x[earlier]) * (j - corner)) break;
      corner = earlier;
    }
    before[j] = corner;
  }
  return before;
}

/** Of every value the corner after it, on the least concave majorant of all values from it on. */
function cornersAfter(x: Float64Array): Int32Array {
  const last = x.length - 1;
  const after = new Int32Array(x.length).fill(last);
  for (let k = last - 1; k >= 0; k--) {
    let corner = k + 1;
    while (corner < last) {
      const later = after[corner];
      if ((x[corner] - x[k]) * (later - corner) < (x[later] - x[corner]) * (corner - k)) break;
      corner = later;
    }
    after[k] = corner;
  }
  return after;
}

/** Corners of the minorant from `low` to `high`. */
function chainDown(before: Int32Array, high: number, low: number): number[] {
  const chain = [high];
  for (let at = high; at > low; ) {
    at = before[at];
    chain.push(at);
  }
  return chain.reverse();
}

/** Corners of the majorant from `low` to `high`. */
function chainUp(after: Int32Array, low: number, high: number): number[] {
  const chain = [low];
  for (let at = low; at < high; ) {
    at = after[at];
    chain.push(at);
  }
  return chain;
}

/** Height of the line between two values at a third, with the lower value's count as origin. */
function lineAt(x: Float64Array, from: number, to: number, at: number): number {
  return x[to] > x[from] ? from + ((to - from) * (x[at] - x[from])) / (x[to] - x[from]) : from;
}

/**
 * Where the majorant is farthest above the minorant: at a corner of either. The new interval reaches from the minorant's
 * corner at or before that place to the majorant's corner at or after it.
 */
function widestGap(x: Float64Array, minorant: readonly number[], majorant: readonly number[]) {
  const widest = { gap: 1, low: minorant[0], high: minorant[minorant.length - 1] };
  if (minorant.length === 2 && majorant.length === 2) return widest;
  widest.gap = 0;
  let [below, above] = [1, 1]; // the next corners of both; the ends are shared
  while (below < minorant.length - 1 || above < majorant.length - 1) {
    const [convex, concave] = [minorant[below], majorant[above]];
    const atConcave = concave < convex;
    const gap = atConcave
      ? concave + 1 - lineAt(x, minorant[below - 1], convex, concave)
      : lineAt(x, majorant[above - 1], concave, convex) + 1 - convex;
    if (gap >= widest.gap) {
      widest.gap = gap;
      widest.low = atConcave ? minorant[below - 1] : convex;
      widest.high = concave;
    }
    if (atConcave) above++;
    else below++;
  }
  return widest;
}

/**
 * How far F_n is from a straight piece of its minorant (`side` 1: from the upper ends of the steps) or its majorant
 * (−1: from their lower ends), in counts.
 */
function misfit(x: Float64Array, from: number, to: number, side: 1 | -1): number {
  let most = 1;
  if (to - from <= 1 || x[to] === x[from]) return most;
  for (let at = from; at <= to; at++) most = Math.max(most, 1 + side * (at - lineAt(x, from, to, at)));
  return most;
}

/**
 * Test that a sample comes from a distribution with one bump, by its {@link dip} against those of uniform samples.
 *
 *   p = (1 + #{dip of n uniform values ≥ observed})/(1 + B)
 *
 * The uniform is the hardest of all distributions with one bump to tell from two, in large samples, so the test rejects one
 * bump less often than it says. Values must not be of a lattice: ties look like bumps.
 *
 * @param values  at least 4: fewer cannot have two bumps
 * @throws ArgumentError if there are too few values or no stream
 * @source Hartigan & Hartigan 1985, section 5
 */
export function dipTest(
  values: ArrayLike<number>,
  { stream, resamples = DEFAULT_RESAMPLES }: Omit<ResampleOptions, "level">,
): PermutationTest {
  const n = atLeast("dip test", "values", values.length, 4);
  integerIn("dip test, resamples", resamples, 1);
  const drawn = new Float64Array(n);
  const uniformDip = (source: typeof stream) => {
    for (let i = 0; i < n; i++) drawn[i] = source.uniform();
    return dipSorted(drawn.sort());
  };
  return monteCarloTest(dip(values), uniformDip, { alternative: "greater", stream, resamples });
}
