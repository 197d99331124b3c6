/** The task of adding two numbers on a clock of p hours, as mini batches drawn fresh or as all p² pairs at once. */
import { integerIn } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";
import { type AnswerRule, answerSequences, answerTask } from "./answerTask.ts";
import { checkedSize } from "./checkedSize.ts";
import type { Sequences, Task, TaskSize } from "./types.ts";

/** Tokens in a sequence: a, b, =, their sum. */
const LENGTH = 4;

function additionRule(modulus: number): AnswerRule {
  return {
    free: 2,
    symbols: modulus,
    answer: 1,
    completion: ([a, b]) => [modulus, (a + b) % modulus],
  };
}

/**
 * Addition modulo p = dVocab − 1: the sequence a b = c with a, b independent and uniform, c = (a + b) mod p.
 *
 * The tokens are the numbers 0 … p − 1 and `=`, which is p. Only the answer counts, at the last position; its floor is
 * 0 nats, its accuracy ceiling 1. Without b, or without a, the answer is uniform: ln p nats, accuracy 1 / p.
 *
 * Samples are pairs with replacement from all p². For a training set that leaves pairs out, divide
 * {@link additionPairs} by `splitSequences` and use `fixedBatches` of its full size, or `shuffledBatches`.
 *
 * @param size  defaults to p = 23 (24 tokens); nCtx is 4
 * @throws ArgumentError unless dVocab is a whole number of at least 3 and nCtx is 4
 * @source Nanda et al. 2023, arXiv 2301.05217, section 3: their sequence "a b ="
 */
export function modularAddition({ dVocab = 24, nCtx = LENGTH }: Partial<TaskSize> = {}): Task {
  const size = checkedSize({ dVocab, nCtx });
  integerIn("modular addition, dVocab", dVocab, 3);
  if (nCtx !== LENGTH)
    throw new ArgumentError({
      where: "modular addition",
      rule: `needs nCtx ${LENGTH}: a, b, = and their sum`,
      got: String(nCtx),
      wayOut: `Use a model with nCtx ${LENGTH} and dVocab one above the modulus.`,
    });
  return answerTask("modularAddition", size, additionRule(dVocab - 1));
}

/**
 * All p² pairs of {@link modularAddition}, each once: a = 0 … p − 1, and for each of them b = 0 … p − 1.
 *
 * @param modulus  p, at least 2
 * @throws ArgumentError if it is not a whole number of at least 2
 */
export function additionPairs(modulus: number): Sequences {
  integerIn("modulus", modulus, 2);
  const pairs = Int32Array.from({ length: 2 * modulus * modulus }, (_, i) => {
    const pair = Math.floor(i / 2);
    return i % 2 === 0 ? Math.floor(pair / modulus) : pair % modulus;
  });
  return answerSequences(additionRule(modulus), LENGTH, pairs);
}
