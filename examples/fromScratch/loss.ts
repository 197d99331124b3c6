/**
 * How wrong the predictions are, and how each logit should change.
 */
import type { Matrix } from "./matrix.ts";
import { zeros } from "./matrix.ts";
import type { SequenceCache } from "./transformer.ts";

/** Mean loss in nats, and per sequence its derivative by the logits, [pos, dVocab]. */
export type Loss = { loss: number; dLogits: Matrix[] };

/**
 * Mean cross-entropy of the targets over the positions that count.
 *
 *   loss = −(1/N) Σ log p[target],   log p[target] = logit[target] − log Σ_v exp(logit[v])
 *
 * Its derivative. For one position, ∂ log Σ_v exp(logit[v]) / ∂ logit[v] = p[v], and ∂ logit[target] / ∂ logit[v] is 1 for
 * v = target and else 0, so
 *
 *   ∂loss/∂logit[v] = (p[v] − [v = target]) / N :
 *
 * probability flows from every other token to the right one, in proportion to what they wrongly hold.
 *
 * @param cache    the forward pass of every sequence
 * @param targets  [batch][pos], the token that should be predicted there
 * @param counts   [batch][pos], false where the prediction is not judged; all count when left out
 * @throws RangeError if targets or counts do not fit the sequences, a target is not a token, or no position counts
 */
export function crossEntropy(
  cache: readonly SequenceCache[],
  targets: readonly (readonly number[])[],
  counts?: readonly (readonly boolean[])[],
): Loss {
  requireFit("targets", cache, targets);
  if (counts) requireFit("lossMask", cache, counts);
  const judged = cache.map((sequence, s) => sequence.tokens.map((_, pos) => counts?.[s][pos] ?? true));
  const n = judged.flat().filter(Boolean).length;
  if (n === 0) {
    throw new RangeError(
      "crossEntropy: at least one position must count; got none. Check lossMask and the batch.",
    );
  }
  let loss = 0;
  const dLogits = cache.map(({ logits }, s) => {
    const derivative = zeros(logits.rows, logits.cols); // [pos, dVocab], zero where the prediction is not judged
    for (let pos = 0; pos < logits.rows; pos++) {
      if (!judged[s][pos]) continue;
      const target = targets[s][pos];
      if (!Number.isInteger(target) || target < 0 || target >= logits.cols) {
        throw new RangeError(
          `crossEntropy: targets must be integers from 0 to ${logits.cols - 1}; got ${target} at sequence ${s}, position ${pos}. Leave it out with lossMask.`,
        );
      }
      const row = logits.data.subarray(pos * logits.cols, (pos + 1) * logits.cols); // [dVocab]
      // the same shift as in softmax: exp(710) overflows float64
      const max = row.reduce((a, b) => Math.max(a, b));
      const total = row.reduce((sum, logit) => sum + Math.exp(logit - max), 0);
      loss -= (row[target] - max - Math.log(total)) / n;
      for (let v = 0; v < logits.cols; v++) {
        const p = Math.exp(row[v] - max) / total;
        derivative.data[pos * logits.cols + v] = (p - (v === target ? 1 : 0)) / n;
      }
    }
    return derivative;
  });
  return { loss, dLogits };
}

function requireFit(
  what: string,
  cache: readonly SequenceCache[],
  given: readonly { readonly length: number }[],
): void {
  const expected = cache.map((sequence) => sequence.tokens.length).join(", ");
  const got = given.map((sequence) => sequence.length).join(", ");
  if (expected === got) return;
  throw new RangeError(
    `crossEntropy: ${what} must have the lengths of the sequences, [${expected}]; got [${got}]. Give one entry per position.`,
  );
}
