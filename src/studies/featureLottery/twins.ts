/** The twins of networks: the same initial weights with something boosted. */
import type { RandomStream } from "../../base/random.ts";
import type { LotteryArm, TwinKind } from "./arms.ts";
import {
  boostEmbedding,
  boostUnits,
  type OneNetwork,
  oneBoosted,
  otherThan,
  type WatchedFrequency,
  watchedFrequencies,
} from "./boost.ts";
import {
  type EmbeddingBoost,
  embeddingBoost,
  type FirstAndLast,
  type UnitBoost,
  unitBoost,
} from "./boostEffect.ts";
import { boostUnitsOfTransformer } from "./boostUnitsOfTransformer.ts";
import { embeddingShares } from "./embedding.ts";
import type { Picture } from "./lottery.ts";
import type { AdditionNetwork } from "./network.ts";

/** A network before training. */
export interface Newborn {
  readonly weights: OneNetwork;
  readonly picture: Picture;
  /** What a transformer's units read of each number, [number, dModel]; a perceptron has none. */
  readonly stream?: ArrayLike<number>;
}

/** The twin of one network. */
export interface Twin {
  readonly weights: OneNetwork;
  /** What the boost changed, once both are trained. */
  effect(plain: FirstAndLast, twin: FirstAndLast): UnitBoost | EmbeddingBoost;
}

/**
 * A twin of a network.
 *
 * @param stream  of the seed; all twins of a network that boost units watch the same frequencies
 */
export function twinOf(
  kind: TwinKind,
  arm: Pick<LotteryArm, "kind">,
  network: AdditionNetwork,
  { weights, picture, stream: read = [] }: Newborn,
  stream: RandomStream,
): Twin {
  if (kind === "embedding") {
    const before = embeddingShares(weights["embed.W_E"], network);
    const frequency = otherThan(stream.child("embedding"), before.leading[0], picture.frequencies);
    return {
      weights: boostEmbedding(network, weights, frequency),
      effect: (plain, twin) => embeddingBoost(before, plain.last, twin.last, frequency),
    };
  }
  const half = watchedFrequencies(stream, picture.leading, picture.frequencies);
  const watched: readonly WatchedFrequency[] = kind === "units" ? half : oneBoosted(stream, half);
  return {
    weights:
      arm.kind === "perceptron"
        ? boostUnits(network, weights, watched)
        : boostUnitsOfTransformer(network, weights, read, watched),
    effect: (plain, twin) => unitBoost(kind, plain, twin, watched),
  };
}
