/**
 * What could at best be predicted of the four-pattern task, exactly and for any vocabulary and length.
 *
 * A prefix x_1 … x_t has the probability
 *
 *   p(x) = ¼ [ ascending(x) + ⅓ Σ_{L=2,3,4} V^{−min(t, L)} · 1[x has period L] + alternating(x) + V^{−t} ]
 *
 * and all but the first term depend only on *which* positions hold equal tokens. So the V^t prefixes fall into at most
 * 19 classes of equal probability (the set partitions of a motif, tiled), the V ascending prefixes and the rest, and
 * every entropy is a sum over these few groups instead of an enumeration of sequences.
 */
import { integerPower, log } from "../base/exact.ts";
import { checkedSize } from "./checkedSize.ts";
import { motifLengths } from "./patternOf.ts";
import type { BayesFloor, TaskSize } from "./types.ts";

/** Prefixes of equal probability: how much they weigh together, −ln p of each, and the form that they share. */
interface PrefixGroup {
  mass: number;
  surprisal: number;
  /** One of them; absent for those that only the random kind makes, where no token is likelier next than another. */
  example?: readonly number[];
}

function hasPeriod(tokens: ArrayLike<number>, period: number): boolean {
  for (let i = period; i < tokens.length; i++) if (tokens[i] !== tokens[i - period]) return false;
  return true;
}

function isAscending(tokens: ArrayLike<number>, dVocab: number): boolean {
  for (let i = 1; i < tokens.length; i++) if (tokens[i] !== (tokens[i - 1] + 1) % dVocab) return false;
  return true;
}

/** The terms of p that do not change when tokens are renamed: repeating, alternating, random. */
function exchangeablePart(tokens: ArrayLike<number>, dVocab: number): number {
  const t = tokens.length;
  let repeating = 0;
  for (const length of motifLengths)
    if (hasPeriod(tokens, length))
      repeating += integerPower(dVocab, -Math.min(t, length)) / motifLengths.length;
  let alternating = 0;
  if (t === 1) alternating = 1 / dVocab;
  else if (tokens[0] !== tokens[1] && hasPeriod(tokens, 2)) alternating = 1 / (dVocab * (dVocab - 1));
  return (repeating + alternating + integerPower(dVocab, -t)) / 4;
}

/**
 * Probability that a sequence of the four-pattern task begins with these tokens.
 *
 * @param prefix  one or more tokens in {0, …, dVocab − 1}
 * @returns  a probability in (0, 1]; over all prefixes of one length they sum to 1
 */
export function patternsProbability(prefix: ArrayLike<number>, dVocab: number): number {
  return exchangeablePart(prefix, dVocab) + (isAscending(prefix, dVocab) ? 1 / (4 * dVocab) : 0);
}

/** Set partitions of `length` places as restricted growth strings: 0, then at most one more than the largest so far. */
function partitions(length: number): number[][] {
  if (length === 0) return [[]];
  return partitions(length - 1).flatMap((head) => {
    const blocks = head.length === 0 ? 0 : Math.max(...head) + 1;
    return Array.from({ length: blocks + 1 }, (_, next) => [...head, next]);
  });
}

/** Number of ways to name `blocks` blocks with different tokens: V (V−1) … (V−blocks+1). */
function namings(blocks: number, dVocab: number): number {
  let ways = 1;
  for (let k = 0; k < blocks; k++) ways *= dVocab - k;
  return ways;
}

