/**
 * The reset test: how much does a trained network lose when a part of it is put back to its initial value, against
 * putting it to another draw of the same law?
 *
 *   dL_own(g)   = L(θ₁ with g ← θ₀) − L(θ₁)            back to its own beginning
 *   dL_fresh(g) = L(θ₁ with g ← a fresh draw) − L(θ₁)  somebody else's beginning
 *   dL_near(g)  = L(θ₁ with g moved as far as θ₀ is, in a random direction) − L(θ₁)
 *
 * An own beginning can be harmless only because training did not go far from it; the last of the three tells that apart.
 */
import type { RandomStream } from "../base/random.ts";
import { sizeOf } from "../graph/node.ts";
import { hasBias, type ModelConfig } from "../model/config.ts";
import { type Weights, weightShapes } from "../model/weights.ts";
import { mean } from "../stats/moments.ts";
import { overSets, type VariantLosses } from "./variantLosses.ts";

/** Some entries of some weights. */
export interface WeightPart {
  readonly name: string;
  /** Row-major places in one model's weight, by the weight's name. */
  readonly entries: Readonly<Record<string, Int32Array>>;
}

const everything = (size: number) => Int32Array.from({ length: size }, (_, at) => at);

/**
 * The weight groups of a network: both embeddings, attention and the two halves of the MLP of each layer, the
 * unembedding; biases go with their matrices. Layer norms are left out: all initialisations of them are alike. So is a
 * group that the architecture has not.
 */
export function weightGroups(config: ModelConfig): WeightPart[] {
  const shapes = weightShapes(config);
  const group = (name: string, weights: readonly string[]): WeightPart[] => {
    const held = weights.filter((weight) => shapes.has(weight));
    if (held.length === 0) return [];
    const entries = held.map((weight) => [weight, everything(sizeOf(shapes.get(weight) ?? []))] as const);
    return [{ name, entries: Object.fromEntries(entries) }];
  };
  return [
    ...group("token embedding", ["embed.W_E"]),
    ...group("position embedding", ["pos_embed.W_pos"]),
    ...group("segment embedding", ["token_type_embed.W_token_type"]),
    ...Array.from({ length: config.nLayers }, (_, layer) => {
      const attention = ["Q", "K", "V", "O"].flatMap((letter) =>
        ["W", "b"].map((kind) => `blocks.${layer}.attn.${kind}_${letter}`),
      );
      const mlp = (half: string) => ["W", "b"].map((kind) => `blocks.${layer}.mlp.${kind}_${half}`);
      return [
        ...group(`L${layer} attention`, attention),
        ...group(`L${layer} MLP in`, [...mlp("gate"), ...mlp("in")]),
        ...group(`L${layer} MLP out`, mlp("out")),
      ];
    }).flat(),
    ...group("unembedding", ["mlm_head.W", "mlm_head.b", "unembed.W_U", "unembed.b_U"]),
  ];
}

/** Fan-in of every MLP unit of a layer: its column of W_in and its entry of b_in, and of W_gate and b_gate, [unit]. */
export function fanIns(config: ModelConfig, layer: number): WeightPart[] {
  const { dModel, dMlp } = config;
  const column = (unit: number) => Int32Array.from({ length: dModel }, (_, row) => row * dMlp + unit);
  return Array.from({ length: dMlp }, (_, unit) => ({
    name: `L${layer}N${unit}`,
    entries: Object.fromEntries(
      (config.gatedMlp ? ["in", "gate"] : ["in"]).flatMap((half) => [
        [`blocks.${layer}.mlp.W_${half}`, column(unit)],
        ...(hasBias(config, "mlp") ? [[`blocks.${layer}.mlp.b_${half}`, Int32Array.of(unit)]] : []),
      ]),
    ),
  }));
}

