/** Any statistic against draws of its null. */
import { integerIn } from "../base/check.ts";
import type { RandomStream } from "../base/random.ts";
import { extremeness, type PermutationOptions, type PermutationTest } from "./permutation.ts";
import { DEFAULT_RESAMPLES, requireStream } from "./resample.ts";

/**
 * Monte Carlo test of a statistic by draws from its null, e.g. from permuted labels, samples or partners.
 *
 *   p = (1 + #{drawn at least as extreme})/(1 + B)
 *
 * Valid for any B if the observed statistic would be one more such draw under the null. Two-sided compares |statistic|, so
 * give one whose null is centred at 0. Ties within rounding count as extreme, and so does a draw without a value (NaN).
 *
 * @param observed  the statistic of the data; NaN gives p = NaN
 * @param draw      one value of the statistic under the null
 * @returns         never exact
 * @throws ArgumentError if there is no stream or `resamples` is not a whole number of at least 1
 * @example monteCarloTest(spearman(x, y), (s) => spearman(x, Array.from(s.permutation(y.length), (i) => y[i])), { stream })
 * @source Phipson & Smyth 2010
 */
export function monteCarloTest(
  observed: number,
  draw: (stream: RandomStream) => number,
  { alternative = "two-sided", stream, resamples = DEFAULT_RESAMPLES }: PermutationOptions = {},
): PermutationTest {
  const source = requireStream("Monte Carlo test", stream);
  integerIn("Monte Carlo test, resamples", resamples, 1);
  const arrangements = resamples + 1;
  if (Number.isNaN(observed)) return { estimate: observed, p: observed, exact: false, arrangements };
  const extreme = extremeness(observed, Math.abs(observed), alternative);
  let count = 1;
  for (let b = 0; b < resamples; b++) {
    const value = draw(source);
    if (Number.isNaN(value) || extreme(value)) count++;
  }
  return { estimate: observed, p: count / arrangements, exact: false, arrangements };
}
