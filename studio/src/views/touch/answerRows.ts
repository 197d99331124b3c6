/** Which tokens a table of answers has room for. */

/** What {@link answerRows} chooses from; probabilities are [pos, dVocab]. */
export interface AnswerRows {
  readonly clean: Float64Array;
  readonly edited: Float64Array;
  readonly dVocab: number;
  /** Tokens that are always shown; what is none is left out. */
  readonly keep: readonly number[];
}

/** At most `most` tokens, besides those to keep the ones with the largest probability anywhere; ascending. */
export function answerRows({ clean, edited, dVocab, keep }: AnswerRows, most: number): number[] {
  const tokens = Array.from({ length: dVocab }, (_, token) => token);
  if (dVocab <= most) return tokens;
  const kept = new Set(keep.filter((token) => token >= 0 && token < dVocab));
  const largest = new Float64Array(dVocab);
  for (const probabilities of [clean, edited])
    probabilities.forEach((p, i) => {
      largest[i % dVocab] = Math.max(largest[i % dVocab], Number.isNaN(p) ? 0 : p);
    });
  const others = tokens.filter((token) => !kept.has(token)).sort((a, b) => largest[b] - largest[a] || a - b);
  const room = Math.max(0, most - kept.size);
  return [...kept, ...others.slice(0, room)].sort((a, b) => a - b);
}
