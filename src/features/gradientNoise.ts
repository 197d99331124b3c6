/**
 * Noise where gradients lie: random combinations of the gradients of single sequences.
 *
 * With independent standard normal ξ the sum Σ_k ξ_k g_k is a draw from the normal law of covariance Σ_k g_k g_kᵀ, the
 * (uncentred) covariance of the gradients. It lies in their span and has no preferred sign: what is left of descent when
 * its direction, but not the subspace it happens in, is taken away. The sum is itself a gradient, of Σ_k ξ_k ℓ_k, so a
 * draw costs one backward pass and no gradient of a single sequence is ever stored.
 */
import { ArgumentError } from "../base/errors.ts";
import type { Sequences } from "../data/types.ts";
import type { Backend } from "../graph/backend.ts";
import { crossEntropy, input, mean, mul, sum } from "../graph/build.ts";
import { gradient } from "../graph/gradient.ts";
import { makeGraph } from "../graph/graph.ts";
import type { ModelConfig } from "../model/config.ts";
import { forward } from "../model/transformer.ts";
import { type Weights, weightNodes, weightShapes } from "../model/weights.ts";

/** Draws from the span of gradients; close it after use. */
export interface GradientNoise {
  /**
   * Σ_k ξ_k ∇ℓ_k at some weights, ℓ_k the mean loss over the positions of sequence k.
   *
   * @param weights       [model, ...shape] by name
   * @param sequences     one set a model, all of the size that was opened
   * @param coefficients  ξ, [model, sequence]
   * @returns             [model, ...shape] by name
   */
  draw(weights: Weights, sequences: readonly Sequences[], coefficients: ArrayLike<number>): Promise<Weights>;
  close(): void;
}

/**
 * Opens the gradients of some networks.
 *
 * @param size  sequences in a set, and positions of each; all of them count
 */
export function openGradientNoise(
  backend: Backend,
  config: ModelConfig,
  models: number,
  { count, nPos }: { count: number; nPos: number },
): GradientNoise {
  const shapes = weightShapes(config);
  const session = backend.open({ models, states: Object.fromEntries(shapes) });
  const weights = weightNodes(config);
  const names = Object.keys(weights);
  const tokens = input("tokens", [count, nPos], "int32"); // [batch, pos]
  const targets = input("targets", [count, nPos], "int32"); // [batch, pos]
  const coefficients = input("coefficients", [count]); // [batch]
  const nats = mean(crossEntropy(forward(config, weights, tokens), targets), [1]); // [batch]
  const found = gradient(
    sum(mul(nats, coefficients)),
    names.map((name) => weights[name]),
  );
  const program = session.compile(
    makeGraph({ outputs: Object.fromEntries(names.map((name, at) => [name, found[at]])) }),
  );
  return {
    draw: async (at, sequences, drawn) => {
      if (sequences.length !== models || sequences.some((set) => set.count !== count || set.nPos !== nPos))
        throw new ArgumentError({
          where: "gradient noise",
          rule: `needs one set of ${count} sequences with ${nPos} positions for each of ${models} models`,
          got: sequences.map((set) => `${set.count}x${set.nPos}`).join(" "),
        });
      for (const name of names) session.write(name, at[name]);
      const stacked = (pick: (set: Sequences) => Int32Array) => {
        const all = new Int32Array(models * count * nPos);
        sequences.forEach((set, model) => {
          all.set(pick(set), model * count * nPos);
        });
        return all;
      };
      return program.run({
        tokens: stacked(({ inputs }) => inputs),
        targets: stacked((set) => set.targets),
        coefficients: Float64Array.from(drawn),
      });
    },
    close: () => session.close(),
  };
}
