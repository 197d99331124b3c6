/** What a network's tangent kernel knows about the answers, before anything is learned. */
import type { Sequences } from "../data/types.ts";
import type { Backend } from "../graph/backend.ts";
import type { ModelConfig } from "../model/config.ts";
import { modelCount, type Weights, weightsOfModel } from "../model/weights.ts";
import { kernelTargetAlignment, type TargetAlignment } from "./featureQuality.ts";
import { openOutputGradients } from "./outputGradients.ts";
import { sampleKernel, tangentKernel } from "./tangentKernel.ts";

/**
 * Alignment of each network's tangent kernel with its targets: what kernel regression, a network too lazy to learn
 * features, would find easy.
 *
 *   Q_ntk = CKA(K̄, Y Yᵀ),  K̄_nm = Σ_token ⟨∂f_n,token/∂θ, ∂f_m,token/∂θ⟩,  Y one-hot
 *
 * @param weights    [model, ...shape] by name
 * @param sequences  with targets, the same for all networks
 * @param samples    places in them; each costs dVocab gradients
 * @returns          [model]
 * @throws ArgumentError for a place that is not in the sequences
 * @source Cortes, Mohri & Rostamizadeh 2012, definition 4, for the alignment
 */
export async function tangentQuality(
  backend: Backend,
  config: ModelConfig,
  weights: Weights,
  { inputs: tokens, targets, count, nPos }: Sequences,
  samples: readonly { readonly sequence: number; readonly pos: number }[],
): Promise<TargetAlignment[]> {
  const { dVocab } = config;
  const outputs = samples.flatMap((place) =>
    Array.from({ length: dVocab }, (_, token) => ({ ...place, token })),
  );
  const labels = samples.map(({ sequence, pos }) => targets[sequence * nPos + pos]);
  const gradients = openOutputGradients(backend, config, { tokens, count, nPos }, outputs);
  try {
    const found: TargetAlignment[] = [];
    for (let model = 0; model < modelCount(config, weights); model++) {
      const kernel = tangentKernel(await gradients.at(weightsOfModel(config, weights, model)));
      found.push(kernelTargetAlignment(sampleKernel(kernel, dVocab), labels));
    }
    return found;
  } finally {
    gradients.close();
  }
}
