/** A child process that computes jobs, as its parent sees it. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { FileError } from "../../base/errors.ts";
import type { JobProgress } from "../../studies/sweep/runSweepJob.ts";
import type { FromChild, JobEnd, JobOrder, ToChild } from "./jobOrders.ts";

/** Who hears of a job while it runs. */
export interface JobListener {
  /** Aborted when the job is to be left. */
  readonly signal: AbortSignal;
  readonly progress: (progress: JobProgress) => void;
  readonly notice: (text: string) => void;
}

/** A process for one job at a time. */
export interface JobChild {
  readonly pid: number;
  /** False once the process has ended or is to end: it takes no more jobs. */
  readonly alive: boolean;
  /**
   * Computes a job and keeps its result.
   *
   * @throws FileError  where the store cannot be read or written
   * @throws Error      with a sentence: why it failed, or by which signal or exit code the process ended
   */
  run(order: JobOrder, listener: JobListener): Promise<JobEnd>;
  /** Ends the process; resolves when it has. */
  close(): Promise<void>;
}

/** What its processes run; beside this file in the build. */
export const jobScript = fileURLToPath(new URL("./sweepJob.js", import.meta.url));

/** Bytes of what a process says before it dies that are kept: V8 names its reason at the beginning. */
const saidLimit = 4096;

/** Milliseconds that a process has to end by itself. */
const patience = 5000;

/** The reason that a dying process gave, if it was V8's. */
function fatalError(said: string): string {
  const line = /FATAL ERROR: (.*)/.exec(said)?.[1];
  return line === undefined ? "" : `: ${line}`;
}

/** The sentence was made in the process; only its kind is told again. */
function failure({ message, ofFile }: Extract<FromChild, { kind: "failed" }>): Error {
  if (!ofFile) return new Error(message);
  return Object.assign(new FileError({ where: "store", rule: "cannot be used" }), { message });
}

/** Starts a process. */
export function startJobChild(): JobChild {
  const child: ChildProcess = fork(jobScript, [], {
    serialization: "advanced",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let alive = true;
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    if (said.length < saidLimit) said += text;
  });
  // not `close`: where this side ends the channel, Node does not tell it
  const exited = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`its process could not be started: ${error.message}`));
    child.once("exit", (code, signal) =>
      resolve(`its process (pid ${child.pid}) was ended by ${signal ?? `exit code ${code}`}`),
    );
  });
  const silent = new Promise<void>((resolve) => {
    if (child.stderr === null) resolve();
    else child.stderr.once("close", () => resolve());
  });
  void exited.then(() => {
    alive = false;
  });
  /** Resolves when the process listens; one that ends before says so by itself. */
  const ready = new Promise<void>((resolve) => {
    const hear = (message: unknown) => {
      if ((message as FromChild).kind !== "ready") return;
      child.off("message", hear);
      resolve();
    };
    child.on("message", hear);
  });
  /** How it ended, once it has and all that it said was heard. */
  const closed = exited.then(async (how) => {
    if (child.pid !== undefined) await silent;
    return `${how}${fatalError(said)}`;
  });
  const send = (message: ToChild) => {
    // a process that is gone says so by itself
    child.send(message, () => {});
  };
  return {
    pid: child.pid ?? 0,
    get alive() {
      return alive;
    },
    run: (order, { signal, progress, notice }) =>
      new Promise((resolve, reject) => {
        const leave = () => send({ kind: "stop" });
        const end = (settle: () => void) => {
          child.off("message", hear);
          signal.removeEventListener("abort", leave);
          settle();
        };
        const hear = (raw: unknown) => {
          const message = raw as FromChild;
          if (message.kind === "progress") progress(message);
          else if (message.kind === "notice") notice(message.text);
          else if (message.kind === "end") end(() => resolve(message.end));
          else if (message.kind === "failed") end(() => reject(failure(message)));
        };
        child.on("message", hear);
        signal.addEventListener("abort", leave);
        void closed.then((how) => end(() => reject(new Error(how))));
        void ready.then(() => {
          send({ kind: "run", ...order });
          if (signal.aborted) leave();
        });
      }),
    close: async () => {
      alive = false;
      if (child.connected) child.disconnect();
      const late = setTimeout(() => child.kill("SIGKILL"), patience);
      await closed;
      clearTimeout(late);
    },
  };
}
