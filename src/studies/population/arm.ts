/** An arm: everything that decides the numbers of a population, as plain data. */
import type { StreamKey } from "../../base/random.ts";
import { heldOut } from "../../data/batches.ts";
import { taskNamed } from "../../data/registry.ts";
import type { Sequences } from "../../data/types.ts";
import type { ModelConfig } from "../../model/config.ts";
import type { SiteSelector } from "../../model/hookPoints.ts";
import type { InitOptions } from "../../model/init.ts";
import type { Optimizer } from "../../train/optimizers.ts";
import type { Schedule } from "../../train/schedules.ts";

/** Which initialisation and which data a model has: paired arms share one of them. */
export interface ModelSeeds {
  init: number;
  data: number;
}

/** Everything that decides the results of one arm. */
export interface ArmSpec {
  /** First part of every stream key. */
  study: string;
  config: ModelConfig;
  init: InitOptions;
  task: string;
  /** Sequences in each model's fixed training set, gone through in order. */
  sequences: number;
  batch: number;
  steps: number;
  rate: number;
  schedule: Schedule;
  optimizer: Optimizer;
  clip?: number;
  /** Steps that are measured, ascending, from 0 to `steps`. */
  checkpoints: readonly number[];
  probe: {
    /** Latin blocks of dVocab sequences. */
    blocks: number;
    /** Positions of a probe sequence: those that are trained, or nCtx to look at the untrained last one too. */
    nPos: number;
    sites: readonly SiteSelector[];
    /** Sites whose cell means are told too, not only what they add up to. */
    keepCells: readonly string[];
  };
  /** Unseen sequences on which loss is measured; the same for all models. */
  heldOut: number;
}

/** Keys of the streams: what arms share, they share by sharing a key. */
export const streams = {
  init: (study: string, seed: number): StreamKey => [study, seed, "init"],
  data: (study: string, seed: number): StreamKey => [study, seed, "data"],
  heldOut: (study: string): StreamKey => [study, "held out"],
  probe: (study: string): StreamKey => [study, "probe"],
};

/** The sequences on which an arm's held-out loss is measured. */
export function unseenSequences({ study, task, config, heldOut: count }: ArmSpec): Sequences {
  return heldOut(
    taskNamed(task, { dVocab: config.dVocab, nCtx: config.nCtx }),
    streams.heldOut(study),
    count,
  );
}
