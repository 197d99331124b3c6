/** Classes of tokens by how they are written: what units of a language model can be tuned to in any alphabet. */
import type { TokenClasses } from "./textFactors.ts";

/** Classes of tokens that are pieces of words, in the order in which they are shown. */
const pieceLevels = [
  "word begins",
  "word begins, capital",
  "inside a word",
  "capital",
  "digits",
  "punctuation",
  "white space",
  "special",
  "other",
] as const;
/** Classes of single characters. */
const characterLevels = [
  "vowel",
  "consonant",
  "capital",
  "digit",
  "space",
  "line end",
  "punctuation",
  "other",
] as const;

/** What the classes are made from. */
export interface TokenTexts {
  /** Each token as a reader sees it, [token]: a leading space where it begins a word, `##ing` for a continuation. */
  readonly texts: readonly string[];
  /** Numbers of special tokens. */
  readonly special: ReadonlySet<number>;
}

/** Largest vocabulary of which every token is a class of its own. */
const mostTokens = 100;
/** Largest of which that is so for the token before, too: cells are as many as both together. */
const mostTokensBefore = 16;

/** Whether every token is a class: alphabets, and the tokens of tasks. */
export const isSmallVocabulary = (dVocab: number): boolean => dVocab <= mostTokens;

/** Every token as its own class. */
export function eachToken(texts: readonly string[]): TokenClasses {
  return { levels: texts.map(shownToken), of: Int32Array.from(texts, (_, token) => token) };
}

/** A token as a label: a white space that can be seen. */
function shownToken(text: string): string {
  return text.replaceAll(" ", "␣").replaceAll("\n", "↵").replaceAll("\t", "⇥");
}

/** Classes of what a token is, for its own curve: every token where there are few, else how it is written. */
export function ownClasses(tokens: TokenTexts): TokenClasses {
  return isSmallVocabulary(tokens.texts.length) ? eachToken(tokens.texts) : writtenClasses(tokens);
}

/** Classes of the token before: coarser, so that its cells with the token's own class are not too many. */
export function contextClasses(tokens: TokenTexts): TokenClasses {
  return tokens.texts.length <= mostTokensBefore ? eachToken(tokens.texts) : writtenClasses(tokens);
}

/** Classes by how tokens are written. Classes that no token has are left out. */
export function writtenClasses({ texts, special }: TokenTexts): TokenClasses {
  const ordinary = texts.filter((_, token) => !special.has(token));
  const single = ordinary.every((text) => [...text].length === 1);
  const continues = ordinary.some((text) => /^##\p{L}/u.test(text));
  const names = texts.map((text, token) => {
    if (special.has(token)) return single ? "other" : "special";
    return single ? characterClass(text) : pieceClass(text, continues);
  });
  const all: readonly string[] = single ? characterLevels : pieceLevels;
  const levels = all.filter((level) => (names as readonly string[]).includes(level));
  return { levels, of: Int32Array.from(names, (name) => levels.indexOf(name)) };
}

function characterClass(text: string): (typeof characterLevels)[number] {
  if (text === "\n" || text === "\r") return "line end";
  if (/^\s$/u.test(text)) return "space";
  if (/^\p{N}$/u.test(text)) return "digit";
  if (/^\p{Lu}$/u.test(text)) return "capital";
  if (/^[aeiouyáàâäãåæéèêëíìîïóòôöõøœúùûüýÿ]$/u.test(text)) return "vowel";
  if (/^\p{L}$/u.test(text)) return "consonant";
  return /^[\p{P}\p{S}]$/u.test(text) ? "punctuation" : "other";
}

function pieceClass(text: string, continues: boolean): (typeof pieceLevels)[number] {
  if (/^\s*$/u.test(text)) return "white space";
  const inside = continues ? text.startsWith("##") : !/^\s/u.test(text);
  const bare = text.replace(/^(?:##|\s)/u, "");
  if (/^\p{N}+$/u.test(bare)) return "digits";
  if (/^[\p{P}\p{S}\s]+$/u.test(bare)) return "punctuation";
  if (/^\p{Lu}/u.test(bare)) return inside ? "capital" : "word begins, capital";
  if (/^[\p{L}\p{M}'’]+$/u.test(bare)) return inside ? "inside a word" : "word begins";
  return "other";
}
