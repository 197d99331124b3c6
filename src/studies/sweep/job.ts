/**
 * A job of a sweep: one study with one configuration and all of its seeds, as plain data under the hash that names it.
 *
 * The configuration is written out in full before it is hashed: a preset with a changed field and another preset that has
 * that field, a grid and a draw, a file and its edited copy all come to the same job, and a job is computed once.
 */
import { z } from "zod";
import { ArgumentError, UserError, unknownName } from "../../base/errors.ts";
import { type TaskName, taskNamed } from "../../data/registry.ts";
import { type ModelConfig, type PresetName, presets, validateConfig } from "../../model/config.ts";
import type { InitOptions } from "../../model/init.ts";
import { canonicalJson, type JsonValue } from "../../record/canonicalJson.ts";
import { sha256OfBytes } from "../../record/sha256.ts";
import { armsOf, type PersistenceSettings } from "../persistence/spec.ts";
import { type StudyMaterial, studyNamed } from "../registry.ts";
import { checkField, type FieldValues, fieldPrefixes, fieldsOf, hasField, openStudy } from "./fields.ts";
import { seedLimit, standardSeeds, sweepStudies } from "./spec.ts";

/** Everything that decides a job's numbers; plain data. */
export interface SweepJob {
  /** Version of this form. */
  readonly format: 1;
  readonly study: string;
  /** {@link OpenConfig} of the persistence study, {@link PlannedConfig} of the others. */
  readonly config: Readonly<Record<string, JsonValue>>;
  readonly seeds: readonly number[];
  /** SHA-256 of the kernels that compute it; null where its backend has none. */
  readonly engine: string | null;
  /** Of Palimpsest: another version may measure otherwise. */
  readonly version: string;
}

/** Configuration of a job of the persistence study. */
export interface OpenConfig
  extends Omit<PersistenceSettings, "presets" | "seeds" | "stepsPerEpoch" | "init"> {
  /** Without the fields that say what holds anyway. */
  readonly model: ModelConfig;
  readonly init: Required<InitOptions>;
  readonly backend: string;
}

/** Configuration of a job of a study with a plan. */
export interface PlannedConfig {
  readonly quick: boolean;
  readonly backend: string;
}

/** What a job is besides its configuration. */
export interface JobSetting {
  /** null for as many as the study has by itself. */
  readonly seeds: readonly number[] | null;
  /** SHA-256 of a backend's kernels, or null. */
  readonly engineOf: (backend: string) => string | null;
  /** Of Palimpsest. */
  readonly version: string;
}

const text = z.string();

/** The form of a job, for whoever reads one. */
export const jobSchema = z.strictObject({
  ...{ format: z.literal(1), study: text, config: z.record(text, z.custom<JsonValue>()) },
  ...{ seeds: z.array(z.int().min(0)).min(1), engine: text.nullable(), version: text },
});

/**
 * The job that came from elsewhere under a key.
 *
 * Whoever can write to a queue may have written it, so it is held to the limits of a sweep file.
 *
 * @throws ArgumentError  for anything that is no job, for one that has another key, and for one that no file comes to
 */
export function readSweepJob(value: unknown, key: string): SweepJob {
  const where = `job ${key.slice(0, 12)}`;
  const parsed = jobSchema.safeParse(value);
  if (!parsed.success) {
    const [{ path, message }] = parsed.error.issues;
    throw new ArgumentError({ where, rule: `is no job of a sweep: field "${path.join(".")}" (${message})` });
  }
  const job = parsed.data as SweepJob;
  if (jobKey(job) !== key)
    throw new ArgumentError({ where, rule: "must have its own key", got: jobKey(job) });
  try {
    checkWithinLimits(job);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new ArgumentError({
      where,
      rule: "is no job that a sweep file comes to",
      got: error.message.replace(/\.$/, ""),
    });
  }
  return job;
}

