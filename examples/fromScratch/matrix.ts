/**
 * The only algebra a transformer needs: three matrix products, a few sums, and ways to cut a matrix up.
 *
 * Everything is a float64 matrix stored row by row. A vector is a matrix of one row. A weight with three axes
 * [head, dModel, dHead] is a matrix with the leading axes folded into its rows, [head·dModel, dHead]: the numbers lie in
 * the same order, and one head is a block of rows.
 */

/** A matrix in row-major order: entry (r, c) is `data[r * cols + c]`. */
export type Matrix = { readonly rows: number; readonly cols: number; readonly data: Float64Array };

/** A matrix of zeros, [rows, cols]. */
export function zeros(rows: number, cols: number): Matrix {
  return { rows, cols, data: new Float64Array(rows * cols) };
}

/**
 * Product C = A B:  C[i, j] = Σ_k A[i, k] B[k, j].
 *
 * @param a  [n, m]
 * @param b  [m, p]
 * @returns  [n, p]
 * @throws RangeError if the inner sizes differ
 */
export function matmul(a: Matrix, b: Matrix): Matrix {
  requireEqual("matmul", "columns of A", a.cols, "rows of B", b.rows);
  const c = zeros(a.rows, b.cols);
  for (let i = 0; i < a.rows; i++) {
    const row = i * c.cols;
    // k outside, j inside: B and C are then both walked along their rows, as they lie in memory
    for (let k = 0; k < a.cols; k++) {
      const aik = a.data[i * a.cols + k];
      for (let j = 0, kj = k * b.cols; j < b.cols; j++, kj++) c.data[row + j] += aik * b.data[kj];
    }
  }
  return c;
}

/**
 * Product with the second factor transposed, C = A Bᵀ:  C[i, j] = Σ_k A[i, k] B[j, k].
 *
 * Scores of queries against keys have this form, and so has the gradient of `matmul` with respect to its first factor.
 *
 * @param a  [n, m]
 * @param b  [p, m]
 * @returns  [n, p]
 * @throws RangeError if the inner sizes differ
 */
export function matmulTransposed(a: Matrix, b: Matrix): Matrix {
  requireEqual("matmulTransposed", "columns of A", a.cols, "columns of B", b.cols);
  const c = zeros(a.rows, b.rows);
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < b.rows; j++) {
      let sum = 0;
      for (let k = 0, ik = i * a.cols, jk = j * b.cols; k < a.cols; k++, ik++, jk++)
        sum += a.data[ik] * b.data[jk];
      c.data[i * c.cols + j] = sum;
    }
  }
  return c;
}

/**
 * Product with the first factor transposed, C = Aᵀ B:  C[i, j] = Σ_k A[k, i] B[k, j].
 *
 * The gradient of `matmul` with respect to its second factor has this form.
 *
 * @param a  [m, n]
 * @param b  [m, p]
 * @returns  [n, p]
 * @throws RangeError if the inner sizes differ
 */
export function transposedMatmul(a: Matrix, b: Matrix): Matrix {
  requireEqual("transposedMatmul", "rows of A", a.rows, "rows of B", b.rows);
  const c = zeros(a.cols, b.cols);
  for (let k = 0; k < a.rows; k++) {
    for (let i = 0; i < a.cols; i++) {
      const aki = a.data[k * a.cols + i];
      for (let j = 0, ij = i * c.cols, kj = k * b.cols; j < b.cols; j++, ij++, kj++)
        c.data[ij] += aki * b.data[kj];
    }
  }
  return c;
}

/**
 * Sum of two matrices of the same shape, as a new matrix.
 *
 * @throws RangeError if the shapes differ
 */
export function add(a: Matrix, b: Matrix): Matrix {
  const c = zeros(a.rows, a.cols);
  c.data.set(a.data);
  addInto(c, b);
  return c;
}

/**
 * Add `source` to `target` in place. Gradients are gathered with it: a weight that is used twice receives the sum of what
 * both uses send back.
 *
 * @throws RangeError if the shapes differ
 */
export function addInto(target: Matrix, source: Matrix): void {
  requireEqual("addInto", "rows of the target", target.rows, "rows of the source", source.rows);
  requireEqual("addInto", "columns of the target", target.cols, "columns of the source", source.cols);
  for (let i = 0; i < target.data.length; i++) target.data[i] += source.data[i];
}

/**
 * Add one row to every row:  out[r, c] = a[r, c] + row[c].
 *
 * @param a    [n, m]
 * @param row  [1, m]
 * @returns    [n, m]
 * @throws RangeError if the widths differ
 */
export function addRow(a: Matrix, row: Matrix): Matrix {
  requireEqual("addRow", "columns of the matrix", a.cols, "columns of the row", row.cols);
  const out = zeros(a.rows, a.cols);
  for (let r = 0, i = 0; r < a.rows; r++) {
    for (let c = 0; c < a.cols; c++, i++) out.data[i] = a.data[i] + row.data[c];
  }
  return out;
}

/** Sum over the rows, [n, m] to [1, m]: the gradient of the row in `addRow`, which was used n times. */
export function sumRows(a: Matrix): Matrix {
  const out = zeros(1, a.cols);
  for (let r = 0, i = 0; r < a.rows; r++) {
    for (let c = 0; c < a.cols; c++, i++) out.data[c] += a.data[i];
  }
  return out;
}

/** Every entry times one factor, as a new matrix. */
export function scale(a: Matrix, factor: number): Matrix {
  return { rows: a.rows, cols: a.cols, data: a.data.map((value) => value * factor) };
}

/**
 * Rows first … first + count − 1 as a matrix that *shares* its numbers with `a`: writing to the block writes to `a`.
 *
 * @throws RangeError if the block leaves the matrix
 */
export function rowBlock(a: Matrix, first: number, count: number): Matrix {
  requireInside("rowBlock", first, count, a.rows);
  return { rows: count, cols: a.cols, data: a.data.subarray(first * a.cols, (first + count) * a.cols) };
}

/**
 * Columns first … first + count − 1 as a new matrix.
 *
 * @throws RangeError if the block leaves the matrix
 */
export function columnBlock(a: Matrix, first: number, count: number): Matrix {
  requireInside("columnBlock", first, count, a.cols);
  const block = zeros(a.rows, count);
  for (let r = 0; r < a.rows; r++) {
    const start = r * a.cols + first;
    block.data.set(a.data.subarray(start, start + count), r * count);
  }
  return block;
}

/**
 * Add a block to columns first … first + block.cols − 1 of `target`, in place.
 *
 * @throws RangeError if the block leaves the matrix or the heights differ
 */
export function addIntoColumns(target: Matrix, first: number, block: Matrix): void {
  requireInside("addIntoColumns", first, block.cols, target.cols);
  requireEqual("addIntoColumns", "rows of the target", target.rows, "rows of the block", block.rows);
  for (let r = 0, i = 0; r < block.rows; r++) {
    for (let c = 0; c < block.cols; c++, i++) target.data[r * target.cols + first + c] += block.data[i];
  }
}

function requireEqual(where: string, left: string, a: number, right: string, b: number): void {
  if (a === b) return;
  throw new RangeError(`${where}: ${left} must equal ${right}; got ${a} and ${b}. Check the shapes.`);
}

function requireInside(where: string, first: number, count: number, size: number): void {
  if (first >= 0 && count >= 0 && first + count <= size) return;
  throw new RangeError(
    `${where}: the block must lie within 0-${size - 1}; got ${count} from ${first}. Check the head and its size.`,
  );
}
