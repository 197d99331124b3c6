/** Balanced random-intercept model: units within seeds, in closed form. */
import { ShapeError } from "../base/errors.ts";
import { atLeast, fraction } from "./arguments.ts";
import { tQuantile } from "./betaQuantile.ts";
import type { Interval } from "./intervals.ts";
import { mean, sumOfSquares } from "./moments.ts";

/** What {@link randomIntercept} returns; the interval is for the grand mean. */
export interface RandomIntercept extends Interval {
  /** Mean square between groups, m Σ (ȳ_g − ȳ)² / (k − 1). */
  msBetween: number;
  /** Mean square within groups, Σ (y_gi − ȳ_g)² / (k(m − 1)). */
  msWithin: number;
  /** Variance of the intercepts, REML: max(0, (MSB − MSW)/m). */
  varianceGroup: number;
  /** Residual variance, REML: MSW, or the pooled variance where the intercepts' is 0. */
  varianceResidual: number;
  /** Intraclass correlation, in [0, 1]: share of variance that members of a group have in common. */
  icc: number;
  /** Of the grand mean, √(MSB/(km)). */
  standardError: number;
  /** 1 + (m − 1) ICC: by how much clustering multiplies the variance of the mean. */
  designEffect: number;
  /** km / designEffect: how many independent units the km are worth. */
  nEffective: number;
  /** k − 1. */
  df: number;
}

/**
 * Fits y_gi = μ + u_g + e_gi with random intercepts u to k groups of m units each.
 *
 *   μ = ȳ,  se = √(MSB/(km)),  interval μ ± t_{(1+level)/2, k−1} se
 *
 * On balanced data the ANOVA estimates are the REML estimates, and the interval equals the t interval of the k group
 * means: groups, not units, are what was replicated. Where MSB < MSW the intercept variance is at its bound 0, and ICC 0,
 * design effect 1; the interval still uses MSB, for it does not depend on that decision.
 *
 * Edges: m = 1 cannot tell the two variances apart (MSW, variances, ICC, design effect and nEffective NaN); all values
 * equal gives ICC NaN (0/0) and the point low = high.
 *
 * @param groups  [group][unit], at least two, of equal size
 * @param level   confidence in (0, 1), default 0.95
 * @throws ShapeError if sizes differ, ArgumentError if there are fewer than two groups or they are empty
 * @source Searle, Casella & McCulloch 1992, sections 3.5–3.8
 */
export function randomIntercept(groups: readonly ArrayLike<number>[], level = 0.95): RandomIntercept {
  fraction("random intercept, level", level);
  const k = atLeast("random intercept", "groups", groups.length, 2);
  const m = atLeast("random intercept, group 0", "units", groups[0].length, 1);
  const odd = groups.findIndex((group) => group.length !== m);
  if (odd >= 0)
    throw new ShapeError({
      where: "random intercept",
      rule: "the closed form needs groups of equal size",
      got: `${m} units in group 0, ${groups[odd].length} in group ${odd}`,
    });
  const n = k * m;
  const means = groups.map(mean);
  const ssBetween = m * sumOfSquares(means);
  const ssWithin = groups.reduce((total, group) => total + sumOfSquares(group), 0);
  const msBetween = ssBetween / (k - 1);
  const msWithin = ssWithin / (k * (m - 1)); // 0/0 at m = 1
  const atBound = msBetween <= msWithin;
  const varianceGroup = atBound ? 0 : (msBetween - msWithin) / m;
  const varianceResidual = atBound ? (ssBetween + ssWithin) / (n - 1) : msWithin;
  const icc = varianceGroup / (varianceGroup + varianceResidual);
  const designEffect = 1 + (m - 1) * icc;
  const estimate = mean(means);
  const standardError = Math.sqrt(msBetween / n);
  const half = tQuantile((1 + level) / 2, k - 1) * standardError;
  return {
    estimate,
    low: estimate - half,
    high: estimate + half,
    msBetween,
    msWithin,
    varianceGroup,
    varianceResidual,
    icc,
    standardError,
    designEffect,
    nEffective: n / designEffect,
    df: k - 1,
  };
}
