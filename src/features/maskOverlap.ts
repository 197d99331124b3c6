/** How alike two sets of masks are, beyond what their sizes make. */
import { sameLength } from "../base/check.ts";
import { unknownName } from "../base/errors.ts";
import type { Weights } from "../model/weights.ts";
import { jaccard } from "../stats/jaccard.ts";
import { sum } from "../stats/moments.ts";

/** Overlap of two masks; every array is [model]. */
export interface MaskOverlap {
  /** |A ∩ B| / |A|, in [0, 1]: share of the first mask's entries that the second keeps too. */
  readonly share: Float64Array;
  /** Its mean over random masks of the same sizes, |B| / N. */
  readonly expectedShare: Float64Array;
  /** |A ∩ B| / |A ∪ B|, in [0, 1]. */
  readonly jaccard: Float64Array;
  /** Its mean over random masks of the same sizes, by the hypergeometric law. */
  readonly expectedJaccard: Float64Array;
}

/**
 * Overlap of masks, tensor by tensor: masks keep a share of every tensor, so chance is a matter of each.
 *
 * @param first   0 or 1 by name, [model, ...shape]
 * @param second  the same names and sizes
 * @returns       by name in the order of `first`; empty masks give NaN
 * @throws NameError      if the second set lacks a mask
 * @throws ArgumentError  if sizes differ
 */
export function maskOverlap(first: Weights, second: Weights, models: number): Map<string, MaskOverlap> {
  return new Map(
    Object.entries(first).map(([name, a]) => {
      const b = second[name];
      if (b === undefined) throw unknownName("mask overlap", name, Object.keys(second));
      sameLength(`mask overlap of "${name}"`, a, b);
      const size = a.length / models;
      const found: MaskOverlap = {
        share: new Float64Array(models),
        expectedShare: new Float64Array(models),
        jaccard: new Float64Array(models),
        expectedJaccard: new Float64Array(models),
      };
      for (let model = 0; model < models; model++) {
        const cut = (of: Float32Array | Float64Array) => of.subarray(model * size, (model + 1) * size);
        const { estimate, expected, overlap, expectedOverlap } = jaccard(cut(a), cut(b));
        const kept = sum(cut(a));
        found.share[model] = overlap / kept;
        found.expectedShare[model] = expectedOverlap / kept;
        found.jaccard[model] = estimate;
        found.expectedJaccard[model] = expected;
      }
      return [name, found];
    }),
  );
}
