/** Sums, means and variances that do not lose digits. */

/**
 * Σ xᵢ by Neumaier's compensated summation: the error does not grow with the number of terms.
 *
 * Edges: empty gives 0; NaN or infinities propagate as in ordinary addition.
 *
 * @source Neumaier 1974, algorithm IV
 */
export function sum(values: ArrayLike<number>): number {
  let total = 0;
  let lost = 0;
  for (let i = 0; i < values.length; i++) {
    const x = values[i];
    const next = total + x;
    lost += Math.abs(total) >= Math.abs(x) ? total - next + x : x - next + total;
    total = next;
  }
  return Number.isFinite(total) ? total + lost : total;
}

/**
 * Arithmetic mean; NaN of an empty list.
 *
 * Kept between the smallest and the largest value, so that a list of equal values returns that value exactly (7 × 0.1
 * summed and divided again need not) and has variance 0.
 */
export function mean(values: ArrayLike<number>): number {
  const total = sum(values);
  if (values.length === 0 || !Number.isFinite(total)) return total / values.length;
  let low = values[0];
  let high = values[0];
  for (let i = 1; i < values.length; i++) {
    if (values[i] < low) low = values[i];
    if (values[i] > high) high = values[i];
  }
  return Math.min(high, Math.max(low, total / values.length));
}

/** Σ (xᵢ − x̄)², two passes; 0 of an empty list. */
export function sumOfSquares(values: ArrayLike<number>): number {
  const centre = mean(values);
  let total = 0;
  for (let i = 0; i < values.length; i++) total += (values[i] - centre) ** 2;
  return total;
}

/** Unbiased sample variance Σ (xᵢ − x̄)² / (n − 1); NaN below two values, exactly 0 of equal values. */
export function variance(values: ArrayLike<number>): number {
  return values.length < 2 ? Number.NaN : sumOfSquares(values) / (values.length - 1);
}

/** Sample standard deviation, the square root of {@link variance}; NaN below two values. */
export function sd(values: ArrayLike<number>): number {
  return Math.sqrt(variance(values));
}
