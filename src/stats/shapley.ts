/** Fair split of a joint effect between two factors. */

/** What an outcome is with neither, either, or both of two factors changed. */
export interface TwoFactorOutcomes {
  neither: number;
  first: number;
  second: number;
  both: number;
}

/** What {@link shapleySplit} returns; `first + second = both − neither`. */
export interface ShapleySplit {
  /** The first factor's part: the mean of its effect alone and after the second. */
  first: number;
  /** The second factor's part. */
  second: number;
  /** both − first − second + neither: what neither does alone, given to each by half; 0 if the effects add. */
  interaction: number;
}

/**
 * Shapley values of two factors, the mean over both orders of changing them.
 *
 *   φ_first = ½ [ (first − neither) + (both − second) ]
 *
 * For a deeper layer's drift: outcome 1 − r of its tuning with its own weights and what is upstream swapped.
 *
 * @source Shapley 1953, for two players
 */
export function shapleySplit({ neither, first, second, both }: TwoFactorOutcomes): ShapleySplit {
  return {
    first: (first - neither + (both - second)) / 2,
    second: (second - neither + (both - first)) / 2,
    interaction: both - first - second + neither,
  };
}
