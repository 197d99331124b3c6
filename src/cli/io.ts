/** What a command is given of the world, and what it gives back. */
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
  /** A run looks at this between steps; once aborted it stops, leaves its files whole and throws or returns. */
  readonly signal: AbortSignal;
  readonly cwd: string;
  readonly clock: () => number;
  readonly date: () => Date;
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
}
