/** What a tokenizer's template puts before a text. */
import type { Tokenizer } from "./tokenizerTypes.ts";

/** Where one list of tokens begins in another; −1 if it is not in it. */
function placeOf(inner: readonly number[], outer: readonly number[]): number {
  for (let at = 0; at + inner.length <= outer.length; at++)
    if (inner.every((id, i) => outer[at + i] === id)) return at;
  return -1;
}

/**
 * The tokens that a tokenizer's template puts before a text, such as one for the beginning; none of a tokenizer without.
 *
 * @param text  any that the tokenizer can read
 */
export function templateStart(tokenizer: Tokenizer, text: string): readonly number[] {
  const whole = tokenizer.encode(text).ids;
  const plain = tokenizer.encode(text, { special: false }).ids;
  return whole.slice(0, Math.max(0, placeOf(plain, whole)));
}
