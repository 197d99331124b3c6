/** `palimpsest bench train`: its options. */
import type { Command } from "commander";
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
import { nameAmong, positiveNumber, type ValueParser, wholeNumber } from "../optionValues.ts";

/** Sizes of model that are measured: the original study's, a small language model's, a character model's. */
export const benchConfigs = ["seed", "small", "char"] as const;

/** One of {@link benchConfigs}. */
export type BenchConfigName = (typeof benchConfigs)[number];

/** What is to be measured. */
export interface BenchOptions {
  readonly config: BenchConfigName;
  /** Population, over all workers together. */
  readonly models: number;
  readonly workers: number;
  readonly backend: BackendChoice;
  readonly relaxed: boolean;
  /** How long to measure, after warming up. */
  readonly seconds: number;
}

/** Longest measurement: a day. */
const longest = 86_400;

const duration: ValueParser<number> = (flag) => (text) => {
  const seconds = positiveNumber(flag)(text);
  return seconds <= longest ? seconds : wholeNumber(1, longest)(flag)(text);
};

/**
 * Adds the command to its group.
 *
 * @param run  called with checked options
 */
export function addBenchTrain(
  bench: Command,
  cores: number,
  run: (options: BenchOptions, display: DisplayFlags) => Promise<void>,
): void {
  const command = bench
    .command("train")
    .description("Measure model-steps per second of training.")
    .addOption(
      valueOption(
        "config",
        "name",
        `size of model: ${benchConfigs.join(", ")}`,
        nameAmong(benchConfigs),
      ).default("seed", "seed"),
    )
    .addOption(valueOption("models", "n", "models side by side", wholeNumber(1, 65_536)).default(32))
    .addOption(valueOption("seconds", "s", "how long to measure", duration).default(10));
  addWorkers(command, cores);
  addBackend(command);
  addRelaxed(command);
  addDisplay(command, { progress: true });
  command.action((flags: Omit<BenchOptions, "relaxed"> & { relaxed?: boolean } & DisplayFlags) => {
    const { config, models, workers, backend, relaxed = false, seconds } = flags;
    checkRelaxed(relaxed, backend);
    return run({ config, models, workers, backend, relaxed, seconds }, flags);
  });
}
