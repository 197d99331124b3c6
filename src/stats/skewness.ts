/** How lopsided a sample is. */
import { mean } from "./moments.ts";

/**
 * Adjusted sample skewness: below 0 where the long tail is to the left, 0 of a symmetric sample, above 0 to the right.
 *
 *   G₁ = √(n(n − 1))/(n − 2) · m₃ / m₂^{3/2},  mᵣ = Σ (xᵢ − x̄)ʳ / n
 *
 * Edges: fewer than three values, or equal ones, give NaN.
 *
 * @source Joanes & Gill 1998, G₁
 */
export function skewness(values: ArrayLike<number>): number {
  const n = values.length;
  if (n < 3) return Number.NaN;
  const centre = mean(values);
  let [squares, cubes] = [0, 0];
  for (let i = 0; i < n; i++) {
    const apart = values[i] - centre;
    squares += apart * apart;
    cubes += apart * apart * apart;
  }
  if (squares === 0) return Number.NaN;
  return ((Math.sqrt(n * (n - 1)) / (n - 2)) * (cubes / n)) / (squares / n) ** 1.5;
}
