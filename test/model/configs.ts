/** Combinations of architecture that can exist, and one model of each pretrained family, at tiny sizes. */
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

const decoder = { causal: true, normalization: "pre", finalNorm: true } as const;
const llama = {
  ...{ ...tiny, ...decoder, actFn: "silu", normKind: "rmsNorm", gatedMlp: true, biases: false, eps: 1e-6 },
  ...{ nKeyValueHeads: 1, dHead: 4, positions: "rotary", rotaryDim: 4 },
} as const satisfies ModelConfig;
const bert = {
  ...{ ...tiny, actFn: "gelu", normalization: "post", causal: false, tiedUnembed: true, eps: 1e-12 },
  ...{ dSegments: 2, embedNorm: true, mlmHead: true },
} as const satisfies ModelConfig;
const neox = {
  ...{ ...tiny, ...decoder, actFn: "gelu", parallelBlocks: true, biases: ["qkv", "attnOut", "mlp", "norm"] },
  ...{ dHead: 6, positions: "rotary", rotaryDim: 4 },
} as const satisfies ModelConfig;

/** One config of each family, and what else the family's members differ in. */
export const families = {
  gpt2: {
    ...{ ...tiny, ...decoder, actFn: "gelu_new", tiedUnembed: true },
    biases: ["qkv", "attnOut", "mlp", "norm"],
  },
  neox,
  "neox, serial": { ...neox, parallelBlocks: false },
  "neox without norms": { ...neox, normalization: "none", finalNorm: false },
  llama,
  "llama 3": {
    ...{ ...llama, tiedUnembed: true, rotaryBase: 500000 },
    ropeScaling: { kind: "llama3", factor: 8, lowFreqFactor: 1, highFreqFactor: 4, originalCtx: 16 },
  },
  qwen2: { ...llama, nKeyValueHeads: 2, biases: ["qkv"], ropeScaling: { kind: "linear", factor: 2 } },
  "llama with biases": { ...llama, biases: true },
  bert,
  "bert, untied without biases": { ...bert, tiedUnembed: false, biases: false },
  "no blocks": { ...bert, nLayers: 0 },
  "rotary attention alone": { ...llama, attnOnly: true, gatedMlp: false },
  "rotary without parameters": {
    ...tiny,
    dModel: 8,
    dHead: 4,
    attention: "parameterFree",
    positions: "rotary",
    rotaryDim: 2,
  },
} as const satisfies Record<string, ModelConfig>;

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
  return [...Object.values(presets), ...grid, ...Object.values(families)];
}
