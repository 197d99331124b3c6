/**
 * The distribution of the four-pattern generator, by walking through every choice it can make.
 *
 * Independent of the source: it tiles and counts instead of reasoning about periods.
 */
export function generatorDistribution(dVocab: number, nCtx: number): Map<string, number> {
  const distribution = new Map<string, number>();
  const add = (tokens: readonly number[], p: number) =>
    distribution.set(tokens.join(), (distribution.get(tokens.join()) ?? 0) + p);
  const words = (length: number): number[][] =>
    length === 0
      ? [[]]
      : words(length - 1).flatMap((head) => Array.from({ length: dVocab }, (_, token) => [...head, token]));
  const tile = (motif: readonly number[]) => Array.from({ length: nCtx }, (_, i) => motif[i % motif.length]);

  for (let start = 0; start < dVocab; start++)
    add(
      Array.from({ length: nCtx }, (_, i) => (start + i) % dVocab),
      1 / 4 / dVocab,
    );
  for (const length of [2, 3, 4])
    for (const motif of words(length)) add(tile(motif), 1 / 4 / 3 / dVocab ** length);
  for (const [a, b] of words(2)) if (a !== b) add(tile([a, b]), 1 / 4 / (dVocab * (dVocab - 1)));
  for (const tokens of words(nCtx)) add(tokens, 1 / 4 / dVocab ** nCtx);
  return distribution;
}
