/**
 * Texts to token numbers and back, as a model's `tokenizer.json` says.
 *
 * The file is untrusted: it is checked and written anew before `@huggingface/tokenizers` sees it (see
 * tokenizerParts.ts), its patterns are run only if they are known or harmless (tokenizerPatterns.ts), and chat templates
 * are never looked at. Its `truncation` and `padding` are left out: a text is encoded whole.
 */
import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { FileError } from "../base/errors.ts";
import { bytesOf } from "./byteLevel.ts";
import { characterTokenizer, isCharacterModel } from "./characterTokenizer.ts";
import { tokenDecoder } from "./decodeTokens.ts";
import { jsonReader, parseTokenizerJson } from "./tokenizerJson.ts";
import { type AddedToken, readAdded, readModel } from "./tokenizerModel.ts";
import { type Step, stepReader, writesBytes } from "./tokenizerParts.ts";
import {
  type EncodeOptions,
  type Encoding,
  knownIds,
  type Tokenizer,
  type TokenRole,
  tokenRoles,
} from "./tokenizerTypes.ts";
import { byteOffsets } from "./tokenOffsets.ts";

/** What comes beside `tokenizer.json`. */
export interface TokenizerOptions {
  /** Name of the file, for messages; `tokenizer.json` by default. */
  readonly file?: string;
  /** Bytes or text of `tokenizer_config.json`, of which the names of special tokens are used. */
  readonly config?: Uint8Array | string;
  /** Its name, for messages. */
  readonly configFile?: string;
}

/** Numbers of the tokens that a config names; one that the vocabulary lacks is left out. */
function rolesOf(
  { config, configFile = "tokenizer_config.json" }: TokenizerOptions,
  vocabulary: ReadonlyMap<string, number>,
): Partial<Record<TokenRole, number>> {
  if (config === undefined) return {};
  const values = parseTokenizerJson(config, configFile);
  const roles: Partial<Record<TokenRole, number>> = {};
  for (const role of tokenRoles) {
    const named = values[`${role}_token`] as { content?: unknown } | string | null | undefined;
    const text = typeof named === "string" ? named : named?.content;
    const id = typeof text === "string" ? vocabulary.get(text) : undefined;
    if (id !== undefined) roles[role] = id;
  }
  return roles;
}

/** Bytes as text; those that are no character as `\xe2`. */
function bytesText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const one = (byte: number) =>
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
    return Array.from(bytes, one).join("");
  }
}

/** A token as a reader sees it. */
function readableToken(token: string, isAdded: boolean, decoder: Step): string {
  if (isAdded || decoder === null) return token;
  if (!writesBytes(decoder)) return token.replaceAll("▁", " ");
  const bytes = bytesOf(token);
  return bytes === null ? token : bytesText(bytes);
}

/** The form of Unicode that a normalizer makes of a text; undefined for one that does anything else. */
function unicodeForm(normalizer: Step): "NFC" | "NFD" | "NFKC" | "NFKD" | undefined {
  return (["NFC", "NFD", "NFKC", "NFKD"] as const).find((form) => form === normalizer?.type);
}

/** Where the plain encoding begins in the one with special tokens. */
function prefixLength(whole: readonly number[], plain: readonly number[]): number {
  for (let at = 0; at + plain.length <= whole.length; at++)
    if (plain.every((id, i) => whole[at + i] === id)) return at;
  return 0;
}

/**
 * The tokenizer of a `tokenizer.json`: BPE, byte-level or not, and WordPiece.
 *
 * @param source  bytes or text of the file
 * @throws FileError  one sentence: longer than 64 MiB, no JSON, more than 10^6 tokens, numbers that clash, merges of
 *                    unknown tokens, a step or a pattern that is not run, or a feature that would be left out silently
 */
