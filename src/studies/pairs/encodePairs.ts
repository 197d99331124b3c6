/** Minimal pairs as the tokens that a model is asked about. */
import { ArgumentError, UserError } from "../../base/errors.ts";
import { templateStart } from "../../data/templateStart.ts";
import type { MinimalPair } from "../../data/text/minimalPairs.ts";
import type { Tokenizer } from "../../data/tokenizerTypes.ts";
import type { ModelConfig } from "../../model/config.ts";

/** Pairs with their tokens. */
export interface EncodedPairs {
  /** What stands before every sentence, given and not scored; empty where the first token of a sentence is given. */
  readonly start: readonly number[];
  /** Those that the model can read, in their order. */
  readonly pairs: readonly MinimalPair[];
  /** Start and sentence, [pair][token]. */
  readonly good: readonly (readonly number[])[];
  readonly bad: readonly (readonly number[])[];
  /** Those that it cannot, with the reason. */
  readonly unfit: readonly { readonly pair: MinimalPair; readonly reason: string }[];
}

/** How pairs are encoded. */
export interface EncodePairsOptions {
  /** Text that stands before every sentence; null for the tokenizer's own token for the beginning, where it has one. */
  readonly begin: string | null;
  /** Whether pairs that the model cannot read are left out and listed, or refused. */
  readonly leaveOut: boolean;
}

/**
 * Tokens before every sentence: those of `begin`, else what the tokenizer's template puts before a text, else its token
 * in the role of `bos`, else none.
 */
function startOf(tokenizer: Tokenizer, begin: string | null, sentence: string): readonly number[] {
  if (begin !== null) {
    const { ids } = tokenizer.encode(begin, { special: false });
    if (ids.length > 0) return ids;
    throw new ArgumentError({
      where: "text before every sentence",
      rule: "must come to a token",
      got: JSON.stringify(begin),
    });
  }
  const template = templateStart(tokenizer, sentence);
  if (template.length > 0) return template;
  const { bos } = tokenizer.roles;
  return bos === undefined ? [] : [bos];
}

/** Why the model cannot read a sentence with these tokens; null if it can. */
function obstacle(ids: readonly number[], start: number, { nCtx, dVocab }: ModelConfig): string | null {
  if (ids.length > nCtx + 1)
    return `is ${ids.length} tokens long, and the model reads ${nCtx} and predicts one more`;
  if (ids.length < Math.max(start, 1) + 1) return "has no token that the model could predict";
  const strange = ids.find((id) => id >= dVocab);
  return strange === undefined
    ? null
    : `comes to token ${strange}, and the model knows the tokens 0 to ${dVocab - 1}`;
}

/** What a sentence has that its tokenizer refused. */
function unknownText(tokenizer: Tokenizer, sentence: string): string {
  const unknown = [...sentence].find((character) => {
    try {
      tokenizer.encode(character, { special: false });
      return false;
    } catch {
      return true;
    }
  });
  return `has no tokens: the tokenizer lacks ${JSON.stringify(unknown ?? sentence)}`;
}

/**
 * Encodes both sentences of every pair whose whole sentences may be compared; the others must not be among them.
 *
 * A pair is unfit where one of its sentences is longer than the model's context, has a character without a token, comes
 * to a token that the model has not, or leaves no token to predict.
 *
 * @throws ArgumentError  no pairs, an unfit pair unless these are left out, or nothing but unfit pairs: named by file and
 *                        line, with the sentence
 */
export function encodePairs(
  pairs: readonly MinimalPair[],
  tokenizer: Tokenizer,
  config: ModelConfig,
  { begin, leaveOut }: EncodePairsOptions,
): EncodedPairs {
  const start = firstStart(pairs, tokenizer, begin);
  const kept: MinimalPair[] = [];
  const good: (readonly number[])[] = [];
  const bad: (readonly number[])[] = [];
  const unfit: { pair: MinimalPair; reason: string }[] = [];
  const encoded = (sentence: string): readonly number[] | string => {
    try {
      const ids = [...start, ...tokenizer.encode(sentence, { special: false }).ids];
      return obstacle(ids, start.length, config) ?? ids;
    } catch (error) {
      if (error instanceof UserError) return unknownText(tokenizer, sentence);
      throw error;
    }
  };
  for (const pair of pairs) {
    const [one, other] = [encoded(pair.good), encoded(pair.bad)];
    if (typeof one !== "string" && typeof other !== "string") {
      kept.push(pair);
      good.push(one);
      bad.push(other);
      continue;
    }
    const [sentence, reason] =
      typeof one === "string" ? [pair.good, one] : [pair.bad, typeof other === "string" ? other : ""];
    if (!leaveOut)
      throw new ArgumentError({
        where: pair.where,
        rule: `${JSON.stringify(sentence)} ${reason}`,
        wayOut: "Such pairs are left out and counted with leaveOut (--leave-out-unfit).",
      });
    unfit.push({ pair, reason });
  }
  if (kept.length === 0)
    throw new ArgumentError({
      where: unfit[0].pair.where,
      rule: `none of the ${pairs.length} pairs fits the model; in this one a sentence ${unfit[0].reason}`,
    });
  return { start, pairs: kept, good, bad, unfit };
}

/** The start as the first sentence that has tokens shows it. */
function firstStart(pairs: readonly MinimalPair[], tokenizer: Tokenizer, begin: string | null) {
  if (pairs.length === 0)
    throw new ArgumentError({
      where: "minimal pairs",
      rule: "must hold pairs whose whole sentences may be compared",
      got: "none",
    });
  for (const { good } of pairs)
    try {
      return startOf(tokenizer, begin, good);
    } catch (error) {
      // a sentence without tokens is told of where it is encoded; a start without tokens is wrong for all
      if (begin !== null || !(error instanceof UserError)) throw error;
    }
  return [];
}
