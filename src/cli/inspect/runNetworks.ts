/** The networks of a run's checkpoint, read from its folder. */
import { dirname, join } from "node:path";
import { ArgumentError, FileError } from "../../base/errors.ts";
import type { ModelConfig, PresetName } from "../../model/config.ts";
import type { InitOptions } from "../../model/init.ts";
import { type Weights, weightShapes } from "../../model/weights.ts";
import { goingOn, type Manifest } from "../../record/manifest.ts";
import { openRun, type RunPopulation, type RunSource } from "../../studies/persistence/openRun.ts";
import { checkpointPath } from "../../studies/persistence/runFiles.ts";
import { readInput } from "../readInput.ts";
import type { Subject, SubjectChoice } from "./inspected.ts";

/** Which networks of which run. */
export type RunChoice = Pick<SubjectChoice, "subject" | "preset" | "step" | "seeds">;

/** Networks of a run with their weights, [model, ...shape]. */
export type RunNetworks = Omit<Subject, "pretrained" | "init" | "step"> & {
  readonly init: Required<InitOptions>;
  readonly step: number;
  readonly weights: Weights;
};

/** The files of a run's folder; `run` is its path as the user gave it. */
export function folderSource(run: string, cwd: string): RunSource {
  return {
    name: dirname(join(run, "manifest.json")),
    bytes: async (path, byteLimit) => readInput(join(run, path), { cwd, byteLimit }),
  };
}

/**
 * The chosen networks of a run at the chosen step.
 *
 * @throws FileError      for a folder without a manifest, a manifest or checkpoint that is damaged, of another study, or
 *                        not what the manifest says
 * @throws ArgumentError  for a preset, step or seed that the run has not, with those that it has
 */
export async function readRunNetworks(choice: RunChoice, cwd: string): Promise<RunNetworks> {
  const { subject: run } = choice;
  const opened = await openRun(folderSource(run, cwd));
  const { scheme, embeddingScale = 1 } = opened.settings.init;
  const preset = presetOf(choice, opened.presets);
  const { arm, steps } = opened.populations.get(preset) as RunPopulation;
  const step = stepOf(choice, steps, opened.manifest, preset);
  const weights = await opened.weightsAt(preset, step);
  const { config } = arm.spec;
  const held = opened.settings.seeds;
  const seeds = seedsOf(choice, held);
  return {
    ...{ name: preset, config, init: { scheme, embeddingScale }, step, seeds, run },
    weights: someModels(config, weights, held, seeds, join(run, checkpointPath(preset, step))),
  };
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

function stepOf(
  { step, subject }: RunChoice,
  steps: readonly number[],
  manifest: Manifest,
  preset: PresetName,
): number {
  const last = steps.at(-1);
  if (last === undefined)
    throw new FileError({
      where: subject,
      rule: `must hold checkpoints of ${preset}`,
      got: `none, in a run that is ${manifest.status}`,
      wayOut: goingOn(manifest, subject),
    });
  if (step === null) return last;
  if (steps.includes(step)) return step;
  throw new ArgumentError({
    where: "--step",
    rule: `must be one of the steps with a checkpoint: ${steps.join(", ")}`,
    got: String(step),
  });
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
