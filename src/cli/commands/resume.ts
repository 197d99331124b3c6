/** `palimpsest resume`: its options. */
import type { Command } from "commander";
import { addDisplay, type DisplayFlags, valueOption, workerLimit } from "../commonOptions.ts";
import { path, text, wholeNumber } from "../optionValues.ts";

/** Which run is gone on with. */
export interface ResumeOptions {
  /** Run folder; null for the newest under `runs` that has not ended. */
  readonly run: string | null;
  /** Worker threads; null for as many as the run's command takes. */
  readonly workers: number | null;
  /** Address of the queue that carries a sweep's jobs, which may hold a password; null for none. */
  readonly queue: string | null;
}

interface Flags extends DisplayFlags {
  readonly workers?: number;
  readonly queue?: string;
}

const more = `
RUN is a run folder whose run was stopped, killed, or failed; without it, the newest such folder
under runs. What was computed is kept, the rest is computed, and the folder ends with the same bytes
as if nothing had happened. What is printed is what the command would have printed. A complete run is
printed from its files.

The run's own command decides everything but the workers and, of a sweep, the queue, whose password
no run keeps: a sweep that used one goes on by --queue, or on this machine by --workers. Its config,
kernels and versions must be what they were, and so must the files that it reads: what is different
is named, and nothing changed.

Ctrl+C and SIGTERM keep the state of every network in training and end the run; once more ends it at
once. Exit code 4 says that another process has the run.

Examples:
  palimpsest resume
  palimpsest resume runs/train-20250131-235959 --workers 4 --json
  palimpsest resume runs/sweep-20250131-235959 --queue redis://10.0.0.5:6379/0
`;

/**
 * Adds the command.
 *
 * @param run  called with checked options
 */
export function addResume(
  program: Command,
  run: (options: ResumeOptions, display: DisplayFlags) => Promise<void>,
): void {
  const command = program
    .command("resume")
    .description("Go on with a run that was stopped, killed, or failed.")
    .argument("[run]", "run folder (default: the newest under runs that has not ended)")
    .addOption(
      valueOption(
        "workers",
        "n",
        "worker threads; changes no number (default: as the command)",
        wholeNumber(1, workerLimit),
      ),
    )
    .addOption(valueOption("queue", "url", "of a sweep: the server that carries its jobs to workers", text));
  addDisplay(command, { progress: true });
  command.addHelpText("after", more).action((given: string | undefined, flags: Flags) => {
    const chosen = given === undefined ? null : path("RUN")(given);
    return run({ run: chosen, workers: flags.workers ?? null, queue: flags.queue ?? null }, flags);
  });
}
