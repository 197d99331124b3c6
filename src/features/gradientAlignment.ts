/** Whether the weights went where the loss fell steepest at the beginning. */
import { ArgumentError } from "../base/errors.ts";
import type { Sequences } from "../data/types.ts";
import type { Backend } from "../graph/backend.ts";
import type { ModelConfig } from "../model/config.ts";
import { modelCount, type Weights } from "../model/weights.ts";
import { openGradientNoise } from "./gradientNoise.ts";

/**
 * Gradient of the mean loss on sequences that all networks share, ∇L with L in nats, mean over sequences and positions.
 *
 * @param weights  [model, ...shape] by name
 * @returns        [model, ...shape] by name
 * @throws ArgumentError for sequences of which only some positions count
 */
export async function lossGradient(
  backend: Backend,
  config: ModelConfig,
  weights: Weights,
  sequences: Sequences,
): Promise<Weights> {
  const { count, scored } = sequences;
  if (scored !== undefined)
    throw new ArgumentError({
      where: "loss gradient",
      rule: "needs sequences of which every position counts",
      got: `scored positions ${scored.join("")}`,
    });
  const models = modelCount(config, weights);
  const gradients = openGradientNoise(backend, config, models, sequences);
  try {
    return await gradients.draw(
      weights,
      Array.from({ length: models }, () => sequences),
      new Float64Array(models * count).fill(1 / count),
    );
  } finally {
    gradients.close();
  }
}

/** What {@link gradientAlignment} returns; cosines in [−1, 1], [model]. */
export interface GradientAlignment {
  /** Over all weights as one vector; chance is 0 with a standard deviation of 1/√(number of weights). */
  readonly all: Float64Array;
  /** Of each weight by itself: all scales count alike here, large tensors decide above. */
  readonly byWeight: ReadonlyMap<string, Float64Array>;
}

/**
 * Gradient alignment of a displacement: 1 for one long step of plain descent, 0 for motion that the gradient says nothing
 * about, below 0 uphill.
 *
 *   − ⟨θ₁ − θ₀, ∇L(θ₀)⟩ / ( ‖θ₁ − θ₀‖ ‖∇L(θ₀)‖ )
 *
 * Descent whose gradient turns on the way ends at an angle to where it set out, and so does Adam, which divides the
 * scale of the gradient out entry by entry.
 *
 * Edges: NaN for a weight that did not move or has no gradient.
 *
 * @param displacement  θ₁ − θ₀ by name, [model, ...shape]
 * @param gradient      ∇L(θ₀), see {@link lossGradient}
 * @throws ArgumentError if a weight is missing, or sizes differ or do not divide into models
 */
export function gradientAlignment(
  displacement: Readonly<Record<string, ArrayLike<number>>>,
  gradient: Readonly<Record<string, ArrayLike<number>>>,
  models: number,
): GradientAlignment {
  const sums = () => ({
    product: new Float64Array(models),
    moved: new Float64Array(models),
    steep: new Float64Array(models),
  });
  const cosine = ({ product, moved, steep }: ReturnType<typeof sums>) =>
    product.map((value, model) => -value / (Math.sqrt(moved[model]) * Math.sqrt(steep[model])));
  const total = sums();
  const byWeight = new Map<string, Float64Array>();
  for (const [name, change] of Object.entries(displacement)) {
    const slope = gradient[name];
    if (slope?.length !== change.length || change.length % models !== 0)
      throw new ArgumentError({
        where: `gradient alignment of "${name}"`,
        rule: `displacement and gradient must be those of ${models} networks`,
        got: `${change.length} and ${slope?.length ?? "no"} numbers`,
      });
    const own = sums();
    const size = change.length / models;
    for (let at = 0; at < change.length; at++) {
      const model = Math.floor(at / size);
      own.product[model] += change[at] * slope[at];
      own.moved[model] += change[at] ** 2;
      own.steep[model] += slope[at] ** 2;
    }
    byWeight.set(name, cosine(own));
    for (let model = 0; model < models; model++) {
      total.product[model] += own.product[model];
      total.moved[model] += own.moved[model];
      total.steep[model] += own.steep[model];
    }
  }
  return { all: cosine(total), byWeight };
}
