/** A question to the database in a process of its own. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { ArgumentError, FileError } from "../../base/errors.ts";
import type { Cell, FailureKind, FromEngine, QueryOrder, ToEngine } from "./queryMessages.ts";

/** What was answered. */
export interface Answer {
  readonly names: readonly string[];
  /** As DuckDB names them, e.g. `DOUBLE`. */
  readonly types: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** Where the process runs. */
export interface EngineOptions {
  /** The only folder that it knows: the files of the runs are below it, and it may write there. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Most rows of an answer. */
  readonly rowLimit: number;
  /** The script of the process; the one beside this file in the build by default. */
  readonly script?: string;
}

/** Milliseconds that an interrupted question is given to end. */
const patience = 2000;

const built = () => fileURLToPath(new URL("./queryProcess.js", import.meta.url));

/** One line of what DuckDB says in several: its message and its proposals, without the picture of the place. */
function oneLine(message: string): string {
  const lines = message.split("\n").map((line) => line.trim());
  const end = lines.findIndex((line) => /^LINE [0-9]+:/.test(line));
  return lines
    .slice(0, end < 0 ? lines.length : end)
    .filter((line) => line !== "")
    .join(" ")
    .replace(/\.$/, "");
}

function failure(of: FailureKind, message: string): Error {
  const got = oneLine(message);
  if (of === "missing")
    return new ArgumentError({
      where: "runs query",
      rule: "needs DuckDB, which cannot be loaded",
      got,
      wayOut: 'Install it where palimpsest is installed: "npm install @duckdb/node-api".',
    });
  if (of === "sql") return new ArgumentError({ where: "runs query", rule: "DuckDB cannot answer this", got });
  return new FileError({ where: "runs query", rule: "DuckDB gave up", got, wayOut: "No run was changed." });
}

/**
 * Asks the database.
 *
 * @throws ArgumentError  if DuckDB is not installed, the SQL is wrong, or the answer has too many rows
 * @throws FileError      if the database or its process ends otherwise
 */
export function askEngine(order: QueryOrder, options: EngineOptions): Promise<Answer> {
  const { folder, signal, rowLimit, script = built() } = options;
  return new Promise((resolve, reject) => {
    const child: ChildProcess = fork(script, [], {
      cwd: folder,
      execArgv: [],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    const send = (message: ToEngine) => void child.send(message, () => {}); // one that is gone has told so by ending
    let timer: NodeJS.Timeout | undefined;
    const stop = () => {
      send({ kind: "interrupt" });
      timer ??= setTimeout(() => child.kill("SIGKILL"), patience);
    };
    let names: readonly string[] = [];
    let types: readonly string[] = [];
    const rows: (readonly Cell[])[] = [];
    let outcome: (() => void) | undefined;
    const fail = (error: Error) => {
      outcome ??= () => reject(error);
    };
    child.on("message", (message: FromEngine) => {
      if (message.kind === "columns") ({ names, types } = message);
      else if (message.kind === "rows") {
        if (rows.length + message.rows.length <= rowLimit) for (const row of message.rows) rows.push(row);
        else {
          const rule = `an answer may have ${rowLimit} rows; this one has more`;
          fail(new ArgumentError({ where: "runs query", rule, wayOut: "Use LIMIT, or aggregate." }));
          stop();
        }
      } else if (message.kind === "done") outcome ??= () => resolve({ names, types, rows });
      else fail(failure(message.of, message.message));
    });
    // what it told may come after the news of its end: the channel is read to its own end
    let left = 2;
    let end = "";
    const settle = () => {
      if (--left > 0) return;
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      if (signal.aborted) reject(signal.reason);
      else if (outcome !== undefined) outcome();
      else reject(failure("engine", end));
    };
    child.on("error", (error) => {
      // one that was never there has no end to wait for
      if (child.pid === undefined) reject(failure("engine", error.message));
    });
    child.on("disconnect", settle);
    child.on("exit", (code, by) => {
      end = by === null ? `its process ended with ${code}` : `its process ended by ${by}`;
      settle();
    });
    signal.addEventListener("abort", stop);
    send({ kind: "ask", order });
    if (signal.aborted) stop();
  });
}
