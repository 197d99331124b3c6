/** What a person chooses before pressing play, and the arm of study `persistence` that it comes to. */
import { z } from "zod";
import { ArgumentError } from "../../../src/base/errors.ts";
import { taskNamed } from "../../../src/data/registry.ts";
import { type ModelConfig, type PresetName, presetNamed, validateConfig } from "../../../src/model/config.ts";
import type { InitOptions } from "../../../src/model/init.ts";
import { type Arm, armsOf, type PersistenceSettings } from "../../../src/studies/persistence/spec.ts";
import { checkedSize } from "./runSize.ts";

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

/** Largest values of settings, for links and forms alike. */
export const limits = {
  rate: 1e6,
  scale: 1e6,
  steps: 1_000_000,
  sequences: 100_000,
  batch: 4096,
  seeds: 256,
} as const;

const whole = (low: number, high: number) => z.int().min(low).max(high);
const shortText = z.string().max(40);

/** What settings may be each by itself. */
const settingsSchema = z.strictObject({
  preset: shortText,
  changes: z.record(shortText, z.union([z.number(), shortText, z.boolean()])),
  task: shortText,
  init: z.strictObject({ scheme: shortText, embeddingScale: z.number().positive().max(limits.scale) }),
  lr: z.number().positive().max(limits.rate),
  optimizer: shortText,
  steps: whole(1, limits.steps),
  sequences: whole(1, limits.sequences),
  batch: whole(1, limits.batch),
  seeds: z.union([
    whole(2, limits.seeds),
    z
      .array(whole(0, Number.MAX_SAFE_INTEGER))
      .min(2)
      .max(limits.seeds)
      .refine((seeds) => new Set(seeds).size === seeds.length),
  ]),
  probe: z.enum(["trained", "full"]),
});

/**
 * The settings themselves, if the page can have such a run: what a form begins, a link can hold, and the other way round.
 *
 * @param where  where they come from, for the sentence
 * @throws ArgumentError, NameError in a sentence that names the setting
 */
export function checkedSettings(settings: unknown, where = "settings"): RunSettings {
  const { data, error } = settingsSchema.safeParse(settings);
  if (data === undefined) {
    const [{ path }] = error.issues;
    throw new ArgumentError({
      where: `${where}: ${path.join(".") || "settings"}`,
      rule: "is not what a run can have",
      got: JSON.stringify(
        path.reduce<unknown>((inside, key) => (inside as Record<PropertyKey, unknown>)?.[key], settings),
      ),
    });
  }
  checkedSize(armOf(data as RunSettings)); // throws where fields do not fit each other
  return data as RunSettings;
}

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

/** Fields of a config that are not the preset's. */
export function changesFrom(preset: PresetName, config: ModelConfig): Partial<ModelConfig> {
  const own = presetNamed(preset);
  return Object.fromEntries(
    Object.entries(config).filter(([name, value]) => own[name as keyof ModelConfig] !== value),
  );
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
  const nPos = config.nCtx - (settings.probe === "full" ? 0 : 1);
  if (nPos < 2)
    throw new ArgumentError({
      where: "sequence length",
      rule: "tuning is to tokens and positions, so at least two positions must be probed",
      got: String(nPos),
      wayOut: `Choose sequences of ${config.nCtx + 2 - nPos} tokens or more.`,
    });
  taskNamed(settings.task, { dVocab: config.dVocab, nCtx: config.nCtx });
  return armsOf(settings.preset, studySettingsOf(settings), config).main;
}
