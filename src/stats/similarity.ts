/**
 * Centred kernel alignment (CKA): similarity of two representations of the same samples, whatever their widths.
 *
 * Both measures ignore shifts, rotations and one common scale of a representation. Plain CKA has a floor well above 0
 * where features are not far fewer than samples; compare it with a null, or use the debiased one.
 */
import { centredPair, type Representation } from "./representation.ts";

/** ‖XᵀY‖²_F = tr(K L) for K = XXᵀ and L = YYᵀ, in O(samples · features²) and without an n × n matrix. */
function squaredCross(x: readonly Float64Array[], y: readonly Float64Array[]): number {
  if (x.length === 0) return 0;
  const [p, q] = [x[0].length, y[0].length];
  const cross = new Float64Array(p * q);
  for (let i = 0; i < x.length; i++)
    for (let a = 0; a < p; a++) {
      const value = x[i][a];
      for (let b = 0; b < q; b++) cross[a * q + b] += value * y[i][b];
    }
  let total = 0;
  for (const value of cross) total += value * value;
  return total;
}

/**
 * Linear CKA, in [0, 1].
 *
 *   ‖YcᵀXc‖²_F / ( ‖XcᵀXc‖_F ‖YcᵀYc‖_F ),  c: columns centred over samples
 *
 * Edges: a representation without variance gives NaN, as do fewer than two samples.
 *
 * @param x  [sample][feature]
 * @param y  [sample][feature], the same samples, any number of features
 * @throws ShapeError if the numbers of samples differ or rows are ragged
 * @source Kornblith, Norouzi, Lee & Hinton 2019, eq. 4
 */
export function linearCka(x: Representation, y: Representation): number {
  const [xc, yc] = centredPair("CKA", x, y);
  return squaredCross(xc, yc) / (Math.sqrt(squaredCross(xc, xc)) * Math.sqrt(squaredCross(yc, yc)));
}

/**
 * Diagonal kᵢᵢ and off-diagonal row sums Σ_{j≠i} kᵢⱼ of K = XXᵀ.
 *
 * Columns are centred, so Σ_j kᵢⱼ = xᵢ·Σ_j x_j = 0 and the row sum without the diagonal is −kᵢᵢ.
 */
function diagonal(x: readonly Float64Array[]): Float64Array {
  return Float64Array.from(x, (row) => row.reduce((total, value) => total + value * value, 0));
}

/**
 * n(n−3) times the unbiased estimator HSIC₁ of two linear kernels.
 *
 *   HSIC₁ = [ tr(K̃L̃) + 1ᵀK̃1 · 1ᵀL̃1 / ((n−1)(n−2)) − 2/(n−2) 1ᵀK̃L̃1 ] / (n(n−3)),  K̃ = K with zero diagonal
 *
 * With centred columns K̃1 = −diag K, so everything follows from ‖XᵀY‖² and the two diagonals k and l:
 * tr(K̃L̃) = ‖XᵀY‖² − k·l,  1ᵀK̃L̃1 = k·l,  1ᵀK̃1 = −Σk. (Centring changes K but not HSIC₁.)
 */
function unbiasedHsic(x: readonly Float64Array[], y: readonly Float64Array[]): number {
  const n = x.length;
  const k = diagonal(x);
  const l = diagonal(y);
  let kl = 0;
  let sumK = 0;
  let sumL = 0;
  for (let i = 0; i < n; i++) {
    kl += k[i] * l[i];
    sumK += k[i];
    sumL += l[i];
  }
  return squaredCross(x, y) - kl + (sumK * sumL) / ((n - 1) * (n - 2)) - (2 / (n - 2)) * kl;
}

/**
 * Debiased linear CKA: the unbiased HSIC in all three places; about 0 for unrelated representations, at most 1.
 *
 * Edges: fewer than four samples, or a representation whose own HSIC estimate is not positive (no structure beyond
 * noise), gives NaN.
 *
 * @param x  [sample][feature]
 * @param y  [sample][feature], the same samples, any number of features
 * @throws ShapeError as {@link linearCka}
 * @source Song et al. 2012, eq. 5, for HSIC₁; Nguyen, Raghu & Kornblith 2021, eq. 3
 */
export function debiasedCka(x: Representation, y: Representation): number {
  const [xc, yc] = centredPair("CKA", x, y);
  if (x.length < 4) return Number.NaN;
  const xx = unbiasedHsic(xc, xc);
  const yy = unbiasedHsic(yc, yc);
  return xx > 0 && yy > 0 ? unbiasedHsic(xc, yc) / (Math.sqrt(xx) * Math.sqrt(yy)) : Number.NaN;
}
