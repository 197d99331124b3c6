/**
 * Tokens back to text, as the decoder of a tokenizer file says.
 *
 * Each step turns a list of pieces into another; the text is what is left, joined. The library's own decoder loses a byte
 * order mark and the space after an added token, which the reference implementation keeps.
 */
import { bytesOf } from "./byteLevel.ts";
import type { Step } from "./tokenizerParts.ts";

type Decoder = (pieces: readonly string[]) => readonly string[];

/** One of 256 bytes as a vocabulary with byte fallback writes it. */
const byteToken = /^<0x([0-9A-Fa-f]{2})>$/;

/** Bytes as text; those that are no character become U+FFFD, as every decoder of UTF-8 does it. */
function lossy(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes); // a mark is a character of the text
}

function byteLevel(pieces: readonly string[]): readonly string[] {
  const parts = pieces.map((piece) => bytesOf(piece) ?? new TextEncoder().encode(piece));
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return [lossy(bytes)];
}

/** A row of byte tokens is one text, or a U+FFFD for each where it is none. */
function byteFallback(pieces: readonly string[]): readonly string[] {
  const out: string[] = [];
  let row: number[] = [];
  const flush = () => {
    if (row.length === 0) return;
    try {
      const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
      out.push(strict.decode(Uint8Array.from(row)));
    } catch {
      out.push("\ufffd".repeat(row.length));
    }
    row = [];
  };
  for (const piece of pieces) {
    const byte = byteToken.exec(piece)?.[1];
    if (byte !== undefined) row.push(Number.parseInt(byte, 16));
    else {
      flush();
      out.push(piece);
    }
  }
  flush();
  return out;
}

/** English as it is written, with which the words of an encoder are joined. */
const tidied: readonly (readonly [spaced: string, joined: string])[] = [
  [" .", "."],
  [" ?", "?"],
  [" !", "!"],
  [" ,", ","],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" do not", " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

const wordPiece =
  (prefix: string, cleanup: boolean): Decoder =>
  (pieces) =>
    pieces.map((piece, i) => {
      const continues = piece.startsWith(prefix);
      const joined = i === 0 ? piece : continues ? piece.slice(prefix.length) : ` ${piece}`;
      return cleanup ? tidied.reduce((text, [from, to]) => text.replaceAll(from, to), joined) : joined;
    });

const strip =
  (content: string, start: number, stop: number): Decoder =>
  (pieces) =>
    pieces.map((piece) => {
      const characters = [...piece];
      let from = 0;
      while (from < start && characters[from] === content) from++;
      let to = characters.length;
      while (to > from && characters.length - to < stop && characters[to - 1] === content) to--;
      return characters.slice(from, to).join("");
    });

/** Signs of the first token vanish, others become spaces: the token was given one sign, and may have had more. */
const metaspace =
  (sign: string): Decoder =>
  (pieces) =>
    pieces.map((piece, i) => piece.replaceAll(sign, i === 0 ? "" : " "));

function decoderOf(step: NonNullable<Step>): Decoder {
  switch (step.type) {
    case "Sequence": {
      const row = (step.decoders as NonNullable<Step>[]).map(decoderOf);
      return (pieces) => row.reduce((now, decode) => decode(now), pieces);
    }
    case "ByteLevel":
      return byteLevel;
    case "ByteFallback":
      return byteFallback;
    case "Fuse":
      return (pieces) => [pieces.join("")];
    case "WordPiece":
      return wordPiece(step.prefix as string, step.cleanup as boolean);
    case "Metaspace":
      return metaspace(step.replacement as string);
    case "Strip":
      return strip(step.content as string, step.start as number, step.stop as number);
    default: {
      const { Regex } = step.pattern as { Regex: string };
      return (pieces) =>
        pieces.map((piece) => piece.replaceAll(new RegExp(Regex, "gu"), () => step.content as string));
    }
  }
}

/**
 * How tokens become text.
 *
 * @param step  as {@link stepReader} made it; null joins tokens with spaces
 * @returns     takes tokens as the vocabulary writes them, added ones included
 */
export function tokenDecoder(step: Step): (tokens: readonly string[]) => string {
  if (step === null) return (tokens) => tokens.join(" ");
  const decode = decoderOf(step);
  return (tokens) => decode(tokens).join("");
}
