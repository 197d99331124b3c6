/** Next-token prediction: the inputs are a sequence without its last token, the targets without its first. */
import { integerIn } from "../base/check.ts";
import { ShapeError } from "../base/errors.ts";
import type { Sequences } from "./types.ts";

/**
 * Inputs and targets of whole sequences.
 *
 *   inputs[n, t] = tokens[n, t],  targets[n, t] = tokens[n, t + 1],  t = 0 … nCtx − 2
 *
 * @param tokens  [sequence, nCtx], sequence after sequence
 * @param nCtx  tokens in a sequence, at least 2
 * @returns  new arrays [sequence, pos] with nPos = nCtx − 1
 * @throws ShapeError if `tokens` is empty or does not hold whole sequences
 */
export function shifted(tokens: ArrayLike<number>, nCtx: number): Sequences {
  integerIn("nCtx", nCtx, 2);
  const count = tokens.length / nCtx;
  if (!(Number.isInteger(count) && count >= 1))
    throw new ShapeError({
      where: "shifted sequences",
      rule: `needs one or more whole sequences of ${nCtx} tokens`,
      got: `${tokens.length} tokens`,
    });
  const nPos = nCtx - 1;
  const inputs = new Int32Array(count * nPos);
  const targets = new Int32Array(count * nPos);
  for (let n = 0; n < count; n++)
    for (let t = 0; t < nPos; t++) {
      inputs[n * nPos + t] = tokens[n * nCtx + t];
      targets[n * nPos + t] = tokens[n * nCtx + t + 1];
    }
  return { count, nPos, inputs, targets };
}
