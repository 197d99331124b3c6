/** The four kinds of sequence in the task of the original study, and how each is drawn. */
import type { RandomStream } from "../base/random.ts";
import type { TaskSize } from "./types.ts";

/** The four kinds of sequence, each with probability 1/4. */
export const patternKinds = ["ascending", "repeating", "alternating", "random"] as const;

/** One of {@link patternKinds}. */
export type PatternKind = (typeof patternKinds)[number];

/** Lengths of the motif of a repeating sequence, each with probability 1/3. */
export const motifLengths = [2, 3, 4] as const;

/**
 * One sequence of a kind.
 *
 *   ascending    x_i = (s + i) mod V, s uniform
 *   repeating    a motif of 2, 3 or 4 tokens drawn with replacement, tiled
 *   alternating  a b a b …, a ≠ b
 *   random       x_i uniform
 *
 * @returns  [nCtx] tokens in {0, …, dVocab − 1}
 */
export function patternOf(kind: PatternKind, stream: RandomStream, { dVocab, nCtx }: TaskSize): Int32Array {
  const tokens = new Int32Array(nCtx);
  switch (kind) {
    case "ascending": {
      const start = stream.integer(dVocab);
      return tokens.map((_, i) => (start + i) % dVocab);
    }
    case "repeating": {
      const length = motifLengths[stream.integer(motifLengths.length)];
      const motif = Int32Array.from({ length }, () => stream.integer(dVocab));
      return tokens.map((_, i) => motif[i % length]);
    }
    case "alternating": {
      const a = stream.integer(dVocab);
      const b = (a + 1 + stream.integer(dVocab - 1)) % dVocab; // uniform over the other tokens
      return tokens.map((_, i) => (i % 2 === 0 ? a : b));
    }
    case "random":
      return tokens.map(() => stream.integer(dVocab));
  }
}
