/** How alike two sets of masks are, beyond what their sizes make. */
import { integerIn, sameLength } from "../base/check.ts";
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

/**
 * Share of the first mask's entries that the second keeps too, as it would be if the second were random but for how many
 * entries of each magnitude it keeps. Two masks that both prefer large weights overlap beyond the hypergeometric law
 * without agreeing on anything else.
 *
 *   Σ_g a_g b_g / n_g / Σ_g a_g   over groups g of the entries of a tensor by |value|, equally large but for rounding
 *
 * @param first   0 or 1 by name, [model, ...shape]
 * @param second  the same names and sizes
 * @param values  of the same weights, e.g. before training
 * @param groups  in which the entries of each tensor and model are put by rank; of equal magnitudes the earlier comes first
 * @returns       by name in the order of `first`, [model]; NaN for an empty first mask
 * @throws NameError      if the second set or the values lack a weight
 * @throws ArgumentError  if sizes differ, or `groups` is not a whole number of at least 1
 */
export function shareByMagnitude(
  first: Weights,
  second: Weights,
  values: Weights,
  { models, groups = 10 }: { readonly models: number; readonly groups?: number },
): Map<string, Float64Array> {
  integerIn("groups of magnitude", groups, 1);
  return new Map(
    Object.entries(first).map(([name, a]) => {
      for (const other of [second, values])
        if (other[name] === undefined) throw unknownName("mask overlap", name, Object.keys(other));
      const [b, of] = [second[name], values[name]];
      sameLength(`mask overlap of "${name}"`, a, b);
      sameLength(`magnitudes of "${name}"`, a, of);
      const size = a.length / models;
      const shares = Float64Array.from({ length: models }, (_, model) => {
        const start = model * size;
        const ranked = Array.from({ length: size }, (_, i) => start + i).sort(
          (i, j) => Math.abs(of[i]) - Math.abs(of[j]) || i - j,
        );
        let both = 0;
        for (let group = 0; group < groups; group++) {
          const own = ranked.slice(
            Math.round((group * size) / groups),
            Math.round(((group + 1) * size) / groups),
          );
          const kept = (mask: ArrayLike<number>) => sum(own.map((at) => mask[at]));
          if (own.length > 0) both += (kept(a) * kept(b)) / own.length;
        }
        return both / sum(a.subarray(start, start + size));
      });
      return [name, shares];
    }),
  );
}
