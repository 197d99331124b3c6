/** The command line: from arguments to a run function, and from its outcome to what is printed. */
import { InternalError, UserError } from "../base/errors.ts";
import { type Board, silentBoard } from "./board.ts";
import type { DisplayFlags } from "./commonOptions.ts";
import { systemCode } from "./disk/diskError.ts";
import type { CliIo, Interruption, Outcome, ReplayIo, ServingIo } from "./io.ts";
import { OwnedError } from "./journal/lock.ts";
import { jsonLine, jsonText } from "./lineText.ts";
import { printable } from "./printable.ts";
import { type Handlers, runMadeBy, runWords } from "./program.ts";
import { StoppedRun } from "./runs/stoppedRun.ts";

export type { Handlers } from "./program.ts";

/**
 * Exit codes: 0 done, 1 the answer is no or a defect, 2 something the user gave is wrong, 3 a run is not as it was left,
 * 4 another process has the folder, 128 + n signal n.
 */
const defectCode = 1;
const userErrorCode = 2;
const ownedCode = 4;

/** The sentence for an error, and the exit code that goes with it. */
export function describeError(error: unknown, showStack: boolean): { text: string; exitCode: number } {
  if (error instanceof StoppedRun) {
    const { text, exitCode } = describeError(error.cause, showStack);
    return { text: `${text} ${error.goingOn}`, exitCode };
  }
  if (error instanceof UserError)
    return { text: error.message, exitCode: error instanceof OwnedError ? ownedCode : userErrorCode };
  const name = error instanceof InternalError || !(error instanceof Error) ? "" : `${error.name}: `;
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? error.stack : undefined;
  if (showStack && stack !== undefined) return { text: stack, exitCode: defectCode };
  const facts = `${name}${message}`.replace(/\.$/, "").replaceAll("\n", " ");
  const text = `palimpsest: this is a defect of Palimpsest, not of what it was given; got ${facts}. Set PALIMPSEST_STACK=1 to see where.`;
  return { text, exitCode: defectCode };
}

const languageErrors = [TypeError, RangeError, ReferenceError, SyntaxError, WebAssembly.RuntimeError];

/**
 * Whether an error is a defect although it came after a signal. What is stopped in the middle fails in ways of its own,
 * and where the platform calls that a TypeError, as of a connection that is cut, it gives the cause or a code.
 */
function isDefect(error: unknown): boolean {
  if (error instanceof InternalError) return true;
  const isLanguage = languageErrors.some((kind) => error instanceof kind);
  return isLanguage && (error as Error).cause === undefined && systemCode(error) === undefined;
}

/** Drawing on a terminal is read only where something is drawn. */
async function openBoard({ stderr, clock }: CliIo): Promise<Board> {
  const { createBoard } = await import("./progress.ts");
  return createBoard({ stream: stderr, quiet: false, isTTY: stderr.isTTY === true, now: clock });
}

/** Runs a handler with a board, prints what it returns. */
async function carryOut(
  io: CliIo,
  { json = false, quiet = false }: DisplayFlags,
  handlers: Handlers,
  start: (run: ReplayIo) => Promise<Outcome>,
): Promise<number> {
  const { stderr, stdout, clock, signal, cwd, date, cores, ask } = io;
  const board = quiet ? silentBoard : await openBoard(io);
  const runMadeByWords: ReplayIo["runMadeBy"] = (words) => runMadeBy(words, handlers, { cores });
  const warn = (text: string) => {
    if (quiet) stderr.write(`${printable(text)}\n`);
    else board.log(text);
  };
  let outcome: Outcome;
  try {
    outcome = await start({ board, warn, ask, signal, cwd, clock, date, runMadeBy: runMadeByWords });
  } finally {
    board.done();
  }
  stdout.write(`${json ? jsonText(outcome.result) : printable(outcome.summary)}\n`);
  if (outcome.warning !== undefined) stderr.write(`${printable(outcome.warning)}\n`);
  return outcome.exitCode ?? 0;
}

/** Runs a handler that prints a line for each thing as it comes to it. */
async function carryOutLines(
  { cwd, signal, stdout, stderr, date, showStack }: CliIo,
  { json = false }: DisplayFlags,
  start: (lines: ServingIo) => Promise<number>,
): Promise<number> {
  const print = (result: object, text: string) => {
    stdout.write(`${json ? jsonLine(result) : printable(text)}\n`);
  };
  const report = (error: unknown, id: string) => {
    stderr.write(`${printable(`defect ${id}: ${describeError(error, showStack).text}`)}\n`);
  };
  return start({ cwd, signal, print, date, report });
}

/**
 * Runs the command line. Never throws: whatever goes wrong becomes one sentence on stderr and an exit code.
 *
 * @param args  arguments after the program's name
 * @returns     exit code: 0 done; 1 the answer is no, or a defect; 2 something given is wrong; 3 a run is not as it was
 *              left; 4 another process has the folder; 128 + n for signal n that stopped it, unless a defect did
 */
export async function main(args: readonly string[], handlers: Handlers, io: CliIo): Promise<number> {
  const say = (text: string) => io.stderr.write(`${printable(text)}\n`);
  const { cores, stdout } = io;
  const setting = {
    ...{ cores, width: stdout.columns ?? 100, terminal: stdout.isTTY === true },
    write: (text: string) => void stdout.write(text),
  };
  let exitCode = 0;
  // a signal that came when all was over has stopped nothing
  let isDone = false;
  let failure: unknown = null;
  try {
    const outcome = async (display: DisplayFlags, start: (run: ReplayIo) => Promise<Outcome>) => {
      exitCode = await carryOut(io, display, handlers, start);
      isDone = true;
    };
    await runWords(args, handlers, setting, {
      ...{ makesRun: outcome, answers: outcome },
      prints: async (display, start) => {
        exitCode = await carryOutLines(io, display, start);
      },
    });
  } catch (error) {
    failure = error;
  }
  if (io.signal.aborted && !isDone) {
    const { by, exitCode } = io.signal.reason as Interruption;
    // what a run throws when it is stopped says no more than the signal does; a full disk does
    const cause = failure instanceof StoppedRun ? failure.cause : failure;
    if (cause instanceof UserError && !cause.message.includes(`stopped by ${by}`)) say(cause.message);
    if (isDefect(cause)) say(describeError(cause, io.showStack).text);
    say(`palimpsest: stopped by ${by}.${failure instanceof StoppedRun ? ` ${failure.goingOn}` : ""}`);
    return isDefect(cause) ? defectCode : exitCode;
  }
  if (failure === null) return exitCode;
  const { text, exitCode: code } = describeError(failure, io.showStack);
  say(text);
  return code;
}
