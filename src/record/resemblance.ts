/** What a file that is not of the expected kind seems to be, by its first bytes. */

const zip = "a ZIP archive, as PyTorch's .pt and .bin are; these can run code and are not read";
const pickle = "a Python pickle, which can run code and is not read";
const html = "an HTML page";

/** How a file begins, letters in lower case, and what it is. */
const kinds: readonly (readonly [start: string, what: string])[] = [
  ["pk\u0003\u0004", zip],
  ["pk\u0005\u0006", zip],
  ...[2, 3, 4, 5].map((version) => [`\u0080${String.fromCharCode(version)}`, pickle] as const),
  ["gguf", "a GGUF file"],
  ["\u001f\u008b", "a gzip archive"],
  ["\u0089hdf", "an HDF5 file"],
  ["\u0093numpy", "a NumPy file"],
];
/** The same for texts, before which there may be white space and a byte order mark. */
const textKinds: readonly (readonly [start: string, what: string])[] = [
  ["version https://git-lfs", "a Git LFS pointer, whose file was never downloaded"],
  ["<!", html],
  ["<html", html],
  ["<head", html],
  ["<?xml", "an XML page"],
];
const byteOrderMark = "\u00ef\u00bb\u00bf";

/** What the first bytes of a file look like, in words; undefined where they look like nothing known here. */
export function resemblance(start: Uint8Array): string | undefined {
  const bytes = String.fromCharCode(...start.subarray(0, 64)).toLowerCase();
  const text = (bytes.startsWith(byteOrderMark) ? bytes.slice(byteOrderMark.length) : bytes).trimStart();
  const found =
    kinds.find(([magic]) => bytes.startsWith(magic)) ?? textKinds.find(([magic]) => text.startsWith(magic));
  return found?.[1];
}

/** Characters of a text that are shown. */
const shownCharacters = 32;

/**
 * What the first bytes of a file look like if they are text, with its beginning: a saved message such as `Entry not found`
 * is told by it. Undefined where a control character or a byte that is no UTF-8 is among the first 64.
 */
export function textResemblance(start: Uint8Array): string | undefined {
  const bytes = start.subarray(0, 64);
  const [a, b, , , fifth] = bytes;
  // a fifth byte that is not 0 makes of the mark no length that a file could have
  if ((a === 0xff && b === 0xfe && fifth !== 0) || (a === 0xfe && b === 0xff)) return "text in UTF-16";
  try {
    // as the beginning of a stream: the last character may go on behind it
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    if (/[^\P{Cc}\t\n\r\f]/u.test(text) || text.trim() === "") return undefined;
    const [line] = text.trimStart().split(/[\n\r]/);
    const shown = [...line.replaceAll(/[\p{Cf}\p{Cc}]/gu, " ")].slice(0, shownCharacters).join("").trimEnd();
    return `text, which begins ${JSON.stringify(shown)}`;
  } catch {
    return undefined; // no UTF-8
  }
}