/** Throws a UserError for a job that {@link sweepJob} does not make of checked fields. */
function checkWithinLimits({ study, config, seeds, engine, version }: SweepJob): void {
  if (!sweepStudies().includes(study)) throw unknownName("study", study, sweepStudies());
  if (seeds.length < 2 || seeds.length > seedLimit || new Set(seeds).size < seeds.length)
    throw new ArgumentError({ where: "seeds", rule: `must be 2 to ${seedLimit}, each once` });
  const values = Object.fromEntries(
    Object.entries(config).flatMap(([name, value]): [string, JsonValue][] => {
      const isGroup = fieldPrefixes.includes(name) && typeof value === "object" && value !== null;
      return isGroup
        ? Object.entries(value).map(([member, inner]) => [`${name}.${member}`, inner as JsonValue])
        : [[name, value]];
    }),
  );
  for (const [field, value] of Object.entries(values)) {
    if (!hasField(study, field)) throw unknownName("config", field, fieldsOf(study));
    checkField(field, study, field, value);
  }
  // the fields of a job say all of it, so they come to the same job again
  const again = sweepJob(study, values, { seeds, engineOf: () => engine, version }).job;
  if (canonicalJson(again.config) !== canonicalJson(config))
    throw new ArgumentError({ where: "config", rule: "must have every field once, in its one form" });
}

/** The name of a job and of its result: SHA-256 of its canonical form, 64 hexadecimal digits. */
export function jobKey(job: SweepJob): string {
  return sha256OfBytes(new TextEncoder().encode(canonicalJson(job)));
}

/**
 * The job of a study with some fields given, and every field's value as it came out, for tables and axes: of a field that
 * was not given its default, and none (no entry) of one that says nothing here.
 *
 * @throws NameError, ArgumentError where no such model can exist, or the fields do not go together
 */
export function sweepJob(
  study: string,
  values: FieldValues,
  setting: JobSetting,
): { job: SweepJob; resolved: FieldValues } {
  const { seeds, engineOf, version } = setting;
  const made = study === openStudy ? openConfig(values) : plannedConfig(values);
  const standard = () => {
    if (study === openStudy) return standardSeeds;
    const planned = studyNamed(study).plan.seeds;
    return values.quick === true ? planned.quick : planned.full;
  };
  const job: SweepJob = {
    ...{ format: 1, study, config: made.config as unknown as SweepJob["config"] },
    seeds: seeds ?? Array.from({ length: standard() }, (_, i) => i),
    engine: engineOf(made.config.backend),
    version,
  };
  return { job, resolved: made.resolved };
}

function plannedConfig(values: FieldValues): { config: PlannedConfig; resolved: FieldValues } {
  const { quick = false, backend = "wasm" } = values as Partial<PlannedConfig>;
  const config = { quick, backend };
  return { config, resolved: config };
}

/** What is asked of the persistence study where a field is not given: what its command line takes. */
const standard = {
  ...{ preset: "original", sequences: 500, batch: 32, epochs: 10, lr: 1e-3, optimizer: "adam" },
  ...{
    task: "patterns",
    "init.scheme": "pytorch",
    "init.embeddingScale": 1,
    probe: "trained",
    backend: "wasm",
  },
} as const;

/** Fields of the persistence study that, where they are not given, follow others. */
export const followingFields: readonly { readonly name: string; readonly follows: readonly string[] }[] = [
  // steps = ⌈sequences / batch⌉ · epochs
  { name: "steps", follows: ["sequences", "batch", "epochs"] },
  // dHead = dModel / nHeads
  { name: "model.dHead", follows: ["model.dModel", "model.nHeads"] },
];

