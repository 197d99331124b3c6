/** Networks for the experiments: one whose first neuron was set by hand, and small random ones. */
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { randomStream } from "../../src/base/random.ts";
import { type Network, openNetwork } from "../../src/interp/network.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { initialPopulation } from "../../src/model/init.ts";
import { weightShapes, weightsOfModel } from "../../src/model/weights.ts";
import type { ExperimentSetup } from "../../src/studies/experiments/section.ts";

/** The cell that L0N0 of {@link plantedCell} answers to. */
export const [TOKEN, POS] = [1, 2];

/**
 * L0N0 is 0.5 in the cell (token 1, position 2) and 0 elsewhere, L0N1 a random table of token and position, L0N2 silent.
 * Attention writes nothing, and its heads read nothing.
 */
export function plantedCell(sizes: Pick<ModelConfig, "dVocab" | "nCtx" | "causal">): Network {
  const { dVocab, nCtx } = sizes;
  const config: ModelConfig = {
    ...{ ...presets.causal, ...sizes, nLayers: 1, nHeads: 1, dHead: 2, dMlp: 3, dModel: dVocab + nCtx },
    normalization: "none",
  };
  const stream = randomStream("planted cell");
  const weights = Object.fromEntries(
    [...weightShapes(config)].map(([name, shape]) => [
      name,
      new Float32Array(shape.reduce((a, b) => a * b, 1)),
    ]),
  );
  const [dModel, dMlp] = [config.dModel, config.dMlp];
  for (let token = 0; token < dVocab; token++) weights["embed.W_E"][token * dModel + token] = 1;
  for (let pos = 0; pos < nCtx; pos++) weights["pos_embed.W_pos"][pos * dModel + dVocab + pos] = 1;
  const wIn = weights["blocks.0.mlp.W_in"];
  wIn[TOKEN * dMlp] = 1;
  wIn[(dVocab + POS) * dMlp] = 1;
  for (let row = 0; row < dModel; row++) wIn[row * dMlp + 1] = stream.normal();
  weights["blocks.0.mlp.b_in"].set([-1.5, 1, -1]);
  return openNetwork(wasmBackend(), config, weights);
}

/** Sizes at which an experiment takes milliseconds. */
export const tiny = { nLayers: 2, nHeads: 2, dModel: 6, dHead: 3, dMlp: 5, dVocab: 4, nCtx: 4 } as const;

/** Freshly drawn networks, each of its seed alone. */
export function randomNetworks(config: ModelConfig, seeds: readonly number[]): Network {
  const streams = seeds.map((seed) => randomStream("experiment test", seed));
  return openNetwork(wasmBackend(), config, initialPopulation(config, { scheme: "pytorch" }, streams));
}

/** The last of them as a population of one. */
export function lastAlone(config: ModelConfig, seeds: readonly number[]): Network {
  const streams = seeds.map((seed) => randomStream("experiment test", seed));
  const weights = initialPopulation(config, { scheme: "pytorch" }, streams);
  return openNetwork(wasmBackend(), config, weightsOfModel(config, weights, seeds.length - 1));
}

/** A network and one that diverged: all its weights are NaN. */
export function oneDiverged(config: ModelConfig): Network {
  const seeds = [0, 1];
  const streams = seeds.map((seed) => randomStream("experiment test", seed));
  const weights = Object.fromEntries(
    Object.entries(initialPopulation(config, { scheme: "pytorch" }, streams)).map(([name, values]) => [
      name,
      Float32Array.from(values, (value, at) => (at < values.length / 2 ? value : Number.NaN)),
    ]),
  );
  return openNetwork(wasmBackend(), config, weights);
}

/** A small setup of a network of these seeds. */
export const setupOf = (
  config: ModelConfig,
  seeds: readonly number[],
  { nPos = config.nCtx, blocks = 20, draws = 99 }: Partial<ExperimentSetup> = {},
): ExperimentSetup => ({ config, seeds, nPos, blocks, draws });

/** Architectures that lack something which an experiment looks at. */
export const bareConfigs: Readonly<Record<string, ModelConfig>> = {
  "attention alone": { ...presets.gpt, ...tiny, attnOnly: true },
  "MLPs alone": { ...presets.causal, ...tiny, mlpOnly: true },
  "attention without parameters": { ...presets["original-minigpt"], ...tiny },
  "no positions": { ...presets.original, ...tiny, positions: "none" },
  "no norm, no biases": { ...presets.causal, ...tiny, normalization: "none", biases: false },
  "no blocks": { ...presets.causal, ...tiny, nLayers: 0 },
  "one position": { ...presets.causal, ...tiny, nCtx: 1 },
};
