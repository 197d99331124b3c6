/** `palimpsest experiments`: its options, and what they mean together. */
import type { Command } from "commander";
import { ArgumentError } from "../../base/errors.ts";
import { type PresetName, presets } from "../../model/config.ts";
import type { InitOptions } from "../../model/init.ts";
import { initWord, optionWords, seedsWord, withNames } from "../../record/commandWords.ts";
import {
  addBackend,
  addDisplay,
  addWorkers,
  type BackendChoice,
  type DisplayFlags,
  valueOption,
} from "../commonOptions.ts";
import {
  initOption,
  namesAmong,
  path,
  schemeNames,
  seedCount,
  type ValueParser,
  wholeNumber,
} from "../optionValues.ts";
import type { ExperimentModelChoice } from "../runs/experimentModel.ts";
import { addModelOptions, type ModelFlags, pretrainedChoice } from "./modelOptions.ts";

/** Whose networks the experiments are carried out on. */
export type ExperimentSubjects =
  | {
      readonly kind: "presets";
      readonly presets: readonly PresetName[];
      readonly seeds: readonly number[];
      readonly init: Required<InitOptions>;
    }
  | {
      readonly kind: "config";
      /** A JSON file that holds a model config. */
      readonly file: string;
      readonly seeds: readonly number[];
      readonly init: Required<InitOptions>;
    }
  | {
      readonly kind: "run";
      readonly run: string;
      readonly preset: PresetName | null;
      readonly step: number | null;
      /** null for all of the run's. */
      readonly seeds: readonly number[] | null;
    }
  | { readonly kind: "model"; readonly choice: ExperimentModelChoice };

/** What the experiments are to do. All but workers and out decide numbers. */
export interface ExperimentsOptions {
  readonly subjects: ExperimentSubjects;
  readonly nulls: number;
  readonly blocks: number;
  readonly draws: number;
  /** null for the trained ones: all but the last. */
  readonly positions: number | null;
  readonly backend: BackendChoice;
  readonly workers: number;
  /** Run folder; null for a new one under `runs`. */
  readonly out: string | null;
}

/** Options as commander gives them. */
interface Flags extends ModelFlags, DisplayFlags {
  readonly preset?: readonly PresetName[];
  readonly config?: string;
  readonly run?: string;
  readonly step?: number;
  readonly seeds?: readonly number[] | "all";
  readonly init?: Required<InitOptions>;
  readonly vocabulary?: number;
  readonly nulls: number;
  readonly blocks: number;
  readonly draws: number;
  readonly positions?: number;
  readonly backend: BackendChoice;
  readonly workers: number;
  readonly out?: string;
}

const presetNames = Object.keys(presets) as PresetName[];
const standardPresets: readonly PresetName[] = ["original-minigpt", "original", "gpt"];
const standardSeeds = Array.from({ length: 10 }, (_, seed) => seed);

const refuse = (where: string, rule: string, got: string): never => {
  throw new ArgumentError({ where, rule, got });
};

function modelOf(model: string, flags: Flags): ExperimentSubjects {
  const networks = ["preset", "config", "run", "step", "seeds", "init"] as const;
  const other = networks.find((name) => flags[name] !== undefined);
  if (other !== undefined)
    refuse(`--${other}`, "belongs to presets, configs and runs; a pretrained model is one network", model);
  const { vocabulary = null } = flags;
  return { kind: "model", choice: { model, ...pretrainedChoice(flags), vocabulary } };
}

function subjectsOf(model: string | undefined, flags: Flags): ExperimentSubjects {
  if (model !== undefined) return modelOf(model, flags);
  const own = ["revision", "cache", "processing", "vocabulary"] as const;
  const stray = own.find((name) => flags[name] !== undefined);
  if (stray !== undefined) refuse(`--${stray}`, "belongs to a pretrained model", "no model");
  const { preset, config, run, step, seeds, init } = flags;
  if (run !== undefined) {
    if (config !== undefined) refuse("--config", "and --run each name networks", "both");
    if (init !== undefined) refuse("--init", "belongs to random networks; a run has its own", init.scheme);
    if (preset !== undefined && preset.length > 1)
      refuse("--preset", "names one of the run's presets", preset.join(","));
    const chosen = seeds === "all" ? null : (seeds ?? null);
    return { kind: "run", run, preset: preset?.[0] ?? null, step: step ?? null, seeds: chosen };
  }
  if (step !== undefined) refuse("--step", "belongs to --run; random networks are at step 0", String(step));
  if (seeds === "all") return refuse("--seeds", "all belongs to --run", "all");
  const drawn = { seeds: seeds ?? standardSeeds, init: init ?? { scheme: "pytorch", embeddingScale: 1 } };
  if (config === undefined) return { kind: "presets", presets: preset ?? standardPresets, ...drawn };
  if (preset !== undefined) refuse("--config", "and --preset each name networks", "both");
  return { kind: "config", file: config, ...drawn };
}

