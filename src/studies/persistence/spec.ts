/** The persistence study as data: its question, its arms, and the settings that decide its numbers. */

import { type ModelConfig, presetNamed } from "../../model/config.ts";
import type { SiteSelector } from "../../model/hookPoints.ts";
import type { InitOptions } from "../../model/init.ts";
import { logSpaced } from "../../train/checkpoints.ts";
import { optimizerNamed } from "../../train/optimizers.ts";
import { constantRate } from "../../train/schedules.ts";
import type { ArmSpec, ModelSeeds } from "../population/arm.ts";

/** What the study asks. */
export const question = "Does what units are tuned to at initialisation survive training, beyond chance?";

/** Everything that decides a number. */
export interface PersistenceSettings {
  presets: readonly string[];
  /** At least two, each once. */
  seeds: readonly number[];
  sequences: number;
  batch: number;
  stepsPerEpoch: number;
  steps: number;
  lr: number;
  optimizer: string;
  task: string;
  init: InitOptions;
  /** `full`: as the original probed, with the last position that is never trained; `trained`: without it. */
  probe: "full" | "trained";
}

/** Blocks of dVocab sequences in the balanced probe. */
const PROBE_BLOCKS = 100;
/** Unseen sequences on which loss is measured. */
const HELD_OUT = 512;
/** Sites whose units are followed. */
const SITES: readonly SiteSelector[] = [
  "blocks.*.attn.hook_z",
  "blocks.*.mlp.hook_pre",
  "blocks.*.mlp.hook_post",
  "blocks.*.hook_resid_post",
];

/** The site that a layer's group of units is read from. */
export const siteOfLayer = (layer: number) => `blocks.${layer}.mlp.hook_post`;

/**
 * The two arms of a preset. `main` is the study itself. `otherData` has the same initialisations on the next seed's
 * data: its model i − 1 shares the data of main's model i and not the initialisation (null b), its model i shares the
 * initialisation and not the data (the ceiling, null c).
 *
 * @param config  instead of the preset's own
 */
export function armsOf(
  preset: string,
  settings: PersistenceSettings,
  config: ModelConfig = presetNamed(preset),
): { main: Arm; otherData: Arm } {
  const { seeds, steps } = settings;
  const sites = SITES.filter((site) =>
    site.includes("attn") ? !config.mlpOnly : !site.includes("mlp") || !config.attnOnly,
  );
  const arm: ArmSpec = {
    study: "persistence",
    config,
    init: settings.init,
    task: settings.task,
    sequences: settings.sequences,
    batch: settings.batch,
    steps,
    rate: settings.lr,
    schedule: constantRate,
    optimizer: optimizerNamed(settings.optimizer),
    checkpoints: logSpaced(steps),
    probe: {
      blocks: PROBE_BLOCKS,
      nPos: settings.probe === "full" ? config.nCtx : config.nCtx - 1,
      sites,
      keepCells: layersOf(config.nLayers).map(siteOfLayer),
    },
    heldOut: HELD_OUT,
  };
  const next = (index: number) => seeds[(index + 1) % seeds.length];
  return {
    main: { name: preset, spec: arm, models: seeds.map((seed) => ({ init: seed, data: seed })) },
    otherData: {
      name: `${preset}, other data`,
      spec: { ...arm, checkpoints: [steps] },
      models: seeds.map((seed, index) => ({ init: seed, data: next(index) })),
    },
  };
}

/** An arm with its name and models. */
export interface Arm {
  name: string;
  spec: ArmSpec;
  models: readonly ModelSeeds[];
}

export function layersOf(count: number): number[] {
  return Array.from({ length: count }, (_, layer) => layer);
}
