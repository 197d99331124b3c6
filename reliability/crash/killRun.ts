/** Kills at any instant: how a run is killed, what is held against it then, and how it is gone on with. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { FileError } from "../../src/base/errors.ts";
import { checkFiles } from "../../src/cli/verify/checkFiles.ts";
import { lookAtRun } from "../../src/cli/verify/runAtHand.ts";
import { readLog } from "../../src/record/logLine.ts";
import { readSafetensorsHeader } from "../../src/record/safetensorsHeader.ts";
import { differences, hashesOf } from "../folderBytes.ts";
import type { Ended, Started } from "../startChild.ts";
import { type CommandOptions, killGroup } from "./commandLine.ts";
import { history, type Reference, runName, said, startResume, startSample } from "./samples.ts";

/** ms between two looks at a folder. */
const glance = 2;

/** Waits until the run's manifest is there, its first commit; false where the process ended before. */
export async function untilBegun(cwd: string, { process: child }: Started): Promise<boolean> {
  while (child.exitCode === null && child.signalCode === null) {
    if (existsSync(join(cwd, runName, "manifest.json"))) return true;
    await wait(glance);
  }
  return false;
}

/** Where a kill fell. */
export type Place = "before the first commit" | "between" | "after the last commit";

/** How far the run of a working directory had come when its process was gone. */
export function placeOf(cwd: string): Place {
  const run = join(cwd, runName);
  if (!existsSync(join(run, "manifest.json"))) return "before the first commit";
  const { records } = readLog(readFileSync(join(run, "log.jsonl")), "log.jsonl");
  return records.at(-1)?.event === "closed" ? "after the last commit" : "between";
}

/** Kills a process and all it started after so many ms; false where it had ended by then. */
export async function killAfter(started: Started, milliseconds: number): Promise<boolean> {
  await Promise.race([wait(milliseconds, undefined, { ref: false }), started.ended]);
  killGroup(started);
  const { signal } = await started.ended;
  return signal === "SIGKILL";
}

/**
 * What is wrong with a run that was killed and not gone on with yet: nothing that was acknowledged may be lost, and a
 * kill damages nothing.
 */
export async function faultsIn(cwd: string): Promise<string[]> {
  const lost = lostIn(cwd);
  const run = join(cwd, runName);
  if (!existsSync(join(run, "manifest.json"))) return lost;
  const checked = await checkFiles(lookAtRun(run, cwd), {
    signal: new AbortController().signal,
    seen: () => {},
  });
  const faults = checked.filter(
    ({ verdict, says = "" }) =>
      // a run killed right before its last record is the same, to the byte, as one whose log lost that record
      (verdict === "damaged" && !says.includes("must end with the record that closes it")) ||
      verdict === "missing",
  );
  return [...lost, ...faults.map(({ path, verdict, says }) => `${path} is said to be ${verdict}: ${says}`)];
}

/** The parts that a run's log says are kept, with their hashes. */
export function keptIn(cwd: string): Map<string, string> {
  const kept = new Map<string, string>();
  const log = join(cwd, runName, "log.jsonl");
  if (!existsSync(log)) return kept;
  for (const { event, path, paths, sha256, status } of readLog(readFileSync(log), "log.jsonl").records) {
    if (event === "kept") kept.set(path as string, sha256 as string);
    if (event === "dropped") for (const gone of paths as string[]) kept.delete(gone);
    if (event === "cleared" || (event === "closed" && status === "complete")) kept.clear();
  }
  return kept;
}

/** Step of the newest state of every job of a run that has one, by the job's key. */
export function statesIn(cwd: string): Map<string, number> {
  const newest = new Map<string, { n: number; step: number }>();
  for (const path of keptIn(cwd).keys()) {
    const [, key, name] = path.split("/");
    if (!name.endsWith(".state.safetensors") || !existsSync(join(cwd, runName, path))) continue;
    const bytes = new Uint8Array(readFileSync(join(cwd, runName, path)));
    const step = Number(readSafetensorsHeader(bytes, { file: path }).metadata.get("step"));
    const n = Number(name.split(".")[0]);
    if (n > (newest.get(key)?.n ?? 0)) newest.set(key, { n, step });
  }
  return new Map([...newest].map(([key, { step }]) => [key, step]));
}

function lostIn(cwd: string): string[] {
  try {
    const kept = keptIn(cwd);
    const found = kept.size === 0 ? new Map<string, string>() : hashesOf(join(cwd, runName));
    return differences(new Map([...found].filter(([path]) => kept.has(path))), kept);
  } catch (error) {
    if (error instanceof FileError) return [error.message];
    throw error;
  }
}

/**
 * Goes on with the run of a working directory to its end, or begins it where it had not begun, and compares it with the
 * undisturbed one.
 *
 * @returns  what is wrong, and how the process ended that came to the end
 */
export async function finish(
  cwd: string,
  reference: Reference,
  options: CommandOptions = {},
): Promise<{ failures: string[]; ended: Ended }> {
  const begun = existsSync(join(cwd, runName, "manifest.json"));
  const ended = await (begun ? startResume(cwd, options) : startSample(reference.sample, cwd, options)).ended;
  if (ended.code !== 0) return { failures: [said(ended)], ended };
  const failures = differences(hashesOf(join(cwd, runName), history), reference.hashes);
  if (ended.stdout !== reference.stdout) failures.push("it printed something else");
  return { failures, ended };
}
