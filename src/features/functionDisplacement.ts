/** How far training moved what a network says, whatever happened to its weights. */
import { sameLength } from "../base/check.ts";
import { ShapeError } from "../base/errors.ts";

/** Motion of the answers, [model]. */
export interface FunctionDisplacement {
  /** ‖ℓ₁ − ℓ₀‖ / ‖ℓ₀‖ over all logits, a constant that is common to a position's logits included. */
  readonly relative: Float64Array;
  /** Mean over sequences and positions of KL(p₀ ‖ p₁), nats: what betting on the old answers would cost. */
  readonly kl: Float64Array;
}

/**
 * Displacement of the answers to the same questions.
 *
 *   KL(p₀ ‖ p₁) = Σ_x p₀(x) (ln p₀(x) − ln p₁(x)),  p = softmax(ℓ)
 *
 * Edges: logits that were all 0 give `relative` ∞, or NaN where they still are; logits that are not finite give NaN.
 *
 * @param before  logits [model, …, dVocab]
 * @param after   logits of the same questions
 * @throws ArgumentError if the lengths differ, ShapeError if they do not divide into models and rows of dVocab
 */
export function functionDisplacement(
  before: ArrayLike<number>,
  after: ArrayLike<number>,
  { models, dVocab }: { models: number; dVocab: number },
): FunctionDisplacement {
  sameLength("function displacement", before, after);
  const rows = before.length / models / dVocab;
  if (!Number.isInteger(rows))
    throw new ShapeError({
      where: "function displacement",
      rule: "logits must be [model, …, dVocab]",
      got: `${before.length} values for ${models} models and ${dVocab} tokens`,
    });
  const relative = new Float64Array(models);
  const kl = new Float64Array(models);
  for (let model = 0; model < models; model++) {
    let [moved, first] = [0, 0];
    for (let row = model * rows; row < (model + 1) * rows; row++) {
      const [logNorm0, logNorm1] = [logSumExp(before, row, dVocab), logSumExp(after, row, dVocab)];
      for (let at = row * dVocab; at < (row + 1) * dVocab; at++) {
        const logP0 = before[at] - logNorm0;
        kl[model] += (Math.exp(logP0) * (logP0 - (after[at] - logNorm1))) / rows;
        moved += (after[at] - before[at]) ** 2;
        first += before[at] ** 2;
      }
    }
    relative[model] = Math.sqrt(moved / first);
  }
  return { relative, kl };
}

/** ln Σ exp of one row. */
function logSumExp(logits: ArrayLike<number>, row: number, dVocab: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let at = row * dVocab; at < (row + 1) * dVocab; at++) largest = Math.max(largest, logits[at]);
  let total = 0; // subtract the largest: exp(710) overflows
  for (let at = row * dVocab; at < (row + 1) * dVocab; at++) total += Math.exp(logits[at] - largest);
  return largest + Math.log(total);
}
