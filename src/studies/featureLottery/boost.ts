/** The intervention: frequencies made stronger before the first step. */
import type { RandomStream } from "../../base/random.ts";
import { amplifyFrequency } from "../../features/amplifyFrequency.ts";
import type { AdditionNetwork } from "./network.ts";
import { boostFactor } from "./plan.ts";

/** Weights of one network by name. */
export type OneNetwork = Readonly<Record<string, Float32Array>>;

/** Which frequency of a unit is watched, and whether it is boosted. */
export interface WatchedFrequency {
  readonly unit: number;
  /** Index of the frequency: 0 stands for 1. */
  readonly frequency: number;
  readonly boosted: boolean;
}

/**
 * A frequency to watch in every unit, at random among those that do not lead it, and the random half of the units in
 * which it is boosted.
 *
 * @param leading  index of the leading frequency, [unit]
 */
export function watchedFrequencies(
  stream: RandomStream,
  leading: ArrayLike<number>,
  frequencies: number,
): WatchedFrequency[] {
  const order = stream.child("half").permutation(leading.length);
  const which = stream.child("frequency");
  return Array.from(leading, (first, unit) => ({
    unit,
    frequency: otherThan(which, first, frequencies),
    boosted: order[unit] < leading.length / 2,
  }));
}

/** Of what is watched, the boost of one unit at random, and of no other. */
export function oneBoosted(stream: RandomStream, watched: readonly WatchedFrequency[]): WatchedFrequency[] {
  const one = stream.child("one unit").integer(watched.length);
  return watched.map((each) => ({ ...each, boosted: each.unit === one }));
}

/** An index at random that is not `first`. */
export function otherThan(stream: RandomStream, first: number, count: number): number {
  return (first + 1 + stream.integer(count - 1)) % count;
}

/** A perceptron with the boosted frequencies of its units stronger in all three curves. */
export function boostUnits(
  { modulus: period, units }: AdditionNetwork,
  weights: OneNetwork,
  watched: readonly WatchedFrequency[],
): OneNetwork {
  const { W_a, W_b, W_out } = copied(weights);
  for (const { unit, frequency: index, boosted } of watched) {
    if (!boosted) continue;
    const how = { period, frequency: index + 1, factor: boostFactor };
    for (const table of [W_a, W_b]) amplifyFrequency(table, { ...how, from: unit, stride: units }); // [number, unit]
    amplifyFrequency(W_out, { ...how, from: unit * period }); // [unit, c]
  }
  return { W_a, W_b, W_out };
}

/** A transformer with one frequency of its embedding of the numbers stronger, in every direction of the stream. */
export function boostEmbedding(
  { modulus: period }: AdditionNetwork,
  weights: OneNetwork,
  index: number,
): OneNetwork {
  const boosted = copied(weights);
  const table = boosted["embed.W_E"]; // [token, dModel]; the last token is `=`
  const dModel = table.length / (period + 1);
  for (let from = 0; from < dModel; from++)
    amplifyFrequency(table, { from, stride: dModel, period, frequency: index + 1, factor: boostFactor });
  return boosted;
}

function copied(weights: OneNetwork): Record<string, Float32Array> {
  return Object.fromEntries(Object.entries(weights).map(([name, values]) => [name, values.slice()]));
}
