/** Random orthogonal matrices. */
import { Matrix, QrDecomposition } from "ml-matrix";
import type { RandomStream } from "../base/random.ts";

/**
 * A matrix with orthonormal columns, or orthonormal rows where it has fewer rows than columns, uniform (Haar) among all.
 *
 *   A = Q R with A standard normal;  result = Q · sign(diag R)
 *
 * Without the signs Q would depend on how the decomposition picks them. Householder reflections use only + − × ÷ and
 * the square root, so the bits are the same on every machine.
 *
 * @returns  [rows, columns] row-major
 * @source Mezzadri 2007, "How to generate random matrices from the classical compact groups", section 5;
 *         as an initialisation Saxe, McClelland & Ganguli 2014
 */
export function orthogonalMatrix(rows: number, columns: number, stream: RandomStream): Float64Array {
  const wide = rows < columns;
  const [tall, narrow] = wide ? [columns, rows] : [rows, columns];
  const draws = Matrix.zeros(tall, narrow);
  for (let i = 0; i < tall; i++) for (let j = 0; j < narrow; j++) draws.set(i, j, stream.normal());
  const decomposition = new QrDecomposition(draws);
  const q = decomposition.orthogonalMatrix;
  const r = decomposition.upperTriangularMatrix;
  const values = new Float64Array(rows * columns);
  for (let i = 0; i < tall; i++) {
    for (let j = 0; j < narrow; j++)
      values[wide ? j * columns + i : i * columns + j] = r.get(j, j) < 0 ? -q.get(i, j) : q.get(i, j);
  }
  return values;
}
