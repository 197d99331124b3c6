/** Where byte-level tokens stand in their text. */

/** Bytes of a code point in UTF-8; half a surrogate pair becomes U+FFFD, of three bytes. */
function utf8Length(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}

/**
 * The ranges of byte-level tokens, [start, end) in UTF-16 units. A token of some bytes of a character covers all of it.
 *
 * @param tokens  in order, a character for each byte; added tokens as themselves
 * @param added   texts of added tokens
 * @returns       null if the tokens do not make up the text byte by byte
 */
export function byteOffsets(
  text: string,
  tokens: readonly string[],
  added: ReadonlySet<string>,
): [number, number][] | null {
  const ranges: [number, number][] = [];
  let at = 0;
  let into = 0; // bytes of the character at `at` that are taken
  const pointAt = () => text.codePointAt(at) ?? 0;
  const unitsOf = (point: number) => (point > 0xffff ? 2 : 1);
  for (const token of tokens) {
    const start = at;
    if (added.has(token)) {
      if (into !== 0 || !text.startsWith(token, at)) return null;
      at += token.length;
      ranges.push([start, at]);
      continue;
    }
    for (let bytes = token.length; bytes > 0; ) {
      if (at >= text.length) return null;
      const left = utf8Length(pointAt()) - into;
      into = bytes >= left ? 0 : into + bytes;
      if (into === 0) at += unitsOf(pointAt());
      bytes -= left;
    }
    ranges.push([start, into === 0 ? at : at + unitsOf(pointAt())]);
  }
  return at === text.length && into === 0 ? ranges : null;
}
