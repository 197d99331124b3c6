/**
 * Networks displaced as far as training displaced them, but somewhere else: the null of "training keeps what was there".
 *
 * Every null here moves each tensor of each network by exactly the Frobenius norm that training moved it by. They differ
 * in what else of the displacement D = W₁ − W₀ they keep, from nothing but its length to all but its sign, so that the
 * first one that does to a network what training did names what matters.
 */
import { sameLength } from "../base/check.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";
import type { RandomStream } from "../base/random.ts";
import { type Shape, sizeOf } from "../graph/node.ts";
import type { ModelConfig } from "../model/config.ts";
import { orthogonalMatrix } from "../model/orthogonal.ts";
import { modelCount, type Weights, weightShapes } from "../model/weights.ts";
import { type WeightMatrix, weightMatrix } from "./singularValues.ts";

/** A displacement as one matrix from inputs to outputs; a bias or a norm is one row, with a column for each unit. */
interface Moved extends WeightMatrix {
  readonly values: Float64Array;
}

/** Makes a direction of the same layout from a displacement. Its length does not matter. */
type Direction = (moved: Moved, stream: RandomStream) => Float64Array;

const coin = (stream: RandomStream) => (stream.integer(2) === 0 ? -1 : 1);

/** D Q with a random rotation of the outputs. */
const rotateOutputs: Direction = ({ rows, columns, values }, stream) => {
  const rotation = orthogonalMatrix(columns, columns, stream);
  const rotated = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++)
    for (let from = 0; from < columns; from++) {
      const value = values[row * columns + from];
      for (let to = 0; to < columns; to++)
        rotated[row * columns + to] += value * rotation[from * columns + to];
    }
  return rotated;
};

/** Q D with a random rotation of the inputs. */
const rotateInputs: Direction = ({ rows, columns, values }, stream) => {
  const rotation = orthogonalMatrix(rows, rows, stream);
  const rotated = new Float64Array(rows * columns);
  for (let to = 0; to < rows; to++)
    for (let from = 0; from < rows; from++) {
      const weight = rotation[to * rows + from];
      for (let column = 0; column < columns; column++)
        rotated[to * columns + column] += weight * values[from * columns + column];
    }
  return rotated;
};

/**
 * Ways to go astray, by what they keep of a displacement D besides its length.
 *
 * - `isotropic`: nothing
 * - `permuted`: the sizes of its entries, in another order and with random signs
 * - `byUnit`: the length of every unit's fan-in (a column of D)
 * - `spectrum`: its singular values, with directions uniform on both sides
 * - `outputs`: which units move together (Q D: what they read is rotated)
 * - `inputs`: what is read differently than before (D Q: the units that do it are rotated)
 * - `signed`: all of D but its sign, drawn for every tensor by itself: no two tensors act in concert
 * - `opposite`: −D, all tensors in concert, uphill; nothing is drawn
 */
const directions = {
  isotropic: ({ values }, stream) => values.map(() => stream.normal()),
  permuted: ({ values }, stream) => {
    const order = stream.permutation(values.length);
    return values.map((_, at) => coin(stream) * values[order[at]]);
  },
  byUnit: ({ rows, columns, values }, stream) => {
    const drawn = values.map(() => stream.normal());
    for (let column = 0; column < columns; column++) {
      let [wanted, had] = [0, 0];
      for (let row = 0; row < rows; row++) {
        wanted += values[row * columns + column] ** 2;
        had += drawn[row * columns + column] ** 2;
      }
      for (let row = 0; row < rows; row++) drawn[row * columns + column] *= Math.sqrt(wanted / had);
    }
    return drawn;
  },
  spectrum: (moved, stream) =>
    rotateInputs({ ...moved, values: rotateOutputs(moved, stream) }, stream.child("inputs")),
  outputs: rotateInputs,
  inputs: rotateOutputs,
  signed: ({ values }, stream) => {
    const sign = coin(stream);
    return values.map((value) => sign * value);
  },
  opposite: ({ values }) => values.map((value) => -value),
} as const satisfies Record<string, Direction>;

/** Name of a way to go astray. */
export type DirectionName = keyof typeof directions;

/** The ways, from the one that keeps least. */
export const directionNames = Object.keys(directions) as readonly DirectionName[];

/**
 * W₁ − W₀, in float64.
 *
 * @throws ArgumentError if a weight is missing or has another size
 */
export function displacementOf(start: Weights, end: Weights): Record<string, Float64Array> {
  return Object.fromEntries(
    Object.entries(start).map(([name, from]) => {
      const to = end[name];
      if (to === undefined)
        throw new ArgumentError({
          where: `displacement of "${name}"`,
          rule: "the weight must be in both sets",
        });
      sameLength(`displacement of "${name}"`, from, to);
      return [name, Float64Array.from(from, (value, at) => to[at] - value)];
    }),
  );
}

