/** Networks grown for a study: drawn from keyed streams, trained, looked at on the way. */
import { randomStream } from "../../base/random.ts";
import { type BatchSource, fixedBatches, freshBatches, trainingSet } from "../../data/batches.ts";
import { taskNamed } from "../../data/registry.ts";
import { scoredMean } from "../../data/scored.ts";
import type { Sequences } from "../../data/types.ts";
import type { Backend } from "../../graph/backend.ts";
import type { ModelConfig } from "../../model/config.ts";
import { type InitOptions, initialPopulation } from "../../model/init.ts";
import { modelCount, type Weights } from "../../model/weights.ts";
import { type Grown, grow } from "../../train/grow.ts";
import { type Optimizer, optimizers } from "../../train/optimizers.ts";
import { constantRate, type Schedule } from "../../train/schedules.ts";
import { openTrainer } from "../../train/trainer.ts";
import { type ModelSeeds, streams } from "./arm.ts";

/** How networks are trained, on whatever; plain data. */
export interface Training {
  readonly config: ModelConfig;
  readonly batch: number;
  readonly steps: number;
  readonly rate: number;
  /** Constant unless given. */
  readonly schedule?: Schedule;
  /** Adam unless given. */
  readonly optimizer?: Optimizer;
  readonly clip?: number;
  /** Factors of the learning rate by weight; 0 freezes it. */
  readonly rateFactors?: Readonly<Record<string, number>>;
  /** α of an output that begins at 0: α · (f(θ) − f(θ₀)). The plain output unless given. */
  readonly outputScale?: number;
  /** Steps that are looked at, ascending, from 0 to `steps`. */
  readonly checkpoints: readonly number[];
}

/** Everything that decides how a network grows, besides its seeds; plain data. */
export interface Growth extends Training {
  /** First part of every stream key: what two growths share, they share by it and by a seed. */
  readonly study: string;
  readonly init: InitOptions;
  readonly task: string;
  /** Sequences of each network's fixed training set, gone through in order; absent: new sequences at every step. */
  readonly sequences?: number;
}

/** What a caller gives and is told while networks grow. */
export interface GrowthOptions {
  /** Weights to begin with, [model, ...shape], instead of those that the seeds draw. */
  readonly start?: Weights;
  /** Masks of some weights, [model, ...shape]: 1 trains an entry, 0 leaves it as it is. */
  readonly masks?: Weights;
  /** Called at every checkpoint with a copy of the weights, [model, ...shape]. */
  readonly look?: (step: number, weights: Weights) => void | Promise<void>;
  /** Told from time to time: the step and the mean training loss. */
  readonly progress?: (step: number, loss: number) => void;
}

const REPORT_EVERY = 32;

/** The networks before training, [model, ...shape]. */
export function unborn({ study, config, init }: Growth, seeds: readonly number[]): Weights {
  return initialPopulation(
    config,
    init,
    seeds.map((seed) => randomStream(...streams.init(study, seed))),
  );
}

/** What a network with a data seed is fed. */
export function feed({ study, config, task: name, sequences, batch }: Growth, seed: number): BatchSource {
  const task = taskNamed(name, { dVocab: config.dVocab, nCtx: config.nCtx });
  const key = streams.data(study, seed);
  return sequences === undefined
    ? freshBatches(task, key, batch)
    : fixedBatches(trainingSet(task, key, sequences), batch);
}

/**
 * Grows networks from their initialisation, or from given weights, to the last step.
 *
 * @param models  one network each; those of one `init` begin alike, those of one `data` see the same sequences
 * @returns       losses, divergences, and the final weights, [model, ...shape]
 */
export async function growNetworks(
  backend: Backend,
  growth: Growth,
  models: readonly ModelSeeds[],
  { start, ...options }: GrowthOptions = {},
): Promise<Grown & { weights: Weights }> {
  const first =
    start ??
    unborn(
      growth,
      models.map(({ init }) => init),
    );
  const sources = models.map(({ data }) => feed(growth, data));
  return trainNetworks(backend, growth, sources, { ...options, start: first });
}

/**
 * The same of networks and batches that are already there.
 *
 * @param sources  what each network is fed
 */
export async function trainNetworks(
  backend: Backend,
  training: Training,
  sources: readonly BatchSource[],
  { start, masks, look, progress }: GrowthOptions & { readonly start: Weights },
): Promise<Grown & { weights: Weights }> {
  const { optimizer = optimizers.adam, schedule = constantRate, config } = training;
  const trainer = openTrainer(backend, {
    ...{ config, optimizer, models: sources.length, batch: training.batch },
    nPos: sources[0].batch(0).nPos,
    ...{ clip: training.clip, rateFactors: training.rateFactors, outputScale: training.outputScale },
    masked: masks === undefined ? undefined : Object.keys(masks),
  });
  try {
    trainer.writeWeights(start);
    if (training.outputScale !== undefined) trainer.writeOrigin(start);
    if (masks !== undefined) trainer.writeMasks(masks);
    const { steps, checkpoints, rate } = training;
    const loop = grow(trainer, {
      ...{
        sources,
        steps,
        checkpoints,
        schedule,
        rates: [rate],
        reportEvery: Math.max(REPORT_EVERY, trainer.stepsAtOnce),
      },
    });
    let next = await loop.next();
    for (; !next.done; next = await loop.next()) {
      const { kind, step, loss } = next.value;
      progress?.(step, loss);
      if (kind === "checkpoint") await look?.(step, await trainer.readWeights());
    }
    return { ...next.value, weights: await trainer.readWeights() };
  } finally {
    trainer.session.close();
  }
}

/** Mean loss of each network over the positions that count, nats, on sequences that all share. */
export async function lossesOf(
  backend: Backend,
  config: ModelConfig,
  weights: Weights,
  sequences: Sequences,
): Promise<Float64Array> {
  const { nPos, scored } = sequences;
  const models = modelCount(config, weights);
  const trainer = openTrainer(backend, {
    ...{ config, optimizer: optimizers.adam, models, nPos, batch: sequences.count },
  });
  try {
    trainer.writeWeights(weights);
    const byPosition = await trainer.evaluate([sequences]);
    return Float64Array.from({ length: models }, (_, model) =>
      scoredMean(byPosition.subarray(model * nPos, (model + 1) * nPos), scored),
    );
  } finally {
    trainer.session.close();
  }
}
