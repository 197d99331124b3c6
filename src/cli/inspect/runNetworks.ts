/** The networks of a run's checkpoint, read from its folder. Nothing in the folder is believed before it was checked. */
import { join } from "node:path";
import { z } from "zod";
import { ArgumentError, FileError } from "../../base/errors.ts";
import { type ModelConfig, type PresetName, presets } from "../../model/config.ts";
import { type InitSchemeName, initSchemes } from "../../model/init.ts";
import { type Weights, weightShapes } from "../../model/weights.ts";
import { checkFile, type Manifest, readManifest } from "../../record/manifest.ts";
import { readSafetensors, type TensorFile } from "../../record/safetensors.ts";
import { readInput } from "../readInput.ts";
import type { Subject, SubjectChoice } from "./inspected.ts";

/** Which networks of which run. */
export type RunChoice = Pick<SubjectChoice, "subject" | "preset" | "step" | "seeds">;

/** Networks of a run with their weights, [model, ...shape]. */
export type RunNetworks = Omit<Subject, "pretrained" | "init" | "step"> & {
  readonly init: z.infer<typeof settingsSchema>["init"];
  readonly step: number;
  readonly weights: Weights;
};

const keys = <K extends string>(table: Readonly<Record<K, unknown>>) => Object.keys(table) as [K, ...K[]];

/** What a manifest of `study persistence` has to say for its networks to be opened. */
const settingsSchema = z.object({
  presets: z.array(z.enum(keys<PresetName>(presets))).min(1),
  init: z.object({
    scheme: z.enum(keys<InitSchemeName>(initSchemes)),
    embeddingScale: z.number().nonnegative(),
  }),
});

/**
 * The chosen networks of a run at the chosen step.
 *
 * @throws FileError      for a folder without a manifest, a manifest or checkpoint that is damaged, of another study, or
 *                        not what the manifest says
 * @throws ArgumentError  for a preset, step or seed that the run has not, with those that it has
 */
export function readRunNetworks(choice: RunChoice, cwd: string): RunNetworks {
  const { subject: run } = choice;
  const manifestPath = join(run, "manifest.json");
  const manifest = readManifest(readInput(manifestPath, { cwd }), manifestPath);
  const { presets: held, init } = settingsOf(manifest, manifestPath);
  const preset = presetOf(choice, held);
  const { step, entry } = checkpointOf(choice, manifest, preset);
  const path = join(run, entry.path);
  // a file that is longer than the manifest says is none of the run's, however long it is
  const bytes = readInput(path, { cwd, byteLimit: Math.max(1, entry.bytes) });
  checkFile(entry, bytes, run);
  const config = presets[preset];
  const { weights, seeds } = networksOf(readSafetensors(bytes, { file: path }), config, { file: path, step });
  const chosen = seedsOf(choice, seeds);
  return {
    ...{ name: preset, config, init, step, seeds: chosen, run },
    weights: someModels(config, weights, seeds, chosen, path),
  };
}

function settingsOf({ study, config }: Manifest, file: string): z.infer<typeof settingsSchema> {
  if (study !== "persistence")
    throw new FileError({
      where: file,
      rule: "must be the manifest of a run with checkpoints, as study persistence leaves them",
      got: `one of ${JSON.stringify(study)}`,
      wayOut: study === "train" ? "Give one of its models: models/seed-… in that folder." : undefined,
    });
  const { data, error } = settingsSchema.safeParse(config);
  if (data !== undefined) return data;
  const [issue] = error.issues;
  throw new FileError({
    where: `${file}: config.${issue.path.join(".")}`,
    rule: "must be what this version of palimpsest writes there",
    got: issue.message,
  });
}

function presetOf({ preset, subject }: RunChoice, held: readonly PresetName[]): PresetName {
  if (preset === null && held.length === 1) return held[0];
  if (preset !== null && held.includes(preset)) return preset;
  throw new ArgumentError({
    where: "--preset",
    rule: `must be one of those in ${subject}: ${held.join(", ")}`,
    got: preset ?? "none",
  });
}

