/**
 * Bytes as characters that can be seen, as byte-level tokenizers write them: printable bytes of Latin-1 are themselves,
 * the 68 others are the characters from U+0100 on, in order.
 *
 * @source Radford et al. 2019, the encoder published with GPT-2
 */

function isPrintable(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

function alphabet(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++));
}

/** The character of each byte. */
export const byteCharacters: readonly string[] = alphabet();

const byteOf = new Map(byteCharacters.map((character, byte) => [character, byte]));

/** The bytes of a text in UTF-8, as characters. */
export function toByteCharacters(text: string): string {
  let characters = "";
  for (const byte of new TextEncoder().encode(text)) characters += byteCharacters[byte];
  return characters;
}

/** The bytes that characters stand for; null if one stands for none. */
export function bytesOf(characters: string): Uint8Array | null {
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < characters.length; i++) {
    const byte = byteOf.get(characters[i]);
    if (byte === undefined) return null;
    bytes[i] = byte;
  }
  return bytes;
}
