/** Noise made of what happens on the way: gathered while networks train, in memory that does not grow with the steps. */
import { inTurn } from "../../base/inTurn.ts";
import type { RandomStream } from "../../base/random.ts";
import { taskNamed } from "../../data/registry.ts";
import { openGradientNoise } from "../../features/gradientNoise.ts";
import type { Backend } from "../../graph/backend.ts";
import { sizeOf } from "../../graph/node.ts";
import { type Weights, weightShapes } from "../../model/weights.ts";
import { type NoiseArm, stretchCount } from "./arms.ts";

/** Kinds of noise that come from the path, not from its ends. */
export const pathNoises = ["gradient", "preconditioned", "stretches"] as const;
export type PathNoise = (typeof pathNoises)[number];

/** Looks at a training and makes directions of it. */
export interface Path {
  /** To be called at the beginning and at the end of every stretch. */
  look(step: number, weights: Weights): Promise<void>;
  /**
   * By kind, one for every draw of it, [model, ...shape] by name, of what was looked at so far.
   *
   * - `gradient`: Σ ξ ∇ℓ over the gradients of single sequences at five points of the path, ξ standard normal
   * - `preconditioned`: the same, every entry divided by its root mean square over points and draws, as Adam would do
   * - `stretches`: Σ ±(W at the end − W at the beginning) over the stretches of the path, with random signs
   */
  directions(): Readonly<Record<PathNoise, readonly Record<string, Float64Array>[]>>;
  close(): void;
}

/** Stretches between two points at which gradients are drawn: the quarters of the path. */
const stretchesApart = stretchCount / 4;

/**
 * @param streamsFor  independent streams for a purpose, one a model
 */
export function openPath(
  { growth, draws, gradients }: NoiseArm,
  backend: Backend,
  streamsFor: (...purpose: (string | number)[]) => RandomStream[],
): Path {
  const { config, task: taskName, steps } = growth;
  const shapes = weightShapes(config);
  const task = taskNamed(taskName, { dVocab: config.dVocab, nCtx: config.nCtx });
  const sequences = streamsFor("sequences").map((stream) => task.sample(stream, gradients));
  const models = sequences.length;
  const noise = openGradientNoise(backend, config, models, sequences[0]);
  const zeros = () =>
    Object.fromEntries([...shapes].map(([name, shape]) => [name, new Float64Array(models * sizeOf(shape))]));
  const gradientSums = Array.from({ length: draws.tested }, zeros);
  const stretchSums = Array.from({ length: draws.explored }, zeros);
  const squares = zeros();
  const normals = gradientSums.map((_, draw) => streamsFor("gradient", draw));
  const signs = stretchSums.map((_, draw) => streamsFor("stretches", draw));
  let before: Weights | undefined;
  return {
    directions: () => ({
      gradient: gradientSums,
      preconditioned: gradientSums.map((sums) =>
        Object.fromEntries(
          Object.entries(sums).map(([name, sum]) => [
            name,
            // an entry that no gradient reaches, such as a position that never occurs, stays where it is
            sum.map((value, at) => (squares[name][at] === 0 ? 0 : value / Math.sqrt(squares[name][at]))),
          ]),
        ),
      ),
      stretches: stretchSums,
    }),
    look: async (step, weights) => {
      if ((step / (steps / stretchCount)) % stretchesApart === 0)
        await inTurn(gradientSums, async (sum, draw) => {
          const coefficients = normals[draw].flatMap((stream) =>
            Array.from({ length: gradients }, () => stream.normal()),
          );
          const drawn = await noise.draw(weights, sequences, coefficients);
          for (const name of shapes.keys())
            for (let at = 0; at < sum[name].length; at++) {
              sum[name][at] += drawn[name][at];
              squares[name][at] += drawn[name][at] ** 2;
            }
        });
      if (before !== undefined) {
        const from = before;
        stretchSums.forEach((sum, draw) => {
          const sign = signs[draw].map((stream) => (stream.integer(2) === 0 ? -1 : 1));
          for (const name of shapes.keys()) {
            const size = sum[name].length / models;
            for (let at = 0; at < sum[name].length; at++)
              sum[name][at] += sign[Math.floor(at / size)] * (weights[name][at] - from[name][at]);
          }
        });
      }
      before = weights;
    },
    close: () => noise.close(),
  };
}
