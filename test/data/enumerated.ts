/**
 * What can be predicted of sequences whose distribution is known, by its definition: every prefix, every next token.
 *
 * Knows nothing of tasks; the sequences' last tokens are targets as those before them are.
 */
import type { BayesFloor } from "../../src/data/index.ts";

/** Whole sequences as their tokens joined by commas, with their probabilities. */
export type Distribution = ReadonlyMap<string, number>;

/** All words of a length over an alphabet. */
export function words(dVocab: number, length: number): number[][] {
  if (length === 0) return [[]];
  return words(dVocab, length - 1).flatMap((head) =>
    Array.from({ length: dVocab }, (_, token) => [...head, token]),
  );
}

/** Equal probability for each of some words; a word that occurs twice has twice as much. */
export function uniformOver(all: readonly (readonly number[])[]): Distribution {
  const distribution = new Map<string, number>();
  for (const word of all)
    distribution.set(word.join(), (distribution.get(word.join()) ?? 0) + 1 / all.length);
  return distribution;
}

/** Probabilities of the prefixes of a length. */
export function prefixes(distribution: Distribution, length: number): Map<string, number> {
  const marginal = new Map<string, number>();
  for (const [word, p] of distribution) {
    const prefix = word.split(",").slice(0, length).join();
    marginal.set(prefix, (marginal.get(prefix) ?? 0) + p);
  }
  return marginal;
}

const entropy = (distribution: Distribution) => {
  let sum = 0;
  for (const p of distribution.values()) sum -= p * Math.log(p);
  return sum;
};

/** The floor over the positions that count (all unless given), and the accuracy ceiling of each position. */
export function enumerated(
  distribution: Distribution,
  nCtx: number,
  counting: readonly number[] = Array.from({ length: nCtx - 1 }, (_, pos) => pos),
): { floor: Omit<BayesFloor, "scored">; ceiling: number[]; marginal: number[] } {
  const ofLength = Array.from({ length: nCtx }, (_, i) => prefixes(distribution, i + 1));
  const entropies = ofLength.map(entropy);
  const byPosition = Array.from({ length: nCtx - 1 }, (_, pos) => entropies[pos + 1] - entropies[pos]);
  const ceiling = byPosition.map((_, pos) => {
    const best = new Map<string, number>();
    for (const [prefix, p] of ofLength[pos + 1]) {
      const before = prefix.split(",").slice(0, -1).join();
      best.set(before, Math.max(best.get(before) ?? 0, p));
    }
    return [...best.values()].reduce((a, b) => a + b);
  });
  const mean = (values: readonly number[]) =>
    counting.reduce((sum, pos) => sum + values[pos], 0) / counting.length;
  const causal = mean(byPosition);

  // without a mask: every input is in sight
  const seen = new Map<string, Map<number, number>>();
  let variance = 0;
  const marginal: number[] = [];
  for (const [word, p] of distribution) {
    const tokens = word.split(",").map(Number);
    const losses = byPosition.map((_, pos) => {
      const [before, after] = [pos + 1, pos + 2].map((length) => tokens.slice(0, length).join());
      return -Math.log((ofLength[pos + 1].get(after) as number) / (ofLength[pos].get(before) as number));
    });
    variance += p * (mean(losses) - causal) ** 2;
    const inputs = tokens.slice(0, -1).join();
    const lasts = seen.get(inputs) ?? new Map<number, number>();
    const last = tokens[nCtx - 1];
    seen.set(inputs, lasts.set(last, (lasts.get(last) ?? 0) + p));
    for (const pos of counting)
      marginal[tokens[pos + 1]] = (marginal[tokens[pos + 1]] ?? 0) + p / counting.length;
  }
  let lastUnknown = 0; // H(last | inputs); every other target is itself an input
  for (const lasts of seen.values()) {
    const total = [...lasts.values()].reduce((a, b) => a + b);
    for (const p of lasts.values()) lastUnknown -= p * Math.log(p / total);
  }
  return {
    floor: {
      byPosition,
      causal,
      leaky: lastUnknown / counting.length,
      entropyOfFirst: entropies[0],
      entropyOfSequence: entropies[nCtx - 1],
      sequenceSd: Math.sqrt(variance),
    },
    ceiling,
    marginal,
  };
}
