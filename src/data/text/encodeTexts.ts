/** Texts as runs of tokens, with what the tokenizer has no token for left out and counted. */
import type { Tokenizer } from "../tokenizerTypes.ts";

/** Texts as tokens. */
export interface EncodedTexts {
  /** Tokens that follow each other; a run ends with its text, and at a character that has no token. */
  readonly runs: readonly Int32Array[];
  /** Which stretch of which text each run stands for, [start, end) in UTF-16 units, [run]. */
  readonly places: readonly { readonly text: number; readonly start: number; readonly end: number }[];
  /** Tokens of all runs. */
  readonly tokens: number;
  /** Characters (code points) that they stand for. */
  readonly characters: number;
  /** Characters without a token, with how often each occurred. */
  readonly unknown: ReadonlyMap<string, number>;
}

/** Code points of a text. */
export function characterCount(text: string): number {
  let pairs = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 0xd800 && unit < 0xdc00) pairs++;
  }
  return text.length - pairs;
}

/** The characters of some texts that a tokenizer refuses. */
function unknownCharacters(texts: readonly string[], tokenizer: Tokenizer): Set<string> {
  const all = new Set<string>();
  for (const text of texts) for (const character of text) all.add(character);
  return new Set(
    [...all].filter((character) => {
      try {
        tokenizer.encode(character, { special: false });
        return false;
      } catch {
        return true;
      }
    }),
  );
}

/**
 * Encodes texts one by one, without the tokens of a template.
 *
 * A character that the tokenizer has not, such as one that occurs in held-out text only, is not replaced by anything:
 * the run ends before it and another begins after it, so that no window holds a token that stands for something else.
 */
export function encodeTexts(texts: readonly string[], tokenizer: Tokenizer): EncodedTexts {
  const refused = unknownCharacters(texts, tokenizer);
  const unknown = new Map<string, number>();
  const runs: Int32Array[] = [];
  const places: EncodedTexts["places"][number][] = [];
  let tokens = 0;
  let characters = 0;
  const add = (text: number, start: number, end: number) => {
    const piece = texts[text].slice(start, end);
    if (piece === "") return;
    const run = Int32Array.from(tokenizer.encode(piece, { special: false }).ids);
    runs.push(run);
    places.push({ text, start, end });
    tokens += run.length;
    characters += characterCount(piece);
  };
  for (const [index, text] of texts.entries()) {
    if (refused.size === 0) {
      add(index, 0, text.length);
      continue;
    }
    let start = 0;
    let at = 0;
    for (const character of text) {
      if (refused.has(character)) {
        add(index, start, at);
        start = at + character.length;
        unknown.set(character, (unknown.get(character) ?? 0) + 1);
      }
      at += character.length;
    }
    add(index, start, text.length);
  }
  return { runs, places, tokens, characters, unknown };
}
