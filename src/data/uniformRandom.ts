/** The control in which there is nothing to learn: independent uniform tokens. */
import { integerIn } from "../base/check.ts";
import { log } from "../base/exact.ts";
import { checkedSize } from "./checkedSize.ts";
import { shifted } from "./shifted.ts";
import type { Task, TaskSize } from "./types.ts";

/**
 * Sequences of independent uniform tokens.
 *
 * Every prediction costs ln V nats, whatever was seen before. A model without a mask sees all targets but the last, so
 * its floor is ln V / nPos: a loss below ln V on this task is a leak and nothing else.
 *
 * @param size  defaults to 10 tokens, sequences of 8
 * @throws ArgumentError unless dVocab and nCtx are whole numbers of at least 2
 */
export function uniformRandom({ dVocab = 10, nCtx = 8 }: Partial<TaskSize> = {}): Task {
  const size = checkedSize({ dVocab, nCtx });
  const nPos = nCtx - 1;
  return {
    name: "random",
    ...size,
    sample(stream, count) {
      integerIn("number of sequences", count, 1);
      return shifted(
        Int32Array.from({ length: count * nCtx }, () => stream.integer(dVocab)),
        nCtx,
      );
    },
    targetMarginal: () => new Array<number>(dVocab).fill(1 / dVocab),
    accuracyCeiling: () => new Array<number>(nPos).fill(1 / dVocab),
    bayesLoss: () => new Float64Array(nPos).fill(log(dVocab)),
    bayesFloor() {
      const nats = log(dVocab);
      return {
        byPosition: new Array<number>(nPos).fill(nats),
        causal: nats,
        leaky: nats / nPos,
        entropyOfFirst: nats,
        entropyOfSequence: nCtx * nats,
        sequenceSd: 0,
      };
    },
  };
}
