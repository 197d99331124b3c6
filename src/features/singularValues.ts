/** Singular values of a weight, beside those of the same entries in another order. */
import { Matrix, SingularValueDecomposition } from "ml-matrix";
import { integerIn } from "../base/check.ts";
import { ShapeError } from "../base/errors.ts";
import type { RandomStream } from "../base/random.ts";
import { type Shape, sizeOf } from "../graph/node.ts";

/** A matrix, row-major. */
export interface WeightMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: ArrayLike<number>;
}

/**
 * A weight as one matrix from inputs to outputs, all heads together: W_Q, W_K and W_V [head, dModel, dHead] become
 * [dModel, head · dHead], and W_O [head, dHead, dModel] becomes [head · dHead, dModel].
 *
 * @param shape  of the weight, with two axes or three
 * @throws ShapeError for a bias
 */
export function weightMatrix(name: string, shape: Shape, values: ArrayLike<number>): WeightMatrix {
  if (shape.length === 2 || name.endsWith(".W_O")) {
    const columns = shape[shape.length - 1];
    return { rows: sizeOf(shape) / columns, columns, values };
  }
  if (shape.length !== 3)
    throw new ShapeError({
      where: `matrix of "${name}"`,
      rule: "needs a weight with two axes or three",
      got: `[${shape.join(", ")}]`,
    });
  const [heads, rows, width] = shape;
  const columns = heads * width;
  const joint = Float64Array.from({ length: rows * columns }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    return values[(Math.floor(column / width) * rows + row) * width + (column % width)];
  });
  return { rows, columns, values: joint };
}

/** Singular values, largest first, min(rows, columns) of them; NaN where an entry is not finite. */
export function singularValues({ rows, columns, values }: WeightMatrix): Float64Array {
  const count = Math.min(rows, columns);
  const matrix = Matrix.zeros(rows, columns);
  for (let at = 0; at < rows * columns; at++) {
    if (!Number.isFinite(values[at])) return new Float64Array(count).fill(Number.NaN);
    matrix.set(Math.floor(at / columns), at % columns, values[at]);
  }
  const decomposition = new SingularValueDecomposition(matrix, {
    computeLeftSingularVectors: false,
    computeRightSingularVectors: false,
    autoTranspose: true,
  });
  return Float64Array.from(decomposition.diagonal).sort().reverse();
}

/** Largest singular value over the smallest; infinite for a singular matrix, NaN for a matrix of zeros. */
export function conditionNumber(spectrum: ArrayLike<number>): number {
  return spectrum[0] / spectrum[spectrum.length - 1];
}

/** Σ σ² / σ_max²: number of directions that carry as much as the strongest, in [1, rank]; NaN for a matrix of zeros. */
export function stableRank(spectrum: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < spectrum.length; i++) total += spectrum[i] ** 2;
  return total / spectrum[0] ** 2;
}

/**
 * P(κ / n ≤ x) of an n × n matrix of independent standard normals, as n grows.
 *
 *   exp(−2/x − 2/x²)
 *
 * At n = 16 the median of κ / n is 3.2, in the limit 3.67.
 *
 * @source Edelman 1988, "Eigenvalues and condition numbers of random matrices", theorem 6.1
 */
export function edelmanCdf(x: number): number {
  return x > 0 ? Math.exp(-2 / x - 2 / (x * x)) : 0;
}

/**
 * Spectra of a matrix whose entries are shuffled: same shape, same entries, no arrangement.
 *
 * @returns [draw], each largest first
 * @throws ArgumentError if draws is not a whole number of at least 1
 */
export function shuffledSpectra(
  { rows, columns, values }: WeightMatrix,
  { draws, stream }: { draws: number; stream: RandomStream },
): Float64Array[] {
  integerIn("shuffled spectra, draws", draws, 1);
  return Array.from({ length: draws }, () => {
    const order = stream.permutation(rows * columns);
    return singularValues({ rows, columns, values: Float64Array.from(order, (from) => values[from]) });
  });
}
