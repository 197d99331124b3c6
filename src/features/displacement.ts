/** How far training moved the weights, tensor by tensor. */
import { sameLength } from "../base/check.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";

/** Motion of one weight, [model]. */
export interface Displacement {
  /** ‖W₁ − W₀‖ / ‖W₀‖ in the Frobenius norm; NaN for a weight that was 0 (a bias, say). */
  relative: Float64Array;
  /** Cosine between W₀ and W₁ as vectors, in [−1, 1]; NaN if either is 0. */
  cosine: Float64Array;
  /** Share of the entries whose sign is now the opposite, in [0, 1]; an entry that is or was 0 has not flipped. */
  signFlips: Float64Array;
}

/**
 * Displacement of every weight of a population.
 *
 * Scales differ between tensors (embeddings are wide, hidden weights narrow) and Adam moves all entries alike, so look
 * at each tensor by itself.
 *
 * @param before  by name, [model, ...shape]
 * @param after   the same names and sizes
 * @returns       by name, in the order of `before`
 * @throws ArgumentError if a weight is missing or has another size, ShapeError if one does not divide into models
 */
export function weightDisplacement(
  before: Readonly<Record<string, ArrayLike<number>>>,
  after: Readonly<Record<string, ArrayLike<number>>>,
  models: number,
): Map<string, Displacement> {
  return new Map(
    Object.entries(before).map(([name, start]) => {
      const end = after[name];
      if (end === undefined)
        throw new ArgumentError({
          where: `displacement of "${name}"`,
          rule: "the weight must be in both sets",
          got: `only ${Object.keys(after).join(", ")} after`,
        });
      sameLength(`displacement of "${name}"`, start, end);
      if (start.length % models !== 0)
        throw new ShapeError({
          where: `displacement of "${name}"`,
          rule: "a weight must be [model, ...shape]",
          got: `${start.length} values for ${models} models`,
        });
      return [name, displacementOf(start, end, models)];
    }),
  );
}

function displacementOf(start: ArrayLike<number>, end: ArrayLike<number>, models: number): Displacement {
  const size = start.length / models;
  const result: Displacement = {
    relative: new Float64Array(models),
    cosine: new Float64Array(models),
    signFlips: new Float64Array(models),
  };
  for (let model = 0; model < models; model++) {
    let [moved, first, second, product, flips] = [0, 0, 0, 0, 0];
    for (let at = model * size; at < (model + 1) * size; at++) {
      moved += (end[at] - start[at]) ** 2;
      first += start[at] ** 2;
      second += end[at] ** 2;
      product += start[at] * end[at];
      if (start[at] * end[at] < 0) flips++;
    }
    result.relative[model] = first > 0 ? Math.sqrt(moved / first) : Number.NaN;
    result.cosine[model] = product / (Math.sqrt(first) * Math.sqrt(second));
    result.signFlips[model] = flips / size;
  }
  return result;
}
