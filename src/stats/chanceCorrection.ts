/** Scores beyond what chance alone gives. */

/** What {@link chanceCorrected} returns. */
export interface ChanceCorrected {
  /** score − chance, in the score's unit. */
  excess: number;
  /** excess/(ceiling − chance): 0 at chance, 1 at the ceiling, negative below chance. */
  kappa: number;
}

/**
 * A score (a rate of success, a CKA, an overlap) less what its null gives, plain and as a share of what was left to gain.
 *
 *   κ_p = (p_same − p_null)/(1 − p_null)
 *
 * Give one pair per seed and take the interval over seeds of the results: the null is an estimate too.
 *
 * Edges: a null at the ceiling leaves nothing to gain: κ is NaN (or ±∞ if the score differs).
 *
 * @param score    observed
 * @param chance   the same of the null
 * @param ceiling  best possible score, default 1
 */
export function chanceCorrected(score: number, chance: number, ceiling = 1): ChanceCorrected {
  return { excess: score - chance, kappa: (score - chance) / (ceiling - chance) };
}