/** A network with one part from another; all other weights are the same arrays. */
export function withPart(weights: Weights, part: WeightPart, source: Weights): Weights {
  const changed = Object.entries(part.entries).map(([name, places]) => {
    const values = weights[name].slice();
    for (const at of places) values[at] = source[name][at];
    return [name, values] as const;
  });
  return { ...weights, ...Object.fromEntries(changed) };
}

/**
 * A network with one part moved in a random direction, each weight of the part as far as it is from the source's.
 * Entries that equal the source's stay: what training never touched is not touched here either.
 */
export function withPartNear(
  weights: Weights,
  part: WeightPart,
  source: Weights,
  stream: RandomStream,
): Weights {
  const changed = Object.entries(part.entries).map(([name, places]) => {
    const values = weights[name].slice();
    const moved = places.filter((at) => values[at] !== source[name][at]);
    const direction = Float64Array.from(moved, () => stream.normal());
    let [distance, length] = [0, 0];
    for (const [i, at] of moved.entries()) {
      distance += (source[name][at] - values[at]) ** 2;
      length += direction[i] ** 2;
    }
    const factor = Math.sqrt(distance / length);
    for (const [i, at] of moved.entries()) values[at] += factor * direction[i];
    return [name, values] as const;
  });
  return { ...weights, ...Object.fromEntries(changed) };
}

/** Networks of a reset test, [1, ...shape] each. */
export interface ResetOptions {
  readonly trained: Weights;
  /** The same network before training. */
  readonly initial: Weights;
  /** Fresh draws of the initialisation. */
  readonly fresh: readonly Weights[];
  /** Random directions for each part. */
  readonly near: number;
  readonly parts: readonly WeightPart[];
  /** Source of the directions. */
  readonly stream: RandomStream;
}

/** What a reset of each part costs, nats; positive is worse than trained. */
export interface ResetCosts {
  /** Loss of the trained network. */
  readonly loss: number;
  /** dL_own, [part]. */
  readonly own: Float64Array;
  /** dL_fresh, [part][draw]. */
  readonly fresh: readonly Float64Array[];
  /** dL_near, [part][direction]. */
  readonly near: readonly Float64Array[];
}

/** Resets every part of a trained network in turn. */
export async function resetCosts(
  losses: VariantLosses,
  { trained, initial, fresh, near, parts, stream }: ResetOptions,
): Promise<ResetCosts> {
  const variants = parts.flatMap((part) => [
    withPart(trained, part, initial),
    ...fresh.map((draw) => withPart(trained, part, draw)),
    ...Array.from({ length: near }, (_, direction) =>
      withPartNear(trained, part, initial, stream.child(part.name, direction)),
    ),
  ]);
  const [loss, ...reset] = overSets(await losses.plain([trained, ...variants]));
  const each = 1 + fresh.length + near;
  const costs = parts.map((_, at) =>
    Float64Array.from(reset.slice(at * each, (at + 1) * each), (one) => one - loss),
  );
  return {
    loss,
    own: Float64Array.from(costs, (of) => of[0]),
    fresh: costs.map((of) => of.slice(1, 1 + fresh.length)),
    near: costs.map((of) => of.slice(1 + fresh.length)),
  };
}

/**
 * Functional persistence index of a part.
 *
 *   FPI = 1 − dL_own / mean dL_fresh
 *
 * 1: the initial value is as good as the trained one; 0: no better than a fresh one; below 0 worse. NaN where fresh ones
 * cost nothing on average or less, for then there is nothing to be persistent in. The index of a point in a random
 * direction, with dL_near in the place of dL_own, says how much of it nearness alone explains.
 *
 * @param own    cost of what is judged
 * @param fresh  cost of each fresh draw
 * @source after Zhang, Bengio & Singer 2022, who re-initialise and re-randomise layers
 */
export function functionalPersistence(own: number, fresh: ArrayLike<number>): number {
  const cost = mean(fresh);
  return cost > 0 ? 1 - own / cost : Number.NaN;
}
