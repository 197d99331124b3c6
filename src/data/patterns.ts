/**
 * The task of the original study: short sequences of four kinds, three of them predictable.
 *
 * The mixture was inferred from the original's training data, whose mean log-likelihood under it is the expected one
 * (test/data/tasks.test.ts).
 */
import { integerIn } from "../base/check.ts";
import { log } from "../base/exact.ts";
import { checkedSize } from "./checkedSize.ts";
import { patternKinds, patternOf } from "./patternOf.ts";
import { patternsCeiling, patternsFloor, patternsProbability } from "./patternsFloor.ts";
import { shifted } from "./shifted.ts";
import type { Task, TaskSize } from "./types.ts";

/**
 * The original four-pattern task.
 *
 * @param size  defaults to the original's: 10 tokens, sequences of 8
 * @throws ArgumentError unless dVocab and nCtx are whole numbers of at least 2
 */
export function patterns({ dVocab = 10, nCtx = 8 }: Partial<TaskSize> = {}): Task {
  const size = checkedSize({ dVocab, nCtx });
  return {
    name: "patterns",
    ...size,
    sample(stream, count) {
      integerIn("number of sequences", count, 1);
      const tokens = new Int32Array(count * nCtx);
      for (let n = 0; n < count; n++) {
        const kind = patternKinds[stream.integer(patternKinds.length)];
        tokens.set(patternOf(kind, stream, size), n * nCtx);
      }
      return shifted(tokens, nCtx);
    },
    // each kind is invariant under x → x + 1 mod V, so every token is equally frequent at every position
    targetMarginal: () => new Array<number>(dVocab).fill(1 / dVocab),
    accuracyCeiling: () => patternsCeiling(size),
    bayesFloor: () => patternsFloor(size),
    bayesLoss({ count, nPos, inputs, targets }) {
      const loss = new Float64Array(nPos);
      for (let n = 0; n < count; n++) {
        const tokens = [...inputs.subarray(n * nPos, (n + 1) * nPos), targets[(n + 1) * nPos - 1]];
        let before = patternsProbability(tokens.slice(0, 1), dVocab);
        for (let pos = 0; pos < nPos; pos++) {
          const after = patternsProbability(tokens.slice(0, pos + 2), dVocab);
          loss[pos] += log(before / after) / count;
          before = after;
        }
      }
      return loss;
    },
  };
}
