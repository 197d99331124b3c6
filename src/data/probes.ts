/**
 * Probes: the sequences on which tuning is measured, the same for all networks and checkpoints.
 *
 * Probe at the length and the positions that were trained: a position that never occurred in training has kept its
 * initial embedding and would count as perfectly persistent.
 */
import { integerIn } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";
import { integerPower } from "../base/exact.ts";
import type { RandomStream } from "../base/random.ts";
import type { Task } from "./types.ts";

/** Input sequences of one design. */
export interface Probe {
  /** [sequence, pos] */
  readonly tokens: Int32Array;
  /** Number of sequences. */
  readonly count: number;
  readonly nPos: number;
  readonly dVocab: number;
  /** 0 or 1 for each sequence: two halves for cross-validated statistics, [sequence]. */
  readonly half: Uint8Array;
  readonly design: "latin" | "exhaustive" | "task";
}

/** Most sequences {@link exhaustive} makes: 10 tokens at 4 positions, 4 at 8, 2 at 16. */
export const exhaustiveLimit = 65536;

/**
 * Balanced Latin blocks (design D1): uniform tokens with every effect orthogonal to every other.
 *
 * For each block and position an independent permutation of the V tokens is drawn; the V sequences of the block hold
 * each token exactly once at each position. Every cell (token, position) has exactly `blocks` replicates, and within a
 * block, given the tokens at one position, those at another are a uniform permutation.
 *
 * Halves: blocks 0, 2, 4 … and blocks 1, 3, 5 …; each is balanced by itself. One block leaves half 1 empty.
 *
 * @returns  V × blocks sequences, block after block
 * @throws ArgumentError unless dVocab ≥ 2, nPos ≥ 1 and blocks ≥ 1 are whole numbers
 */
export function latinBlocks({
  dVocab,
  nPos,
  blocks,
  stream,
}: {
  dVocab: number;
  nPos: number;
  blocks: number;
  stream: RandomStream;
}): Probe {
  integerIn("dVocab", dVocab, 2);
  integerIn("nPos", nPos, 1);
  integerIn("blocks", blocks, 1);
  const count = dVocab * blocks;
  const tokens = new Int32Array(count * nPos);
  const half = Uint8Array.from({ length: count }, (_, n) => Math.floor(n / dVocab) % 2);
  for (let block = 0; block < blocks; block++)
    for (let pos = 0; pos < nPos; pos++) {
      const order = stream.permutation(dVocab);
      for (let row = 0; row < dVocab; row++) tokens[(block * dVocab + row) * nPos + pos] = order[row];
    }
  return { tokens, count, nPos, dVocab, half, design: "latin" };
}

/**
 * All V^nPos sequences (design D2): statistics on them are population values, without sampling error.
 *
 * In lexicographic order, the last position fastest. Halves: by (x_1 + … + x_nPos mod V) mod 2; for nPos ≥ 2 every
 * token is equally frequent at every position within each half. For odd V half 0 is the larger, (V + 1) : (V − 1).
 *
 * @throws ArgumentError if there are more than {@link exhaustiveLimit} sequences, or dVocab < 2, or nPos < 1
 */
export function exhaustive({ dVocab, nPos }: { dVocab: number; nPos: number }): Probe {
  integerIn("dVocab", dVocab, 2);
  integerIn("nPos", nPos, 1);
  const count = integerPower(dVocab, nPos);
  if (!(count <= exhaustiveLimit))
    throw new ArgumentError({
      where: "exhaustive probe",
      rule: `at most ${exhaustiveLimit} sequences`,
      got: `${dVocab}^${nPos} = ${count < Number.MAX_SAFE_INTEGER ? count : count.toExponential(1)}`,
      wayOut: "Use fewer tokens or positions, or a probe of Latin blocks.",
    });
  const tokens = new Int32Array(count * nPos);
  const half = new Uint8Array(count);
  for (let n = 0; n < count; n++) {
    let rest = n;
    let sum = 0;
    for (let pos = nPos - 1; pos >= 0; pos--) {
      tokens[n * nPos + pos] = rest % dVocab;
      sum += rest % dVocab;
      rest = Math.floor(rest / dVocab);
    }
    half[n] = (sum % dVocab) % 2;
  }
  return { tokens, count, nPos, dVocab, half, design: "exhaustive" };
}

/**
 * Inputs as the task makes them (design D3): unbalanced, for features that are selective only on the task.
 *
 * Halves: sequences 0, 2, 4 … and 1, 3, 5 …, which are independent samples.
 *
 * @param count  number of sequences
 * @param stream  one that no training data came from
 * @throws ArgumentError if the task cannot draw `count` sequences
 */
export function onDistribution(
  task: Task,
  { count, stream }: { count: number; stream: RandomStream },
): Probe {
  const { inputs, nPos } = task.sample(stream, count);
  const half = Uint8Array.from({ length: count }, (_, n) => n % 2);
  return { tokens: inputs, count, nPos, dVocab: task.dVocab, half, design: "task" };
}
