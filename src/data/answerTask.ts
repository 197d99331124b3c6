/** Tasks of prompt and answer: random tokens, then tokens that follow from them, of which the last ones count. */
import { integerIn } from "../base/check.ts";
import { log } from "../base/exact.ts";
import { lastScored } from "./scored.ts";
import { shifted } from "./shifted.ts";
import type { Sequences, Task, TaskSize } from "./types.ts";

/** How a sequence is made: `free` random tokens, then what follows from them. */
export interface AnswerRule {
  /** Tokens at the beginning, drawn independently and uniformly from 0 … symbols − 1; at least 1. */
  readonly free: number;
  /** At most dVocab. */
  readonly symbols: number;
  /** Tokens at the end that count; at least 1, and none of them free. */
  readonly answer: number;
  /** Everything after the free tokens: nCtx − free tokens. */
  completion(free: Int32Array): ArrayLike<number>;
}

/**
 * The sequences that begin with given tokens.
 *
 * @param prompts  [sequence, free]
 * @returns  inputs and shifted targets, of which the answer counts
 */
export function answerSequences(
  { free, answer, completion }: AnswerRule,
  nCtx: number,
  prompts: Int32Array,
): Sequences {
  const count = prompts.length / free;
  const tokens = new Int32Array(count * nCtx);
  for (let n = 0; n < count; n++) {
    const prompt = prompts.subarray(n * free, (n + 1) * free);
    tokens.set(prompt, n * nCtx);
    tokens.set(completion(prompt), n * nCtx + free);
  }
  return { ...shifted(tokens, nCtx), scored: lastScored(nCtx - 1, answer) };
}

/**
 * A task of prompt and answer.
 *
 * Every free token costs ln `symbols` nats and is guessed with probability 1 / `symbols`; everything after them is
 * certain, so the floor of the positions that count is 0 nats, with or without a mask, and their accuracy ceiling is 1:
 *
 *   byPosition[t] = ln symbols,  accuracyCeiling[t] = 1 / symbols    where the target is a free token
 *   byPosition[t] = 0,           accuracyCeiling[t] = 1              elsewhere
 *
 * @param rule  each of the symbols must be equally frequent in the answer, over all its positions
 */
export function answerTask(name: string, { dVocab, nCtx }: TaskSize, rule: AnswerRule): Task {
  const { free, symbols, answer } = rule;
  const nPos = nCtx - 1;
  const nats = log(symbols);
  const isFree = Array.from({ length: nPos }, (_, pos) => pos + 1 < free);
  const byPosition = isFree.map((random) => (random ? nats : 0));
  return {
    name,
    dVocab,
    nCtx,
    sample(stream, count) {
      integerIn("number of sequences", count, 1);
      const prompts = Int32Array.from({ length: count * free }, () => stream.integer(symbols));
      return answerSequences(rule, nCtx, prompts);
    },
    targetMarginal: () => Array.from({ length: dVocab }, (_, token) => (token < symbols ? 1 / symbols : 0)),
    accuracyCeiling: () => isFree.map((random) => (random ? 1 / symbols : 1)),
    bayesLoss: () => Float64Array.from(byPosition),
    bayesFloor: () => ({
      byPosition,
      scored: lastScored(nPos, answer),
      causal: 0,
      leaky: 0,
      entropyOfFirst: nats,
      entropyOfSequence: free * nats,
      sequenceSd: 0,
    }),
  };
}