function checkpointOf({ step, subject }: RunChoice, { files, status }: Manifest, preset: string) {
  const form = new RegExp(`^checkpoints/${preset}-step-(\\d{1,15})\\.safetensors$`);
  const found = files.flatMap((entry) => {
    const match = form.exec(entry.path);
    return match === null ? [] : [{ step: Number(match[1]), entry }];
  });
  found.sort((a, b) => a.step - b.step);
  const last = found.at(-1);
  if (last === undefined)
    throw new FileError({
      where: subject,
      rule: `must hold checkpoints of ${preset}`,
      got: `none, in a run that is ${status}`,
    });
  const chosen = step === null ? last : found.find((checkpoint) => checkpoint.step === step);
  if (chosen !== undefined) return chosen;
  throw new ArgumentError({
    where: "--step",
    rule: `must be one of the steps with a checkpoint: ${found.map((checkpoint) => checkpoint.step).join(", ")}`,
    got: String(step),
  });
}

function networksOf(
  { tensors, metadata }: TensorFile,
  config: ModelConfig,
  { file, step }: { file: string; step: number },
): { weights: Weights; seeds: number[] } {
  const refuse = (what: string, rule: string, got: string): never => {
    throw new FileError({ where: `${file}, ${what}`, rule, got });
  };
  if (metadata.get("step") !== String(step))
    refuse("metadata step", `must be ${step}, as in its name`, metadata.get("step") ?? "none");
  const listed = metadata.get("seeds") ?? "";
  const seeds = listed.split(",").map(Number);
  if (
    !/^\d+(,\d+)*$/.test(listed) ||
    !seeds.every(Number.isSafeInteger) ||
    new Set(seeds).size < seeds.length
  )
    refuse(
      "metadata seeds",
      "must be different whole numbers with commas between",
      JSON.stringify(listed.slice(0, 80)),
    );
  const shapes = weightShapes(config);
  const weights: Record<string, Float32Array> = {};
  for (const [name, shape] of shapes) {
    const wanted = [seeds.length, ...shape];
    const tensor = tensors.get(name);
    if (tensor === undefined) return refuse(`tensor ${name}`, "the preset has this weight", "none");
    const { data, shape: found } = tensor;
    if (!(data instanceof Float32Array) || found.join() !== wanted.join())
      return refuse(`tensor ${name}`, `must be float32 [${wanted.join(", ")}]`, `[${found.join(", ")}]`);
    weights[name] = data;
  }
  const extra = [...tensors.keys()].find((name) => !shapes.has(name));
  if (extra !== undefined)
    refuse(`tensor ${JSON.stringify(extra.slice(0, 80))}`, "the preset has no such weight", "one");
  return { weights, seeds };
}

function seedsOf({ seeds, subject }: RunChoice, held: readonly number[]): readonly number[] {
  if (seeds === null) return [held[0]];
  if (seeds === "all") return held;
  const missing = seeds.find((seed) => !held.includes(seed));
  if (missing === undefined) return seeds;
  throw new ArgumentError({
    where: "--seed",
    rule: `${subject} has the seeds ${held.length > 12 ? `${held.slice(0, 11).join(", ")} … ${held.at(-1)}` : held.join(", ")}`,
    got: String(missing),
  });
}

/** Some models of a checkpoint, in the order asked for. */
function someModels(
  config: ModelConfig,
  weights: Weights,
  held: readonly number[],
  chosen: readonly number[],
  file: string,
): Weights {
  const some: Record<string, Float32Array> = {};
  for (const name of weightShapes(config).keys()) {
    const values = weights[name];
    const size = values.length / held.length;
    const out = new Float32Array(chosen.length * size);
    chosen.forEach((seed, model) => {
      const from = held.indexOf(seed) * size;
      const own = values.subarray(from, from + size);
      if (!own.every(Number.isFinite))
        throw new FileError({
          where: `${file}, tensor ${name}`,
          rule: `the network of seed ${seed} must have finite weights to be looked into`,
          got: "one that diverged",
          wayOut: "Take another seed, or an earlier --step.",
        });
      out.set(own, model * size);
    });
    some[name] = out;
  }
  return some;
}
