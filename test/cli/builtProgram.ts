/** The built command line in processes that are stopped and killed: `npm run build` comes before, as in `npm test`. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { sha256OfBytes } from "../../src/record/sha256.ts";

const root = join(import.meta.dirname, "../..");
const bin = join(root, "bin/palimpsest.js");

/** How a process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the command line in a working directory. */
export function start(cwd: string, args: readonly string[]): { child: ChildProcess; ended: Promise<Ended> } {
  if (!existsSync(join(root, "dist/worker.js")))
    throw new Error("dist is missing: run `npm run build` first.");
  const child = spawn(process.execPath, [bin, ...args], { cwd });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => {
    stdout += text;
  });
  child.stderr.on("data", (text) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { child, ended };
}

/** The same, to its end. */
export const run = (cwd: string, args: readonly string[]): Promise<Ended> => start(cwd, args).ended;

/** Events of a run's log, as far as it goes. */
export function eventsOf(folder: string): string[] {
  if (!existsSync(join(folder, "log.jsonl"))) return [];
  const lines = readFileSync(join(folder, "log.jsonl"), "utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line).event);
}

/**
 * Starts a command, and sends it a signal as soon as its run's log has so many records of an event.
 *
 * @param folder  absolute path of the run
 */
export async function stopAt(
  cwd: string,
  args: readonly string[],
  folder: string,
  { event, count, signal }: { event: string; count: number; signal: NodeJS.Signals },
): Promise<Ended> {
  const { child, ended } = start(cwd, args);
  let over = false;
  void ended.then(() => {
    over = true;
  });
  while (!over) {
    if (eventsOf(folder).filter((found) => found === event).length >= count) {
      child.kill(signal);
      break;
    }
    await wait(2);
  }
  return ended;
}

/** SHA-256 of every file of a run by path, but for the log, which tells the time. */
export function hashesOf(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = files.map((entry) => relative(folder, join(entry.parentPath, entry.name)));
  return Object.fromEntries(
    paths
      .filter((path) => path !== "log.jsonl")
      .sort()
      .map((path) => [path, sha256OfBytes(readFileSync(join(folder, path)))]),
  );
}