export function tokenizerOf(source: Uint8Array | string, options: TokenizerOptions = {}): Tokenizer {
  const { file = "tokenizer.json" } = options;
  const json = parseTokenizerJson(source, file);
  const read = jsonReader(file);
  const { model, vocabulary } = readModel(read, json.model);
  const added = readAdded(read, json.added_tokens, vocabulary);
  const steps = stepReader(read);
  const normalizer = steps.normalizer(json.normalizer);
  const pre_tokenizer = steps.preTokenizer(json.pre_tokenizer);
  const post_processor = steps.postProcessor(json.post_processor, (token) => vocabulary.get(token));
  const decoder = steps.decoder(json.decoder);
  const roles = rolesOf(options, vocabulary);
  if (vocabulary.size === 0) read.fail("vocab must not be empty");
  const bare = normalizer === null && pre_tokenizer === null && post_processor === null;
  if (bare && decoder?.type === "Fuse" && isCharacterModel(model, added))
    return characterTokenizer(vocabulary, json, roles);
  const parts = { added_tokens: added, normalizer, pre_tokenizer, post_processor, decoder, model };
  return libraryTokenizer(file, parts, vocabulary, { json, roles });
}

/**
 * Added tokens that are found in the normalised text, as they are written there.
 *
 * The library finds them also as the file writes them where that is all of a part of the text, and the reference
 * implementation does not; so it is made to forget that form. The test holds both against each other.
 */
function writtenTokens(library: LibraryTokenizer, added: readonly AddedToken[]): Map<number, string> {
  const { added_tokens_map } = library as unknown as { added_tokens_map: Map<string, unknown> };
  const written = new Map<number, string>();
  for (const { id, content, normalized } of added) {
    const normal = normalized ? (library.normalizer?.normalize(content) ?? content) : content;
    if (normal === content) continue;
    written.set(id, normal);
    added_tokens_map.delete(content);
  }
  return written;
}

function libraryTokenizer(
  file: string,
  parts: {
    added_tokens: readonly AddedToken[];
    normalizer: Step;
    pre_tokenizer: Step;
    post_processor: Step;
    decoder: Step;
    model: object;
  },
  vocabulary: ReadonlyMap<string, number>,
  { json, roles }: Pick<Tokenizer, "json" | "roles">,
): Tokenizer {
  let library: LibraryTokenizer;
  try {
    library = new LibraryTokenizer(parts, {});
  } catch (error) {
    // what is left is a pattern that this engine cannot compile
    const facts = (error as Error).message.replaceAll("\n", " ").slice(0, 200);
    throw new FileError({ where: file, rule: "cannot be used", got: facts });
  }
  const { added_tokens: added, normalizer, decoder, post_processor } = parts;
  const addsTokens = post_processor !== null && post_processor.type !== "ByteLevel";
  const tokenOf = new Map([...vocabulary].map(([token, id]) => [id, token]));
  let size = 0;
  for (const id of tokenOf.keys()) size = Math.max(size, id + 1);
  const decoded = tokenDecoder(decoder);
  const written = writtenTokens(library, added);
  const addedText = new Set(added.map(({ content }) => content));
  const plainBytes = writesBytes(decoder) && !added.some(({ lstrip, rstrip }) => lstrip || rstrip);
  const form = unicodeForm(normalizer);
  const keeps = (text: string) =>
    normalizer === null || (form !== undefined && text.normalize(form) === text);

  function encode(text: string, { special = true, offsets = false }: EncodeOptions = {}): Encoding {
    const { ids, tokens } = library.encode(text, { add_special_tokens: special });
    if (!offsets || !plainBytes || !keeps(text)) return { ids, tokens, offsets: null };
    const plain =
      special && addsTokens ? library.encode(text, { add_special_tokens: false }) : { ids, tokens };
    const ranges = byteOffsets(text, plain.tokens, addedText);
    if (ranges === null) return { ids, tokens, offsets: null };
    const before = prefixLength(ids, plain.ids);
    const after = ids.length - before - ranges.length;
    const nothing = (count: number, at: number) => Array.from({ length: count }, () => [at, at] as const);
    return { ids, tokens, offsets: [...nothing(before, 0), ...ranges, ...nothing(after, text.length)] };
  }
  return {
    encode,
    decode: (ids) => {
      const known = knownIds(ids, (id) => tokenOf.has(id), size);
      return decoded(known.map((id) => written.get(id) ?? (tokenOf.get(id) as string)));
    },
    tokenText: (id) => {
      const token = tokenOf.get(id);
      return token === undefined ? `<${id}>` : readableToken(token, addedText.has(token), decoder);
    },
    size,
    special: new Map(added.filter(({ special }) => special).map(({ content, id }) => [content, id])),
    roles,
    json,
  };
}
