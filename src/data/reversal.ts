/** The task of saying a sequence backwards: every answer is one token of the prompt, found by its position alone. */
import { answerTask } from "./answerTask.ts";
import { checkedHalves } from "./checkedSize.ts";
import type { Task, TaskSize } from "./types.ts";

/**
 * Sequence reversal: n = nCtx / 2 independent uniform tokens, then the same in reverse order.
 *
 *   x_{n+i} = x_{n+1−i},  i = 1 … n
 *
 * There is no separator: the positions say where the answer begins. Only the answer counts; its floor is 0 nats, its
 * accuracy ceiling 1. A target within the prompt costs ln V and is guessed with probability 1 / V.
 *
 * @param size  defaults to 10 tokens, sequences of 8
 * @throws ArgumentError unless dVocab and nCtx are whole numbers of at least 2 and nCtx is even
 */
export function reversal({ dVocab = 10, nCtx = 8 }: Partial<TaskSize> = {}): Task {
  const size = checkedHalves("sequence reversal", { dVocab, nCtx });
  const half = nCtx / 2;
  return answerTask("reversal", size, {
    free: half,
    symbols: dVocab,
    answer: half,
    completion: (tokens) => tokens.slice().reverse(),
  });
}
