/** What counting alone predicts: entropies of a text, and the losses of a unigram and a bigram model. */
import { ArgumentError } from "../../base/errors.ts";
import { log } from "../../base/exact.ts";
import type { Sequences } from "../types.ts";

/** Frequencies of tokens and of neighbours in a training text. */
export interface Ngrams {
  readonly dVocab: number;
  /** Tokens counted. */
  readonly tokens: number;
  /** Pairs of neighbours counted; none crosses from a run to another. */
  readonly pairs: number;
  /**
   * Entropy of the token frequencies, nats: H = −Σ (n_t / N) ln(n_t / N). What the best model without any input reaches
   * on the training text itself.
   */
  readonly unigramEntropy: number;
  /**
   * Conditional entropy of a token given the one before, nats: −Σ (n_st / N) ln(n_st / n_s). What the best model that
   * sees one token reaches on the training text itself; on other text it is out of reach, as rare pairs are known here.
   */
  readonly bigramEntropy: number;
  /** Weight of the unigram model in the bigram model, in counts: κ. */
  readonly pseudocount: number;
  /** p(token), [token]; never 0. */
  readonly unigram: Float64Array;
  /** p(next | token). */
  bigram(token: number, next: number): number;
}

/** Pseudocounts that are tried: 2^−4 … 2^12. */
const pseudocounts = Array.from({ length: 17 }, (_, i) => 2 ** (i - 4));

/**
 * Counts a text.
 *
 *   unigram   p(t)     = (n_t + 1/2) / (N + V/2)
 *   bigram    p(t | s) = (n_st + κ p(t)) / (n_s + κ)
 *
 * κ is the power of two under which the training text, each pair predicted from all others, is likeliest:
 * Σ n_st ln( (n_st − 1 + κ p(t)) / (n_s − 1 + κ) ). No held-out text has a part in it.
 *
 * @param runs  token runs of the training text
 * @throws ArgumentError  no pair of neighbours, or a token outside the vocabulary
 * @source Krichevsky & Trofimov 1981 (the 1/2); MacKay & Peto 1995, section 3 (the bigram; their α m is our κ p)
 */
export function countNgrams(runs: readonly Int32Array[], dVocab: number): Ngrams {
  const counts = new Float64Array(dVocab);
  const before = new Float64Array(dVocab);
  const pairCounts = new Map<number, number>();
  let tokens = 0;
  let pairs = 0;
  for (const run of runs)
    run.forEach((token, at) => {
      if (!(token >= 0 && token < dVocab))
        throw new ArgumentError({
          where: "tokens",
          rule: `must be whole numbers, 0 to ${dVocab - 1}`,
          got: String(token),
        });
      counts[token]++;
      tokens++;
      if (at === 0) return;
      const pair = run[at - 1] * dVocab + token;
      pairCounts.set(pair, (pairCounts.get(pair) ?? 0) + 1);
      before[run[at - 1]]++;
      pairs++;
    });
  if (pairs === 0)
    throw new ArgumentError({
      where: "text",
      rule: "needs two tokens that follow each other",
      got: `${tokens}`,
    });
  const unigram = counts.map((count) => (count + 0.5) / (tokens + dVocab / 2));
  const likelihood = (kappa: number) => {
    let sum = 0;
    for (const [pair, count] of pairCounts) {
      const [first, next] = [Math.floor(pair / dVocab), pair % dVocab];
      sum += count * log((count - 1 + kappa * unigram[next]) / (before[first] - 1 + kappa));
    }
    return sum;
  };
  const scores = pseudocounts.map(likelihood);
  const pseudocount = pseudocounts[scores.indexOf(Math.max(...scores))];
  let unigramEntropy = 0;
  for (const count of counts) if (count > 0) unigramEntropy -= (count / tokens) * log(count / tokens);
  let bigramEntropy = 0;
  for (const [pair, count] of pairCounts)
    bigramEntropy -= (count / pairs) * log(count / before[Math.floor(pair / dVocab)]);
  return {
    ...{ dVocab, tokens, pairs, unigramEntropy, bigramEntropy, pseudocount, unigram },
    bigram: (token, next) => {
      const count = pairCounts.get(token * dVocab + next) ?? 0;
      return (count + pseudocount * unigram[next]) / (before[token] + pseudocount);
    },
  };
}

/** Mean loss of both models on sequences, nats per token: what a language model has to beat. */
export function ngramLoss(
  { unigram, bigram }: Ngrams,
  { inputs, targets }: Pick<Sequences, "inputs" | "targets">,
): { unigram: number; bigram: number } {
  const total = { unigram: 0, bigram: 0 };
  targets.forEach((target, at) => {
    total.unigram -= log(unigram[target]);
    total.bigram -= log(bigram(inputs[at], target));
  });
  return { unigram: total.unigram / targets.length, bigram: total.bigram / targets.length };
}
