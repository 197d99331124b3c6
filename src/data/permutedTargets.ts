/** The control that keeps a task's inputs and its target frequencies, and destroys the relation between them. */
import { integerIn } from "../base/check.ts";
import { integerPower, log } from "../base/exact.ts";
import type { RandomStream } from "../base/random.ts";
import type { Task } from "./types.ts";

/**
 * A random permutation of the cells [sequence, pos] that leaves no cell in its own sequence.
 *
 * A uniform permutation, repaired: a cell whose source lies in its own sequence trades sources with a random cell for
 * which the trade is sound. Such a partner always exists for two or more sequences, and the repair never looks at
 * tokens.
 *
 * @returns  source of each cell, [sequence × pos]
 */
function crossPermutation(stream: RandomStream, count: number, nPos: number): Int32Array {
  const source = stream.permutation(count * nPos);
  const sequenceOf = (cell: number) => Math.floor(cell / nPos);
  for (let cell = 0; cell < source.length; cell++) {
    const own = sequenceOf(cell);
    while (sequenceOf(source[cell]) === own) {
      const other = stream.integer(source.length);
      if (sequenceOf(other) === own || sequenceOf(source[other]) === own) continue;
      [source[cell], source[other]] = [source[other], source[cell]];
    }
  }
  return source;
}

/**
 * A task whose targets are dealt out anew over all sequences and positions of a sample.
 *
 * Each sample keeps its inputs and the exact counts of its targets. No target comes from its own sequence, so target
 * and visible inputs are *exactly* independent, with or without a mask, and the floor is the entropy of the
 * target marginal m at every position:
 *
 *   byPosition[t] = causal = leaky = −Σ_v m_v ln m_v
 *
 * Two things lie outside that floor: a finite training set can be memorised, and its own target counts differ from
 * m, which is worth some V / (n nPos) nats.
 *
 * The entropies of first token and of the whole sequence are those of the sequences that the inputs are cut from.
 *
 * @param task  any task; its sequences must be independent of each other
 * @returns  a task named "permuted"; `sample` throws ArgumentError for fewer than 2 sequences
 */
export function permutedTargets(task: Task): Task {
  return {
    name: "permuted",
    dVocab: task.dVocab,
    nCtx: task.nCtx,
    sample(stream, count) {
      integerIn("number of sequences to permute targets across", count, 2);
      const original = task.sample(stream, count);
      const source = crossPermutation(stream, count, original.nPos);
      return { ...original, targets: source.map((cell) => original.targets[cell]) };
    },
    targetMarginal: () => task.targetMarginal(),
    bayesLoss({ count, nPos, targets }) {
      const marginal = task.targetMarginal();
      if (marginal === undefined) return undefined;
      const loss = new Float64Array(nPos);
      targets.forEach((token, cell) => {
        loss[cell % nPos] -= log(marginal[token]) / count;
      });
      return loss;
    },
    bayesFloor() {
      const inner = task.bayesFloor();
      const marginal = task.targetMarginal();
      if (inner === undefined || marginal === undefined) return undefined;
      const seen = marginal.filter((share) => share > 0);
      const nats = -seen.reduce((sum, share) => sum + share * log(share), 0);
      const variance = seen.reduce((sum, share) => sum + share * integerPower(log(share) + nats, 2), 0);
      const nPos = inner.byPosition.length;
      return {
        ...inner,
        byPosition: new Array<number>(nPos).fill(nats),
        causal: nats,
        leaky: nats,
        sequenceSd: Math.sqrt(variance / nPos), // targets of one sequence come from different places: nearly independent
      };
    },
  };
}
