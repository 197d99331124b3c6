/**
 * The empirical neural tangent kernel: which outputs of a network a small step on one of them moves along.
 *
 * A network in the lazy regime is its own linearisation: the kernel stays as it was at initialisation while the weights
 * move, and training is kernel regression. A network that learns features changes its kernel. Both can be measured: by
 * the motion of the kernel, and by how far the network ends from where the linearised one would be.
 */
import { sameLength } from "../base/check.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";
import type { TensorData } from "../graph/backend.ts";
import { type Kernel, kernelAlignment } from "../stats/kernelAlignment.ts";
import type { OutputGradients } from "./outputGradients.ts";

/** Entries of a row that are multiplied while the same entries of the others are still in the cache. */
const BLOCK = 4096;

/**
 * Empirical tangent kernel of some outputs, of rows [output, parameter] over all weights.
 *
 *   K = G Gᵀ,  K_rs = ⟨∂f_r/∂θ, ∂f_s/∂θ⟩
 *
 * @param only  weights that are counted, all unless given: the kernel of training those alone
 * @returns     [output][output], symmetric, positive semidefinite
 * @source Jacot, Gabriel & Hongler 2018 (theirs is its limit at infinite width)
 */
export function tangentKernel(
  { values, gradients }: OutputGradients,
  { only = () => true }: { only?: (name: string) => boolean } = {},
): Float64Array[] {
  const outputs = values.length;
  const kernel = Array.from({ length: outputs }, () => new Float64Array(outputs));
  for (const [name, rows] of Object.entries(gradients)) if (only(name)) addProducts(kernel, rows);
  for (let r = 0; r < outputs; r++) for (let s = 0; s < r; s++) kernel[r][s] = kernel[s][r];
  return kernel;
}

/** Adds the products of all pairs of rows, r ≤ s and a few below the diagonal. */
function addProducts(kernel: readonly Float64Array[], rows: TensorData): void {
  const outputs = kernel.length;
  const size = rows.length / outputs;
  for (let from = 0; from < size; from += BLOCK) {
    const to = Math.min(size, from + BLOCK);
    for (let r = 0; r < outputs; r += 2)
      for (let s = r; s < outputs; s += 2) {
        // two rows by two: each number that is read serves twice. A last row without a partner is taken twice
        const [a, b] = [r * size, Math.min(r + 1, outputs - 1) * size];
        const [c, d] = [s * size, Math.min(s + 1, outputs - 1) * size];
        let [ac, ad, bc, bd] = [0, 0, 0, 0];
        for (let at = from; at < to; at++) {
          const x = rows[a + at];
          const y = rows[b + at];
          const u = rows[c + at];
          const v = rows[d + at];
          ac += x * u;
          ad += x * v;
          bc += y * u;
          bd += y * v;
        }
        kernel[r][s] += ac;
        if (s + 1 < outputs) kernel[r][s + 1] += ad;
        if (r + 1 < outputs) kernel[r + 1][s] += bc;
        if (r + 1 < outputs && s + 1 < outputs) kernel[r + 1][s + 1] += bd;
      }
  }
}

/**
 * Motion of the tangent kernel, in [0, 1]: 0 where it kept its form, as a lazy network's does.
 *
 *   1 − CKA(K₀, K₁)
 *
 * A common factor and a constant that all entries share do not count. Edges as {@link kernelAlignment}: NaN for a kernel
 * without structure.
 *
 * @param before  [output][output]
 * @param after   of the same outputs
 * @throws ShapeError if the kernels are not square or differ in size
 * @source Fort et al. 2020 (arXiv 2010.15110; their kernel distance is not centred)
 */
export function kernelMovement(before: Kernel, after: Kernel): number {
  return 1 - kernelAlignment(before, after);
}

/** What {@link linearisation} returns. */
export interface Linearisation {
  /** ‖f(θ₁) − f_lin(θ₁)‖ / ‖f(θ₁) − f(θ₀)‖ ≥ 0: well below 1 of a lazy network, about 1 where θ₀ tells nothing of θ₁. */
  readonly error: number;
  /** f_lin(θ₁), what the linearised network says, [output]. */
  readonly predicted: Float64Array;
}

/**
 * The network linearised where it began, moved as far as the network was.
 *
 *   f_lin(θ₁) = f(θ₀) + G₀ (θ₁ − θ₀)
 *
 * It has gone where the network went, not where its own training would have taken it. The norm is over the outputs.
 *
 * Edges: outputs that did not move give NaN. In float32 a motion of the outputs below about 1e-6 of their size is lost in
 * rounding.
 *
 * @param start         outputs and gradients at θ₀
 * @param displacement  θ₁ − θ₀ of the network by name, [1, ...shape]
 * @param end           f(θ₁) of the same outputs
 * @throws ArgumentError if a weight of the displacement is missing, or sizes differ
 * @source Chizat, Oyallon & Bach 2019, section 1, for the linearised model
 */
export function linearisation(
  { values, gradients }: OutputGradients,
  displacement: Readonly<Record<string, ArrayLike<number>>>,
  end: ArrayLike<number>,
): Linearisation {
  sameLength("linearisation, outputs", values, end);
  const predicted = Float64Array.from(values);
  for (const [name, rows] of Object.entries(gradients)) {
    const moved = displacement[name];
    const size = rows.length / values.length;
    if (moved?.length !== size)
      throw new ArgumentError({
        where: `linearisation, displacement of "${name}"`,
        rule: `must be that of one network, ${size} numbers`,
        got: String(moved?.length ?? "none"),
      });
    for (let r = 0; r < predicted.length; r++) {
      let change = 0;
      for (let at = 0; at < size; at++) change += rows[r * size + at] * moved[at];
      predicted[r] += change;
    }
  }
  let [missed, moved] = [0, 0];
  for (let r = 0; r < predicted.length; r++) {
    missed += (end[r] - predicted[r]) ** 2;
    moved += (end[r] - values[r]) ** 2;
  }
  return { error: moved > 0 ? Math.sqrt(missed / moved) : Number.NaN, predicted };
}

/**
 * The kernel between samples, from that between their answers to all classes: what a step on one sample does to the same
 * class of another, summed over the classes.
 *
 *   K̄_nm = Σ_c K_(n,c),(m,c)
 *
 * @param kernel   [output][output], outputs sample by sample, each with all its classes in one order
 * @param classes  outputs of a sample
 * @returns        [sample][sample]
 * @throws ShapeError if the outputs do not divide into samples
 */
export function sampleKernel(kernel: Kernel, classes: number): Float64Array[] {
  const samples = kernel.length / classes;
  if (!Number.isInteger(samples))
    throw new ShapeError({
      where: "kernel between samples",
      rule: `needs ${classes} outputs of every sample`,
      got: `${kernel.length} outputs`,
    });
  return Array.from({ length: samples }, (_, n) =>
    Float64Array.from({ length: samples }, (_, m) => {
      let total = 0;
      for (let c = 0; c < classes; c++) total += kernel[n * classes + c][m * classes + c];
      return total;
    }),
  );
}
