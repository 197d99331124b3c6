/** How often the largest logit is the target's. */

/** Sizes of logits [model, batch, pos, dVocab]. */
export interface LogitSizes {
  models: number;
  batch: number;
  nPos: number;
  dVocab: number;
}

/**
 * Number of right answers by position.
 *
 *   right[pos] = Σ over the batch of 1[target's logit is largest] / (number of logits that are)
 *
 * @param logits   [model, batch, pos, dVocab]
 * @param targets  [batch, pos] for all models, or [model, batch, pos]
 * @returns        [model, pos] in [0, batch]; NaN where a logit is NaN
 */
export function countRight(
  logits: ArrayLike<number>,
  targets: Int32Array,
  { models, batch, nPos, dVocab }: LogitSizes,
): Float64Array {
  const right = new Float64Array(models * nPos);
  const rows = batch * nPos;
  for (let row = 0; row < models * rows; row++) {
    const cell = Math.floor(row / rows) * nPos + (row % nPos);
    right[cell] += rightShare(logits, row * dVocab, dVocab, targets[row % targets.length]);
  }
  return right;
}

/** 1 / (number of largest logits) if the target's is one of them, else 0; NaN if a logit is. */
function rightShare(logits: ArrayLike<number>, from: number, dVocab: number, target: number): number {
  const own = logits[from + target];
  let equal = 0;
  let isLargest = true;
  for (let at = from; at < from + dVocab; at++) {
    if (Number.isNaN(logits[at])) return Number.NaN;
    if (logits[at] > own) isLargest = false;
    else if (logits[at] === own) equal++;
  }
  return isLargest ? 1 / equal : 0;
}
