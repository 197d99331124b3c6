/** Standardised differences: Cohen's d and Hedges' g, with the exact interval of what they estimate. */
import { atLeast, fraction } from "./arguments.ts";
import { logBeta } from "./gamma.ts";
import { mean, sd, sumOfSquares } from "./moments.ts";
import { noncentrality } from "./noncentralT.ts";

const HALF_LOG_PI = 0.5723649429247001;

/** What {@link cohensD} and {@link pairedEffectSize} return. */
export interface EffectSize {
  /** The difference in standard deviations: pooled ones, or those of paired differences. */
  d: number;
  /** d without its bias. */
  g: number;
  /** Ends of the interval for the population's (μ_a − μ_b) / σ, which d and g both estimate. */
  low: number;
  high: number;
}

/**
 * The factor J with E[J d] = (μ_a − μ_b)/σ: d is too large by 1/J for normal data.
 *
 *   J(ν) = Γ(ν/2) / ( √(ν/2) Γ((ν−1)/2) ) ≈ 1 − 3/(4ν − 1)
 *
 * Edges: NaN for ν ≤ 1, where d has no mean to correct.
 *
 * @param df  ν = n_a + n_b − 2
 * @source Hedges 1981 (c(m) there)
 */
export function hedgesCorrection(df: number): number {
  if (!(df > 1)) return Number.NaN;
  // Γ(ν/2)/Γ((ν−1)/2) = √π / B((ν−1)/2, ½): the two logarithms of Γ, near ν ln ν, would cancel
  return Math.exp(HALF_LOG_PI - logBeta((df - 1) / 2, 0.5)) / Math.sqrt(df / 2);
}

/**
 * Cohen's d of two independent groups with the pooled standard deviation, and Hedges' g = J(ν) d.
 *
 *   d = (x̄_a − x̄_b)/s,   s² = ( Σ(a − x̄_a)² + Σ(b − x̄_b)² )/ν,   ν = n_a + n_b − 2
 *
 * d √ñ, with ñ = n_a n_b/(n_a + n_b), is the two-sample t statistic, and follows the noncentral t distribution with
 * noncentrality δ√ñ, δ = (μ_a − μ_b)/σ. `low` and `high` are the δ at which a d as large, or as small, as this one has
 * probability (1 − confidence)/2: exact for normal groups of equal spread, and excludes 0 exactly where the two-sided
 * t test rejects.
 *
 * Edges: without spread within the groups d, g and both ends are ±∞ (NaN where the means are equal too); one value per
 * group or NaN values give NaN; two values against one (ν = 1) have no g, which is NaN.
 *
 * @param a           one value per independent replicate; `b` likewise
 * @param confidence  of the interval, in (0, 1), default 0.95
 * @throws ArgumentError if a group is empty or `confidence` outside (0, 1)
 * @source Hedges 1981; Cumming & Finch 2001 for the interval
 */
export function cohensD(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  { confidence = 0.95 }: { confidence?: number } = {},
): EffectSize {
  const tail = (1 - fraction("Cohen's d, confidence", confidence)) / 2;
  atLeast("Cohen's d", "value in the first group", a.length, 1);
  atLeast("Cohen's d", "value in the second group", b.length, 1);
  const df = a.length + b.length - 2;
  const d = (mean(a) - mean(b)) / Math.sqrt((sumOfSquares(a) + sumOfSquares(b)) / df);
  return withInterval(d, df, Math.sqrt((a.length * b.length) / (a.length + b.length)), tail);
}

/**
 * Cohen's d of paired differences (d_z), and Hedges' g = J(n − 1) d.
 *
 *   d = x̄/s
 *
 * d √n is the paired t statistic and follows the noncentral t distribution with noncentrality δ√n, δ = μ/σ of the
 * differences: the interval is exact for normal differences, and excludes 0 exactly where the t test rejects. d_z is not
 * comparable with {@link cohensD}: its unit is the spread of the differences, which pairing makes small.
 *
 * Edges: one difference or NaN gives NaN; equal differences give ±∞ (NaN if they are 0); two have no g (ν = 1), NaN.
 *
 * @param differences  one per independent replicate
 * @param confidence   of the interval, in (0, 1), default 0.95
 * @throws ArgumentError if `differences` is empty or `confidence` outside (0, 1)
 * @source Hedges 1981; Cumming & Finch 2001 for the interval
 */
export function pairedEffectSize(
  differences: ArrayLike<number>,
  { confidence = 0.95 }: { confidence?: number } = {},
): EffectSize {
  const tail = (1 - fraction("paired effect size, confidence", confidence)) / 2;
  const n = atLeast("paired effect size", "differences", differences.length, 1);
  return withInterval(mean(differences) / sd(differences), n - 1, Math.sqrt(n), tail);
}

/** The effect size whose d · scale is a t statistic on `df` degrees of freedom. */
function withInterval(d: number, df: number, scale: number, tail: number): EffectSize {
  if (!Number.isFinite(d)) return { d, g: d, low: d, high: d };
  return {
    d,
    g: hedgesCorrection(df) * d,
    low: noncentrality(d * scale, df, 1 - tail) / scale,
    high: noncentrality(d * scale, df, tail) / scale,
  };
}
