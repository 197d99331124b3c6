/**
 * The `config` of a run's manifest: every setting that decides a number, and nothing else.
 *
 * `persistence` is the whole study of some presets. `studio` is one population of one preset as it was trained in the
 * page: of a changed config, stopped anywhere, and branched, that is, gone on with from some step with other settings.
 * See docs/runs.md.
 */
import { z } from "zod";
import { FileError, UserError } from "../../base/errors.ts";
import { taskNamed, tasks } from "../../data/registry.ts";
import { type ModelConfig, type PresetName, presets, validateConfig } from "../../model/config.ts";
import { initSchemes } from "../../model/init.ts";
import type { JsonValue } from "../../record/canonicalJson.ts";
import type { Manifest } from "../../record/manifest.ts";
import { optimizers } from "../../train/optimizers.ts";
import type { PersistenceSettings } from "./spec.ts";

/** Studies whose runs hold checkpoints of populations. */
export const populationStudies = ["persistence", "studio"] as const;

/** One of {@link populationStudies}. */
export type PopulationStudy = (typeof populationStudies)[number];

/** Whether a manifest's study is one of {@link populationStudies}. */
export function isPopulationStudy(study: string): study is PopulationStudy {
  return populationStudies.some((known) => known === study);
}

/** What computed a run. */
export interface RunBackend {
  /** Name of the backend, e.g. `wasm`. */
  readonly backend: string;
  /** Whether multiply and add were fused. */
  readonly relaxed: boolean;
}

/** Settings of training that may change on the way. */
export type TrainingSettings = Pick<PersistenceSettings, "lr" | "optimizer" | "task" | "sequences" | "batch">;

/**
 * Where a population took another way: the settings that are named hold for all updates after `step`, those that are not
 * go on, as do the weights and what the optimiser remembers.
 */
export type Branch = { readonly step: number } & Readonly<Partial<TrainingSettings>>;

/** How one population of the page was made. */
export interface StudioSettings {
  /** What it began with: one preset, and the seeds of its networks. */
  readonly settings: PersistenceSettings;
  /** Fields of the preset's model config that are different. */
  readonly model: Partial<ModelConfig>;
  /** By step. */
  readonly branches: readonly Branch[];
}

/** The `config` of a run of `study persistence`. */
export function persistenceConfig(
  settings: PersistenceSettings,
  { backend, relaxed }: RunBackend,
): Record<string, JsonValue> {
  const { presets, seeds, sequences, batch, steps, lr, optimizer, task, init, probe } = settings;
  return {
    ...{ presets: [...presets], seeds: [...seeds], sequences, batch, steps, lr, optimizer, task },
    ...{ init: { scheme: init.scheme, embeddingScale: init.embeddingScale ?? 1 }, probe, backend, relaxed },
  };
}

/** The `config` of a run of the page: that of the study with its one preset, and what the study has not. */
export function studioConfig(
  { settings, model, branches }: StudioSettings,
  computed: RunBackend,
): Record<string, JsonValue> {
  return {
    ...persistenceConfig(settings, computed),
    model: { ...model } as Record<string, JsonValue>,
    branches: branches.map((branch) => ({ ...branch })),
  };
}

const keys = <K extends string>(table: Readonly<Record<K, unknown>>) => Object.keys(table) as [K, ...K[]];

const different = (values: readonly (string | number)[]) => new Set(values).size === values.length;

// limits are those of the command line's options
const training = {
  sequences: z.int().min(1).max(10_000_000),
  batch: z.int().min(1).max(65_536),
  lr: z.number().positive(),
  optimizer: z.enum(keys(optimizers)),
  task: z.enum(keys(tasks)),
};

const settingsFields = {
  ...training,
  presets: z
    .array(z.enum(keys(presets)))
    .min(1)
    .refine(different, "each may be named once"),
  seeds: z.array(z.int().min(0)).min(1).refine(different, "each may be named once"),
  steps: z.int().min(1).max(100_000_000),
  init: z.strictObject({
    scheme: z.enum(keys(initSchemes)),
    embeddingScale: z.number().nonnegative(),
  }),
  probe: z.enum(["full", "trained"]),
  backend: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "must be the name of a backend"),
  relaxed: z.boolean(),
};

