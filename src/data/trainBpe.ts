/** Byte-pair encoding learned from a text. */
import { integerIn } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";
import { byteCharacters, toByteCharacters } from "./byteLevel.ts";
import { type PairQueue, pairQueue } from "./pairQueue.ts";
import { tokenizerOf } from "./tokenizer.ts";
import { vocabularyLimit } from "./tokenizerModel.ts";
import { gpt2Pattern } from "./tokenizerPatterns.ts";
import type { Tokenizer } from "./tokenizerTypes.ts";

/** What is to be learned. */
export interface BpeOptions {
  /** Tokens in all: special ones, the 256 bytes, and merges. Fewer come out where the text has no more pairs. */
  readonly vocab: number;
  /** Special tokens, numbered from 0; `<|endoftext|>` by default. */
  readonly special?: readonly string[];
  /** A pair that occurs less often is not merged; 2 by default. */
  readonly minCount?: number;
}

/** Words of a text with how often each occurs, in order of first occurrence. JavaScript's `\s` is not Unicode's. */
function countWords(text: string): Map<string, number> {
  const pattern = new RegExp(
    gpt2Pattern.replaceAll("\\s", "\\p{White_Space}").replaceAll("\\S", "\\P{White_Space}"),
    "gu",
  );
  const counts = new Map<string, number>();
  for (const [word] of text.matchAll(pattern)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

/** Pairs of a vocabulary below 2^21 tokens, as one number. */
const pairKey = (left: number, right: number) => left * 2 ** 21 + right;

/** What changes when words are merged. */
interface Counts {
  readonly counts: Map<number, number>;
  readonly queue: PairQueue;
}

/** Merges a pair in a word, from left to right; calls `change` for each neighbour that a pair loses or gains. */
function mergeWord(
  word: readonly number[],
  left: number,
  right: number,
  merged: number,
  change: (left: number, right: number, by: number) => void,
): number[] {
  const out: number[] = [];
  for (let i = 0; i < word.length; i++) {
    if (word[i] !== left || word[i + 1] !== right) {
      out.push(word[i]);
      continue;
    }
    const before = out.at(-1);
    if (before !== undefined) {
      change(before, left, -1);
      change(before, merged, 1);
    }
    const after = word[i + 2];
    if (after !== undefined) {
      change(right, after, -1);
      change(merged, after, 1);
    }
    out.push(merged);
    i++;
  }
  return out;
}

/** All pairs of neighbours, counted and queued. */
function countPairs(words: readonly (readonly number[])[], times: readonly number[]): Counts {
  const counts = new Map<number, number>();
  const where = new Map<number, { left: number; right: number; words: Set<number> }>();
  for (const [w, word] of words.entries())
    for (let i = 0; i + 1 < word.length; i++) {
      const [left, right] = [word[i], word[i + 1]];
      const key = pairKey(left, right);
      counts.set(key, (counts.get(key) ?? 0) + times[w]);
      const entry = where.get(key) ?? { left, right, words: new Set() };
      entry.words.add(w);
      where.set(key, entry);
    }
  const queue = pairQueue();
  for (const [key, pair] of where) queue.push({ ...pair, count: counts.get(key) as number });
  return { counts, queue };
}

/** Merges in the order in which they are learned; `tokens` grows by their results. */
function learnMerges(text: string, tokens: string[], vocab: number, minCount: number): [string, string][] {
  const idOf = new Map(tokens.map((token, id) => [token, id]));
  const occurrences = countWords(text);
  const times = [...occurrences.values()];
  const words = [...occurrences.keys()].map((word) =>
    Array.from(toByteCharacters(word), (c) => idOf.get(c) as number),
  );
  const { counts, queue } = countPairs(words, times);
  const merges: [string, string][] = [];
  while (tokens.length < vocab) {
    const top = queue.pop();
    if (top === undefined) break;
    const { left, right } = top;
    const count = counts.get(pairKey(left, right)) as number;
    if (count !== top.count) {
      // counts fall as neighbours are merged: back to where it belongs now
      top.count = count;
      queue.push(top);
      continue;
    }
    if (count < Math.max(1, minCount)) break;
    const token = tokens[left] + tokens[right];
    let merged = idOf.get(token);
    if (merged === undefined) {
      merged = tokens.push(token) - 1;
      idOf.set(token, merged);
    }
    merges.push([tokens[left], tokens[right]]);
    const grown = new Map<number, { left: number; right: number; words: Set<number> }>();
    for (const w of top.words)
      words[w] = mergeWord(words[w], left, right, merged, (a, b, by) => {
        const key = pairKey(a, b);
        counts.set(key, (counts.get(key) ?? 0) + by * times[w]);
        if (by < 0) return;
        const entry = grown.get(key) ?? { left: a, right: b, words: new Set() };
        entry.words.add(w);
        grown.set(key, entry);
      });
    for (const [key, pair] of grown) {
      const now = counts.get(key) as number;
      if (now > 0) queue.push({ ...pair, count: now });
    }
  }
  return merges;
}

/**
 * A byte-level BPE tokenizer learned from a text, as GPT-2's is built: the text is split into words by GPT-2's pattern,
 * words into bytes, and the most frequent pair of neighbours is merged again and again; of equally frequent pairs the
 * one with the smallest numbers. So the merges are those of the `BpeTrainer` of Hugging Face's `tokenizers`, whose
 * `tokenizer.json` this one's is, too.
 *
 * @param text  the whole text at once; words do not cross what is passed
 * @throws ArgumentError  a vocabulary below 256 and the special tokens or above 10^6, or special tokens that are empty,
 *                        equal, or single byte characters
 * @source Sennrich, Haddow & Birch 2016, algorithm 1; Radford et al. 2019 on bytes
 */
export function trainBpe(
  text: string,
  { vocab, special = ["<|endoftext|>"], minCount = 2 }: BpeOptions,
): Tokenizer {
  integerIn("vocab", vocab, 256 + special.length, vocabularyLimit);
  integerIn("minCount", minCount, 1);
  const tokens = [...special, ...[...byteCharacters].sort((a, b) => (a < b ? -1 : 1))];
  if (new Set(tokens).size !== tokens.length || special.includes(""))
    throw new ArgumentError({
      where: "special",
      rule: "must be different texts, none empty and none a single character of a byte",
      got: JSON.stringify(special),
    });
  const merges = learnMerges(text, tokens, vocab, minCount);
  const added = special.map((content, id) => ({
    ...{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
  }));
  const bytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  const none = { dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null };
  const model = {
    ...{ type: "BPE", ...none, fuse_unk: false, byte_fallback: false, ignore_merges: false },
    ...{ vocab: Object.fromEntries(tokens.map((token, id) => [token, id])), merges },
  };
  const json = {
    ...{ version: "1.0", truncation: null, padding: null, added_tokens: added, normalizer: null },
    ...{ pre_tokenizer: bytes, post_processor: null, decoder: bytes, model },
  };
  return tokenizerOf(JSON.stringify(json));
}
