/** What a command is given of the world, and what it gives back. */
import type { LogRecord } from "../record/logLine.ts";
import type { Manifest } from "../record/manifest.ts";
import type { Board } from "./progress.ts";
import type { TextStream } from "./textStream.ts";

/** The world of the command line. Tests give their own. */
export interface CliIo {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  /** Working directory, absolute. */
  readonly cwd: string;
  /** Processors of the machine: the default number of workers. */
  readonly cores: number;
  /** Aborted, with an {@link Interruption} as its reason, when the run is to stop. */
  readonly signal: AbortSignal;
  /** Monotonic clock, ms. */
  readonly clock: () => number;
  /** Wall clock: names folders and dates log lines, decides no number. */
  readonly date: () => Date;
  /** Whether a defect is reported with its stack. */
  readonly showStack: boolean;
  /** Asks on the terminal, and resolves to the line that is typed; absent where nobody can be asked. */
  readonly ask?: (question: string) => Promise<string>;
}

/** Why a run was stopped from outside. */
export interface Interruption {
  /** Name of the signal, e.g. SIGINT. */
  readonly by: string;
  /** 128 + the signal's number. */
  readonly exitCode: number;
}

/** What a run function is given. */
export interface RunIo {
  /** Where progress goes; closed when the run returns or throws. */
  readonly board: Board;
  /** Says a sentence on stderr that nobody should miss, with `--quiet` too. */
  readonly warn: (text: string) => void;
  /** As in {@link CliIo}. */
  readonly ask?: CliIo["ask"];
  /** A run looks at this between steps; once aborted it stops, leaves its files whole and throws or returns. */
  readonly signal: AbortSignal;
  readonly cwd: string;
  readonly clock: () => number;
  readonly date: () => Date;
  /** Where the run folder is made, in place of what the options say; absolute. */
  readonly out?: string;
  /** The run folder that is gone on with, in place of a new one. */
  readonly resume?: ResumedFolder;
  /** The run that is made again elsewhere: what it was made of must still be the same. */
  readonly repeats?: RepeatedRun;
}

/** A complete run that is made again. */
export interface RepeatedRun {
  /** The folder as the user named it. */
  readonly name: string;
  readonly manifest: Manifest;
}

/** A run folder that was begun before. */
export interface ResumedFolder {
  /** Absolute. */
  readonly path: string;
  /** The folder as the user named it. */
  readonly name: string;
  /** Working directory that names in messages are relative to; the run's own `cwd` is the one that it was begun in. */
  readonly cwd: string;
  /** Worker threads from now on; as many as the command takes unless given. */
  readonly workers?: number;
  /** Address of the queue that carries the jobs of a sweep from now on; it may hold a password. */
  readonly queue?: string;
  /** First record of its log. */
  readonly begun?: LogRecord;
}

/** What a run function is given that has to do with other runs. */
export interface ReplayIo extends RunIo {
  /**
   * What the command of a manifest asks for, not begun.
   *
   * @throws UserError  for words that are no command that makes a run
   */
  readonly runMadeBy: (words: readonly string[]) => Promise<(io: RunIo) => Promise<Outcome>>;
}

/** What a run function is given that says something of each thing as it comes to it. */
export interface LinesIo {
  readonly cwd: string;
  /** A run looks at this between things and returns once it is aborted. */
  readonly signal: AbortSignal;
  /** Prints a line: the object with `--json`, the text otherwise. */
  readonly print: (result: object, text: string) => void;
}

/** What a function is given that serves until it is stopped. */
export interface ServingIo extends LinesIo {
  readonly date: () => Date;
  /** Says on stderr what a request met with that only a defect can explain. */
  readonly report: (error: unknown, id: string) => void;
}

/** What a run function returns. */
export interface Outcome {
  /** What `--json` prints, exactly this and nothing else. */
  readonly result: object;
  /** What is printed otherwise: lines of text for a reader. */
  readonly summary: string;
  /** 0 by default; 1 where the run ended but its answer is "no", as when fidelity is not reached. */
  readonly exitCode?: number;
  /** A sentence for stderr, after the result. */
  readonly warning?: string;
}