/** All prefixes of length `t`, grouped by probability; the masses sum to 1. */
function prefixGroups(t: number, dVocab: number): PrefixGroup[] {
  const periodic = new Map<string, number[]>();
  for (const length of motifLengths)
    for (const motif of partitions(length)) {
      const tiled = Array.from({ length: t }, (_, i) => motif[i % length]);
      periodic.set(tiled.join(), tiled);
    }
  const ascending = Array.from({ length: t }, (_, i) => i % dVocab);
  const ascendingClass = ascending.join();
  const groups: PrefixGroup[] = [];
  const add = (count: number, probability: number, example: readonly number[]) => {
    if (count > 0) groups.push({ mass: count * probability, surprisal: -log(probability), example });
  };
  let covered = 0;
  for (const [name, tokens] of periodic) {
    const count = namings(Math.max(...tokens) + 1, dVocab); // 0 where there are more blocks than tokens
    covered += count;
    const share = exchangeablePart(tokens, dVocab);
    if (name !== ascendingClass) add(count, share, tokens);
    // its members that do not ascend: with the first two names exchanged, 1 0 2 …
    else
      add(
        count - dVocab,
        share,
        tokens.map((token) => (token < 2 ? 1 - token : token)),
      );
  }
  if (!periodic.has(ascendingClass)) covered += dVocab;
  add(dVocab, patternsProbability(ascending, dVocab), ascending);
  // what only the random kind makes; up to the longest motif every prefix is in a class already
  const share = t <= Math.max(...motifLengths) ? 0 : 1 - covered / integerPower(dVocab, t);
  if (share > 0) groups.push({ mass: share / 4, surprisal: t * log(dVocab) + log(4) });
  return groups;
}

function expectedSurprisal(groups: readonly PrefixGroup[]): number {
  return groups.reduce((sum, { mass, surprisal }) => sum + mass * surprisal, 0);
}

/**
 * Exact Bayes floor of the four-pattern task.
 *
 *   byPosition[t − 1] = H(x_1 … x_{t+1}) − H(x_1 … x_t)
 *
 * The original size (10 tokens, length 8) gives causal 1.029524760073 and leaky 0.082476433790 nats. Time grows with
 * nCtx² and does not depend on dVocab.
 *
 * @throws ArgumentError unless dVocab and nCtx are whole numbers of at least 2
 */
export function patternsFloor(size: TaskSize): BayesFloor {
  const { dVocab, nCtx } = checkedSize(size);
  const groups = Array.from({ length: nCtx }, (_, i) => prefixGroups(i + 1, dVocab));
  const entropies = groups.map(expectedSurprisal);
  const nPos = nCtx - 1;
  const byPosition = Array.from({ length: nPos }, (_, i) => entropies[i + 1] - entropies[i]);
  const entropyOfFirst = entropies[0];
  const entropyOfSequence = entropies[nPos];
  // p(x_1) = 1/V for every x_1, so only −ln p(x_1 … x_T) varies between sequences
  const variance = groups[nPos].reduce(
    (sum, { mass, surprisal }) => sum + mass * integerPower(surprisal - entropyOfSequence, 2),
    0,
  );
  return {
    byPosition,
    causal: (entropyOfSequence - entropyOfFirst) / nPos,
    leaky: byPosition[nPos - 1] / nPos,
    entropyOfFirst,
    entropyOfSequence,
    sequenceSd: Math.sqrt(variance) / nPos,
  };
}

/** Largest probability that a token has after a prefix. Tokens that are neither in it nor next in order are alike. */
function likeliest(prefix: readonly number[], dVocab: number): number {
  const seen = new Set(prefix);
  const fresh = Array.from({ length: seen.size + 1 }, (_, token) => token).find((token) => !seen.has(token));
  const successor = (prefix[prefix.length - 1] + 1) % dVocab;
  const candidates = [...seen, successor, fresh as number].filter((token) => token < dVocab);
  const after = candidates.map((token) => patternsProbability([...prefix, token], dVocab));
  return Math.max(...after) / patternsProbability(prefix, dVocab);
}

/**
 * Highest expected share of right answers in the four-pattern task, exactly.
 *
 *   ceiling[t − 1] = Σ_x p(x_1 … x_t) max_y p(y | x_1 … x_t)
 *
 * @returns  [pos], nCtx − 1 numbers in (0, 1]
 * @throws ArgumentError unless dVocab and nCtx are whole numbers of at least 2
 */
export function patternsCeiling(size: TaskSize): number[] {
  const { dVocab, nCtx } = checkedSize(size);
  return Array.from({ length: nCtx - 1 }, (_, i) =>
    prefixGroups(i + 1, dVocab).reduce(
      (sum, { mass, example }) =>
        sum + mass * (example === undefined ? 1 / dVocab : likeliest(example, dVocab)),
      0,
    ),
  );
}
