/** Text with a part of speech for every word: ground truth for what a unit could be selective for. */
import { ArgumentError, FileError } from "../../base/errors.ts";
import type { Tokenizer } from "../tokenizerTypes.ts";
import { partOfSpeech, partsOfSpeech } from "./partsOfSpeech.ts";

/** A text and the tags of its words. */
export interface TaggedText {
  /** Without the tags: words with a space between, sentences with a line feed. */
  readonly text: string;
  /** Every tag as the file has it, e.g. `nn` or `NNP`, the most frequent first; equally frequent ones by name. */
  readonly tags: readonly string[];
  /** Where words begin in the text, in UTF-16 units, ascending, [word]. */
  readonly starts: Int32Array;
  /** Where they end, exclusive, [word]. */
  readonly ends: Int32Array;
  /** Index of each word's tag, [word]. */
  readonly tagOf: Int32Array;
}

/**
 * Reads `word/TAG word/TAG …`, a sentence a line, as the Brown corpus is written. A word may hold slashes: the last one
 * divides. Empty lines and white space around a line are skipped.
 *
 * @param files  texts with line feeds, see decodeText.ts, and their names for messages; one follows the other
 * @throws FileError  one sentence with file, line and word: no slash, no word before or no tag after it; or no word at all
 */
export function readTagged(files: readonly { readonly text: string; readonly file: string }[]): TaggedText {
  const counts = new Map<string, number>();
  const lines: string[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  const tags: string[] = [];
  let at = 0;
  for (const { text, file } of files) {
    const before = starts.length;
    text.split("\n").forEach((line, number) => {
      const items = line.split(/\s+/).filter((item) => item !== "");
      if (items.length === 0) return;
      const words = items.map((item, i) => {
        const [word, tag] = divided(item, `${file}, line ${number + 1}, word ${i + 1}`);
        counts.set(tag, (counts.get(tag) ?? 0) + 1);
        starts.push(at);
        ends.push(at + word.length);
        tags.push(tag);
        at += word.length + 1;
        return word;
      });
      lines.push(words.join(" "));
    });
    if (starts.length === before)
      throw new FileError({ where: file, rule: "must hold words with tags, word/TAG", got: "none" });
  }
  const byName = ([a]: [string, number], [b]: [string, number]) => (a < b ? -1 : 1);
  const names = [...counts].sort((a, b) => b[1] - a[1] || byName(a, b)).map(([tag]) => tag);
  const numberOf = new Map(names.map((tag, index) => [tag, index]));
  return {
    ...{ text: `${lines.join("\n")}\n`, tags: names },
    ...{ starts: Int32Array.from(starts), ends: Int32Array.from(ends) },
    tagOf: Int32Array.from(tags, (tag) => numberOf.get(tag) as number),
  };
}

function divided(item: string, where: string): readonly [word: string, tag: string] {
  const slash = item.lastIndexOf("/");
  if (slash >= 1 && slash < item.length - 1) return [item.slice(0, slash), item.slice(slash + 1)];
  throw new FileError({ where, rule: "must be word/TAG", got: JSON.stringify(item.slice(0, 80)) });
}

/** What a word's class is: a part of speech for its tag, or the tag itself. */
export const taggings = ["pos", "tags"] as const;

/** One of {@link taggings}. */
export type Tagging = (typeof taggings)[number];

/** Classes for the stretches of a text. */
export interface WordClasses {
  /** What the classes are, e.g. `part of speech`. */
  readonly name: string;
  readonly levels: readonly string[];
  /** Class of the word that the stretch [start, end) is part of; −1 for one of no word, or of more than one. */
  of(start: number, end: number): number;
}

/**
 * The classes of a tagged text's words. White space at the edges of a stretch is no part of a word: ` the` belongs to
 * `the`. Parts of speech that no word has are left out.
 *
 * @throws ArgumentError  if all words are of one class
 */
export function wordClasses({ tags, starts, ends, tagOf }: TaggedText, tagging: Tagging): WordClasses {
  const nameOf = tagging === "tags" ? tags : tags.map(partOfSpeech);
  const order: readonly string[] = tagging === "tags" ? tags : partsOfSpeech;
  const levels = order.filter((level) => nameOf.includes(level));
  if (levels.length < 2)
    throw new ArgumentError({
      where: "tagged text",
      rule: "must have words of at least two classes",
      got: `${JSON.stringify(levels[0])} alone, from ${tags.length === 1 ? "one tag" : `${tags.length} tags`}, such as ${JSON.stringify(tags[0].slice(0, 40))}`,
      wayOut: tagging === "pos" ? "Where tags are no parts of speech, take them as they are." : undefined,
    });
  const classOf = nameOf.map((name) => levels.indexOf(name));
  return {
    name: tagging === "tags" ? "tag" : "part of speech",
    levels,
    of: (start, end) => {
      // the first word that ends behind the start
      let [low, high] = [0, ends.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (ends[middle] > start) high = middle;
        else low = middle + 1;
      }
      const isOne = low < starts.length && starts[low] < end && !(starts[low + 1] < end);
      return isOne ? classOf[tagOf[low]] : -1;
    },
  };
}

/**
 * Encodes a stretch of a text, without the tokens of a template, and says of each token which class its word has.
 *
 * A tokenizer that changes the text before it splits it, such as one that knows no capitals, cannot say where its tokens
 * stand; if it makes the same of the words one by one as of the stretch, each token is its word's.
 *
 * @param start  where the stretch begins in the text that the classes are of
 * @throws ArgumentError  a tokenizer for which neither holds, or that refuses a character
 */
export function classedTokens(
  stretch: string,
  start: number,
  tokenizer: Tokenizer,
  classes: WordClasses,
): { readonly ids: readonly number[]; readonly classes: Int32Array } {
  const { ids, offsets } = tokenizer.encode(stretch, { special: false, offsets: true });
  const places = offsets ?? wordPlaces(stretch, ids, tokenizer);
  if (places === null)
    throw new ArgumentError({
      where: "tagged text",
      rule: "needs a tokenizer that says where its tokens stand in the text, or that reads words one by one",
      got: "one that changes the text before it splits it",
      wayOut: "Take a character tokenizer or a byte-level one.",
    });
  return { ids, classes: Int32Array.from(places, ([from, to]) => classes.of(start + from, start + to)) };
}

/** For each token the place of its word; null if the words one by one are other tokens than the stretch as a whole. */
function wordPlaces(
  stretch: string,
  ids: readonly number[],
  tokenizer: Tokenizer,
): (readonly [start: number, end: number])[] | null {
  const places: (readonly [number, number])[] = [];
  for (const { 0: word, index } of stretch.matchAll(/\S+/g))
    for (const id of tokenizer.encode(word, { special: false }).ids) {
      if (ids[places.length] !== id) return null;
      places.push([index, index + word.length]);
    }
  return places.length === ids.length ? places : null;
}
