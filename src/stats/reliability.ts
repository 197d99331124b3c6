/** How much of a measured difference between units is real, from two halves of the measurement. */
import { numberIn } from "../base/check.ts";
import { positive } from "./arguments.ts";

/**
 * Spearman–Brown: the reliability of a measurement `factor` times as long as the one with reliability r.
 *
 *   factor · r/(1 + (factor − 1) r)
 *
 * With factor 2, the reliability of the whole from the correlation of its halves.
 *
 * Edges: NaN gives NaN; a half-split correlation below 0 stays below 0, and no reliability follows from it.
 *
 * @param r       correlation of the parts, in [−1, 1]; for factor 2, −1 gives −∞
 * @param factor  > 0, default 2
 * @throws ArgumentError if an argument is out of range
 * @source Spearman 1910; Brown 1910
 */
export function spearmanBrown(r: number, factor = 2): number {
  positive("Spearman–Brown, factor", factor);
  if (Number.isNaN(r)) return r;
  numberIn("Spearman–Brown, correlation", r, -1, 1);
  return (factor * r) / (1 + (factor - 1) * r);
}

/**
 * Correlation corrected for the noise in both lists: what it would be of perfect measurements.
 *
 *   r/√(rel_x rel_y)
 *
 * May exceed 1 by sampling error; clamp only for display.
 *
 * Edges: a reliability of 0 or below leaves nothing to correct: NaN.
 *
 * @param r             correlation of the measurements
 * @param reliabilityX  share of x's variance that is not noise, at most 1
 * @param reliabilityY  likewise
 * @source Spearman 1904
 */
export function disattenuated(r: number, reliabilityX: number, reliabilityY: number): number {
  return reliabilityX > 0 && reliabilityY > 0 ? r / Math.sqrt(reliabilityX * reliabilityY) : Number.NaN;
}
