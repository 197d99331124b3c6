/** The command line as a process: streams, signals, clocks and the exit code. */
import { availableParallelism, constants } from "node:os";
import type { CliIo, Interruption } from "./io.ts";
import { describeError, type Handlers, main } from "./main.ts";
import { printable } from "./printable.ts";
import { terminalQuestion } from "./question.ts";

const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Writes a sentence to stderr, of which nobody may be listening. */
function say(text: string): void {
  process.stderr.write(`${printable(text)}\n`);
}

/**
 * The first signal asks the run to stop and leave its files whole, the second ends the process at once: files are
 * published by renaming, so that too leaves none half-written under its name.
 */
function listenForSignals(): AbortSignal {
  const controller = new AbortController();
  for (const by of stopSignals) {
    const exitCode = 128 + constants.signals[by];
    process.on(by, () => {
      if (controller.signal.aborted) process.exit(exitCode);
      say(`palimpsest: ${by}, stopping after the step in progress; once more stops at once.`);
      controller.abort({ by, exitCode } satisfies Interruption);
    });
  }
  return controller.signal;
}

/**
 * A reader that went away (EPIPE, as with `| head`) is no error: the run goes on and its folder holds the result.
 * Output that cannot be written otherwise, as to a full disk, is.
 *
 * @returns  whether output was lost so far
 */
function listenForLostOutput(): () => boolean {
  let lost = false;
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE" || stream === process.stderr) return;
      say(`stdout: cannot be written; got ${error.code ?? error.message}.`);
      lost = true;
      process.exitCode = 2; // the stream may only say so after the run has ended
    });
  }
  return () => lost;
}

/**
 * Runs the command line with this process's arguments and streams, and sets its exit code. The process is left to end
 * by itself, because ending it would lose what a pipe has not taken yet.
 */
export async function runProcess(handlers: Handlers): Promise<void> {
  const showStack = process.env.PALIMPSEST_STACK === "1";
  process.on("uncaughtException", (error) => {
    const { text, exitCode } = describeError(error, showStack);
    say(text);
    process.exit(exitCode);
  });
  const outputLost = listenForLostOutput();
  const signal = listenForSignals();
  const io: CliIo = {
    stdout: process.stdout,
    stderr: process.stderr,
    cwd: process.cwd(),
    cores: availableParallelism(),
    signal,
    clock: () => performance.now(),
    date: () => new Date(),
    showStack,
    ask: terminalQuestion(process, signal),
  };
  const exitCode = await main(process.argv.slice(2), handlers, io);
  process.exitCode = exitCode === 0 && outputLost() ? 2 : exitCode;
}
