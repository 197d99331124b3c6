/**
 * The null of scores that are made of weights alone: what random initialisations of the same config score.
 *
 *   high = (1 + number of draws that score as high or higher) / (1 + draws);  low likewise
 *
 * Each head, or pair of heads, has its own null. Under it a network is one more draw, so P(high ≤ α) ≤ α exactly, for
 * any number of draws. Of m scores some reach any level by chance: `familywise` compares each score with the largest
 * (or smallest) of all m in every draw, so that a random network has any familywise p ≤ α at one end with probability at
 * most α. It takes 1/α − 1 draws, where Bonferroni takes m/α − 1. Each name (q, k, v) is a family of its own.
 */
import { integerIn } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";
import type { RandomStream } from "../base/random.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Weights } from "../model/weights.ts";
import type { Tensor } from "./tensor.ts";
import { type WeightSource, weightSource } from "./weightSource.ts";

/** Scores of a population that depend on nothing but its weights. */
export interface WeightScores<K extends string> {
  readonly config: ModelConfig;
  /** What else they depend on. */
  readonly setting: Readonly<Record<string, string | number>>;
  /** Each with the axis `model` first. */
  readonly scores: Readonly<Record<K, Tensor>>;
}

/** Draws of one score. */
export interface DrawnScore {
  /** Axes and sizes after `model`. */
  readonly axes: Tensor["axes"];
  readonly shape: Tensor["shape"];
  /** Ascending by draw, one array for each element of that shape. */
  readonly sorted: readonly Float64Array[];
  /** Largest and smallest over all elements, ascending by draw. */
  readonly largest: Float64Array;
  readonly smallest: Float64Array;
}

/** Scores of random initialisations. */
export interface WeightNull<K extends string> {
  readonly draws: number;
  readonly config: ModelConfig;
  readonly setting: WeightScores<K>["setting"];
  readonly scores: Readonly<Record<K, DrawnScore>>;
}

/** P values at both ends, each in [1/(1 + draws), 1]. NaN for an undefined score. */
export interface Tails {
  /** Of a score this high or higher. */
  readonly high: Tensor;
  /** Of a score this low or lower. */
  readonly low: Tensor;
}

/** Where the scores of a population lie within their null; tensors of the scores' axes. */
export interface WeightPlace {
  /** Share of the draws below, equal ones counted half, in [0, 1]; NaN for an undefined score. */
  readonly percentile: Tensor;
  /** Of each score by itself; one end decided on beforehand, or twice the smaller. */
  readonly p: Tails;
  /** Corrected for looking at all scores of this name, of one network, at one end. */
  readonly familywise: Tails;
}

/**
 * Scores of random initialisations.
 *
 * @param initFor  weights of one network from a stream, e.g.
 *                 `(stream) => initialWeights(config, { scheme: "pytorch" }, stream)`
 * @param measure  {@link compositionScores}, {@link copyingScores}, {@link singularValues}, or a function that calls one
 *                 of them with the options that the network of interest is measured with
 * @param draws    number of networks
 * @param stream   draw i takes `stream.child(i)`
 * @throws ArgumentError  if initFor returns more than one model, or a draw has an undefined score
 */
export async function weightNull<K extends string>(
  config: ModelConfig,
  initFor: (stream: RandomStream) => Weights,
  measure: (source: WeightSource) => Promise<WeightScores<K>>,
  { draws, stream }: { draws: number; stream: RandomStream },
): Promise<WeightNull<K>> {
  integerIn("weight null, draws", draws, 1);
  const drawn: WeightScores<K>[] = [];
  for (let draw = 0; draw < draws; draw++) {
    const source = weightSource(config, initFor(stream.child(draw)));
    if (source.models !== 1)
      throw new ArgumentError({
        where: "weight null, initFor",
        rule: "must return the weights of one model",
        got: `${source.models} models`,
      });
    drawn.push(await measure(source));
  }
  const [{ setting, scores }] = drawn;
  const collected = byName(scores, (name) =>
    collect(
      name,
      drawn.map((one) => one.scores[name]),
    ),
  );
  return { draws, config, setting, scores: collected };
}

