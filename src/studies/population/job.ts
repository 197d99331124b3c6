/**
 * A population job: some models of one arm, grown and measured from the initialisation to the last step.
 *
 * A job is plain data, so that it can go to a worker, and what it tells is plain data too. How a population is cut into
 * jobs changes no bit of the results: models do not see each other.
 */
import { randomStream, type StreamKey } from "../../base/random.ts";
import { fixedBatches, heldOut, trainingSet } from "../../data/batches.ts";
import { latinBlocks } from "../../data/probes.ts";
import { taskNamed } from "../../data/registry.ts";
import type { Sequences } from "../../data/types.ts";
import { type TuningCurves, tuningProgram, tuningStates } from "../../features/tuningCurves.ts";
import type { CellSource, Source } from "../../features/varianceComponents.ts";
import { varianceComponents } from "../../features/varianceComponents.ts";
import type { Backend } from "../../graph/backend.ts";
import type { ModelConfig } from "../../model/config.ts";
import type { SiteSelector } from "../../model/hookPoints.ts";
import { type InitOptions, initialPopulation } from "../../model/init.ts";
import type { Weights } from "../../model/weights.ts";
import { grow } from "../../train/grow.ts";
import type { Optimizer } from "../../train/optimizers.ts";
import type { Schedule } from "../../train/schedules.ts";
import { openTrainer } from "../../train/trainer.ts";

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

/** Some models of an arm. */
export interface PopulationJob {
  arm: ArmSpec;
  models: readonly ModelSeeds[];
  backend: { name: string; relaxed?: boolean };
}

/** Selectivity of the units of one site; arrays are [model, unit]. */
export interface SiteSnapshot {
  units: number;
  eta2: Record<Source, Float64Array>;
  omega2: Record<CellSource, Float64Array>;
  epsilon2: Record<CellSource, Float64Array>;
  /** Unbiased amounts of variance. */
  amount: Record<Source, Float64Array>;
  /** Amounts by cross-validation over the halves of the probe. */
  crossValidated: Record<CellSource, Float64Array>;
  /** 1 for a unit without variance. */
  dead: Uint8Array;
  /** Cell means [model, unit, token, pos], for the sites that keep them. */
  cellMean?: Float32Array;
}

/** What a job tells while it runs. */
export type JobEvent =
  | { kind: "progress"; step: number; loss: number }
  | {
      kind: "checkpoint";
      step: number;
      /** Held-out loss [model, pos], nats. */
      heldOut: Float64Array;
      /** Share of right answers on the same sequences [model, pos], in [0, 1]. */
      accuracy: Float64Array;
      sites: Record<string, SiteSnapshot>;
      /** [model, ...shape]. */
      weights: Weights;
    }
  | {
      kind: "end" /** [step][model] */;
      losses: Float64Array[];
      divergedAt: (number | null)[];
      kernelShare: number;
    };

/** Steps between reports of progress. */
const REPORT_EVERY = 16;

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

/**
 * Runs a job.
 *
 * @param tell   receives every event, in order
 * @param clock  a monotonic clock in milliseconds, for the share of time in kernels
 */
export async function runJob(
  job: PopulationJob,
  backend: Backend,
  tell: (event: JobEvent) => void,
  clock?: () => number,
): Promise<void> {
  const { arm, models } = job;
  const { config, study } = arm;
  const task = taskNamed(arm.task, { dVocab: config.dVocab, nCtx: config.nCtx });
  const nPos = config.nCtx - 1; // inputs are a sequence without its last token
  const trainer = openTrainer(backend, {
    ...arm,
    models: models.length,
    nPos,
    extraStates: tuningStates(config, arm.probe.sites, arm.probe),
    clock,
  });
  trainer.writeWeights(
    initialPopulation(
      config,
      arm.init,
      models.map(({ init }) => randomStream(...streams.init(study, init))),
    ),
  );
  const sources = models.map(({ data }) =>
    fixedBatches(trainingSet(task, streams.data(study, data), arm.sequences), arm.batch),
  );
  const unseen = unseenSequences(arm);
  const probe = latinBlocks({
    dVocab: config.dVocab,
    nPos: arm.probe.nPos,
    blocks: arm.probe.blocks,
    stream: randomStream(...streams.probe(study)),
  });
  const tuning = tuningProgram(trainer.session, config, { sites: arm.probe.sites, probe });

  const started = clock?.() ?? 0;
  const loop = grow(trainer, { ...arm, sources, rates: [arm.rate], reportEvery: REPORT_EVERY });
  let next = await loop.next();
  for (; !next.done; next = await loop.next()) {
    const { kind, step, loss } = next.value;
    tell({ kind: "progress", step, loss });
    if (kind === "progress") continue;
    const curves = await tuning.measure();
    const sites = Object.fromEntries(
      [...curves].map(([name, of]) => [name, snapshot(of, arm.probe.keepCells.includes(name))]),
    );
    tell({
      kind: "checkpoint",
      step,
      heldOut: await trainer.evaluate([unseen]),
      accuracy: await trainer.accuracy([unseen]),
      sites,
      weights: await trainer.readWeights(),
    });
  }
  const elapsed = (clock?.() ?? 0) - started;
  const kernelShare = elapsed > 0 ? trainer.session.kernelMilliseconds() / elapsed : Number.NaN;
  trainer.session.close();
  tell({ kind: "end", ...next.value, kernelShare });
}

function snapshot(curves: TuningCurves, keepCells: boolean): SiteSnapshot {
  const { eta2, omega2, epsilon2, amount, crossValidated, dead } = varianceComponents(curves);
  const cellMean = keepCells ? Float32Array.from(curves.cellMean) : undefined;
  return { units: curves.units, eta2, omega2, epsilon2, amount, crossValidated, dead, cellMean };
}
