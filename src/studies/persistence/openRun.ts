/**
 * A run that was left by `study persistence` or saved by the page, opened from wherever its files are: a folder, a
 * server, an archive. Nothing of it is believed before it was checked.
 */
import { ArgumentError, FileError } from "../../base/errors.ts";
import type { ModelConfig, PresetName } from "../../model/config.ts";
import { type Weights, weightShapes } from "../../model/weights.ts";
import { checkFile, type Manifest, readManifest } from "../../record/manifest.ts";
import { readSafetensors, type TensorFile } from "../../record/safetensors.ts";
import { modelOf, type RunConfig, readRunConfig } from "./runConfig.ts";
import { checkpointPath } from "./runFiles.ts";
import { type Arm, armsOf } from "./spec.ts";

/** Where the files of a run are read from. */
export interface RunSource {
  /** The run's name, for messages, e.g. the path of its folder as the user gave it. */
  readonly name: string;
  /**
   * The bytes of a file.
   *
   * @param path       relative to the run, with slashes; never one that leads out of it
   * @param byteLimit  largest size that is wanted: a larger file is refused before it is read
   * @throws FileError if there is no such file, it cannot be read or is larger
   */
  bytes(path: string, byteLimit: number): Promise<Uint8Array>;
}

/** A population of a run. */
export interface RunPopulation {
  readonly preset: PresetName;
  /** What decided its numbers, up to the first branch where there are branches. */
  readonly arm: Arm;
  /** Steps with a checkpoint, ascending; none in a run that was stopped early. */
  readonly steps: readonly number[];
}

/** A run whose manifest was read; the other files are read when they are asked for. */
export interface OpenedRun extends RunConfig {
  readonly name: string;
  readonly manifest: Manifest;
  readonly populations: ReadonlyMap<PresetName, RunPopulation>;
  /**
   * The bytes of a file that the manifest lists, which have its length and SHA-256.
   *
   * @param byteLimit  largest size that is read; 1 GiB unless given
   * @throws FileError      for a file that is not what the manifest says, larger, or cannot be read
   * @throws ArgumentError  for a file that the manifest does not list
   */
  file(path: string, byteLimit?: number): Promise<Uint8Array>;
  /**
   * Weights of a population, [model, ...shape] with the models in the order of `settings.seeds`. A network that diverged
   * has weights that are not finite.
   *
   * @throws FileError      for a checkpoint that is not what the manifest, the preset and the seeds say
   * @throws ArgumentError  for a preset or step that the run has not
   */
  weightsAt(preset: PresetName, step: number): Promise<Weights>;
}

/** Largest manifest that is read: some 100 000 files. */
const manifestBytes = 2 ** 24;

/** Largest file that is read unless a caller says otherwise. */
const defaultFileBytes = 2 ** 30;

/** What a checkpoint's header may take besides the seeds. */
const checkpointHeaderBytes = 2 ** 20;

/**
 * Opens a run.
 *
 * @throws FileError for a manifest that is missing, damaged, of another study, or of settings that are none
 */
