/**
 * Structured sequences, in sets that differ from random ones in their structure and in nothing else.
 *
 * A set holds one sequence for every token a of the vocabulary,
 *
 *   x_i = (a + offset_i) mod V
 *
 * so every token stands at every position exactly once: it is a Latin block, as balanced as those of a probe. The mean
 * of a unit over such a set does not depend on its tuning to token and position, and two sets differ only by what the
 * unit makes of the context.
 */
import { integerIn } from "../base/check.ts";
import type { RandomStream } from "../base/random.ts";

/** The kinds of structure, in the order in which reports have them. */
export const structuredFamilies = [
  "ascending",
  "descending",
  "repeated",
  "alternating",
  "constant",
  "palindromic",
] as const;
/** One of {@link structuredFamilies}. */
export type StructuredFamily = (typeof structuredFamilies)[number];

/**
 * Offsets of a structured set.
 *
 *   ascending     i                 descending   −i                   constant   0
 *   alternating   0 d 0 d …, d ≠ 0 uniform
 *   repeated      a motif of ⌈nPos / 2⌉ different offsets, then the motif again
 *   palindromic   the same offsets forwards and backwards
 *
 * Motifs start with 0 and are drawn without replacement, again from the start where the vocabulary is used up.
 *
 * @param stream  advanced only by the families that draw
 * @returns       [pos], in {0, …, dVocab − 1}
 * @throws ArgumentError unless dVocab ≥ 2 and nPos ≥ 1 are whole numbers
 */
export function structuredOffsets(
  family: StructuredFamily,
  { dVocab, nPos, stream }: { dVocab: number; nPos: number; stream: RandomStream },
): Int32Array {
  integerIn("dVocab", dVocab, 2);
  integerIn("nPos", nPos, 1);
  const offsets = (of: (pos: number) => number) => Int32Array.from({ length: nPos }, (_, pos) => of(pos));
  switch (family) {
    case "ascending":
      return offsets((pos) => pos % dVocab);
    case "descending":
      return offsets((pos) => (dVocab - (pos % dVocab)) % dVocab);
    case "constant":
      return offsets(() => 0);
    case "alternating": {
      const other = 1 + stream.integer(dVocab - 1);
      return offsets((pos) => (pos % 2) * other);
    }
    case "repeated":
    case "palindromic": {
      const length = Math.ceil(nPos / 2);
      const order = stream.permutation(dVocab - 1);
      const motif = [0, ...Array.from(order, (step) => step + 1)];
      const at = (pos: number) => motif[pos % dVocab];
      if (family === "repeated") return offsets((pos) => at(pos % length));
      return offsets((pos) => at(Math.min(pos, nPos - 1 - pos)));
    }
  }
}

/** The set of an offset list: V sequences, that of token a in row a, [token, pos]. */
export function shiftedSet(offsets: ArrayLike<number>, dVocab: number): Int32Array {
  const nPos = offsets.length;
  return Int32Array.from(
    { length: dVocab * nPos },
    (_, at) => (Math.floor(at / nPos) + offsets[at % nPos]) % dVocab,
  );
}
