/** Kendall's rank correlation. */
import { sameLength } from "../base/check.ts";

/**
 * Kendall's τ_b, in [−1, 1]: concordant minus discordant pairs, with ties taken out of the denominator.
 *
 *   (C − D)/√( (n₀ − tₓ)(n₀ − t_y) ),  n₀ = n(n−1)/2,  t: pairs tied in that list;   O(n²)
 *
 * Edges: a list whose values are all equal, or fewer than two values, gives NaN; NaN values give NaN.
 *
 * @throws ArgumentError if the lengths differ
 * @source Kendall 1945
 */
export function kendall(x: ArrayLike<number>, y: ArrayLike<number>): number {
  sameLength("Kendall correlation", x, y);
  let [score, untiedX, untiedY] = [0, 0, 0];
  for (let i = 0; i < x.length; i++)
    for (let j = 0; j < i; j++) {
      const signX = Math.sign(x[i] - x[j]);
      const signY = Math.sign(y[i] - y[j]);
      score += signX * signY;
      untiedX += signX * signX;
      untiedY += signY * signY;
    }
  return score / Math.sqrt(untiedX * untiedY);
}
