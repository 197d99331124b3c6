/** How many different inputs decide an activation, and which positions can therefore be searched without sampling. */
import { exhaustive, exhaustiveLimit } from "../data/probes.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Sequences } from "./siteActivations.ts";

/** Positions `from` to `to`, both included, that the activation at a position can depend on. */
export function visibleRange(
  { causal, mlpOnly }: Pick<ModelConfig, "causal" | "mlpOnly">,
  nPos: number,
  pos: number,
): { from: number; to: number } {
  if (mlpOnly) return { from: pos, to: pos };
  return { from: 0, to: causal ? pos : nPos - 1 };
}

/** The part of the input space that can be searched in full. */
export interface InputSpace {
  /** Positions 0 … searched − 1 are covered by {@link sequences}; 0 where none is. */
  readonly searched: number;
  /** Sequences that show every input of those positions; undefined where there is none. */
  readonly sequences?: Sequences;
  /** Different inputs of those positions, counted by position and summed. */
  readonly inputs: number;
  /** Whether this position of this sequence is the first to show its input. */
  fresh(sequence: number, pos: number): boolean;
}

const nothing: InputSpace = { searched: 0, inputs: 0, fresh: () => false };

/**
 * The positions at which every input can be tried with at most {@link exhaustiveLimit} sequences.
 *
 * - blocks without attention: an activation depends on its own token, so V sequences show all of every position
 * - causal: position s has V^(s + 1) inputs, so all sequences of the first positions that are few enough show theirs
 * - bidirectional: every position depends on the whole sequence, all V^nPos of them or none
 */
export function inputSpace(config: ModelConfig, nPos: number): InputSpace {
  const { dVocab, causal, mlpOnly } = config;
  if (mlpOnly) {
    if (dVocab > exhaustiveLimit) return nothing;
    const tokens = Int32Array.from({ length: dVocab * nPos }, (_, at) => Math.floor(at / nPos));
    return {
      searched: nPos,
      sequences: { tokens, count: dVocab, nPos },
      inputs: dVocab * nPos,
      fresh: () => true,
    };
  }
  let length = 0;
  while (length < nPos && dVocab ** (length + 1) <= exhaustiveLimit) length++;
  if (length === 0 || (!causal && length < nPos)) return nothing;
  const sequences = exhaustive({ dVocab, nPos: length });
  if (!causal) return { searched: nPos, sequences, inputs: sequences.count * nPos, fresh: () => true };
  // lexicographic order: the sequences that share a prefix follow each other, the last position fastest
  const repeats = Array.from({ length }, (_, pos) => dVocab ** (length - 1 - pos));
  return {
    searched: length,
    sequences,
    inputs: repeats.reduce((sum, repeat) => sum + sequences.count / repeat, 0),
    fresh: (sequence, pos) => sequence % repeats[pos] === 0,
  };
}
