/** How far training moved the weights: tensor by tensor, unit by unit, and all together. */
import { integerIn, sameLength } from "../base/check.ts";
import { ArgumentError, ShapeError, unknownName } from "../base/errors.ts";
import { type Shape, showShape, sizeOf } from "../graph/node.ts";
import { effectiveRank } from "../stats/spectrum.ts";
import { singularValues, weightMatrix } from "./singularValues.ts";

/** Motion of one weight, [model]. */
export interface Displacement {
  /** ‖W₁ − W₀‖ / ‖W₀‖ in the Frobenius norm; NaN for a weight that was 0 (a bias, say). */
  relative: Float64Array;
  /** Cosine between W₀ and W₁ as vectors, in [−1, 1]; NaN if either is 0. */
  cosine: Float64Array;
  /** Share of the entries whose sign is now the opposite, in [0, 1]; an entry that is or was 0 has not flipped. */
  signFlips: Float64Array;
}

/**
 * Displacement of every weight of a population.
 *
 * Scales differ between tensors (embeddings are wide, hidden weights narrow) and Adam moves all entries alike, so look
 * at each tensor by itself.
 *
 * @param before  by name, [model, ...shape]
 * @param after   the same names and sizes
 * @returns       by name, in the order of `before`
 * @throws ArgumentError if a weight is missing or has another size, ShapeError if one does not divide into models
 */
export function weightDisplacement(
  before: Readonly<Record<string, ArrayLike<number>>>,
  after: Readonly<Record<string, ArrayLike<number>>>,
  models: number,
): Map<string, Displacement> {
  return new Map(
    Object.entries(before).map(([name, start]) => {
      const end = after[name];
      if (end === undefined)
        throw new ArgumentError({
          where: `displacement of "${name}"`,
          rule: "the weight must be in both sets",
          got: `only ${Object.keys(after).join(", ")} after`,
        });
      sameLength(`displacement of "${name}"`, start, end);
      if (start.length % models !== 0)
        throw new ShapeError({
          where: `displacement of "${name}"`,
          rule: "a weight must be [model, ...shape]",
          got: `${start.length} values for ${models} models`,
        });
      return [name, displacementOf(start, end, models)];
    }),
  );
}

function displacementOf(start: ArrayLike<number>, end: ArrayLike<number>, models: number): Displacement {
  const size = start.length / models;
  const result: Displacement = {
    relative: new Float64Array(models),
    cosine: new Float64Array(models),
    signFlips: new Float64Array(models),
  };
  for (let model = 0; model < models; model++) {
    let [moved, first, second, product, flips] = [0, 0, 0, 0, 0];
    for (let at = model * size; at < (model + 1) * size; at++) {
      moved += (end[at] - start[at]) ** 2;
      first += start[at] ** 2;
      second += end[at] ** 2;
      product += start[at] * end[at];
      if (start[at] * end[at] < 0) flips++;
    }
    result.relative[model] = first > 0 ? Math.sqrt(moved / first) : Number.NaN;
    result.cosine[model] = product / (Math.sqrt(first) * Math.sqrt(second));
    result.signFlips[model] = flips / size;
  }
  return result;
}

/**
 * Root mean square of the relative displacements of some weights: each counts alike, whatever its size.
 *
 *   √( (1/n) Σ_w (‖ΔW_w‖ / ‖W_w‖)² )
 *
 * @param names  weights whose start was not 0
 * @returns      [model]
 * @throws NameError if one was not measured, ArgumentError if none is named
 */
export function pooledDisplacement(
  displacements: ReadonlyMap<string, Displacement>,
  names: readonly string[],
): Float64Array {
  integerIn("pooled displacement, number of weights", names.length, 1);
  const parts = names.map((name) => {
    const found = displacements.get(name);
    if (found === undefined) throw unknownName("displacement", name, [...displacements.keys()]);
    return found.relative;
  });
  return parts[0].map((_, model) =>
    Math.sqrt(parts.reduce((total, relative) => total + relative[model] ** 2, 0) / parts.length),
  );
}

/**
 * Displacement of all weights as one vector, ‖θ₁ − θ₀‖ / ‖θ₀‖; weights that began large decide it.
 *
 * @returns  [model]
 * @throws ArgumentError, ShapeError as {@link weightDisplacement}
 */
