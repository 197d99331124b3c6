/** The binomial distribution: how many of n independent trials succeed. */
import { integerIn, numberIn } from "../base/check.ts";
import { betaInc } from "./betaInc.ts";

/**
 * P(X ≤ k) of n trials that succeed with probability p each.
 *
 *   P(X ≤ k) = I_{1−p}(n − k, k + 1)
 *
 * Edges: k < 0 gives 0, k ≥ n gives 1.
 *
 * @param k  a whole number
 * @param n  trials, a whole number of at least 0
 * @param p  in [0, 1]
 * @throws ArgumentError if an argument is outside its range
 */
export function binomialCdf(k: number, n: number, p: number): number {
  integerIn("binomial, trials", n, 0);
  numberIn("binomial, p", p, 0, 1);
  if (k < 0) return 0;
  if (k >= n || p === 0) return 1;
  return p === 1 ? 0 : betaInc(1 - p, n - k, k + 1);
}

/**
 * The smallest k with P(X ≤ k) ≥ q, by halving.
 *
 * @param q  in [0, 1]; 0 gives 0
 * @throws ArgumentError if an argument is outside its range
 */
export function binomialQuantile(q: number, n: number, p: number): number {
  numberIn("binomial quantile, q", q, 0, 1);
  let [low, high] = [0, integerIn("binomial, trials", n, 0)];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (binomialCdf(middle, n, p) >= q) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * P(X = k) for every k from 0 to n.
 *
 * @param n  trials, a whole number of at least 0
 * @param p  in [0, 1]
 * @returns  [n + 1], which sums to 1
 * @throws ArgumentError if an argument is outside its range
 */
export function binomialPmf(n: number, p: number): Float64Array {
  integerIn("binomial, trials", n, 0);
  numberIn("binomial, p", p, 0, 1);
  // one trial after the other: no factorial that overflows, and 0 and 1 need no case of their own
  const pmf = new Float64Array(n + 1);
  pmf[0] = 1;
  for (let trial = 1; trial <= n; trial++)
    for (let k = trial; k >= 0; k--) pmf[k] = pmf[k] * (1 - p) + (k > 0 ? pmf[k - 1] * p : 0);
  return pmf;
}
