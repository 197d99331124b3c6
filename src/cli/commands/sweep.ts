/** `palimpsest sweep FILE`: its options. */
import type { Command } from "commander";
import { ArgumentError } from "../../base/errors.ts";
import { optionWords, withNames } from "../../record/commandWords.ts";
import { addDisplay, type DisplayFlags, valueOption, workerLimit } from "../commonOptions.ts";
import { path, text, wholeNumber } from "../optionValues.ts";

/** Where sweeps keep their results unless they are told otherwise. */
export const standardStore = "runs/sweeps/results";

/** What a sweep is to do. The file decides all numbers. */
export interface SweepOptions {
  /** As the user gave it. */
  readonly file: string;
  /** Says what would be computed, and computes nothing. */
  readonly dryRun: boolean;
  /** Jobs at a time on this machine, each in a process of its own. */
  readonly workers: number;
  /** Folder of results. */
  readonly store: string;
  /** Address of a queue, which may hold a password; null to compute everything here. */
  readonly queue: string | null;
  /** Run folder; null for a new one under `runs`. */
  readonly out: string | null;
}

/** Options as commander gives them. */
interface Flags extends DisplayFlags {
  readonly dryRun?: boolean;
  readonly workers?: number;
  readonly store: string;
  readonly queue?: string;
  readonly out?: string;
}

const more = `
FILE is YAML (.yaml, .yml), JSON (.json), or a program whose default export is the sweep or a function that makes it
(.ts, .mts, .js, .mjs). A program is run with your rights: run only those that you would run anyway.

  sweep: width and rate                  # title
  study: persistence                     # or a list; any name of "palimpsest study list" but fidelity
  seeds: 8                               # 0 … 7 in every job, or a list of seeds
  base: {steps: 640, model: {nLayers: 1}}     # what all jobs share
  grid:                                  # every combination; a list of grids puts their jobs together
    lr: [0.001, 0.003, 0.01]
    model.dMlp: [32, 64, 128]
  random:                                # draws, for every combination of the grid
    draws: 20
    seed: 7                              # another seed, other draws; more draws keep the earlier ones
    over:
      model.dModel: {choice: [16, 32]}
      batch: {integer: [8, 64]}          # also uniform, logUniform and logInteger, [low, high]

Fields of persistence: preset, sequences, batch, steps or epochs, lr, optimizer, task, init.scheme, init.embeddingScale,
probe, backend, and model.NAME for every field of a model config. Where a width or a number of heads changes,
model.dHead follows. Fields of the studies with a plan: quick, backend.

A job is one configuration with all its seeds. Its result is kept in the store under the hash of everything that decides
it, so nothing is computed twice: not when the sweep is run again, edited, merged with another, or was stopped. A job that
fails or dies three times is given up; the others go on, and the sweep ends with exit code 1 and says which is missing.

The run folder holds dataset.parquet (a number a row), points.parquet (a mean a row), jobs.json, result.json, figures
and report.html.

With --queue the jobs go to a Redis or PostgreSQL server, from which "palimpsest worker" takes them on any number of
machines that share the store; this process then computes nothing itself unless --workers is given. A sweep that was
stopped goes on by "palimpsest resume RUN --queue URL". docs/cluster.md has the details, docs/sweeps.md all of the file.

Examples:
  palimpsest sweep width.yaml --dry-run
  palimpsest sweep width.yaml
  palimpsest sweep search.ts --workers 4 --store /shared/results
  palimpsest sweep search.ts --store /shared/results --queue redis://10.0.0.5:6379/0
`;

/** The words that make the run again; they do not hold where it was computed, but for a store that was named. */
export function sweepWords({ file, store }: SweepOptions): string[] {
  return ["sweep", ...withNames([file], optionWords([["store", store === standardStore ? null : store]]))];
}

/**
 * Adds the command.
 *
 * @param run  called with checked options
 */
export function addSweep(
  program: Command,
  cores: number,
  run: (options: SweepOptions, display: DisplayFlags) => Promise<void>,
): void {
  const standardWorkers = Math.min(workerLimit, Math.max(1, cores));
  const command = program
    .command("sweep")
    .description("Runs studies over grids and random draws of their configurations, each job once.")
    .argument("<file>", "the sweep: YAML, JSON, TypeScript or JavaScript")
    .option("--dry-run", "say which jobs there are and which have results, and compute nothing")
    .addOption(
      valueOption(
        "workers",
        "n",
        `jobs at a time, each in a process of its own; changes no number (default: ${standardWorkers}, one for each processor; none with --queue)`,
        wholeNumber(0, workerLimit),
      ),
    )
    .addOption(
      valueOption("store", "folder", "results, shared by all sweeps that name it", path).default(
        standardStore,
      ),
    )
    .addOption(
      valueOption("queue", "url", "Redis or PostgreSQL server that carries the jobs to workers", text),
    )
    .addOption(valueOption("out", "folder", "run folder, new or empty (default: runs/sweep-<time>)", path));
  addDisplay(command, { progress: true });
  command.addHelpText("after", more).action((file: string, flags: Flags) => {
    const { dryRun = false, store, queue = null, out = null } = flags;
    const workers = flags.workers ?? (queue === null ? standardWorkers : 0);
    if (workers === 0 && queue === null)
      throw new ArgumentError({
        where: "--workers",
        rule: "must be at least 1 where there is no --queue",
        got: "0",
      });
    return run({ file: path("sweep file")(file), dryRun, workers, store, queue, out }, flags);
  });
}
