/**
 * Adam: a step for every weight, scaled by how large and how steady its gradients have been.
 */
import type { Config, Weights } from "./weights.ts";
import { zeroWeights } from "./weights.ts";

/** Running averages of every weight's gradient and squared gradient, and the number of steps taken. */
export type AdamState = { step: number; mean: Weights; square: Weights };

/** Learning rate and decay rates of the averages; `eps` keeps a weight whose gradients are 0 from dividing by 0. */
export type AdamOptions = { learningRate?: number; beta1?: number; beta2?: number; eps?: number };

/** Adam before its first step: all averages 0. */
export function adamState(config: Config): AdamState {
  return { step: 0, mean: zeroWeights(config), square: zeroWeights(config) };
}

/**
 * One update of all weights, in place.
 *
 *   m ← β1 m + (1 − β1) g                 average gradient
 *   v ← β2 v + (1 − β2) g²                average squared gradient
 *   w ← w − rate · m̂ / (√v̂ + eps),       m̂ = m / (1 − β1ᵗ),  v̂ = v / (1 − β2ᵗ)
 *
 * The averages start at 0 and are too small at first by exactly the factors 1 − βᵗ. Note where eps stands: outside the root
 * of the corrected v, as in the paper and in PyTorch. Under steady gradients a weight moves by about the learning rate per
 * step, whatever their size.
 *
 * @param state      advanced by one step
 * @param weights    changed
 * @param gradients  under the names of the weights
 * @param options    defaults of PyTorch: learningRate 1e-3, beta1 0.9, beta2 0.999, eps 1e-8
 * @source Kingma & Ba 2015, algorithm 1 (their α is our learningRate)
 */
export function adamStep(
  state: AdamState,
  weights: Weights,
  gradients: Weights,
  { learningRate = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8 }: AdamOptions = {},
): void {
  state.step += 1;
  const meanCorrection = 1 - beta1 ** state.step;
  const squareCorrection = 1 - beta2 ** state.step;
  for (const [name, { data: w }] of Object.entries(weights)) {
    const g = gradients[name].data;
    const m = state.mean[name].data;
    const v = state.square[name].data;
    for (let i = 0; i < w.length; i++) {
      m[i] = beta1 * m[i] + (1 - beta1) * g[i];
      v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
      w[i] -= (learningRate * (m[i] / meanCorrection)) / (Math.sqrt(v[i] / squareCorrection) + eps);
    }
  }
}
