/** How many training steps a worker makes in a given time. */
import { randomStream } from "../../base/random.ts";
import type { Sequences } from "../../data/types.ts";
import type { Backend } from "../../graph/backend.ts";
import { type ModelConfig, presets } from "../../model/config.ts";
import { initialPopulation } from "../../model/init.ts";
import { optimizers } from "../../train/optimizers.ts";
import { openTrainer } from "../../train/trainer.ts";

/** Sizes that are measured; all else is the original study's (post-LN, ReLU, biases, untied, no mask). */
export const benchSizes = {
  seed: { dVocab: 10, dModel: 16, nHeads: 2, nLayers: 2, dMlp: 64, nCtx: 8, batch: 32 },
  small: { dVocab: 64, dModel: 64, nHeads: 4, nLayers: 2, dMlp: 256, nCtx: 32, batch: 32 },
  char: { dVocab: 96, dModel: 128, nHeads: 4, nLayers: 4, dMlp: 512, nCtx: 128, batch: 16 },
} as const;

/** Part of a population to be trained for a while. */
export interface BenchJob {
  config: keyof typeof benchSizes;
  models: number;
  seconds: number;
  backend: { name: string; relaxed?: boolean };
}

/** What was counted after the warm-up. */
export interface BenchMeasurement {
  steps: number;
  milliseconds: number;
  /** Share of the time inside kernels. */
  kernelShare: number;
}

const WARM_UP_STEPS = 5;

/** Trains on random tokens with Adam, a batch of its own for every model, for about `seconds`. */
export async function measureTraining(
  job: BenchJob,
  backend: Backend,
  clock: () => number,
): Promise<BenchMeasurement> {
  const { batch, ...size } = benchSizes[job.config];
  const config: ModelConfig = { ...presets.original, ...size, dHead: size.dModel / size.nHeads };
  const { models } = job;
  const nPos = config.nCtx;
  const trainer = openTrainer(backend, { config, optimizer: optimizers.adam, models, batch, nPos, clock });
  const streams = Array.from({ length: models }, (_, model) => randomStream("bench", model));
  trainer.writeWeights(initialPopulation(config, { scheme: "pytorch" }, streams));
  const tokens = (model: number, purpose: string) => {
    const stream = randomStream("bench", model, purpose);
    return Int32Array.from({ length: batch * nPos }, () => stream.integer(config.dVocab));
  };
  const batches = streams.map(
    (_, model): Sequences => ({
      count: batch,
      nPos,
      inputs: tokens(model, "inputs"),
      targets: tokens(model, "targets"),
    }),
  );
  let step = 0;
  const train = () =>
    trainer.steps(
      Array.from({ length: trainer.stepsAtOnce }, () => ({ batches, step: ++step, rates: [1e-3] })),
    );
  while (step < WARM_UP_STEPS) await train();
  const before = step;
  const kernelsBefore = trainer.session.kernelMilliseconds();
  const started = clock();
  while (clock() - started < job.seconds * 1000) await train();
  const milliseconds = clock() - started;
  const kernelShare = (trainer.session.kernelMilliseconds() - kernelsBefore) / milliseconds;
  trainer.session.close();
  return { steps: step - before, milliseconds, kernelShare };
}
