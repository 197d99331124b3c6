/** The task of sorting: an answer depends on all of the prompt, and on the answers before it. */
import { answerTask } from "./answerTask.ts";
import { checkedHalves } from "./checkedSize.ts";
import type { Task, TaskSize } from "./types.ts";

/**
 * Sorting: n = nCtx / 2 independent uniform tokens, then the same in ascending order, equal ones repeated.
 *
 * There is no separator: the positions say where the answer begins. Only the answer counts; its floor is 0 nats, its
 * accuracy ceiling 1. A target within the prompt costs ln V and is guessed with probability 1 / V.
 *
 * Over all its positions the answer holds each token equally often, as the prompt does; at one of them it does not: the
 * first answer is at most k with probability 1 − (1 − (k + 1) / V)^n.
 *
 * @param size  defaults to 10 tokens, sequences of 8
 * @throws ArgumentError unless dVocab and nCtx are whole numbers of at least 2 and nCtx is even
 */
export function sorting({ dVocab = 10, nCtx = 8 }: Partial<TaskSize> = {}): Task {
  const size = checkedHalves("sorting", { dVocab, nCtx });
  const half = nCtx / 2;
  return answerTask("sorting", size, {
    free: half,
    symbols: dVocab,
    answer: half,
    completion: (tokens) => tokens.slice().sort(),
  });
}
