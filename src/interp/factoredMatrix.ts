/**
 * Matrices that are a product of two thin ones: what a head does to the stream is dModel × dModel, or dVocab × dVocab,
 * but goes through dHead numbers. Norms, eigenvalues and singular values are had from the factors; the product itself
 * is formed only by {@link collapse}.
 */
import { Matrix, QrDecomposition, SVD } from "ml-matrix";
import { integerIn } from "../base/check.ts";
import { ShapeError } from "../base/errors.ts";
import { type DenseMatrix, gramOfRows, requireInner, times, transposed } from "./denseMatrix.ts";
import { type Eigenvalues, eigenvalues } from "./eigenvalues.ts";

/** The matrix left · right. */
export interface FactoredMatrix {
  /** [rows, inner] */
  readonly left: DenseMatrix;
  /** [inner, columns] */
  readonly right: DenseMatrix;
}

/** Singular values and vectors: m = Σ_i values[i] left[i] right[i]ᵀ. */
export interface SingularDecomposition {
  /** Descending, at least 0; as many as the smallest size, `inner` included. */
  readonly values: Float64Array;
  /** Unit vectors of length `rows`. */
  readonly left: readonly Float64Array[];
  /** Unit vectors of length `columns`. */
  readonly right: readonly Float64Array[];
}

/**
 * A matrix by its factors.
 *
 * @throws ShapeError if their inner sizes differ
 */
export function factoredMatrix(left: DenseMatrix, right: DenseMatrix): FactoredMatrix {
  requireInner("factored matrix", left, right);
  return { left, right };
}

/** The product itself, [rows, columns]. */
export function collapse({ left, right }: FactoredMatrix): DenseMatrix {
  return times(left, right);
}

/** One row of the product, without the others. */
export function rowOf({ left, right }: FactoredMatrix, row: number): Float64Array {
  integerIn("row of a factored matrix", row, 0, left.rows - 1);
  const data = left.data.subarray(row * left.columns, (row + 1) * left.columns);
  return times({ rows: 1, columns: left.columns, data }, right).data;
}

/**
 * Frobenius norm, the root of the sum of squares of the entries.
 *
 *   ‖A B‖² = tr( AᵀA · BBᵀ ) = Σ_ij (AᵀA)[i, j] (BBᵀ)[i, j]
 *
 * Squares are summed: a norm below 1e-8 ‖A‖ ‖B‖ is rounding.
 */
export function frobeniusNorm({ left, right }: FactoredMatrix): number {
  return Math.sqrt(Math.max(0, dot(gramOfRows(transposed(left)), gramOfRows(right))));
}

/**
 * Frobenius norm of a product of two factored matrices, from small matrices only.
 *
 *   ‖A B C D‖² = tr( AᵀA · M · DDᵀ · Mᵀ ),  M = B C
 *
 * @param before  AᵀA, [inner, inner]
 * @param middle  M, [inner, inner of the second]
 * @param after   DDᵀ, [inner of the second, inner of the second]
 */
export function chainNorm(before: DenseMatrix, middle: DenseMatrix, after: DenseMatrix): number {
  return Math.sqrt(Math.max(0, dot(times(before, middle), times(middle, after))));
}

function dot(a: DenseMatrix, b: DenseMatrix): number {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += a.data[i] * b.data[i];
  return sum;
}

/**
 * Eigenvalues of a square product: those of B A, which has the same ones other than 0.
 *
 * @returns  as many as the smaller of rows and inner; all further ones are 0
 * @throws ShapeError for a product that is not square
 */
export function factoredEigenvalues({ left, right }: FactoredMatrix): Eigenvalues {
  if (left.rows !== right.columns)
    throw new ShapeError({
      where: "eigenvalues of a factored matrix",
      rule: "need a square product",
      got: `[${left.rows}, ${right.columns}]`,
    });
  return eigenvalues(left.columns <= left.rows ? times(right, left) : times(left, right));
}

/**
 * Singular value decomposition; of a product of thin factors without forming it:
 *
 *   A = Q_a R_a, Bᵀ = Q_b R_b;  R_a R_bᵀ = U S Vᵀ;  A B = (Q_a U) S (Q_b V)ᵀ
 *
 * Singular vectors come in pairs of free sign. Here the entry of largest magnitude in the right one is positive, the
 * first of those that are equally large within 1e-9. Vectors of equal singular values are not unique, nor those of 0.
 */
export function singularDecomposition(matrix: FactoredMatrix | DenseMatrix): SingularDecomposition {
  if ("data" in matrix) return decomposed(toLibrary(matrix));
  const { left, right } = matrix;
  const thin = left.columns < Math.min(left.rows, right.columns);
  if (!thin) return decomposed(toLibrary(collapse(matrix)));
  const a = new QrDecomposition(toLibrary(left));
  const b = new QrDecomposition(toLibrary(transposed(right)));
  const small = a.upperTriangularMatrix.mmul(b.upperTriangularMatrix.transpose()); // [inner, inner]
  return decomposed(small, a.orthogonalMatrix, b.orthogonalMatrix);
}

/** Entries this close to the largest count as equally large: they may differ by rounding alone. */
const AS_LARGE = 1 - 1e-9;

/** Decomposition of a matrix, its singular vectors turned by the bases given. */
function decomposed(matrix: Matrix, leftBasis?: Matrix, rightBasis?: Matrix): SingularDecomposition {
  const svd = new SVD(matrix, { autoTranspose: true });
  const turned = (vectors: Matrix, basis: Matrix | undefined) =>
    basis === undefined ? vectors : basis.mmul(vectors);
  const u = turned(svd.leftSingularVectors, leftBasis);
  const v = turned(svd.rightSingularVectors, rightBasis);
  const values = Float64Array.from(svd.diagonal.slice(0, Math.min(matrix.rows, matrix.columns)));
  const left: Float64Array[] = [];
  const right: Float64Array[] = [];
  for (const i of values.keys()) {
    const own = v.getColumn(i);
    const largest = Math.max(...own.map(Math.abs));
    const sign = (own.find((x) => Math.abs(x) >= largest * AS_LARGE) as number) < 0 ? -1 : 1;
    right.push(Float64Array.from(own, (x) => sign * x));
    left.push(Float64Array.from(u.getColumn(i), (x) => sign * x));
  }
  return { values, left, right };
}

function toLibrary({ rows, columns, data }: DenseMatrix): Matrix {
  return Matrix.from1DArray(rows, columns, Array.from(data));
}
