/** A text ready to train on: divided, tokenized, and with the losses that counting alone reaches. */
import { integerIn } from "../../base/check.ts";
import { ArgumentError } from "../../base/errors.ts";
import { charTokenizer } from "../characterTokenizer.ts";
import type { Tokenizer } from "../tokenizerTypes.ts";
import { trainBpe } from "../trainBpe.ts";
import type { Sequences } from "../types.ts";
import { encodeTexts } from "./encodeTexts.ts";
import { countNgrams, type Ngrams, ngramLoss } from "./ngrams.ts";
import { splitText, type TextSplit } from "./splitText.ts";
import { classedTokens, type WordClasses } from "./tagged.ts";
import { spreadWindows, windowCount } from "./windows.ts";

/** Where the tokens come from: a token for each character of the training text, BPE learned from it, or given. */
export type TokenizerChoice =
  | { readonly kind: "characters" }
  | { readonly kind: "bpe"; readonly vocab: number }
  | { readonly kind: "given"; readonly tokenizer: Tokenizer };

/** How a corpus is made. */
export interface CorpusOptions {
  readonly tokenizer: TokenizerChoice;
  /** Positions of the model; a window is one token longer. */
  readonly nCtx: number;
  /** Fraction of the text that is held out, in (0, 1); 0.1 by default. */
  readonly heldOutShare?: number;
  /** Most windows that held-out loss is measured on; 256 by default. */
  readonly heldOutWindows?: number;
  /** Classes of the text's words, where these have tags. */
  readonly classes?: WordClasses;
}

/** What the words are whose tokens a network is shown. */
export interface HeldOutClasses {
  /** What the classes are, e.g. `part of speech`. */
  readonly name: string;
  readonly levels: readonly string[];
  /** Class of the word that each input of the held-out windows is part of, −1 for none, [sequence, pos]. */
  readonly of: Int32Array;
}

/** How much there is of one part. */
export interface PartSize {
  readonly characters: number;
  readonly tokens: number;
  /** Places at which a window can begin. */
  readonly windows: number;
}

/** A text ready to train on. */
export interface Corpus {
  readonly tokenizer: Tokenizer;
  /** Numbers a model must have embeddings for: the tokenizer's size, at least 2. */
  readonly dVocab: number;
  readonly split: TextSplit;
  /** Token runs to draw windows from. */
  readonly train: readonly Int32Array[];
  /** Windows side by side on which loss is measured, the same for all networks. */
  readonly heldOut: Sequences;
  /** The classes of these windows' words; null where words have none. */
  readonly classes: HeldOutClasses | null;
  readonly size: { readonly train: PartSize; readonly heldOut: PartSize };
  /** Tokens per character of the held-out text: from nats a token to nats a character. */
  readonly tokensPerCharacter: number;
  /** Held-out characters that the tokenizer has not, with how often each occurs: windows stop before and begin after. */
  readonly unknown: ReadonlyMap<string, number>;
  readonly ngrams: Ngrams;
  /** Loss on {@link heldOut} of the models that count, nats per token. */
  readonly baseline: { readonly unigram: number; readonly bigram: number };
}

/** Stretches that are held out, if the text is long enough for that many. */
const mostBlocks = 10;
/** Held-out windows that a stretch should have room for. */
const windowsPerBlock = 8;

/** From nats per token to bits per character: nats · (tokens / characters) / ln 2. */
export function bitsPerCharacter(nats: number, tokensPerCharacter: number): number {
  return (nats * tokensPerCharacter) / Math.LN2;
}

function tokenizerFor(choice: TokenizerChoice, text: string): Tokenizer {
  if (choice.kind === "given") return choice.tokenizer;
  return choice.kind === "bpe" ? trainBpe(text, { vocab: choice.vocab }) : charTokenizer(text);
}

/**
 * Divides a text, makes its tokenizer from the training part alone, and counts.
 *
 * Merges of BPE are learned stretch by stretch joined: a word at a border counts as one of each stretch.
 *
 * @throws ArgumentError  a text too short for a window on either side, or training text that a given tokenizer refuses
 */
export function makeCorpus(
  text: string,
  { tokenizer: choice, nCtx, heldOutShare = 0.1, heldOutWindows = 256, classes }: CorpusOptions,
): Corpus {
  integerIn("context", nCtx, 1);
  const blocks = Math.floor((heldOutShare * text.length) / (windowsPerBlock * (nCtx + 1)));
  const split = splitText(text, {
    share: heldOutShare,
    blocks: Math.max(1, Math.min(mostBlocks, blocks)),
  });
  const pieces = (part: keyof TextSplit) => split[part].map(({ start, end }) => text.slice(start, end));
  const trainTexts = pieces("train");
  const tokenizer = tokenizerFor(choice, trainTexts.join(""));
  const train = encodeTexts(trainTexts, tokenizer);
  const [refused] = train.unknown.keys();
  if (refused !== undefined)
    throw new ArgumentError({
      where: "training text",
      rule: "must be made of characters that the tokenizer has",
      got: `${JSON.stringify(refused)} (U+${(refused.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, "0")})`,
      wayOut: "Leave the tokenizer out to have one made from this text.",
    });
  const rest = encodeTexts(pieces("heldOut"), tokenizer);
  const sizeOf = (part: typeof train): PartSize => ({
    characters: part.characters,
    tokens: part.tokens,
    windows: windowCount(part.runs, nCtx),
  });
  const size = { train: sizeOf(train), heldOut: sizeOf(rest) };
  for (const [name, { tokens, windows }] of Object.entries(size))
    if (windows === 0)
      throw new ArgumentError({
        where: "text",
        rule: `${name === "train" ? "training" : "held-out"} text needs a stretch of ${nCtx + 1} tokens`,
        got: `${tokens} tokens in ${split.train.length === 1 ? "one stretch" : `${split.train.length} stretches`}, of ${text.length} characters in all`,
        wayOut: "Give more text, or a smaller context.",
      });
  const dVocab = Math.max(2, tokenizer.size);
  const windows = { nCtx, most: heldOutWindows };
  const heldOut = spreadWindows(rest.runs, windows);
  const classesOf = (of: WordClasses): HeldOutClasses => {
    const runs = rest.places.map(({ text: piece, start, end }) => {
      const from = split.heldOut[piece].start + start;
      const to = split.heldOut[piece].start + end;
      return classedTokens(text.slice(from, to), from, tokenizer, of).classes;
    });
    // as long as the runs of tokens, so that they are cut into the same windows
    return { name: of.name, levels: of.levels, of: spreadWindows(runs, windows).inputs };
  };
  const ngrams = countNgrams(train.runs, dVocab);
  return {
    ...{ tokenizer, dVocab, split, train: train.runs, heldOut, size, ngrams },
    classes: classes === undefined ? null : classesOf(classes),
    tokensPerCharacter: rest.tokens / rest.characters,
    unknown: rest.unknown,
    baseline: ngramLoss(ngrams, heldOut),
  };
}