/** The words that say whose networks. */
function subjectWords(subjects: ExperimentSubjects): string[] {
  switch (subjects.kind) {
    case "presets":
    case "config":
      return optionWords([
        subjects.kind === "presets" ? ["preset", subjects.presets.join(",")] : ["config", subjects.file],
        ["seeds", seedsWord(subjects.seeds)],
        ["init", initWord(subjects.init)],
      ]);
    case "run":
      return optionWords([
        ["run", subjects.run],
        ["preset", subjects.preset],
        ["step", subjects.step],
        ["seeds", subjects.seeds === null ? null : seedsWord(subjects.seeds)],
      ]);
    case "model": {
      const { revision, cache, processing, vocabulary } = subjects.choice;
      return optionWords([
        ["revision", revision],
        ["cache", cache],
        ["processing", processing.length === 0 ? null : processing.join(",")],
        ["vocabulary", vocabulary],
      ]);
    }
  }
}

/**
 * The words of the command that carries the same out again.
 *
 * @param backend  the one that was chosen
 */
export function experimentsWords(
  { subjects, nulls, blocks, draws, positions }: ExperimentsOptions,
  backend: BackendChoice,
): string[] {
  const names = subjects.kind === "model" ? [subjects.choice.model] : [];
  return [
    "experiments",
    ...withNames(names, [
      ...subjectWords(subjects),
      ...optionWords([
        ["nulls", nulls],
        ["blocks", blocks],
        ["draws", draws],
        ["positions", positions],
        ["backend", backend],
      ]),
    ]),
  ];
}

const evenBlocks: ValueParser<number> = (flag) => (text) => {
  const blocks = wholeNumber(2, 10_000)(flag)(text);
  if (blocks % 2 === 0) return blocks;
  throw new ArgumentError({
    where: flag,
    rule: "must be even: one half selects, the other tests",
    got: JSON.stringify(text),
  });
};

/**
 * Adds the command.
 *
 * @param run  called with checked options
 */
export function addExperiments(
  program: Command,
  cores: number,
  run: (options: ExperimentsOptions, display: DisplayFlags) => Promise<void>,
): void {
  const command = program
    .command("experiments")
    .description(
      "Five experiments and two analyses on random networks, on those of a run, or on a small pretrained model, each beside its null.",
    )
    .argument("[model]", "folder of a pretrained model, or a repository in the cache")
    .addOption(
      valueOption(
        "preset",
        "names",
        `random networks of: ${presetNames.join(", ")} (default: ${standardPresets}); with --run, which of its presets`,
        namesAmong(presetNames),
      ),
    )
    .addOption(valueOption("config", "file", "random networks of the config in a JSON file", path))
    .addOption(valueOption("run", "folder", "the networks of a run", path))
    .addOption(
      valueOption("step", "s", "checkpoint of --run (default: its last)", wholeNumber(0, 1_000_000_000)),
    )
    .addOption(
      valueOption(
        "seeds",
        "n|list",
        `seeds 0 … n−1, a list such as 1,2,5, or all of --run (default: ${standardSeeds.length}, of --run all)`,
        seedCount,
      ),
    )
    .addOption(
      valueOption(
        "init",
        "scheme[:scale]",
        `initialisation: ${schemeNames.join(", ")}; scale multiplies the embeddings (default: pytorch)`,
        initOption,
      ),
    )
    .addOption(
      valueOption(
        "nulls",
        "n",
        "random networks of other seeds that serve as null",
        wholeNumber(0, 10_000),
      ).default(20),
    )
    .addOption(
      valueOption(
        "blocks",
        "n",
        "size of the balanced probe: so many times the vocabulary",
        evenBlocks,
      ).default(40),
    )
    .addOption(
      valueOption("draws", "n", "permutations or draws of each null", wholeNumber(19, 1_000_000)).default(
        199,
      ),
    )
    .addOption(
      valueOption(
        "positions",
        "n",
        "positions of an input (default: those that are trained, all but the last; 7 of a pretrained model)",
        wholeNumber(1, 32_768),
      ),
    )
    .addOption(
      valueOption(
        "vocabulary",
        "n",
        "tokens of a pretrained model, drawn at random, that its inputs are made of (default: 16)",
        wholeNumber(2, 1000),
      ),
    )
    .addOption(
      valueOption("out", "folder", "run folder, new or empty (default: runs/experiments-<time>)", path),
    );
  addModelOptions(command);
  addWorkers(command, cores);
  addBackend(command);
  addDisplay(command, { progress: true });
  command
    .addHelpText(
      "after",
      [
        "",
        "Examples:",
        "  palimpsest experiments",
        "  palimpsest experiments --preset causal --seeds 10 --init gpt2",
        "  palimpsest experiments --run runs/small --step 160 --json --quiet",
        "  palimpsest experiments models/tiny --vocabulary 12",
      ].join("\n"),
    )
    .action((model: string | undefined, flags: Flags) => {
      const { nulls, blocks, draws, positions = null, backend, workers, out = null } = flags;
      return run(
        { subjects: subjectsOf(model, flags), nulls, blocks, draws, positions, backend, workers, out },
        flags,
      );
    });
}
