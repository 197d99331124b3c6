/** From the bytes of a file to its text: UTF-8 and nothing else, with one kind of line end. */
import { FileError } from "../../base/errors.ts";

/** A text, and what was changed on the way to it. */
export interface DecodedText {
  /** Without byte order mark; lines end with a line feed. */
  readonly text: string;
  /** Whether the bytes began with the byte order mark U+FEFF. */
  readonly hadMark: boolean;
  /** Line ends CR LF, or CR alone, that became a line feed. */
  readonly lineEndsChanged: number;
}

/** Least and greatest second byte after a lead byte that narrows it: no overlong forms, no surrogates, ≤ U+10FFFF. */
const narrowed = new Map([
  [0xe0, [0xa0, 0xbf]],
  [0xed, [0x80, 0x9f]],
  [0xf0, [0x90, 0xbf]],
  [0xf4, [0x80, 0x8f]],
]);

/** Bytes of the character that begins with a lead byte; 0 for a byte that begins none. */
function lengthOf(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

/**
 * Offset of the first byte that belongs to no well-formed UTF-8 character; −1 if all do.
 *
 * @source The Unicode Standard 15.0, table 3-7
 */
export function firstInvalidByte(bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length; ) {
    const length = lengthOf(bytes[at]);
    if (length === 0) return at;
    for (let i = 1; i < length; i++) {
      const [low, high] = (i === 1 && narrowed.get(bytes[at])) || [0x80, 0xbf];
      // past the end there is undefined, which is in no range
      if (!(bytes[at + i] >= low && bytes[at + i] <= high)) return at;
    }
    at += length;
  }
  return -1;
}

/**
 * The text of a file.
 *
 * A byte order mark is dropped, and the line ends of other systems become line feeds, so that the same text makes the
 * same tokens wherever it was saved; both are reported.
 *
 * @param file  its name, for messages
 * @throws FileError  one sentence with the byte: not UTF-8, or a zero byte, which no text has and UTF-16 is full of
 */
export function decodeText(bytes: Uint8Array, file: string): DecodedText {
  const wayOut = "Save it as UTF-8.";
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const at = firstInvalidByte(bytes);
    const got = `byte 0x${bytes[at].toString(16).padStart(2, "0")} at ${at}, which belongs to no UTF-8 character`;
    throw new FileError({ where: file, rule: "must be UTF-8 text", got, wayOut });
  }
  const zero = bytes.indexOf(0);
  if (zero >= 0)
    throw new FileError({ where: file, rule: "must be UTF-8 text", got: `a zero byte at ${zero}`, wayOut });
  const hadMark = text.startsWith("\ufeff");
  let lineEndsChanged = 0;
  const lines = text.slice(hadMark ? 1 : 0).replace(/\r\n?/g, () => {
    lineEndsChanged++;
    return "\n";
  });
  return { text: lines, hadMark, lineEndsChanged };
}