function openConfig(values: FieldValues): { config: OpenConfig; resolved: FieldValues } {
  const all = { ...standard, ...values } as FieldValues & typeof standard & { steps?: number };
  const { preset, sequences, batch, epochs, lr, optimizer, task, probe, backend } = all;
  const changed = Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      name.startsWith("model.") ? [[name.slice("model.".length), value] as const] : [],
    ),
  ) as Partial<ModelConfig>;
  const model = validateConfig({ ...presets[preset as PresetName], ...withHeads(preset, changed) });
  if (batch > sequences)
    throw new ArgumentError({
      where: "batch",
      rule: `must be at most the ${sequences} sequences`,
      got: String(batch),
    });
  const { dVocab, nCtx } = model;
  taskNamed(task as TaskName, { dVocab, nCtx }); // throws where the sizes do not fit the task
  const steps = all.steps ?? Math.ceil(sequences / batch) * epochs;
  if (!(steps <= 100_000_000))
    throw new ArgumentError({
      where: "epochs",
      rule: "must come to at most 100000000 steps",
      got: String(steps),
    });
  const init = {
    scheme: all["init.scheme"] as InitOptions["scheme"],
    embeddingScale: all["init.embeddingScale"],
  };
  const plain = {
    sequences,
    batch,
    steps,
    lr,
    optimizer,
    task,
    probe: probe as OpenConfig["probe"],
    backend,
  };
  const config: OpenConfig = { ...plain, model: canonicalModel(model), init };
  const resolved = {
    ...{ preset, ...plain, "init.scheme": init.scheme, "init.embeddingScale": init.embeddingScale },
    ...(values.steps === undefined ? { epochs } : {}),
    ...Object.fromEntries(
      Object.entries(model).map(([name, value]) => [`model.${name}`, value as JsonValue]),
    ),
  };
  return { config, resolved };
}

/**
 * A changed width or number of heads changes the heads' width too, dHead = dModel / nHeads, unless that is given itself.
 *
 * @throws ArgumentError where the heads do not divide the width
 */
function withHeads(preset: string, changed: Partial<ModelConfig>): Partial<ModelConfig> {
  const isSame = changed.dModel === undefined && changed.nHeads === undefined;
  if (isSame || changed.dHead !== undefined) return changed;
  const { dModel, nHeads } = { ...presets[preset as PresetName], ...changed };
  if (Number.isInteger(dModel / nHeads)) return { ...changed, dHead: dModel / nHeads };
  throw new ArgumentError({
    where: "model.nHeads",
    rule: "must divide model.dModel where model.dHead is not given",
    got: `${nHeads} and ${dModel}`,
  });
}

/** The one config of all that mean the same model: fields that may be left out are, where they say what holds anyway. */
function canonicalModel(config: ModelConfig): ModelConfig {
  const { biases, ...rest } = config;
  const anyway: Partial<ModelConfig> = {
    ...{ normKind: "layerNorm", embedNorm: false, parallelBlocks: false, gatedMlp: false, mlmHead: false },
    ...{ dSegments: 0, rotaryDim: config.dHead, rotaryBase: 10000, nKeyValueHeads: config.nHeads },
  };
  const kept = Object.entries(rest).filter(
    ([name, value]) => value !== undefined && anyway[name as keyof ModelConfig] !== value,
  );
  return { ...Object.fromEntries(kept), biases: canonicalBiases(biases) } as unknown as ModelConfig;
}

const biasPlaces = 5;

function canonicalBiases(biases: ModelConfig["biases"]): ModelConfig["biases"] {
  if (typeof biases === "boolean") return biases;
  const places = [...new Set(biases)].sort();
  return places.length === 0 ? false : places.length === biasPlaces ? true : places;
}

/** The settings of the persistence study that a job stands for, and the config of its models. */
export function settingsOf({ config, seeds }: SweepJob): {
  settings: PersistenceSettings;
  model: ModelConfig;
} {
  const { model, backend: _, ...rest } = config as unknown as OpenConfig;
  const stepsPerEpoch = Math.ceil(rest.sequences / rest.batch);
  return { settings: { ...rest, presets: ["sweep"], seeds, stepsPerEpoch }, model };
}

/** How much a job is. */
export interface JobSize {
  /** Networks that are trained. */
  readonly models: number;
  /** Their updates, all together; null for a study whose plan fixes its training. */
  readonly modelSteps: number | null;
}

/** How much a job is, before it is run. Studies that read files need them for that, too. */
export function jobSize(job: SweepJob, material: StudyMaterial = {}): JobSize {
  if (job.study !== openStudy) {
    const size = { seeds: job.seeds, quick: (job.config as unknown as PlannedConfig).quick };
    const arms = studyNamed(job.study, material).arms(size);
    return { models: arms.reduce((sum, { seeds }) => sum + seeds.length, 0), modelSteps: null };
  }
  const { settings, model } = settingsOf(job);
  const arms = Object.values(armsOf("sweep", settings, model));
  const models = arms.reduce((sum, arm) => sum + arm.models.length, 0);
  return { models, modelSteps: models * settings.steps };
}
