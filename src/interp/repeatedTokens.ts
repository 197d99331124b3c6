/** Sequences that induction is measured on. */
import { integerIn } from "../base/check.ts";
import type { RandomStream } from "../base/random.ts";
import type { TokenArray } from "./tokens.ts";

/**
 * Random sequences followed by themselves: the second half can be predicted by who looks the first half up, and by
 * nothing else.
 *
 * Tokens are drawn independently and uniformly from all of the vocabulary, so a small one also repeats within a half.
 * Head scores take every earlier copy into account, wherever it is.
 *
 * @param half    tokens before the repeat; sequences are 2 · half long
 * @param count   number of sequences
 * @param stream  advanced by half · count draws
 * @returns       [batch count, pos 2 · half]
 * @throws ArgumentError unless dVocab, half and count are whole numbers of at least 1
 */
export function repeatedTokens({
  dVocab,
  half,
  count,
  stream,
}: {
  dVocab: number;
  half: number;
  count: number;
  stream: RandomStream;
}): TokenArray {
  integerIn("repeated tokens, dVocab", dVocab, 1);
  integerIn("repeated tokens, half", half, 1);
  integerIn("repeated tokens, count", count, 1);
  const pos = 2 * half;
  const data = new Int32Array(count * pos);
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < half; i++) data[row * pos + i] = stream.integer(dVocab);
    data.copyWithin(row * pos + half, row * pos, row * pos + half);
  }
  return { data, batch: count, pos };
}
