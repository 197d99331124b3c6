/** What a tokenizer is to everything that uses one. */
import { ArgumentError } from "../base/errors.ts";
import type { JsonObject } from "./tokenizerJson.ts";

/** A text as tokens. */
export interface Encoding {
  readonly ids: readonly number[];
  /** The tokens as the vocabulary writes them, e.g. `Ġthe`. */
  readonly tokens: readonly string[];
  /**
   * Where each token stands in the text, [start, end) in UTF-16 units: a token of some bytes of a character covers the
   * whole character, one that a template adds covers nothing. Null unless asked for, and where the tokenizer changes
   * the text before it splits it.
   */
  readonly offsets: readonly (readonly [start: number, end: number])[] | null;
}

/** How a text is encoded. */
export interface EncodeOptions {
  /** Adds what the file's template adds, such as a token for the beginning; true by default, as in other libraries. */
  readonly special?: boolean;
  /** Computes {@link Encoding.offsets}; false by default. */
  readonly offsets?: boolean;
}

/** What special tokens are for, as `tokenizer_config.json` calls them. */
export const tokenRoles = ["bos", "eos", "unk", "pad", "cls", "sep", "mask"] as const;

/** One of {@link tokenRoles}. */
export type TokenRole = (typeof tokenRoles)[number];

/** Texts to token numbers and back. */
export interface Tokenizer {
  /** @throws ArgumentError  a character tokenizer met a character that it has not */
  encode(text: string, options?: EncodeOptions): Encoding;
  /** The text of tokens, special ones included; white space is not tidied. @throws ArgumentError for a number without token */
  decode(ids: ArrayLike<number>): string;
  /** A token as a reader sees it: ` the`, `##ing`, `\xe2` for a byte that is no character, `<50300>` for no token. */
  tokenText(id: number): string;
  /** One more than the largest number. */
  readonly size: number;
  /** Special tokens by their text. */
  readonly special: ReadonlyMap<string, number>;
  /** Special tokens by what they are for. */
  readonly roles: Readonly<Partial<Record<TokenRole, number>>>;
  /** The file's contents: what to write as `tokenizer.json`. */
  readonly json: JsonObject;
}

/** The numbers as a list. @throws ArgumentError if one has no token */
export function knownIds(ids: ArrayLike<number>, has: (id: number) => boolean, size: number): number[] {
  return Array.from(ids, (id) => {
    if (has(id)) return id;
    throw new ArgumentError({
      where: "tokens",
      rule: `must be numbers of the tokenizer's tokens, below ${size}`,
      got: String(id),
    });
  });
}
