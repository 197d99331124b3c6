/** The control that keeps a task's inputs and its target frequencies, and destroys the relation between them. */
import { integerIn } from "../base/check.ts";
import { integerPower, log } from "../base/exact.ts";
import type { RandomStream } from "../base/random.ts";
import { scoredPositions } from "./scored.ts";
import type { Task } from "./types.ts";

/**
 * A random permutation of the cells [sequence, pos that counts] that leaves no cell in its own sequence.
 *
 * A uniform permutation, repaired: a cell whose source lies in its own sequence trades sources with a random cell for
 * which the trade is sound. Such a partner always exists for two or more sequences, and the repair never looks at
 * tokens.
 *
 * @returns  source of each cell
 */
function crossPermutation(stream: RandomStream, count: number, perSequence: number): Int32Array {
  const source = stream.permutation(count * perSequence);
  const sequenceOf = (cell: number) => Math.floor(cell / perSequence);
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
 * Where only some positions count, only their targets are dealt out; the others stay, and what is known of them.
 *
 * Each sample keeps its inputs and the exact counts of its targets. No target comes from its own sequence, so target
 * and visible inputs are *exactly* independent, with or without a mask, and the floor is the entropy of the
 * target marginal m at every position, and the best answer always the most frequent one:
 *
 *   byPosition[t] = causal = leaky = −Σ_v m_v ln m_v,  accuracyCeiling[t] = max_v m_v
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
      const { nPos, scored } = original;
      const counting = scoredPositions(scored, nPos);
      const perSequence = counting.length;
      const placeOf = (cell: number) => Math.floor(cell / perSequence) * nPos + counting[cell % perSequence];
      const targets = original.targets.slice();
      crossPermutation(stream, count, perSequence).forEach((from, cell) => {
        targets[placeOf(cell)] = original.targets[placeOf(from)];
      });
      return { ...original, targets };
    },
    targetMarginal: () => task.targetMarginal(),
    accuracyCeiling() {
      const inner = task.accuracyCeiling();
      const marginal = task.targetMarginal();
      const scored = task.bayesFloor()?.scored;
      if (inner === undefined || marginal === undefined) return undefined;
      return inner.map((share, pos) => (scored?.[pos] === 0 ? share : Math.max(...marginal)));
    },
    bayesLoss({ count, nPos, targets, scored }) {
      const marginal = task.targetMarginal();
      if (marginal === undefined) return undefined;
      const loss = Float64Array.from({ length: nPos }, (_, pos) => (scored?.[pos] === 0 ? Number.NaN : 0));
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
      const { byPosition, scored } = inner;
      return {
        ...inner,
        byPosition: byPosition.map((own, pos) => (scored?.[pos] === 0 ? own : nats)),
        causal: nats,
        leaky: nats,
        sequenceSd: Math.sqrt(variance / scoredPositions(scored, byPosition.length).length), // targets of one sequence come from different places: nearly independent
      };
    },
  };
}
