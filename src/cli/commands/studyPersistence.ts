/** `palimpsest study persistence`: its options, and what they mean together. */
import type { Command } from "commander";
import { ArgumentError } from "../../base/errors.ts";
import { type TaskName, taskNamed, tasks } from "../../data/registry.ts";
import type { TaskSize } from "../../data/types.ts";
import { type PresetName, presets } from "../../model/config.ts";
import type { InitOptions } from "../../model/init.ts";
import {
  addBackend,
  addDisplay,
  addRelaxed,
  addWorkers,
  type BackendChoice,
  checkRelaxed,
  type DisplayFlags,
  valueOption,
} from "../commonOptions.ts";
import {
  initOption,
  nameAmong,
  namesAmong,
  path,
  positiveNumber,
  schemeNames,
  seedList,
  wholeNumber,
} from "../optionValues.ts";

/** Optimisers that can be asked for. */
export const optimizers = ["adam", "adamw", "sgd"] as const;

/** One of {@link optimizers}. */
export type OptimizerName = (typeof optimizers)[number];

/** Lengths of probe that can be asked for. */
export const probeLengths = ["trained", "full"] as const;

/** One of {@link probeLengths}. */
export type ProbeLength = (typeof probeLengths)[number];

/** What the persistence study is to do. All but workers and out decide numbers. */
export interface PersistenceOptions {
  /** In the order given, each once. */
  readonly presets: readonly PresetName[];
  /** At least two, each once. */
  readonly seeds: readonly number[];
  /** Training sequences. */
  readonly sequences: number;
  /** Sequences a batch, at most `sequences`. */
  readonly batch: number;
  /** Batches in one pass over the sequences; the last may be short. */
  readonly stepsPerEpoch: number;
  /** Optimiser updates. */
  readonly steps: number;
  /** Learning rate. */
  readonly lr: number;
  readonly optimizer: OptimizerName;
  readonly task: TaskName;
  readonly init: Required<InitOptions>;
  /** Whether probes have only trained positions, or the original's length with its untrained last one. */
  readonly probe: ProbeLength;
  readonly backend: BackendChoice;
  readonly relaxed: boolean;
  readonly workers: number;
  /** Run folder; null for a new one under `runs`. */
  readonly out: string | null;
}

/** Options as commander gives them. */
interface Flags extends DisplayFlags {
  readonly preset?: readonly PresetName[];
  readonly seeds: readonly number[];
  readonly sequences: number;
  readonly epochs: number;
  readonly steps?: number;
  readonly batch: number;
  readonly lr: number;
  readonly optimizer: OptimizerName;
  readonly task: TaskName;
  readonly init: Required<InitOptions>;
  readonly probe: ProbeLength;
  readonly backend: BackendChoice;
  readonly relaxed?: boolean;
  readonly workers: number;
  readonly out?: string;
}

const presetNames = Object.keys(presets) as PresetName[];
const taskNames = Object.keys(tasks) as TaskName[];
const standardPresets: readonly PresetName[] = ["original", "causal"];
const stepLimit = 100_000_000;

function sizeOf(preset: PresetName): TaskSize {
  const { dVocab, nCtx } = presets[preset];
  return { dVocab, nCtx };
}

function optionsOf(flags: Flags): PersistenceOptions {
  const { preset = standardPresets, sequences, batch, epochs, out = null, backend, relaxed = false } = flags;
  checkRelaxed(relaxed, backend);
  if (batch > sequences)
    throw new ArgumentError({
      where: "--batch",
      rule: `must be at most the ${sequences} of --sequences`,
      got: String(batch),
    });
  for (const name of preset) taskNamed(flags.task, sizeOf(name)); // throws where the sizes do not fit the task
  const stepsPerEpoch = Math.ceil(sequences / batch);
  const steps = flags.steps ?? stepsPerEpoch * epochs;
  if (steps > stepLimit)
    throw new ArgumentError({
      where: "--epochs",
      rule: `must come to at most ${stepLimit} steps`,
      got: `${epochs} epochs of ${stepsPerEpoch} steps`,
    });
  const { seeds, lr, optimizer, task, init, probe, workers } = flags;
  return {
    presets: preset,
    seeds,
    sequences,
    batch,
    stepsPerEpoch,
    steps,
    lr,
    optimizer,
    task,
    init,
    probe,
    backend,
    relaxed,
    workers,
    out,
  };
}

/**
 * Adds the command to its group.
 *
 * @param run  called with checked options
 */
export function addStudyPersistence(
  study: Command,
  cores: number,
  run: (options: PersistenceOptions, display: DisplayFlags) => Promise<void>,
): void {
  const command = study
    .command("persistence")
    .description("Does what units are tuned to at initialisation survive training, beyond chance?")
    .addOption(
      valueOption(
        "preset",
        "names",
        `models: ${presetNames.join(", ")} (default: ${standardPresets})`,
        namesAmong(presetNames),
      ),
    )
    .addOption(
      valueOption("seeds", "n|list", "seeds 0 … n−1, or a list such as 1,2,5", seedList).default(
        Array.from({ length: 30 }, (_, seed) => seed),
        "30",
      ),
    )
    .addOption(valueOption("sequences", "n", "training sequences", wholeNumber(1, 10_000_000)).default(500))
    .addOption(valueOption("epochs", "n", "passes over the sequences", wholeNumber(1, stepLimit)).default(10))
    .addOption(valueOption("steps", "n", "optimiser updates, instead of --epochs", wholeNumber(1, stepLimit)))
    .addOption(valueOption("batch", "n", "sequences a batch", wholeNumber(1, 65_536)).default(32))
    .addOption(valueOption("lr", "x", "learning rate", positiveNumber).default(1e-3))
    .addOption(
      valueOption("optimizer", "name", `optimiser: ${optimizers.join(", ")}`, nameAmong(optimizers)).default(
        "adam",
        "adam",
      ),
    )
    .addOption(
      valueOption("task", "name", `task: ${taskNames.join(", ")}`, nameAmong(taskNames)).default(
        "patterns",
        "patterns",
      ),
    )
    .addOption(
      valueOption(
        "init",
        "scheme[:scale]",
        `initialisation: ${schemeNames.join(", ")}; scale multiplies the embeddings`,
        initOption,
      ).default({ scheme: "pytorch", embeddingScale: 1 } satisfies InitOptions, "pytorch"),
    )
    .addOption(
      valueOption(
        "probe",
        "length",
        "trained: the positions that are trained; full: the original's length, with one position that never is",
        nameAmong(probeLengths),
      ).default("trained"),
    )
    .addOption(
      valueOption("out", "folder", "run folder, new or empty (default: runs/persistence-<time>)", path),
    );
  addWorkers(command, cores);
  addBackend(command);
  addRelaxed(command);
  addDisplay(command, { progress: true });
  command.action((flags: Flags) => run(optionsOf(flags), flags));
}
