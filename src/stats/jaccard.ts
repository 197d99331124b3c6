/** Overlap of two sets of units or weights, against what their sizes alone give. */
import { sameLength } from "../base/check.ts";
import { logBeta } from "./gamma.ts";

/** What {@link jaccard} returns. */
export interface Jaccard {
  /** |A ∩ B| / |A ∪ B|, in [0, 1]. */
  estimate: number;
  /** Its exact mean over random sets of the same sizes. */
  expected: number;
  /** |A ∩ B|. */
  overlap: number;
  /** Mean of the overlap over random sets, |A||B|/N. */
  expectedOverlap: number;
  /** P(overlap of random sets ≥ overlap): are the sets more alike than by chance? */
  p: number;
}

function logChoose(n: number, k: number): number {
  return -Math.log(n + 1) - logBeta(k + 1, n - k + 1);
}

/**
 * Jaccard index of two masks with its hypergeometric expectation.
 *
 *   |A ∩ B| = k with probability C(a, k) C(N − a, b − k)/C(N, b);   E J = Σ_k P(k) k/(a + b − k)
 *
 * {@link chanceCorrected} of `estimate` and `expected` is the overlap beyond chance.
 *
 * Edges: two empty masks give estimate and expectation NaN, and p = 1.
 *
 * @param first   [item], 0 (or false) for out and anything else for in
 * @param second  likewise, over the same items
 * @throws ArgumentError if the lengths differ
 * @source Jaccard 1912; Real & Vargas 1996 for the expectation
 */
export function jaccard(first: ArrayLike<number | boolean>, second: ArrayLike<number | boolean>): Jaccard {
  sameLength("Jaccard index", first, second);
  const n = first.length;
  let [a, b, overlap] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    if (first[i]) a++;
    if (second[i]) b++;
    if (first[i] && second[i]) overlap++;
  }
  let [expected, p] = [0, 0];
  for (let k = Math.max(0, a + b - n); k <= Math.min(a, b); k++) {
    const probability = Math.exp(logChoose(a, k) + logChoose(n - a, b - k) - logChoose(n, b));
    expected += (probability * k) / (a + b - k);
    if (k >= overlap) p += probability;
  }
  return {
    estimate: overlap / (a + b - overlap),
    expected,
    overlap,
    expectedOverlap: (a * b) / n,
    p: Math.min(1, p),
  };
}
