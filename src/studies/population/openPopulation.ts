/**
 * A population that is open: it can be trained, stop by stop, and looked at wherever it stopped. Looking changes no bit
 * of the training, so whoever looks more often, as a page does, ends with the same networks.
 */
import { randomStream } from "../../base/random.ts";
import { fixedBatches, trainingSet } from "../../data/batches.ts";
import { latinBlocks } from "../../data/probes.ts";
import { taskNamed } from "../../data/registry.ts";
import { type TuningCurves, tuningProgram, tuningStates } from "../../features/tuningCurves.ts";
import type { CellSource, Source } from "../../features/varianceComponents.ts";
import { varianceComponents } from "../../features/varianceComponents.ts";
import type { Backend } from "../../graph/backend.ts";
import { initialPopulation } from "../../model/init.ts";
import type { Weights } from "../../model/weights.ts";
import { type Grown, type GrowOptions, grow, type Stop } from "../../train/grow.ts";
import { openTrainer } from "../../train/trainer.ts";
import { type ArmSpec, type ModelSeeds, streams, unseenSequences } from "./arm.ts";

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

/** What is seen of a population at one step. */
export interface Look {
  /** Held-out loss [model, pos], nats. */
  heldOut: Float64Array;
  /** Share of right answers on the same sequences [model, pos], in [0, 1]. */
  accuracy: Float64Array;
  sites: Record<string, SiteSnapshot>;
  /** [model, ...shape]. */
  weights: Weights;
}

/** Where a training can be taken up again: all that its next step needs besides its arm. */
export interface GrowthState {
  /** Updates made. */
  step: number;
  /** [model, ...shape]. */
  weights: Weights;
  /** What the optimiser remembers, by state name. */
  moments: Weights;
}

/** Where a growth stops to be looked at, and who is told what on the way. */
export type GrowthStops = Pick<
  GrowOptions,
  "checkpoints" | "reportEvery" | "until" | "onLoss" | "past" | "due"
>;

/** An open population; close it when done. */
export interface OpenPopulation {
  /** Trains from where the population was opened to the arm's last step. Only once. */
  grow(stops: GrowthStops): AsyncGenerator<Stop, Grown>;
  /** Looks at the networks as they are now. */
  look(): Promise<Look>;
  /** Puts other networks in their place, such as those of a checkpoint, to be looked at: [model, ...shape]. */
  write(weights: Weights): void;
  /** Copies of what the next step needs, after `step` updates. */
  state(step: number): Promise<GrowthState>;
  /** Milliseconds spent in kernels so far; 0 without a clock. */
  kernelMilliseconds(): number;
  close(): void;
}

/** How to open a population. */
export interface OpenPopulationOptions {
  /** A monotonic clock in milliseconds, for the time in kernels. */
  clock?: () => number;
  /** The state to go on from; the initialisation that the seeds draw unless given. */
  from?: GrowthState;
}

/**
 * Opens some models of an arm.
 *
 * @throws NameError, ArgumentError where the arm is no possible one
 */
export function openPopulation(
  arm: ArmSpec,
  models: readonly ModelSeeds[],
  backend: Backend,
  { clock, from }: OpenPopulationOptions = {},
): OpenPopulation {
  const { config, study } = arm;
  const task = taskNamed(arm.task, { dVocab: config.dVocab, nCtx: config.nCtx });
  const trainer = openTrainer(backend, {
    ...arm,
    models: models.length,
    nPos: config.nCtx - 1, // inputs are a sequence without its last token
    extraStates: tuningStates(config, arm.probe.sites, arm.probe),
    clock,
  });
  const drawn = () =>
    initialPopulation(
      config,
      arm.init,
      models.map(({ init }) => randomStream(...streams.init(study, init))),
    );
  trainer.writeWeights(from?.weights ?? drawn());
  if (from !== undefined) trainer.writeMoments(from.moments);
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
  return {
    grow: (stops) => grow(trainer, { ...arm, ...stops, sources, rates: [arm.rate], from: from?.step }),
    look: async () => {
      const curves = await tuning.measure();
      return {
        sites: Object.fromEntries(
          [...curves].map(([name, of]) => [name, snapshot(of, arm.probe.keepCells.includes(name))]),
        ),
        heldOut: await trainer.evaluate([unseen]),
        accuracy: await trainer.accuracy([unseen]),
        weights: await trainer.readWeights(),
      };
    },
    write: (weights) => trainer.writeWeights(weights),
    state: async (step) => ({
      step,
      weights: await trainer.readWeights(),
      moments: await trainer.readMoments(),
    }),
    kernelMilliseconds: () => trainer.session.kernelMilliseconds(),
    close: () => trainer.session.close(),
  };
}

function snapshot(curves: TuningCurves, keepCells: boolean): SiteSnapshot {
  const { eta2, omega2, epsilon2, amount, crossValidated, dead } = varianceComponents(curves);
  const cellMean = keepCells ? Float32Array.from(curves.cellMean) : undefined;
  return { units: curves.units, eta2, omega2, epsilon2, amount, crossValidated, dead, cellMean };
}
