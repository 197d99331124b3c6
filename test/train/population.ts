/** Populations in training on the original task, and their weights model by model: what the tests of this folder share. */
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { randomStream } from "../../src/base/random.ts";
import { fixedBatches, trainingSet } from "../../src/data/batches.ts";
import { patterns } from "../../src/data/patterns.ts";
import type { Backend } from "../../src/graph/backend.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { initialWeights } from "../../src/model/init.ts";
import { stackWeights, type Weights, weightShapes, weightsOfModel } from "../../src/model/weights.ts";
import { sha256OfWeights } from "../../src/record/sha256.ts";
import { type Grown, grow, type Past } from "../../src/train/grow.ts";
import { type Optimizer, optimizers } from "../../src/train/optimizers.ts";
import { constantRate, type Schedule } from "../../src/train/schedules.ts";
import { openTrainer } from "../../src/train/trainer.ts";

/** One model: the seed of its initialisation and data, its rate, and what is done to its initial weights. */
export interface Member {
  seed: number;
  rate?: number;
  spoil?: (weights: Record<string, Float32Array>) => void;
}

export interface Training {
  backend?: Backend;
  config?: ModelConfig;
  optimizer?: Optimizer;
  clip?: number;
  schedule?: Schedule;
  steps?: number;
  batch?: number;
  /** Sequences of each training set; not a multiple of the batch leaves a short last batch. */
  sequences?: number;
}

export interface Trained extends Grown {
  /** Final weights of each model. */
  weights: Weights[];
  /** SHA-256 of them. */
  hashes: string[];
}

/** Trains members side by side, each on a training set of its own. */
export async function train(members: readonly Member[], options: Training = {}): Promise<Trained> {
  const { backend = wasmBackend(), config = presets.original, optimizer = optimizers.adam } = options;
  const { steps = 12, batch = 8, sequences = 20, schedule = constantRate, clip } = options;
  const task = patterns(config);
  const trainer = openTrainer(backend, {
    config,
    optimizer,
    clip,
    models: members.length,
    batch,
    nPos: config.nCtx - 1,
  });
  const initial = members.map(({ seed, spoil }) => {
    const weights = initialWeights(config, { scheme: "pytorch" }, randomStream("population", seed, "init"));
    spoil?.(weights);
    return weights;
  });
  trainer.writeWeights(stackWeights(config, initial));
  const sources = members.map(({ seed }) =>
    fixedBatches(trainingSet(task, ["population", seed, "data"], sequences), batch),
  );
  const rates = members.map(({ rate = 1e-3 }) => rate);
  const loop = grow(trainer, { sources, rates, schedule, steps, checkpoints: [] });
  const grown = await loop.next();
  if (!grown.done) throw new Error("a loop without checkpoints stops at its end only");
  const all = await trainer.readWeights();
  trainer.session.close();
  const weights = members.map((_, model) => weightsOfModel(config, all, model));
  return { ...grown.value, weights, hashes: weights.map((of) => sha256OfWeights(of, weightShapes(config))) };
}

/** Losses of one model, [step]. */
export function lossesOf({ losses }: Past, model: number): number[] {
  return losses.map((ofStep) => ofStep[model]);
}
