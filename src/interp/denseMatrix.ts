/** Matrices of float64 numbers: what weights are while they are multiplied with one another. */
import { ShapeError } from "../base/errors.ts";

/** A matrix, row-major. */
export interface DenseMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

/**
 * Product of two matrices.
 *
 *   (a b)[i, j] = Σ_k a[i, k] b[k, j]
 *
 * @param a  [rows, inner]
 * @param b  [inner, columns]
 * @throws ShapeError if their inner sizes differ
 */
export function times(a: DenseMatrix, b: DenseMatrix): DenseMatrix {
  requireInner("matrix product", a, b);
  const data = new Float64Array(a.rows * b.columns);
  for (let i = 0; i < a.rows; i++)
    for (let k = 0; k < a.columns; k++) {
      const by = a.data[i * a.columns + k];
      if (by === 0) continue; // planted weights are mostly zeros
      for (let j = 0; j < b.columns; j++) data[i * b.columns + j] += by * b.data[k * b.columns + j];
    }
  return { rows: a.rows, columns: b.columns, data };
}

/** Rows become columns. */
export function transposed({ rows, columns, data }: DenseMatrix): DenseMatrix {
  const turned = new Float64Array(data.length);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) turned[j * rows + i] = data[i * columns + j];
  return { rows: columns, columns: rows, data: turned };
}

/**
 * Inner products of the rows, m mᵀ.
 *
 * @returns  symmetric, [rows, rows]
 */
export function gramOfRows({ rows, columns, data }: DenseMatrix): DenseMatrix {
  const gram = new Float64Array(rows * rows);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < columns; k++) sum += data[i * columns + k] * data[j * columns + k];
      gram[i * rows + j] = sum;
      gram[j * rows + i] = sum;
    }
  return { rows, columns: rows, data: gram };
}

/** Throws {@link ShapeError} unless `a` has as many columns as `b` has rows. */
export function requireInner(where: string, a: DenseMatrix, b: DenseMatrix): void {
  if (a.columns === b.rows) return;
  throw new ShapeError({
    where,
    rule: "the left one must have as many columns as the right one has rows",
    got: `[${a.rows}, ${a.columns}] and [${b.rows}, ${b.columns}]`,
  });
}
