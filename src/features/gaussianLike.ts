/** Rows of Gaussian noise with the mean and the covariance of given activations: what second moments alone say. */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import type { RandomStream } from "../base/random.ts";

/**
 * As many independent rows, normal with the mean and covariance of the rows given.
 *
 *   row = mean + z Λ^½ Qᵀ,  z ~ N(0, I),  covariance = Q Λ Qᵀ
 *
 * @param rows  [row, unit], at least two rows
 */
export function gaussianLike(rows: Float32Array, units: number, stream: RandomStream): Float32Array {
  const count = rows.length / units;
  const means = new Float64Array(units);
  for (let i = 0; i < rows.length; i++) means[i % units] += rows[i] / count;
  const covariance = Matrix.zeros(units, units);
  for (let row = 0; row < count; row++)
    for (let a = 0; a < units; a++) {
      const left = (rows[row * units + a] - means[a]) / (count - 1);
      for (let b = a; b < units; b++)
        covariance.set(a, b, covariance.get(a, b) + left * (rows[row * units + b] - means[b]));
    }
  for (let a = 0; a < units; a++) for (let b = 0; b < a; b++) covariance.set(a, b, covariance.get(b, a));
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(covariance, {
    assumeSymmetric: true,
  });
  // rounding can take the eigenvalue of a silent unit below 0
  const deviations = realEigenvalues.map((value) => Math.sqrt(Math.max(0, value)));
  const out = new Float32Array(rows.length);
  const draw = new Float64Array(units);
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < units; i++) draw[i] = stream.normal() * deviations[i];
    for (let unit = 0; unit < units; unit++) {
      let value = means[unit];
      for (let i = 0; i < units; i++) value += draw[i] * eigenvectorMatrix.get(unit, i);
      out[row * units + unit] = value;
    }
  }
  return out;
}