const branchSchema = z
  .strictObject({ step: z.int().min(0), ...z.object(training).partial().shape })
  .refine((branch) => Object.keys(branch).length > 1, "must change a setting");

/** Values are those that a field of a model config may have by its kind; {@link validateConfig} knows the fields. */
const modelSchema = z.record(
  z.string(),
  z.union([
    z.number(),
    z.boolean(),
    z.string(),
    z.array(z.string()),
    z.looseObject({ kind: z.string(), factor: z.number() }),
  ]),
);

const ascending = (branches: readonly { step: number }[]) =>
  branches.every(({ step }, i) => i === 0 || step > branches[i - 1].step);

const schemas = {
  persistence: z.strictObject(settingsFields),
  studio: z.strictObject({
    ...settingsFields,
    presets: settingsFields.presets.max(1),
    model: modelSchema,
    branches: z.array(branchSchema).refine(ascending, "must be in the order of their steps"),
  }),
};

/** What a manifest's config says; a run of the study has no changes of the model and no branches. */
export interface RunConfig extends StudioSettings, RunBackend {
  readonly presets: readonly PresetName[];
}

/**
 * What a manifest's config says.
 *
 * @param file  name of the manifest, for messages
 * @throws FileError  for a run of another study, a setting that is missing, unknown or out of its range, and settings
 *                    that do not go together
 */
export function readRunConfig({ study, config }: Manifest, file: string): RunConfig {
  if (!isPopulationStudy(study))
    throw new FileError({
      where: file,
      rule: "must be the manifest of a run with checkpoints, as study persistence leaves them",
      got: `one of ${JSON.stringify(study)}`,
      wayOut: study === "train" ? "Give one of its models: models/seed-… in that folder." : undefined,
    });
  const refuse = (path: readonly PropertyKey[], got: string) =>
    new FileError({
      where: `${file}: ${["config", ...path].join(".")}`,
      rule: "must be what this version of palimpsest writes there",
      got,
    });
  const { data, error } = schemas[study].safeParse(config);
  if (data === undefined) throw refuse(error.issues[0].path, error.issues[0].message);
  const { backend, relaxed, model = {}, branches = [], ...rest } = data as z.infer<typeof schemas.studio>;
  const settings = { ...rest, stepsPerEpoch: Math.ceil(rest.sequences / rest.batch) };
  const said: RunConfig = {
    ...{ presets: rest.presets, settings, backend, relaxed, branches },
    model: model as Partial<ModelConfig>,
  };
  for (const preset of said.presets) {
    const size = orRefused(
      () => modelOf(preset, said),
      (got) => refuse(["model"], got),
    );
    checkTogether(settings, size, (got) => refuse([], got));
    let now: TrainingSettings = settings;
    branches.forEach(({ step, ...change }, i) => {
      const place = ["branches", i];
      if (step >= settings.steps)
        throw refuse([...place, "step"], `${step} in a run of ${settings.steps} steps`);
      now = { ...now, ...change };
      checkTogether(now, size, (got) => refuse(place, got));
    });
  }
  return said;
}

/**
 * The model config of a preset in a run.
 *
 * @throws NameError, ArgumentError where no such model can exist
 */
export function modelOf(preset: PresetName, { model }: Pick<StudioSettings, "model">): ModelConfig {
  return validateConfig({ ...presets[preset], ...model });
}

/** Throws what `refuse` makes of it where a batch is larger than its set, or a task cannot have these sizes. */
function checkTogether(
  { batch, sequences, task }: TrainingSettings,
  { dVocab, nCtx }: ModelConfig,
  refuse: (got: string) => FileError,
): void {
  if (batch > sequences) throw refuse(`batches of ${batch} out of ${sequences} sequences`);
  orRefused(() => taskNamed(task, { dVocab, nCtx }), refuse);
}

/** The result of an action, or what `refuse` makes of the sentence that it failed with. */
function orRefused<T>(action: () => T, refuse: (got: string) => FileError): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw refuse(error.message.replace(/\.$/, ""));
  }
}
