/** What a person chooses before pressing play, and the arm of study `persistence` that it comes to. */
import { ArgumentError } from "../../../src/base/errors.ts";
import { taskNamed } from "../../../src/data/registry.ts";
import { type ModelConfig, type PresetName, presetNamed, validateConfig } from "../../../src/model/config.ts";
import type { InitOptions } from "../../../src/model/init.ts";
import { type Arm, armsOf, type PersistenceSettings } from "../../../src/studies/persistence/spec.ts";

/** A run as it is asked for. Equal settings give equal bits, here and on the command line. */
export interface RunSettings {
  readonly preset: PresetName;
  /** Fields of the preset's config that are different here. */
  readonly changes: Partial<ModelConfig>;
  readonly task: string;
  readonly init: Required<InitOptions>;
  readonly lr: number;
  readonly optimizer: string;
  /** Optimiser updates. */
  readonly steps: number;
  /** Training sequences of each model, and how many of them a batch has. */
  readonly sequences: number;
  readonly batch: number;
  /** How many, which are then 0 … seeds − 1; or which, each once. */
  readonly seeds: number | readonly number[];
  /** Whether tuning is measured at the trained positions only, or at the last one too, which never is. */
  readonly probe: PersistenceSettings["probe"];
}

/** Those of `palimpsest study persistence --preset original --seeds 16`. */
export const defaultSettings: RunSettings = {
  preset: "original",
  changes: {},
  task: "patterns",
  init: { scheme: "pytorch", embeddingScale: 1 },
  lr: 1e-3,
  optimizer: "adam",
  steps: 160,
  sequences: 500,
  batch: 32,
  seeds: 16,
  probe: "trained",
};

/** The seeds of a run. */
export function seedsOf({ seeds }: Pick<RunSettings, "seeds">): number[] {
  return typeof seeds === "number" ? Array.from({ length: seeds }, (_, seed) => seed) : [...seeds];
}

/** Seeds as settings have them: their number where they are the first ones. */
export function seedsSetting(seeds: readonly number[]): RunSettings["seeds"] {
  return seeds.every((seed, i) => seed === i) ? seeds.length : seeds;
}

/** The config that settings come to; throws ArgumentError or NameError where it is no possible one. */
export function configOf({ preset, changes }: RunSettings): ModelConfig {
  return validateConfig({ ...presetNamed(preset), ...changes });
}

/** The settings of the study on the command line. */
export function studySettingsOf(settings: RunSettings): PersistenceSettings {
  const { preset, sequences, batch, steps, lr, optimizer, task, init, probe } = settings;
  return {
    presets: [preset],
    seeds: seedsOf(settings),
    stepsPerEpoch: Math.ceil(sequences / batch),
    ...{ sequences, batch, steps, lr, optimizer, task, init, probe },
  };
}

/**
 * The arm that is trained.
 *
 * @throws ArgumentError, NameError for settings that no run can have, in a sentence for the person who chose them
 */
export function armOf(settings: RunSettings): Arm {
  const config = configOf(settings);
  const seeds = seedsOf(settings);
  if (new Set(seeds).size < seeds.length)
    throw new ArgumentError({ where: "seeds", rule: "each may be named once", got: seeds.join(",") });
  taskNamed(settings.task, { dVocab: config.dVocab, nCtx: config.nCtx });
  return armsOf(settings.preset, studySettingsOf(settings), config).main;
}
