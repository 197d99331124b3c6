/** Is the spread between groups that of a beta-binomial, one bump or a slope, or of another shape? */
import { integerIn } from "../base/check.ts";
import { type BetaBinomial, betaBinomialFit, betaBinomialPmf } from "./betaBinomial.ts";
import { monteCarloTest } from "./monteCarloTest.ts";
import type { GroupedCounts } from "./overdispersion.ts";
import type { PermutationTest } from "./permutation.ts";
import { DEFAULT_RESAMPLES, type ResampleOptions } from "./resample.ts";

/** How many groups have each number of successes, [largest number of trials + 1]. */
export function successTable({ successes, trials }: GroupedCounts): Float64Array {
  const most = Array.from(trials).reduce((a, b) => Math.max(a, b), 0);
  const table = new Float64Array(most + 1);
  for (let g = 0; g < trials.length; g++) table[successes[g]]++;
  return table;
}

/** How many groups would have each number of successes on average, given each group's trials. */
export function expectedTable(
  trials: ArrayLike<number>,
  pmf: (n: number) => ArrayLike<number>,
): Float64Array {
  const sizes = new Map<number, number>();
  for (let g = 0; g < trials.length; g++) sizes.set(trials[g], (sizes.get(trials[g]) ?? 0) + 1);
  const table = new Float64Array(Math.max(0, ...sizes.keys()) + 1);
  for (const [n, groups] of sizes) {
    const of = pmf(n);
    for (let k = 0; k <= n; k++) table[k] += groups * of[k];
  }
  return table;
}

/** 2 Σ observed ln(observed/expected). */
function deviance(observed: ArrayLike<number>, expected: ArrayLike<number>): number {
  let total = 0;
  for (let k = 0; k < observed.length; k++)
    if (observed[k] > 0) total += 2 * observed[k] * Math.log(observed[k] / expected[k]);
  return total;
}

/** The deviance of counts from the beta-binomial that fits them best. */
function devianceOfFit(counts: GroupedCounts): { fit: BetaBinomial; value: number } {
  const fit = betaBinomialFit(counts);
  if (Number.isNaN(fit.rho)) return { fit, value: 0 }; // all alike: nothing is off
  const expected = expectedTable(counts.trials, (n) => betaBinomialPmf(n, fit));
  return { fit, value: deviance(successTable(counts), expected) };
}

/**
 * Goodness of fit of the beta-binomial, by simulation from the fit.
 *
 *   G² = 2 Σ_k O_k ln(O_k / E_k),   O_k groups with k successes, E_k expected from the fit
 *
 * B sets of counts are drawn from the fit, each is fitted anew, and p = (1 + #{drawn G² ≥ observed})/(1 + B). A small p
 * says that no beta-binomial has this shape, e.g. because there are two kinds of groups.
 *
 * Edges: no trial or every trial a success gives NaN.
 *
 * @returns  `estimate` is G²
 * @throws ArgumentError for counts that are none, or fewer than two groups; ShapeError if the lengths differ
 * @source Davison & Hinkley 1997, section 4.2 (parametric tests by simulation); Phipson & Smyth 2010 for the counts
 */
export function betaBinomialTest(
  counts: GroupedCounts,
  { stream, resamples = DEFAULT_RESAMPLES }: Omit<ResampleOptions, "level">,
): PermutationTest {
  integerIn("beta-binomial test, resamples", resamples, 1);
  const { trials } = counts;
  const { fit, value } = devianceOfFit(counts);
  if (Number.isNaN(fit.rho))
    return { estimate: Number.NaN, p: Number.NaN, exact: false, arrangements: resamples + 1 };
  const below = new Map<number, Float64Array>();
  for (const n of new Set(Array.from(trials))) {
    let total = 0;
    below.set(
      n,
      betaBinomialPmf(n, fit).map((p) => {
        total += p;
        return total;
      }),
    );
  }
  const successes = new Float64Array(trials.length);
  return monteCarloTest(
    value,
    (source) => {
      for (let g = 0; g < trials.length; g++) {
        const cumulated = below.get(trials[g]) as Float64Array;
        const at = source.uniform();
        let k = 0;
        while (k < trials[g] && at > cumulated[k]) k++;
        successes[g] = k;
      }
      return devianceOfFit({ successes, trials }).value;
    },
    { alternative: "greater", stream, resamples },
  );
}
