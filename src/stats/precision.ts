/** How many replicates an interval of a wanted width needs. */
import { fraction, positive } from "./arguments.ts";
import { tQuantile } from "./betaQuantile.ts";

/**
 * The smallest n whose t interval for a mean is expected to be no wider than ± `halfWidth`.
 *
 *   t_{(1+level)/2, n−1} · sd/√n ≤ halfWidth
 *
 * Edges: sd = 0 gives 2, the fewest that show a spread at all; NaN gives NaN.
 *
 * @param sd         standard deviation between replicates, in the unit of `halfWidth`
 * @param halfWidth  positive
 * @param level      confidence in (0, 1), default 0.95
 * @throws ArgumentError if `halfWidth` or `level` is outside its range
 */
export function precisionSampleSize(sd: number, halfWidth: number, level = 0.95): number {
  positive("sample size, half-width", halfWidth);
  fraction("sample size, level", level);
  if (!Number.isFinite(sd)) return Number.NaN;
  const enough = (n: number) => tQuantile((1 + level) / 2, n - 1) * sd <= halfWidth * Math.sqrt(n);
  let high = 2;
  while (!enough(high)) high *= 2;
  let low = Math.max(2, high / 2);
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (enough(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
