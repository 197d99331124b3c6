/** `palimpsest worker`: its options. */
import type { Command } from "commander";
import { ArgumentError } from "../../base/errors.ts";
import { addDisplay, type DisplayFlags, valueOption, workerLimit } from "../commonOptions.ts";
import { text, wholeNumber } from "../optionValues.ts";

/** What a worker takes jobs from, and where their results go. */
export interface WorkerOptions {
  /** Address of the queue; it may hold a password. */
  readonly queue: string;
  /** Folder, or `s3://BUCKET/PREFIX`. */
  readonly store: string;
  /** Jobs at a time, each in a process of its own. */
  readonly workers: number;
  /** Whether it ends once nothing is waiting or running. */
  readonly untilEmpty: boolean;
  /** How long it may be silent before its jobs are given to others, s. */
  readonly lease: number;
}

interface Flags extends DisplayFlags {
  readonly queue?: string;
  readonly store?: string;
  readonly workers: number;
  readonly untilEmpty?: boolean;
  readonly lease: number;
}

const shortestLease = 1;
const longestLease = 3600;
const standardLease = 30;

const more = `
Takes jobs of the sweep whose results are in STORE, computes them, and publishes what they find there: the first result of
a job wins, a second must be equal to the byte. Start one on each machine, before the sweep or after it, as often as you
like. It ends at SIGTERM or Ctrl+C, its jobs then go back with their state and others go on from it.

URL is redis://HOST:PORT/0, rediss://… (TLS) or postgres://USER@HOST/DATABASE. Put the password into the environment
variable PALIMPSEST_QUEUE_PASSWORD, where no list of processes shows it. docs/cluster.md has all of it.

A line is printed for each thing that happens; JSON with --json, and wherever the output is no terminal.

Examples:
  palimpsest worker --queue redis://10.0.0.5:6379/0 --store /shared/sweeps
  palimpsest worker --queue postgres://lab@db.example.org/sweeps --store s3://lab/sweeps --until-empty
`;

function required(flag: string, value: string | undefined): string {
  if (value !== undefined) return value;
  throw new ArgumentError({ where: "worker", rule: `needs ${flag}`, got: "none" });
}

/**
 * Adds the command.
 *
 * @param setting  processors of the machine, and whether the output is a terminal
 * @param run      called with checked options
 */
export function addWorker(
  program: Command,
  { cores, terminal }: { readonly cores: number; readonly terminal: boolean },
  run: (options: WorkerOptions, display: DisplayFlags) => Promise<void>,
): void {
  const standardWorkers = Math.min(workerLimit, Math.max(1, cores));
  const command = program
    .command("worker")
    .description("Computes jobs of sweeps that come over a queue.")
    .addOption(valueOption("queue", "url", "queue to take jobs from (required)", text))
    .addOption(valueOption("store", "place", "folder or s3:// address of the results (required)", text))
    .addOption(
      valueOption(
        "workers",
        "n",
        "jobs at a time, each in a process of its own",
        wholeNumber(1, workerLimit),
      ).default(standardWorkers, `${standardWorkers}, one for each processor`),
    )
    .option("--until-empty", "end once no job is waiting or running")
    .addOption(
      valueOption(
        "lease",
        "s",
        "silence after which its jobs are given to others, the same on all machines",
        wholeNumber(shortestLease, longestLease),
      ).default(standardLease, String(standardLease)),
    )
    .addHelpText("after", more);
  addDisplay(command, { progress: false });
  command.action((flags: Flags) =>
    run(
      {
        queue: required("--queue", flags.queue),
        store: required("--store", flags.store),
        workers: flags.workers,
        untilEmpty: flags.untilEmpty === true,
        lease: flags.lease,
      },
      { ...flags, json: flags.json === true || !terminal },
    ),
  );
}
