/** A token for every character: the simplest tokenizer there is, and one that every library can read. */
import { ArgumentError } from "../base/errors.ts";
import type { JsonObject } from "./tokenizerJson.ts";
import type { AddedToken, TokenModel } from "./tokenizerModel.ts";
import { type EncodeOptions, type Encoding, knownIds, type Tokenizer } from "./tokenizerTypes.ts";

/** Whether a model has characters for tokens and joins none. */
export function isCharacterModel(model: TokenModel, added: readonly AddedToken[]): boolean {
  if (model.type !== "BPE" || model.unk_token !== null || model.byte_fallback === true || added.length > 0)
    return false;
  if ((model.merges as readonly unknown[]).length > 0) return false;
  return Object.keys(model.vocab as object).every((token) => [...token].length === 1);
}

function unknownCharacter(character: string, at: number, size: number): ArgumentError {
  const point = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  return new ArgumentError({
    where: "text",
    rule: `must be made of the tokenizer's ${size} characters`,
    got: `${JSON.stringify(character)} (U+${point}) at ${at}`,
    wayOut: "Make the tokenizer from all of the text, or use bytes (bpe).",
  });
}

/** @param vocabulary number of each character */
export function characterTokenizer(
  vocabulary: ReadonlyMap<string, number>,
  json: JsonObject,
  roles: Tokenizer["roles"] = {},
): Tokenizer {
  const characterOf = new Map([...vocabulary].map(([character, id]) => [id, character]));
  let size = 0;
  for (const id of characterOf.keys()) size = Math.max(size, id + 1);

  function encode(text: string, { offsets = false }: EncodeOptions = {}): Encoding {
    const ids: number[] = [];
    const tokens: string[] = [];
    const ranges: [number, number][] | null = offsets ? [] : null;
    let at = 0;
    for (const character of text) {
      const id = vocabulary.get(character);
      if (id === undefined) throw unknownCharacter(character, at, vocabulary.size);
      ids.push(id);
      tokens.push(character);
      ranges?.push([at, at + character.length]);
      at += character.length;
    }
    return { ids, tokens, offsets: ranges };
  }
  return {
    encode,
    decode: (ids) =>
      knownIds(ids, (id) => characterOf.has(id), size)
        .map((id) => characterOf.get(id))
        .join(""),
    tokenText: (id) => characterOf.get(id) ?? `<${id}>`,
    ...{ size, special: new Map(), roles, json },
  };
}

/**
 * A tokenizer with a token for every character of a text, numbered by code point. Its file is a BPE vocabulary without
 * merges.
 *
 * @throws ArgumentError  an empty text, or half a surrogate pair in it, which no file can hold
 */
export function charTokenizer(text: string): Tokenizer {
  if (text === "") throw new ArgumentError({ where: "text", rule: "must not be empty" });
  if (/\p{Surrogate}/u.test(text))
    throw new ArgumentError({ where: "text", rule: "must not hold half a surrogate pair" });
  const point = (character: string) => character.codePointAt(0) as number;
  const characters = [...new Set(text)].sort((a, b) => point(a) - point(b));
  const vocabulary = new Map(characters.map((character, id) => [character, id]));
  const model = {
    ...{
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
    },
    ...{ fuse_unk: false, byte_fallback: false, ignore_merges: false },
    ...{ vocab: Object.fromEntries(vocabulary), merges: [] },
  };
  const none = { truncation: null, padding: null, added_tokens: [], normalizer: null, pre_tokenizer: null };
  const json = { version: "1.0", ...none, post_processor: null, decoder: { type: "Fuse" }, model };
  return characterTokenizer(vocabulary, json);
}
