/** Which folders may be removed as runs: runs, inside the working directory, and nothing that a link leads to. */
import { lstatSync, realpathSync, type Stats } from "node:fs";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { ArgumentError, FileError } from "../../base/errors.ts";
import { diskError } from "../disk/diskError.ts";
import { isLitter } from "../disk/publish.ts";
import { journalFiles } from "../journal/journal.ts";
import { manifestLimit, type Place, readRun } from "./runPlace.ts";
import { filesIn, type RunRow, runRow } from "./runRow.ts";

/** A run that may be removed. */
export interface Removable {
  readonly row: RunRow;
  /** Absolute, without any link in it. */
  readonly folder: string;
  /** Paths of everything in it. */
  readonly files: readonly string[];
  /** Those that are none of the run's, as far as it says what is: a run that was killed does not. */
  readonly others: readonly string[];
}

const ownFiles: readonly string[] = ["manifest.json", "summary.txt", journalFiles.log, journalFiles.lock];

/** The path from one folder to another below it; null if it is not below. */
function inside(above: string, path: string): string | null {
  const way = relative(above, path);
  return way === "" || way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way) ? null : way;
}

/**
 * The real path of a folder below the working directory to which no link leads.
 *
 * @throws FileError  if it is not there, is no folder, or a link is on the way
 * @throws ArgumentError  if it is the working directory or outside of it
 */
function folderBelow(name: string, cwd: string): string {
  const path = resolve(cwd, name);
  let stats: Stats;
  let real: string;
  let top: string;
  try {
    stats = lstatSync(path);
    [real, top] = [realpathSync(path), realpathSync(cwd)];
  } catch (error) {
    throw diskError(error, path, name, "cannot be removed");
  }
  const refuse = (rule: string, got: string): never => {
    throw new FileError({ where: name, rule, got });
  };
  if (stats.isSymbolicLink()) refuse("must be a run itself", "a link");
  if (!stats.isDirectory()) refuse("must be a run folder", "a file");
  // the working directory may itself be behind a link, and be named with it or without
  const way = inside(cwd, path) ?? inside(top, path);
  if (way === null)
    throw new ArgumentError({
      where: name,
      rule: "only runs below the working directory are removed",
      got: "a folder that is not below it",
      wayOut: "Change to a folder that holds it.",
    });
  if (resolve(top, way) !== real) refuse("must lie in the working directory itself", "a link on the way");
  return real;
}

/** What in a run's folder its manifest does not list. Nothing where it lists nothing yet. */
function othersIn(place: Place, row: RunRow, files: readonly string[]): string[] {
  if (row.study === null) return [];
  const { manifest } = readRun(place, manifestLimit);
  if (manifest.status === "running") return [];
  const listed = new Set(manifest.files.map(({ path }) => path));
  const isOwn = (path: string) =>
    listed.has(path) ||
    ownFiles.includes(path) ||
    path.startsWith(`${journalFiles.parts}/`) ||
    isLitter(path.slice(path.lastIndexOf("/") + 1));
  return files.filter((path) => !isOwn(path));
}

/**
 * The run that a user named, if it may be removed.
 *
 * @throws FileError, ArgumentError  one sentence: why not
 */
export function removable(name: string, cwd: string): Removable {
  const folder = folderBelow(name, cwd);
  const shown = (inside(cwd, resolve(cwd, name)) ?? name).replaceAll("\\", "/");
  const place = { base: cwd, name: shown };
  const row = runRow({ place, foreign: null });
  if (row.status === "foreign")
    throw new FileError({
      where: shown,
      rule: "must be a run, with a manifest or a log of palimpsest",
      got: "another folder",
    });
  const files = [...filesIn(folder).keys()];
  return { row, folder, files, others: othersIn(place, row, files) };
}
