/**
 * A job of a text population: some language models, grown and measured from the initialisation to the last step.
 *
 * A job is plain data, so that it can go to a worker, and what it tells is plain data too. How a population is cut into
 * jobs changes no bit of the results: models do not see each other.
 */
import { randomStream } from "../../base/random.ts";
import { windowBatches } from "../../data/text/windows.ts";
import type { Sequences } from "../../data/types.ts";
import type { Backend } from "../../graph/backend.ts";
import { generate } from "../../interp/generate.ts";
import { openNetwork } from "../../interp/network.ts";
import { initialPopulation } from "../../model/init.ts";
import { stackWeights, type Weights, weightsOfModel } from "../../model/weights.ts";
import { type Grown, grow } from "../../train/grow.ts";
import { openTrainer } from "../../train/trainer.ts";
import { streams } from "../population/arm.ts";
import { checkpointsAfter, type JobControl, type JobState } from "../population/job.ts";
import type { TextProbe } from "./probe.ts";
import { type ProbeCurves, probeProgram, probeStates } from "./probeCurves.ts";
import type { TextSpec } from "./spec.ts";

/** Some models of a text population. */
export interface TextJob {
  readonly spec: TextSpec;
  /** Seed of each model's initialisation, of its windows and of its samples. */
  readonly seeds: readonly number[];
  readonly backend: { readonly name: string; readonly relaxed?: boolean };
  /** Token runs that windows are drawn from. */
  readonly train: readonly Int32Array[];
  /** Windows on which loss is measured. */
  readonly heldOut: Sequences;
  readonly probe: TextProbe;
  /** Tokens that every sample begins with. */
  readonly prompt: Int32Array;
}

/** What a job tells while it runs; the end is told once, and last. */
export type TextEvent =
  | { readonly kind: "progress"; readonly step: number; readonly loss: number }
  | {
      readonly kind: "checkpoint";
      readonly step: number;
      /** Mean training loss over the models at the last update, NaN before the first. */
      readonly loss: number;
      /** Held-out loss [model, pos], nats per token. */
      readonly heldOut: Float64Array;
      /** By site. */
      readonly curves: Record<string, ProbeCurves>;
      /** [model, ...shape] */
      readonly weights: Weights;
    }
  | { readonly kind: "state"; readonly state: JobState }
  | {
      readonly kind: "end";
      /** [step][model] */
      readonly losses: Float64Array[];
      readonly divergedAt: (number | null)[];
      /** Prompt and continuation, [model][sample]; none of a model that diverged. */
      readonly samples: Int32Array[][];
    };

/** Steps between reports of progress, or as many as the backend takes at once. */
const REPORT_EVERY = 4;

/** The sites whose units are followed: every neuron. */
export const followedSites = ["blocks.*.mlp.hook_post"] as const;

/**
 * Runs a job; from a state that it told, it tells what it would have told after it, to the bit.
 *
 * @param tell  receives every event, in order
 */
export async function runTextJob(
  job: TextJob,
  backend: Backend,
  tell: (event: TextEvent) => void,
  control: JobControl = {},
): Promise<void> {
  const { divergedAt, losses, weights, stopped } = await train(job, backend, tell, control);
  if (stopped) return;
  tell({ kind: "end", losses, divergedAt, samples: await drawSamples(job, backend, weights, divergedAt) });
}

async function train(
  { spec, seeds, train, heldOut, probe }: TextJob,
  backend: Backend,
  tell: (event: TextEvent) => void,
  { from, due }: JobControl,
): Promise<Grown & { weights: Weights }> {
  const { config, study, batch } = spec;
  const sites = followedSites;
  const trainer = openTrainer(backend, {
    ...{ config, optimizer: spec.optimizer, clip: spec.clip, models: seeds.length, batch, nPos: config.nCtx },
    extraStates: probeStates(config, sites, probe),
  });
  try {
    const initial = () => seeds.map((seed) => randomStream(...streams.init(study, seed)));
    trainer.writeWeights(from?.weights ?? initialPopulation(config, spec.init, initial()));
    if (from !== undefined) trainer.writeMoments(from.moments);
    const sources = seeds.map((seed) =>
      windowBatches(train, { nCtx: config.nCtx, batchSize: batch, key: streams.data(study, seed) }),
    );
    const responses = probeProgram(trainer.session, config, { sites, probe });
    const { schedule, steps, rate } = spec;
    const loop = grow(trainer, {
      ...{
        sources,
        schedule,
        steps,
        rates: [rate],
        reportEvery: Math.max(REPORT_EVERY, trainer.stepsAtOnce),
      },
      ...{ checkpoints: checkpointsAfter(from, spec.checkpoints), from: from?.step, past: from, due },
    });
    let next = await loop.next();
    for (; !next.done; next = await loop.next()) {
      const stop = next.value;
      const { kind, step, loss } = stop;
      if (kind === "progress") {
        tell({ kind, step, loss });
        continue;
      }
      const weights = await trainer.readWeights();
      if (kind === "state") {
        tell({ kind, state: { step, weights, moments: await trainer.readMoments(), ...stop.past } });
        continue;
      }
      const curves = await responses.measure();
      tell({ kind, step, loss, heldOut: await trainer.evaluate([heldOut]), curves, weights });
    }
    return { ...next.value, weights: await trainer.readWeights() };
  } finally {
    trainer.session.close();
  }
}

/** Samples of the models that did not diverge; each has its own stream, so that the cut into jobs changes none. */
async function drawSamples(
  { spec, seeds, prompt }: TextJob,
  backend: Backend,
  weights: Weights,
  divergedAt: readonly (number | null)[],
): Promise<Int32Array[][]> {
  const { config, study, sampling } = spec;
  const samples: Int32Array[][] = seeds.map(() => []);
  const sound = seeds.flatMap((_, model) => (divergedAt[model] === null ? [model] : []));
  if (sampling.count === 0 || sound.length === 0) return samples;
  const own = sound.map((model) => weightsOfModel(config, weights, model));
  const network = openNetwork(backend, config, stackWeights(config, own));
  try {
    const { data, pos } = await generate(network, Array(sampling.count).fill(Array.from(prompt)), {
      ...{ count: sampling.tokens, temperature: sampling.temperature, topK: sampling.topK ?? undefined },
      stream: (model, sample) => randomStream(study, seeds[sound[model]], "sample", sample),
    });
    sound.forEach((model, at) => {
      for (let sample = 0; sample < sampling.count; sample++)
        samples[model].push(
          data.slice((at * sampling.count + sample) * pos, (at * sampling.count + sample + 1) * pos),
        );
    });
    return samples;
  } finally {
    network.close();
  }
}
