/** The probe of a language model: sequences, and which positions count as a response to which token. */
import { randomStream } from "../../base/random.ts";
import { latinBlocks } from "../../data/probes.ts";
import type { Corpus, HeldOutClasses } from "../../data/text/corpus.ts";
import type { ProbeDesign } from "./spec.ts";

/** Sequences with a label for every position. */
export interface TextProbe {
  readonly design: ProbeDesign;
  readonly count: number;
  readonly nPos: number;
  /** [sequence, pos] */
  readonly tokens: Int32Array;
  /** Tokens whose responses are followed, the most frequent of the training text first. */
  readonly followed: Int32Array;
  /** Index in `followed`, −1 for another token, [sequence, pos]. */
  readonly labels: Int32Array;
  /** The class of the word at every position; null where words have no tags, or fewer than two classes are frequent. */
  readonly classes: HeldOutClasses | null;
}

/** Tokens that are followed at most: all of most alphabets, the most frequent of a BPE vocabulary. */
const mostFollowed = 96;
/** A token that a probe of text has less often has no curve worth the name. */
const leastOccurrences = 16;
/** Sequences with every followed token at every position, in a balanced probe. */
const latinSets = 4;

/** Tokens by frequency in the training text, the most frequent first; of equals the lower number. */
function byFrequency({ ngrams }: Corpus): number[] {
  const { unigram } = ngrams;
  return Array.from(unigram, (_, token) => token).sort((a, b) => unigram[b] - unigram[a] || a - b);
}

/** Classes without those that are too rare for a curve; their positions have none. */
function frequentClasses({ name, levels, of }: HeldOutClasses): HeldOutClasses | null {
  const occurrences = new Int32Array(levels.length);
  for (const level of of) if (level >= 0) occurrences[level]++;
  const kept = levels.filter((_, level) => occurrences[level] >= leastOccurrences);
  if (kept.length < 2) return null;
  const levelOf = levels.map((level) => kept.indexOf(level));
  return { name, levels: kept, of: of.map((level) => (level < 0 ? -1 : levelOf[level])) };
}

/**
 * The probe on which tuning is measured, the same for all networks and checkpoints.
 *
 * - `text`: the held-out windows; at most 96 of the most frequent tokens are followed, each with 16 occurrences or more.
 *   What a token's curve shows then includes what usually comes before that token.
 * - `balanced`: Latin blocks over the followed tokens: token and position are independent of each other and of what came
 *   before, but no text looks like that.
 */
export function textProbe(corpus: Corpus, design: ProbeDesign, study: string): TextProbe {
  const { heldOut } = corpus;
  const { nPos } = heldOut;
  const frequent = byFrequency(corpus);
  if (design === "balanced") {
    const followed = Int32Array.from(frequent.slice(0, mostFollowed));
    const stream = randomStream(study, "probe");
    const blocks = latinBlocks({ dVocab: followed.length, nPos, blocks: latinSets, stream });
    const tokens = blocks.tokens.map((label) => followed[label]);
    return { design, count: blocks.count, nPos, tokens, followed, labels: blocks.tokens, classes: null };
  }
  const tokens = heldOut.inputs;
  const occurrences = new Int32Array(corpus.dVocab);
  for (const token of tokens) occurrences[token]++;
  const seen = frequent.filter((token) => occurrences[token] >= leastOccurrences);
  const followed = Int32Array.from(seen.slice(0, mostFollowed));
  const { classes } = corpus;
  const labelOf = new Int32Array(corpus.dVocab).fill(-1);
  followed.forEach((token, label) => {
    labelOf[token] = label;
  });
  return {
    ...{ design, count: heldOut.count, nPos, tokens, followed },
    labels: tokens.map((token) => labelOf[token]),
    classes: classes === null ? null : frequentClasses(classes),
  };
}
