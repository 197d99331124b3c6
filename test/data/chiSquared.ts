/**
 * Upper 1e-6 points of chi-squared by degrees of freedom: roots of the regularised incomplete gamma function, whose
 * series and continued fraction agree there to 1e-8.
 */
export const chiSquaredLimit = {
  8: 42.700914,
  9: 44.810938,
  13: 52.747068,
  39: 96.125565,
  80: 155.080522,
  81: 156.452219,
} as const;

/** Pearson's statistic Σ (observed − expected)² / expected. */
export function chiSquared(observed: readonly number[], expected: readonly number[]): number {
  return observed.reduce((sum, o, i) => sum + (o - expected[i]) ** 2 / expected[i], 0);
}
