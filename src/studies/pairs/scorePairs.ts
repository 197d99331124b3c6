/** Both sentences of minimal pairs, scored by every model of a network. */

import { ArgumentError } from "../../base/errors.ts";
import { type Network, sequenceLogProb } from "../../interp/index.ts";
import type { EncodedPairs } from "./encodePairs.ts";

/** Scores that a pair is judged by: ln P of a sentence, or that divided by its scored tokens; both in nats. */
export const pairMeasures = ["sum", "perToken"] as const;
/** One of {@link pairMeasures}. */
export type PairMeasure = (typeof pairMeasures)[number];

/** 1 where the good sentence scores higher, 0 for a tie, −1 where it scores lower; by measure, [model, pair]. */
export type PairOutcomes = Readonly<Record<PairMeasure, Int8Array>>;

/**
 * Asks every model of a network which sentence of each pair it holds more probable.
 *
 * A tie is an exact one: sentences of the same tokens, or two that a model gives the same number.
 *
 * @param onProgress  as in sequenceLogProb
 * @throws ArgumentError  as sequenceLogProb, or a sentence whose probability is not a number: a model that diverged
 */
export async function scorePairs(
  network: Network,
  { start, pairs, good, bad }: Pick<EncodedPairs, "start" | "pairs" | "good" | "bad">,
  { onProgress }: { readonly onProgress?: (done: number, total: number) => void } = {},
): Promise<PairOutcomes> {
  const given = Math.max(1, start.length);
  const { sums, counts } = await sequenceLogProb(network, [...good, ...bad], { given, onProgress });
  const count = pairs.length;
  const outcomes = { sum: new Int8Array(), perToken: new Int8Array() };
  for (const measure of pairMeasures)
    outcomes[measure] = Int8Array.from({ length: network.models * count }, (_, at) => {
      const model = Math.floor(at / count);
      const pair = at % count;
      const score = (sentence: number) => {
        const sum = sums[model * 2 * count + sentence];
        if (!Number.isNaN(sum)) return measure === "sum" ? sum : sum / counts[sentence];
        throw new ArgumentError({
          where: pairs[pair].where,
          rule: "the probability of a sentence must be a number",
          got: `NaN${network.models > 1 ? ` from model ${model}` : ""}`,
          wayOut: "The weights overflow or hold such numbers: a model that diverged cannot be judged.",
        });
      };
      const [one, other] = [score(pair), score(count + pair)];
      return one > other ? 1 : one < other ? -1 : 0;
    });
  return outcomes;
}

/** What the rule "the sentence of fewer tokens is the good one" says of every pair, [pair]; as {@link PairOutcomes}. */
export function shorterOutcomes({ good, bad }: Pick<EncodedPairs, "good" | "bad">): Int8Array {
  return Int8Array.from(good, (tokens, pair) => Math.sign(bad[pair].length - tokens.length));
}

/** Outcomes of several populations one after the other along the model axis. */
export function joinOutcomes(parts: readonly PairOutcomes[]): PairOutcomes {
  const joined = (measure: PairMeasure) => Int8Array.from(parts.flatMap((part) => Array.from(part[measure])));
  return { sum: joined("sum"), perToken: joined("perToken") };
}