export function networkDisplacement(
  before: Readonly<Record<string, ArrayLike<number>>>,
  after: Readonly<Record<string, ArrayLike<number>>>,
  models: number,
): Float64Array {
  const moved = new Float64Array(models);
  const first = new Float64Array(models);
  for (const [name, { relative }] of weightDisplacement(before, after, models)) {
    const [start, end] = [before[name], after[name]];
    const size = start.length / models;
    for (let model = 0; model < models; model++) {
      let squares = 0;
      for (let at = model * size; at < (model + 1) * size; at++) squares += start[at] ** 2;
      first[model] += squares;
      if (squares > 0) moved[model] += relative[model] ** 2 * squares;
      else for (let at = model * size; at < (model + 1) * size; at++) moved[model] += end[at] ** 2;
    }
  }
  return moved.map((squares, model) => Math.sqrt(squares / first[model]));
}

/** Motion of the weights of single units, [model, unit]. */
export interface UnitDisplacement {
  readonly units: number;
  /** ‖w₁ − w₀‖ / ‖w₀‖ of a unit's vector; NaN where it was 0. */
  readonly relative: Float64Array;
  /** Cosine between w₀ and w₁: scaling a unit, which changes nothing of its tuning, leaves it 1. NaN if either is 0. */
  readonly cosine: Float64Array;
}

/**
 * Displacement of every unit's own vector in a weight: axis 1 of W_in [dModel, dMlp] gives the fan-in of each unit, axis 0
 * of W_out [dMlp, dModel] its fan-out, axis 0 of W_Q [head, dModel, dHead] a head.
 *
 * @param before  [model, ...shape]
 * @param after   the same size
 * @param shape   of the weight of one model
 * @param axis    along which units are counted
 * @throws ArgumentError if there is no such axis or the sizes differ, ShapeError if they do not fit the shape
 */
export function unitDisplacement(
  before: ArrayLike<number>,
  after: ArrayLike<number>,
  { shape, axis }: { shape: Shape; axis: number },
): UnitDisplacement {
  integerIn("unit displacement, axis", axis, 0, shape.length - 1);
  const models = modelsOf("unit displacement", before, after, shape);
  const units = shape[axis];
  const stride = sizeOf(shape.slice(axis + 1));
  const size = sizeOf(shape);
  const [moved, first, second, product] = Array.from({ length: 4 }, () => new Float64Array(models * units));
  for (let at = 0; at < before.length; at++) {
    const unit = Math.floor(at / size) * units + (Math.floor(at / stride) % units);
    moved[unit] += (after[at] - before[at]) ** 2;
    first[unit] += before[at] ** 2;
    second[unit] += after[at] ** 2;
    product[unit] += before[at] * after[at];
  }
  return {
    units,
    relative: moved.map((squares, unit) => (first[unit] > 0 ? Math.sqrt(squares / first[unit]) : Number.NaN)),
    cosine: product.map((value, unit) => value / (Math.sqrt(first[unit]) * Math.sqrt(second[unit]))),
  };
}

/**
 * Effective rank of ΔW = W₁ − W₀, all heads together: how many directions training wrote in. An isotropic step of a
 * 16 × 64 matrix has about 15.3, a single direction 1.
 *
 * @param name    decides how heads are joined, see {@link weightMatrix}
 * @param before  [model, ...shape]
 * @returns       [model], in [1, min(rows, columns)]; NaN where nothing moved or an entry is not finite
 * @throws ArgumentError if the sizes differ, ShapeError if they do not fit the shape or it is that of a bias
 */
export function displacementRank(
  name: string,
  before: ArrayLike<number>,
  after: ArrayLike<number>,
  shape: Shape,
): Float64Array {
  const models = modelsOf(`displacement rank of "${name}"`, before, after, shape);
  const size = sizeOf(shape);
  return Float64Array.from({ length: models }, (_, model) => {
    const moved = Float64Array.from(
      { length: size },
      (_, at) => after[model * size + at] - before[model * size + at],
    );
    const spectrum = singularValues(weightMatrix(name, shape, moved));
    return spectrum.every(Number.isFinite) ? effectiveRank(spectrum) : Number.NaN;
  });
}

function modelsOf(where: string, before: ArrayLike<number>, after: ArrayLike<number>, shape: Shape): number {
  sameLength(where, before, after);
  const models = before.length / sizeOf(shape);
  if (Number.isInteger(models)) return models;
  throw new ShapeError({
    where,
    rule: `a weight must be [model, ...${showShape(shape)}]`,
    got: `${before.length} values`,
  });
}