/**
 * A direction for every tensor of every network.
 *
 * A row of a matrix that training left exactly as it was, such as the embedding of a position that never occurs, has
 * none: noise there would cost norm and change nothing.
 *
 * @param displacement  [model, ...shape] by name
 * @param streams       one a model; each tensor draws from its child of the tensor's name
 * @returns             [model, ...shape] by name; lengths mean nothing until {@link matchedNoise} sets them
 * @throws ArgumentError if the displacement does not fit the config, ShapeError if there is not one stream a model
 */
export function drawDirection(
  config: ModelConfig,
  kind: DirectionName,
  displacement: Weights,
  streams: readonly RandomStream[],
): Record<string, Float64Array> {
  const models = modelCount(config, displacement);
  if (streams.length !== models)
    throw new ShapeError({
      where: `directions "${kind}"`,
      rule: "needs one random stream a model",
      got: `${streams.length} for ${models} models`,
    });
  const drawn: Record<string, Float64Array> = {};
  for (const [name, shape] of weightShapes(config)) {
    const size = sizeOf(shape);
    const places = matrixPlaces(name, shape);
    drawn[name] = new Float64Array(models * size);
    for (let model = 0; model < models; model++) {
      const from = model * size;
      const moved = movedRows(places, displacement[name].subarray(from, from + size));
      const values = Float64Array.from(moved.values, (place) => displacement[name][from + place]);
      const direction = directions[kind]({ ...moved, values }, streams[model].child(name));
      direction.forEach((value, at) => {
        drawn[name][from + moved.values[at]] = value;
      });
    }
  }
  return drawn;
}

/** Where each entry of a weight's matrix lies in the weight. */
function matrixPlaces(name: string, shape: Shape): WeightMatrix {
  const places = Int32Array.from({ length: sizeOf(shape) }, (_, at) => at);
  const isMatrix = name.slice(name.lastIndexOf(".") + 1).startsWith("W_");
  return isMatrix ? weightMatrix(name, shape, places) : { rows: 1, columns: places.length, values: places };
}

/** The rows of a matrix that a displacement has moved. */
function movedRows(
  { rows, columns, values: places }: WeightMatrix,
  displacement: ArrayLike<number>,
): WeightMatrix {
  const rowOf = (row: number) =>
    Array.from({ length: columns }, (_, column) => places[row * columns + column]);
  const moved = Array.from({ length: rows }, (_, row) => rowOf(row)).filter((row) =>
    row.some((place) => displacement[place] !== 0),
  );
  return { rows: moved.length, columns, values: moved.flat() };
}

/**
 * Networks that start where training started and go as far, tensor by tensor, in given directions.
 *
 *   W = W₀ + N · ‖W₁ − W₀‖ / ‖N‖
 *
 * Edges: a tensor that training left alone stays as it is; one with an entry that is not finite becomes NaN.
 *
 * @param start      W₀, [model, ...shape] by name
 * @param end        W₁, of the same names and sizes
 * @param direction  N, of the same names and sizes
 * @returns          in the element type of `start`
 * @throws ArgumentError if sizes differ, or a tensor that moved has a direction of length 0
 * @throws ShapeError    if a weight does not divide into models
 */
export function matchedNoise(start: Weights, end: Weights, direction: Weights, models: number): Weights {
  const moved = displacementOf(start, end);
  return Object.fromEntries(
    Object.entries(start).map(([name, from]) => {
      const towards = direction[name];
      sameLength(`direction of "${name}"`, from, towards ?? []);
      const size = from.length / models;
      if (!Number.isInteger(size))
        throw new ShapeError({
          where: `direction of "${name}"`,
          rule: "a weight must be [model, ...shape]",
          got: `${from.length} values for ${models} models`,
        });
      const factors = Float64Array.from({ length: models }, (_, model) => {
        const [low, high] = [model * size, (model + 1) * size];
        const wanted = norm(moved[name].subarray(low, high));
        const had = norm(towards.subarray(low, high));
        if (had === 0 && wanted > 0)
          throw new ArgumentError({
            where: `direction of "${name}"`,
            rule: "a tensor that moved needs a direction to go",
            got: `zeros for model ${model}`,
          });
        return wanted === 0 ? 0 : wanted / had;
      });
      return [name, from.map((value, at) => value + factors[Math.floor(at / size)] * towards[at])];
    }),
  );
}

function norm(values: ArrayLike<number>): number {
  let total = 0;
  for (let at = 0; at < values.length; at++) total += values[at] ** 2;
  return Math.sqrt(total);
}
