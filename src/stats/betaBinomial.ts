/** The beta-binomial distribution: trials of one group share a probability, which differs between groups. */
import { integerIn, numberIn } from "../base/check.ts";
import { countsOf, type GroupedCounts } from "./overdispersion.ts";

/** Parameters of the beta-binomial distribution. */
export interface BetaBinomial {
  /** Mean of the probability over groups, in [0, 1]. */
  mean: number;
  /** Correlation of two trials of one group, in [0, 1): 0 is the binomial distribution. */
  rho: number;
}

/** ln of 1 (1 + θ) (1 + 2θ)… and its kin: Σ_{i<count} ln(start + iθ). */
function logRising(start: number, count: number, theta: number): number {
  let total = 0;
  for (let i = 0; i < count; i++) total += Math.log(start + i * theta);
  return total;
}

/** ln P but for the binomial coefficient, with θ = ρ/(1 − ρ); 0 · ln 0 is 0, as no factor is taken of it. */
function logKernel(k: number, n: number, mean: number, theta: number): number {
  return logRising(mean, k, theta) + logRising(1 - mean, n - k, theta) - logRising(1, n, theta);
}

/**
 * P(X = k) for every k from 0 to n.
 *
 *   P(k) = C(n, k) Π_{i<k}(μ + iθ) Π_{i<n−k}(1 − μ + iθ) / Π_{i<n}(1 + iθ),   θ = ρ/(1 − ρ)
 *
 * which is the beta-binomial with α = μ/θ and β = (1 − μ)/θ, and the binomial at θ = 0.
 *
 * @param n  trials, a whole number of at least 0
 * @returns  [n + 1], which sums to 1
 * @throws ArgumentError if a parameter is outside its range
 * @source Griffiths 1973 (his θ is ours)
 */
export function betaBinomialPmf(n: number, { mean, rho }: BetaBinomial): Float64Array {
  integerIn("beta-binomial, trials", n, 0);
  numberIn("beta-binomial, mean", mean, 0, 1);
  numberIn("beta-binomial, rho", rho, 0, 1 - Number.EPSILON);
  const theta = rho / (1 - rho);
  let choose = 1;
  return Float64Array.from({ length: n + 1 }, (_, k) => {
    if (k > 0) choose *= (n - k + 1) / k;
    return choose * Math.exp(logKernel(k, n, mean, theta));
  });
}

/** What {@link betaBinomialFit} returns. */
export interface BetaBinomialFit extends BetaBinomial {
  /** Of the counts given the groups' trials, with the binomial coefficients left out: nats. */
  logLikelihood: number;
}

/** Each pair of successes and trials once, with the number of groups that have it. */
interface Tally {
  k: number;
  n: number;
  groups: number;
}

function tallies({ successes, trials }: GroupedCounts): Tally[] {
  const found = new Map<string, Tally>();
  for (let g = 0; g < trials.length; g++) {
    const key = `${successes[g]} ${trials[g]}`;
    const known = found.get(key);
    if (known === undefined) found.set(key, { k: successes[g], n: trials[g], groups: 1 });
    else known.groups++;
  }
  return [...found.values()];
}

/** The mean that is likeliest for a θ: the score falls in μ, so its zero is found by halving. */
function likeliestMean(tally: readonly Tally[], theta: number): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < MEAN_STEPS; step++) {
    const mean = (low + high) / 2;
    let score = 0;
    for (const { k, n, groups } of tally) {
      for (let i = 0; i < k; i++) score += groups / (mean + i * theta);
      for (let i = 0; i < n - k; i++) score -= groups / (1 - mean + i * theta);
    }
    if (score > 0) low = mean;
    else high = mean;
  }
  return (low + high) / 2;
}

const MEAN_STEPS = 44; // 2^−44: the likelihood is flat to rounding long before
const GRID = 24;
const GOLDEN = (Math.sqrt(5) - 1) / 2;
const RHO_STEPS = 42; // the bracket of two grid steps shrinks below 1e-9, where the likelihood is flat to rounding
const MOST_RHO = 0.999;

/**
 * Maximum-likelihood fit of the beta-binomial to counts of groups.
 *
 * For every ρ the likeliest mean is unique; ρ is looked for on a grid in [0, 0.999] and then by golden section between its
 * neighbours. ρ = 0 means that the binomial fits no worse than any spread between groups.
 *
 * Edges: no trial or every trial a success says nothing about ρ, which is then NaN.
 *
 * @throws ArgumentError for counts that are none, or fewer than two groups; ShapeError if the lengths differ
 * @source Griffiths 1973
 */
export function betaBinomialFit(counts: GroupedCounts): BetaBinomialFit {
  const { success, trial } = countsOf("beta-binomial fit", counts);
  if (success === 0 || success === trial) return { mean: success / trial, rho: Number.NaN, logLikelihood: 0 };
  const tally = tallies(counts);
  const at = (rho: number): BetaBinomialFit => {
    const theta = rho / (1 - rho);
    const mean = likeliestMean(tally, theta);
    const logLikelihood = tally.reduce(
      (sum, { k, n, groups }) => sum + groups * logKernel(k, n, mean, theta),
      0,
    );
    return { mean, rho, logLikelihood };
  };
  const better = (a: BetaBinomialFit, b: BetaBinomialFit) => (b.logLikelihood > a.logLikelihood ? b : a);
  const grid = Array.from({ length: GRID + 1 }, (_, i) => at((MOST_RHO * i) / GRID));
  const best = grid.reduce(better);
  let low = Math.max(0, best.rho - MOST_RHO / GRID);
  let high = Math.min(MOST_RHO, best.rho + MOST_RHO / GRID);
  let [left, right] = [at(high - GOLDEN * (high - low)), at(low + GOLDEN * (high - low))];
  for (let step = 0; step < RHO_STEPS; step++) {
    if (left.logLikelihood >= right.logLikelihood) {
      [high, right] = [right.rho, left];
      left = at(high - GOLDEN * (high - low));
    } else {
      [low, left] = [left.rho, right];
      right = at(low + GOLDEN * (high - low));
    }
  }
  // the end at 0 is never reached by shrinking towards it
  return [left, right, at(0)].reduce(better);
}
