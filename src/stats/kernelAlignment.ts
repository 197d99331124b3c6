/**
 * Similarity of two kernel matrices over the same samples, for representations that are given by their inner products:
 * a neural tangent kernel, a Gaussian kernel, or the targets' kernel Y Yᵀ.
 */
import { ShapeError } from "../base/errors.ts";
import { positive } from "./arguments.ts";
import { sum } from "./moments.ts";
import { median } from "./quantile.ts";
import type { Representation } from "./representation.ts";
import { pairDistances } from "./representationalSimilarity.ts";
import { dot } from "./singular.ts";

/** A symmetric matrix over samples, [sample][sample]. */
export type Kernel = readonly ArrayLike<number>[];

function checkKernels(k: Kernel, l: Kernel): number {
  const n = k.length;
  for (const rows of [k, l])
    if (rows.length !== n || rows.some((row) => row.length !== n))
      throw new ShapeError({
        where: "kernel alignment",
        rule: "both kernels must be square, over the same samples",
        got: `[${n}, ${k[0]?.length ?? 0}] and [${l.length}, ${l[0]?.length ?? 0}]`,
      });
  return n;
}

/**
 * The Hilbert–Schmidt independence criterion, biased: at least 0, and above it even for unrelated samples.
 *
 *   tr(K H L H)/(n − 1)²,  H = I − 1 1ᵀ/n
 *
 * Edges: fewer than two samples gives NaN.
 *
 * @throws ShapeError if the kernels are not square or differ in size
 * @source Gretton, Bousquet, Smola & Schölkopf 2005, eq. 9
 */
export function hsic(k: Kernel, l: Kernel): number {
  const n = checkKernels(k, l);
  const [kc, lc] = [doublyCentred(k), doublyCentred(l)]; // one would do on paper, and cancel where entries are near 1
  let total = 0;
  for (let i = 0; i < n; i++) total += dot(kc[i], lc[i]);
  return total / (n - 1) ** 2;
}

/** H K H: entries less the means of row and column, plus the grand mean. */
function doublyCentred(k: Kernel): Float64Array[] {
  const rowMeans = k.map((row) => sum(row) / k.length);
  const grand = sum(rowMeans) / k.length;
  return k.map((row, i) => Float64Array.from(row, (value, j) => value - rowMeans[i] - rowMeans[j] + grand));
}

/**
 * The unbiased estimate HSIC₁: 0 on average for unrelated samples, and then negative about half of the time.
 *
 *   [ tr(K̃L̃) + 1ᵀK̃1 · 1ᵀL̃1 / ((n−1)(n−2)) − 2/(n−2) 1ᵀK̃L̃1 ] / (n(n−3)),  K̃ = K with zero diagonal
 *
 * Edges: fewer than four samples gives NaN.
 *
 * @throws ShapeError if the kernels are not square or differ in size
 * @source Song et al. 2012, eq. 5
 */
export function unbiasedHsic(k: Kernel, l: Kernel): number {
  const n = checkKernels(k, l);
  if (n < 4) return Number.NaN;
  let trace = 0;
  const kSums = new Float64Array(n);
  const lSums = new Float64Array(n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      if (i === j) continue;
      trace += k[i][j] * l[i][j];
      kSums[i] += k[i][j];
      lSums[i] += l[i][j];
    }
  const cross = sum(kSums.map((value, i) => value * lSums[i]));
  return (trace + (sum(kSums) * sum(lSums)) / ((n - 1) * (n - 2)) - (2 / (n - 2)) * cross) / (n * (n - 3));
}

/**
 * Centred alignment of two kernels: CKA where the kernels are given instead of the features.
 *
 *   HSIC(K, L)/√( HSIC(K, K) HSIC(L, L) )
 *
 * With K = XXᵀ and L = YYᵀ it is {@link linearCka} (debiased: {@link debiasedCka}).
 *
 * Edges: a kernel whose own HSIC is not positive (no structure, or none beyond noise) gives NaN.
 *
 * @param debiased  use {@link unbiasedHsic} in all three places; default false
 * @throws ShapeError if the kernels are not square or differ in size
 * @source Cortes, Mohri & Rostamizadeh 2012, definition 4; Kornblith, Norouzi, Lee & Hinton 2019, eq. 4
 */
export function kernelAlignment(
  k: Kernel,
  l: Kernel,
  { debiased = false }: { debiased?: boolean } = {},
): number {
  const criterion = debiased ? unbiasedHsic : hsic;
  const [kk, ll] = [criterion(k, k), criterion(l, l)];
  return kk > 0 && ll > 0 ? criterion(k, l) / (Math.sqrt(kk) * Math.sqrt(ll)) : Number.NaN;
}

/**
 * Gaussian kernel of a representation, [sample][sample].
 *
 *   k_ij = exp( −‖x_i − x_j‖²/(2σ²) )
 *
 * @param rows       [sample][feature]
 * @param bandwidth  σ; unless given the median distance between two samples
 * @throws ShapeError if rows are ragged, ArgumentError if the bandwidth is not positive (all samples equal)
 */
export function gaussianKernel(
  rows: Representation,
  { bandwidth }: { bandwidth?: number } = {},
): Float64Array[] {
  const distances = pairDistances(rows);
  const sigma = positive("Gaussian kernel, bandwidth", bandwidth ?? median(distances));
  const kernel = rows.map(() => new Float64Array(rows.length).fill(1));
  let pair = 0;
  for (let i = 0; i < rows.length; i++)
    for (let j = i + 1; j < rows.length; j++) {
      const value = Math.exp(-0.5 * (distances[pair++] / sigma) ** 2);
      kernel[i][j] = value;
      kernel[j][i] = value;
    }
  return kernel;
}
