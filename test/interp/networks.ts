/** Tiny populations of every preset, with weights disturbed so that no bias is zero and no norm trivial. */
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { randomStream } from "../../src/base/random.ts";
import { type Network, openNetwork } from "../../src/interp/network.ts";
import { type ModelConfig, type PresetName, presets } from "../../src/model/config.ts";
import { initialPopulation } from "../../src/model/init.ts";
import type { Weights } from "../../src/model/weights.ts";

export const tiny = {
  nLayers: 2,
  nHeads: 2,
  dModel: 6,
  dHead: 3,
  dMlp: 5,
  dVocab: 7,
  nCtx: 6,
} as const satisfies Partial<ModelConfig>;

export const configs: Readonly<Record<PresetName | "plain", ModelConfig>> = {
  original: { ...presets.original, ...tiny },
  "original-minigpt": { ...presets["original-minigpt"], ...tiny },
  causal: { ...presets.causal, ...tiny },
  gpt: { ...presets.gpt, ...tiny },
  plain: { ...presets.causal, ...tiny, normalization: "none", positions: "sinusoidal" },
};
export type ConfigName = keyof typeof configs;
export const configNames = Object.keys(configs) as ConfigName[];

export const backends = { reference: referenceBackend, wasm: wasmBackend() } as const;

export function weightsFor(config: ModelConfig, models: number, seed = 0): Weights {
  const streams = Array.from({ length: models }, (_, model) => randomStream("interp", seed, model));
  const weights = initialPopulation(config, { scheme: "pytorch" }, streams);
  return Object.fromEntries(
    Object.entries(weights).map(([name, values]) => {
      const stream = randomStream("interp", seed, "noise", name);
      return [name, Float32Array.from(values, (value) => value + 0.2 * stream.normal())];
    }),
  );
}

export function networkOf(
  name: ConfigName,
  { backend = "wasm", models = 2 }: { backend?: keyof typeof backends; models?: number } = {},
): Network {
  return openNetwork(backends[backend], configs[name], weightsFor(configs[name], models));
}

export const tokens = [
  [0, 1, 2, 3, 4],
  [6, 5, 5, 0, 1],
  [3, 3, 2, 6, 0],
];
export const targets = [
  [1, 2, 3, 4, 5],
  [5, 5, 0, 1, 2],
  [3, 2, 6, 0, 4],
];
export const [BATCH, POS] = [3, 5];
