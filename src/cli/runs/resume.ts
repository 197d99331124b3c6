/** `palimpsest resume`: goes on with a run by carrying its own command out in its folder. */
import { existsSync, lstatSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { ArgumentError, FileError, UserError } from "../../base/errors.ts";
import { shellWord } from "../../record/commandWords.ts";
import { type LogRecord, readLog } from "../../record/logLine.ts";
import { type Manifest, readManifest } from "../../record/manifest.ts";
import type { ResumeOptions } from "../commands/resume.ts";
import type { Outcome, ReplayIo } from "../io.ts";
import { journalFiles } from "../journal/journal.ts";
import { LostError, OwnedError } from "../journal/lock.ts";
import { readInput } from "../readInput.ts";
import { openRunFolder } from "../runFolder.ts";
import { findRuns } from "../runList/findRuns.ts";
import { begunIn } from "./begunIn.ts";
import { printedOutcome } from "./printed.ts";

/** Where runs are made unless another place is named. */
const runsFolder = "runs";

/** Goes on with a run, or with the newest that has not ended and that no other process is at. */
export async function runResume(options: ResumeOptions, io: ReplayIo): Promise<Outcome> {
  if (options.run !== null) return resumeRun(options.run, options, io);
  const [first, ...others] = unfinishedRuns(io.cwd);
  if (first === undefined)
    throw new FileError({
      where: "palimpsest resume",
      rule: `needs a run that has not ended in ${runsFolder}`,
      got: "none",
      wayOut: "Name the folder of one.",
    });
  let owned: OwnedError | undefined;
  for (const name of [first, ...others])
    try {
      io.warn(`Going on with ${name}`);
      return await resumeRun(name, options, io);
    } catch (error) {
      if (!(error instanceof OwnedError) || error instanceof LostError) throw error;
      owned ??= error;
    }
  throw owned;
}

/** Runs below `runs` that can be gone on with, the one that was worked at last first. */
function unfinishedRuns(cwd: string): string[] {
  if (!existsSync(resolve(cwd, runsFolder))) return [];
  const found = findRuns(runsFolder, cwd).flatMap(({ place: { base, name }, foreign }) => {
    if (foreign !== null) return [];
    const path = join(base, name);
    try {
      const { status, command } = manifestOf(path, name);
      if (status === "complete" || command === null) return [];
      return [{ name, time: statSync(join(path, journalFiles.log)).mtimeMs }];
    } catch {
      return []; // one that cannot be read is not the one to go on with; whoever names it is told why
    }
  });
  return found.sort((a, b) => b.time - a.time || (a.name < b.name ? 1 : -1)).map(({ name }) => name);
}

/** Whether there is nothing of that name; a link that leads nowhere is something. */
function isMissing(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
}

function manifestOf(path: string, name: string): Manifest {
  const shown = `${name}/manifest.json`;
  if (isMissing(join(path, "manifest.json")) && existsSync(join(path, journalFiles.log)))
    throw new FileError({
      where: name,
      rule: "was stopped before it had a manifest, and nothing was computed",
      wayOut: "Give its command again.",
    });
  const bytes = readFileOf(path, "manifest.json", shown);
  return readManifest(bytes, shown);
}

/** The bytes of a run's own file; `shown` names it in messages. */
function readFileOf(path: string, file: string, shown: string): Uint8Array {
  try {
    return readInput(join(path, file), { cwd: path });
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    throw Object.assign(error, { message: error.message.replace(join(path, file), () => shown) });
  }
}

async function resumeRun(
  given: string,
  { workers, queue }: Pick<ResumeOptions, "workers" | "queue">,
  io: ReplayIo,
): Promise<Outcome> {
  const isManifest = basename(given) === "manifest.json";
  const name = isManifest ? dirname(given) : given;
  const path = resolve(io.cwd, name);
  const manifest = manifestOf(path, name);
  const { status, command } = manifest;
  if (status === "complete") return printComplete(path, name, manifest, io);
  if (command === null)
    throw new FileError({
      where: name,
      rule: `is ${status} and cannot be gone on with: its manifest has no command`,
      got: manifest.formatVersion === 1 ? "format 1" : `a run of ${JSON.stringify(manifest.study)}`,
    });
  if (queue !== null && manifest.study !== "sweep")
    throw new ArgumentError({
      where: "--queue",
      rule: "carries the jobs of a sweep",
      got: `a run of ${JSON.stringify(manifest.study)}`,
    });
  const log = logOf(path, name, status);
  const cwd = begunIn(log, io.cwd);
  const start = await startOf(command, name, io);
  const { runMadeBy: _, ...own } = io;
  return start({
    ...own,
    cwd,
    resume: {
      ...{ path, name, cwd: io.cwd, begun: log[0] },
      ...(workers === null ? {} : { workers }),
      ...(queue === null ? {} : { queue }),
    },
  });
}

function logOf(path: string, name: string, status: Manifest["status"]): readonly LogRecord[] {
  const shown = `${name}/${journalFiles.log}`;
  const bytes = readFileOf(path, journalFiles.log, shown);
  try {
    return readLog(bytes, shown).records;
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    throw Object.assign(error, { message: `${error.message} ${waysOut(name, status)}` });
  }
}

/** What can be done with a run whose log is damaged before its end. */
function waysOut(name: string, status: Manifest["status"]): string {
  const run = shellWord(name);
  const verify = `"palimpsest verify ${run}" says which of its files are sound`;
  if (status === "complete") return `The run is complete: ${verify}.`;
  return `It cannot be gone on with: ${verify}, up to the damage its kept states too. Its command, which manifest.json has, makes it anew with another --out; "palimpsest runs remove ${run}" removes it.`;
}

async function startOf(command: readonly string[], name: string, io: ReplayIo) {
  try {
    return await io.runMadeBy(command);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw Object.assign(error, { message: `${name}/manifest.json, command: ${error.message}` });
  }
}

/** Prints a run that is complete; one whose last breath was cut off is closed first. */
function printComplete(
  path: string,
  name: string,
  { sha256, status }: Manifest,
  { cwd, date }: ReplayIo,
): Outcome {
  // the manifest of a run that did not get so far says complete only where somebody has changed it
  if (sha256 !== null && !logOf(path, name, status).some(({ event }) => event === "complete"))
    throw new FileError({
      where: `${name}, status`,
      rule: "the log tells of no end",
      got: '"complete" in the manifest',
    });
  if (sha256 !== null) openRunFolder(path, { cwd, date });
  return printedOutcome(path, name);
}