export async function openRun(source: RunSource): Promise<OpenedRun> {
  const { name } = source;
  const manifestPath = `${name}/manifest.json`;
  const manifest = readManifest(await source.bytes("manifest.json", manifestBytes), manifestPath);
  const config = readRunConfig(manifest, manifestPath);
  const entries = new Map(manifest.files.map((entry) => [entry.path, entry]));
  const populations = new Map(
    config.presets.map((preset): [PresetName, RunPopulation] => [
      preset,
      {
        preset,
        arm: armsOf(preset, config.settings, modelOf(preset, config)).main,
        steps: stepsOf(preset, entries.keys()),
      },
    ]),
  );

  const file = async (path: string, byteLimit = defaultFileBytes) => {
    const entry = entries.get(path);
    if (entry === undefined)
      throw new ArgumentError({
        where: name,
        rule: "the manifest lists no such file",
        got: JSON.stringify(path),
      });
    if (entry.bytes > byteLimit)
      throw new FileError({
        where: `${name}/${path}`,
        rule: `may be ${byteLimit} bytes long`,
        got: `${entry.bytes} in the manifest`,
      });
    // a file that is longer than the manifest says is none of the run's, however long it is
    const bytes = await source.bytes(path, Math.max(1, entry.bytes));
    checkFile(entry, bytes, name);
    return bytes;
  };

  return {
    ...{ name, manifest, ...config, populations, file },
    weightsAt: async (preset, step) => {
      const population = populations.get(preset);
      if (population === undefined)
        throw new ArgumentError({
          where: name,
          rule: `has the presets ${config.presets.join(", ")}`,
          got: preset,
        });
      if (!population.steps.includes(step))
        throw new ArgumentError({
          where: `${name}, ${preset}`,
          rule: `has checkpoints at the steps ${population.steps.join(", ") || "(none)"}`,
          got: String(step),
        });
      const path = checkpointPath(preset, step);
      const model = population.arm.spec.config;
      const { seeds } = config.settings;
      const bytes = await file(path, checkpointLimit(model, seeds.length));
      const tensors = readSafetensors(bytes, { file: `${name}/${path}` });
      return checkedWeights(tensors, model, { file: `${name}/${path}`, step, seeds });
    },
  };
}

/** Steps of a preset whose checkpoint is among some files. */
function stepsOf(preset: string, paths: Iterable<string>): number[] {
  const form = new RegExp(`^checkpoints/${preset}-step-(\\d{6,15})\\.safetensors$`);
  const steps = [...paths].flatMap((path) => {
    const step = Number(form.exec(path)?.[1] ?? Number.NaN);
    // 000008 and 0000008 are one step, and one file is the run's
    return checkpointPath(preset, step) === path ? [step] : [];
  });
  return steps.sort((a, b) => a - b);
}

/** Bytes that a checkpoint of so many networks may have. */
function checkpointLimit(config: ModelConfig, models: number): number {
  let weights = 0;
  for (const shape of weightShapes(config).values())
    weights += shape.reduce((product, axis) => product * axis, 1);
  const seedText = 17; // digits of the largest seed, and a comma
  return Math.min(defaultFileBytes, checkpointHeaderBytes + models * (4 * weights + seedText));
}

/** The weights of a checkpoint that has those of the preset, at this step, of these seeds, and no others. */
function checkedWeights(
  { tensors, metadata }: TensorFile,
  config: ModelConfig,
  { file, step, seeds }: { file: string; step: number; seeds: readonly number[] },
): Weights {
  const refuse = (what: string, rule: string, got: string): never => {
    throw new FileError({ where: `${file}, ${what}`, rule, got });
  };
  const quoted = (text: string) => JSON.stringify(text.slice(0, 80));
  if (metadata.get("step") !== String(step))
    refuse("metadata step", `must be ${step}, as in its name`, metadata.get("step") ?? "none");
  const listed = metadata.get("seeds") ?? "";
  const held = listed.split(",").map(Number);
  if (!/^\d+(,\d+)*$/.test(listed) || !held.every(Number.isSafeInteger) || new Set(held).size < held.length)
    refuse("metadata seeds", "must be different whole numbers with commas between", quoted(listed));
  const shapes = weightShapes(config);
  const weights: Record<string, Float32Array> = {};
  for (const [name, shape] of shapes) {
    const wanted = [held.length, ...shape];
    const tensor = tensors.get(name);
    if (tensor === undefined) return refuse(`tensor ${name}`, "the preset has this weight", "none");
    const { data, shape: found } = tensor;
    if (!(data instanceof Float32Array) || found.join() !== wanted.join())
      return refuse(`tensor ${name}`, `must be float32 [${wanted.join(", ")}]`, `[${found.join(", ")}]`);
    weights[name] = data;
  }
  const extra = [...tensors.keys()].find((name) => !shapes.has(name));
  if (extra !== undefined) refuse(`tensor ${quoted(extra)}`, "the preset has no such weight", "one");
  if (listed !== seeds.join(","))
    refuse("metadata seeds", "must be those of the manifest, in its order", quoted(listed));
  return weights;
}
