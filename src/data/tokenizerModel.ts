/** The vocabulary of a tokenizer file, its merges and the tokens added to it: checked, and written anew. */
import type { JsonObject, JsonReader } from "./tokenizerJson.ts";

/** A token that is found in a text before anything else happens to it. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  readonly single_word: false;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
}

/** A vocabulary, as the library takes it. */
export interface TokenModel {
  readonly type: "BPE" | "WordPiece";
  readonly [field: string]: unknown;
}

/** Largest vocabulary, longest token in UTF-16 units, most merges and most added tokens. */
export const vocabularyLimit = 1_000_000;
const longestToken = 1024;
const mostMerges = 2_000_000;
const mostAdded = 20_000;
/** Longest word that WordPiece looks up: its time is cubic in it. The files have 100. */
const longestWord = 200;

function vocabularyOf(read: JsonReader, model: JsonObject): Map<string, number> {
  const entries = Object.entries(read.object(model.vocab, "vocab"));
  if (entries.length > vocabularyLimit) read.fail(`vocab may hold ${vocabularyLimit} tokens`, entries.length);
  const taken = new Set<number>();
  for (const [token, id] of entries) {
    read.text(token, "a token", longestToken);
    read.whole(id, `the number of token ${JSON.stringify(token.slice(0, 40))}`, vocabularyLimit - 1);
    if (taken.has(id as number)) read.fail("two tokens have the same number", id);
    taken.add(id as number);
  }
  return new Map(entries as [string, number][]);
}

function mergesOf(
  read: JsonReader,
  model: JsonObject,
  vocabulary: ReadonlyMap<string, number>,
): [string, string][] {
  return read.list(model.merges, "merges", mostMerges).map((merge) => {
    const parts = typeof merge === "string" ? merge.split(" ") : read.list(merge, "a merge", 2);
    if (parts.length !== 2) read.fail("a merge must be two tokens", merge);
    const [left, right] = parts.map((part) => read.text(part, "a merge", longestToken));
    for (const token of [left, right, left + right])
      if (!vocabulary.has(token)) read.fail("a merge needs a token that vocab lacks", token);
    return [left, right];
  });
}

function absent(read: JsonReader, model: JsonObject, field: string): void {
  const value = model[field];
  if (value !== undefined && value !== null && value !== "" && value !== 0)
    read.fail(`${field} is not supported`, value);
}

function unknownToken(
  read: JsonReader,
  model: JsonObject,
  vocabulary: ReadonlyMap<string, number>,
): string | null {
  if (model.unk_token === undefined || model.unk_token === null) return null;
  const token = read.text(model.unk_token, "unk_token", longestToken);
  return vocabulary.has(token) ? token : read.fail("vocab lacks unk_token", token);
}

/**
 * The model of a tokenizer file.
 *
 * @throws FileError  neither BPE nor WordPiece, a number twice or out of bounds, a merge of unknown tokens, or a feature
 *                    that the library would leave out
 */
export function readModel(
  read: JsonReader,
  value: unknown,
): { model: TokenModel; vocabulary: Map<string, number> } {
  const model = read.object(value, "model");
  const type = model.type ?? (model.merges === undefined ? "WordPiece" : "BPE");
  const vocabulary = vocabularyOf(read, model);
  const unk_token = unknownToken(read, model, vocabulary);
  const vocab = model.vocab;
  if (type === "BPE") {
    for (const field of ["dropout", "continuing_subword_prefix", "end_of_word_suffix"])
      absent(read, model, field);
    const flags = {
      fuse_unk: read.flag(model.fuse_unk, "fuse_unk", false),
      byte_fallback: read.flag(model.byte_fallback, "byte_fallback", false),
      ignore_merges: read.flag(model.ignore_merges, "ignore_merges", false),
    };
    const merges = mergesOf(read, model, vocabulary);
    return { model: { type, vocab, merges, unk_token, ...flags }, vocabulary };
  }
  if (type !== "WordPiece") return read.fail("only BPE and WordPiece vocabularies are supported", type);
  if (unk_token === null) read.fail("WordPiece needs an unk_token");
  const continuing_subword_prefix = read.text(
    model.continuing_subword_prefix ?? "##",
    "continuing_subword_prefix",
    16,
  );
  const max_input_chars_per_word = read.whole(
    model.max_input_chars_per_word ?? 100,
    "max_input_chars_per_word",
    longestWord,
  );
  return {
    model: { type, vocab, unk_token, continuing_subword_prefix, max_input_chars_per_word },
    vocabulary,
  };
}

/**
 * The tokens added to a vocabulary; they are put into it.
 *
 * @throws FileError  an empty one, one with another number than in the vocabulary, or one that stands for whole words
 */
export function readAdded(read: JsonReader, value: unknown, vocabulary: Map<string, number>): AddedToken[] {
  const taken = new Map([...vocabulary].map(([token, id]) => [id, token]));
  return read.list(value ?? [], "added_tokens", mostAdded).map((entry) => {
    const token = read.object(entry, "an added token");
    const content = read.text(token.content, "an added token", longestToken);
    const id = read.whole(token.id, "the number of an added token", vocabularyLimit - 1);
    if (content === "") read.fail("an added token must not be empty");
    if ((vocabulary.get(content) ?? id) !== id)
      read.fail("an added token has another number in vocab", content);
    if ((taken.get(id) ?? content) !== content) read.fail("two tokens have the same number", id);
    if (read.flag(token.single_word, "single_word", false))
      read.fail("single_word is not supported", content);
    vocabulary.set(content, id);
    taken.set(id, content);
    const special = read.flag(token.special, "special", false);
    return {
      ...{ id, content, special, single_word: false as const },
      lstrip: read.flag(token.lstrip, "lstrip", false),
      rstrip: read.flag(token.rstrip, "rstrip", false),
      normalized: read.flag(token.normalized, "normalized", !special),
    };
  });
}
