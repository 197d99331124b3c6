/** Where the weights of a population are read from, matrix by matrix. */
import { ArgumentError, NameError } from "../base/errors.ts";
import type { Session, TensorData } from "../graph/backend.ts";
import { sizeOf } from "../graph/node.ts";
import { type ModelConfig, validateConfig } from "../model/config.ts";
import { modelCount, type Weights, weightShapes } from "../model/weights.ts";
import type { DenseMatrix } from "./denseMatrix.ts";

/** A population's weights; every open network is one. */
export interface WeightSource {
  readonly config: ModelConfig;
  readonly models: number;
  readonly session: Pick<Session, "read">;
}

/**
 * Weights as a source, such as those of a checkpoint: what only reads weights needs no backend.
 *
 * @param weights  [model, ...shape]
 * @throws NameError, ArgumentError if the config cannot exist or the weights do not fit it
 */
export function weightSource(config: ModelConfig, weights: Weights): WeightSource {
  validateConfig(config);
  return { config, models: modelCount(config, weights), session: { read: async (name) => weights[name] } };
}

/** Reads one matrix of one model; of a weight by head, one head's. A vector is a matrix of one row. */
export type ReadMatrix = (name: string, model: number, head?: number) => Promise<DenseMatrix>;

/**
 * A reader that fetches every weight once.
 *
 * It throws NameError for a weight that the config has not, and ArgumentError for one that is not finite.
 */
export function matrixReader({ config, session }: WeightSource): ReadMatrix {
  const shapes = weightShapes(config);
  const fetched = new Map<string, TensorData>();
  return async (name, model, head = 0) => {
    const shape = shapes.get(name);
    if (shape === undefined)
      throw new NameError({ where: `weight "${name}"`, rule: "the model has no such weight" });
    const all = fetched.get(name) ?? (await session.read(name));
    fetched.set(name, all);
    const columns = shape[shape.length - 1];
    const rows = shape.length === 1 ? 1 : shape[shape.length - 2];
    const start = model * sizeOf(shape) + head * rows * columns;
    const data = Float64Array.from(all.subarray(start, start + rows * columns));
    const strange = data.find((value) => !Number.isFinite(value));
    if (strange !== undefined)
      throw new ArgumentError({
        where: `weight "${name}" of model ${model}`,
        rule: "must be finite",
        got: String(strange),
        wayOut: "A network that diverged has no circuits: leave it out of `models`.",
      });
    return { rows, columns, data };
  };
}