function collect(name: string, draws: readonly Tensor[]): DrawnScore {
  const [{ axes, shape, data }] = draws;
  for (const [draw, tensor] of draws.entries())
    if (tensor.data.some(Number.isNaN))
      throw new ArgumentError({
        where: `weight null, ${name}`,
        rule: "must be defined in every random network",
        got: `NaN in draw ${draw}`,
        wayOut: "Take an initialisation that leaves no matrix at zero.",
      });
  const ascending = (of: (tensor: Tensor) => number) => Float64Array.from(draws, of).sort();
  const extreme = (pick: (a: number, b: number) => number) =>
    ascending((tensor) => Array.from(tensor.data).reduce((a, b) => pick(a, b)));
  return {
    axes: axes.slice(1),
    shape: shape.slice(1),
    sorted: Array.from(data, (_, i) => ascending((tensor) => tensor.data[i])),
    largest: extreme(Math.max),
    smallest: extreme(Math.min),
  };
}

/**
 * Percentiles and p values of scores within their null.
 *
 * @throws ArgumentError unless the null was drawn for the same config and setting
 */
export function weightPlaces<K extends string>(
  measured: WeightScores<K>,
  drawn: WeightNull<K>,
): Readonly<Record<K, WeightPlace>> {
  requireSame("config", measured.config, drawn.config);
  requireSame("setting", measured.setting, drawn.setting);
  return byName(measured.scores, (name) => placesOf(measured.scores[name], drawn.scores[name], drawn.draws));
}

function placesOf({ axes, shape, data }: Tensor, drawn: DrawnScore, draws: number): WeightPlace {
  const nullOf = (i: number) => drawn.sorted[i % drawn.sorted.length];
  const tensor = (valueAt: (value: number, i: number) => number): Tensor => ({
    axes,
    shape,
    data: Float64Array.from(data, (value, i) => (Number.isNaN(value) ? Number.NaN : valueAt(value, i))),
  });
  const tails = (highs: (i: number) => Float64Array, lows: (i: number) => Float64Array): Tails => ({
    high: tensor((value, i) => (1 + draws - below(highs(i), value)) / (1 + draws)),
    low: tensor((value, i) => (1 + upTo(lows(i), value)) / (1 + draws)),
  });
  return {
    percentile: tensor((value, i) => (below(nullOf(i), value) + upTo(nullOf(i), value)) / (2 * draws)),
    p: tails(nullOf, nullOf),
    familywise: tails(
      () => drawn.largest,
      () => drawn.smallest,
    ),
  };
}

/** Number of elements of an ascending array for which `before` holds; it holds for the first ones only. */
function countWhere(sorted: Float64Array, before: (element: number) => boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (before(sorted[middle])) low = middle + 1;
    else high = middle;
  }
  return low;
}
const below = (sorted: Float64Array, value: number) => countWhere(sorted, (element) => element < value);
const upTo = (sorted: Float64Array, value: number) => countWhere(sorted, (element) => element <= value);

function byName<K extends string, T>(scores: Readonly<Record<K, unknown>>, make: (name: K) => T) {
  return Object.fromEntries(Object.keys(scores).map((name) => [name, make(name as K)])) as Record<K, T>;
}

function requireSame(what: string, a: object, b: object): void {
  const [mine, theirs] = [a, b].map((one) => new Map<string, unknown>(Object.entries(one)));
  const different = [...new Set([...mine.keys(), ...theirs.keys()])].filter(
    (key) => JSON.stringify(mine.get(key)) !== JSON.stringify(theirs.get(key)),
  );
  if (different.length === 0) return;
  throw new ArgumentError({
    where: "null of weight scores",
    rule: `must be drawn for the same ${what} as the scores`,
    got: different.map((key) => `${key} ${mine.get(key)} and ${theirs.get(key)}`).join(", "),
    wayOut: "Draw it with weightNull for the network's config and the options of its scores.",
  });
}
