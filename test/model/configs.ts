/** Every combination of architecture that can exist, at tiny sizes. */
import { type ModelConfig, presets } from "../../src/model/config.ts";

const tiny: ModelConfig = {
  ...presets.original,
  nLayers: 2,
  nHeads: 2,
  dModel: 6,
  dHead: 3,
  dMlp: 5,
  dVocab: 4,
  nCtx: 4,
};

export function configGrid(): ModelConfig[] {
  const grid: ModelConfig[] = [];
  for (const normalization of ["post", "pre", "none"] as const)
    for (const positions of ["learned", "sinusoidal", "none"] as const)
      for (const attention of ["projected", "parameterFree"] as const)
        for (const blocks of [{}, { attnOnly: true }, { mlpOnly: true }])
          for (const others of [
            { finalNorm: false, causal: false, tiedUnembed: false, biases: true },
            { finalNorm: true, causal: true, tiedUnembed: true, biases: false },
            { finalNorm: true, causal: false, tiedUnembed: false, biases: false, nLayers: 0 },
          ])
            grid.push({ ...tiny, normalization, positions, attention, ...blocks, ...others });
  return [...Object.values(presets), ...grid];
}
