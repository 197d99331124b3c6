/** Text with a part of speech for every word: ground truth for what a unit could be selective for. */
import { ArgumentError, FileError } from "../../base/errors.ts";
import type { Tokenizer } from "../tokenizerTypes.ts";

/** A word and its tag. */
export interface TaggedWord {
  readonly word: string;
  /** As the file has it, e.g. `nn` or `NNP`. */
  readonly tag: string;
}

/** Sentences of words with tags. */
export interface TaggedText {
  readonly sentences: readonly (readonly TaggedWord[])[];
  /** Every tag that occurs, the most frequent first; equally frequent ones by name. */
  readonly tags: readonly string[];
}

/**
 * Reads `word/TAG word/TAG …`, a sentence a line, as the Brown corpus is written. A word may hold slashes: the last one
 * divides. Empty lines and white space around a line are skipped.
 *
 * @param text  with line feeds, see decodeText.ts
 * @param file  its name, for messages
 * @throws FileError  one sentence with line and word: no slash, no word before or no tag after it; or no word at all
 */
export function readTagged(text: string, file: string): TaggedText {
  const counts = new Map<string, number>();
  const sentences: TaggedWord[][] = [];
  text.split("\n").forEach((line, at) => {
    const items = line.split(/\s+/).filter((item) => item !== "");
    if (items.length === 0) return;
    sentences.push(
      items.map((item, i) => {
        const slash = item.lastIndexOf("/");
        if (slash < 1 || slash === item.length - 1)
          throw new FileError({
            where: `${file}, line ${at + 1}, word ${i + 1}`,
            rule: "must be word/TAG",
            got: JSON.stringify(item.slice(0, 80)),
          });
        const tag = item.slice(slash + 1);
        counts.set(tag, (counts.get(tag) ?? 0) + 1);
        return { word: item.slice(0, slash), tag };
      }),
    );
  });
  if (sentences.length === 0)
    throw new FileError({ where: file, rule: "must hold words with tags, word/TAG", got: "none" });
  const byName = ([a]: [string, number], [b]: [string, number]) => (a < b ? -1 : 1);
  const tags = [...counts].sort((a, b) => b[1] - a[1] || byName(a, b)).map(([tag]) => tag);
  return { sentences, tags };
}

/** Tokens of a tagged text with the class of each. */
export interface TaggedTokens {
  /** The plain text: words with a space between, sentences with a line feed. */
  readonly text: string;
  /** [token] */
  readonly tokens: Int32Array;
  /** Index of the token's tag in the tags, −1 for one that stands for no word or for more than one, [token]. */
  readonly classes: Int32Array;
  /** Index of the token's sentence, [token]; that of the sentence before for the line feed between two. */
  readonly sentences: Int32Array;
}

/**
 * Encodes a tagged text and gives every token the tag of the word that it is part of. White space at the edges of a
 * token is no part of a word: ` the` belongs to `the`.
 *
 * @throws ArgumentError  a tokenizer that cannot say where its tokens stand in the text, or that refuses a character
 */
export function taggedTokens({ sentences, tags }: TaggedText, tokenizer: Tokenizer): TaggedTokens {
  const text = sentences.map((words) => words.map(({ word }) => word).join(" ")).join("\n");
  const { ids, offsets } = tokenizer.encode(text, { special: false, offsets: true });
  if (offsets === null)
    throw new ArgumentError({
      where: "tagged text",
      rule: "needs a tokenizer that says where its tokens stand in the text",
      got: "one that changes the text before it splits it",
      wayOut: "Take a character tokenizer or a byte-level one.",
    });
  const classOf = new Map(tags.map((tag, index) => [tag, index]));
  // for every place in the text the word that stands there, or −1
  const wordAt = new Int32Array(text.length).fill(-1);
  const words = sentences.flat();
  const sentenceAt = new Int32Array(text.length);
  let at = 0;
  let number = 0;
  sentences.forEach((sentence, index) => {
    const start = at;
    for (const { word } of sentence) {
      wordAt.fill(number++, at, at + word.length);
      at += word.length + 1;
    }
    sentenceAt.fill(index, start, at);
  });
  const classes = Int32Array.from(offsets, ([start, end]) => {
    const inside = new Set(wordAt.subarray(start, end).filter((word) => word >= 0));
    if (inside.size !== 1) return -1;
    const [word] = inside;
    return classOf.get(words[word].tag) as number;
  });
  return {
    text,
    tokens: Int32Array.from(ids),
    classes,
    sentences: Int32Array.from(offsets, ([start]) => sentenceAt[start]),
  };
}
