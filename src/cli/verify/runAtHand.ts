/** A run as it lies on the disk, before its files are read: what its manifest and log say, and what is there. */
import { type Dirent, lstatSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { FileError } from "../../base/errors.ts";
import { type LogRead, readLog, recordsBeforeDamage } from "../../record/logLine.ts";
import { type FileEntry, type Manifest, parseManifest, readManifest } from "../../record/manifest.ts";
import { diskError, systemCode } from "../disk/diskError.ts";
import { journalFiles } from "../journal/journal.ts";
import { keptBy } from "../journal/parts.ts";
import { readInput } from "../readInput.ts";

/** What was read of a file that may be missing or damaged. */
export type Found<T> =
  | { readonly verdict: "sound"; readonly value: T; readonly bytes: Uint8Array }
  /** `value` is what it seems to say all the same. */
  | { readonly verdict: "damaged"; readonly says: string; readonly value: T | null }
  | { readonly verdict: "missing" };

/** What a log says. */
export interface RunLog extends LogRead {
  /** States of a run that has not ended, which it goes on from. */
  readonly parts: readonly FileEntry[];
}

/** A run folder. */
export interface RunAtHand {
  /** As it was named. */
  readonly run: string;
  /** Absolute. */
  readonly path: string;
  readonly manifest: Found<Manifest>;
  /** Of format 1 it is not read: its lines have no check sums. */
  readonly log: Found<RunLog> | null;
  /** Every file in it, relative with slashes, sorted. */
  readonly files: readonly string[];
}

/** Largest manifest and log that are read: some 200,000 files, and millions of lines. */
const byteLimits = { manifest: 2 ** 25, log: 2 ** 29 };

/** The folder that was named, itself or by its manifest. */
function folderOf(run: string, cwd: string): string {
  const path = resolve(cwd, run);
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch (error) {
    throw diskError(error, path, run, "cannot be opened as a run");
  }
  if (isFolder) return path;
  if (basename(path) === "manifest.json") return dirname(path);
  throw new FileError({ where: run, rule: "must be a run folder", got: "a file" });
}

/** Files of a folder and of those in it; links are not followed, and a folder that cannot be read holds none. */
function filesIn(folder: string, top = folder): string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (folder === top) throw error;
    return [];
  }
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesIn(path, top) : [relative(top, path).split(sep).join("/")];
  });
}

/** A sentence about a file without the file's name and the full stop. */
export function without(name: string, message: string): string {
  const rest = message.startsWith(name) ? message.slice(name.length).replace(/^[:,] /, "") : message;
  return rest.replace(/\.$/, "");
}

/** Reads a file of the run; `parse` throws a FileError for damage. */
function find<T>(
  { run, path }: Pick<RunAtHand, "run" | "path">,
  name: string,
  byteLimit: number,
  parse: (bytes: Uint8Array, shown: string) => T,
  guess: (bytes: Uint8Array, shown: string) => T | null = () => null,
): Found<T> {
  const shown = `${run}/${name}`;
  try {
    // not followed: it may lead anywhere
    if (lstatSync(join(path, name)).isSymbolicLink())
      return { verdict: "damaged", says: "must be a file; got a link", value: null };
  } catch (error) {
    if (systemCode(error) === "ENOENT") return { verdict: "missing" };
  }
  let bytes: Uint8Array | null = null;
  try {
    bytes = readInput(join(path, name), { cwd: path, byteLimit });
    return { verdict: "sound", value: parse(bytes, shown), bytes };
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    const says = without(bytes === null ? join(path, name) : shown, error.message);
    let value: T | null = null;
    try {
      value = bytes === null ? null : guess(bytes, shown);
    } catch {
      // so damaged that it says nothing
    }
    return { verdict: "damaged", says, value };
  }
}

function withParts(read: LogRead, shown: string): RunLog {
  return { ...read, parts: [...keptBy(read.records, shown).live.values()] };
}

const readRunLog = (bytes: Uint8Array, shown: string) => withParts(readLog(bytes, shown), shown);

/** What a damaged log says up to its damage. */
function guessRunLog(bytes: Uint8Array, shown: string): RunLog {
  const records = recordsBeforeDamage(bytes, shown);
  return withParts({ records, validBytes: 0, tornBytes: 0 }, shown);
}

/**
 * Looks at a run.
 *
 * @param run  as the user named it: its folder, or its manifest
 * @throws FileError  one sentence for what is no run: no folder, one that cannot be read, one without a manifest, or with
 *                    one that is none, where no log says that it is a run all the same
 */
export function lookAtRun(run: string, cwd: string): RunAtHand {
  const path = folderOf(run, cwd);
  let files: string[];
  try {
    files = filesIn(path).sort();
  } catch (error) {
    throw diskError(error, path, run, "cannot be opened as a run");
  }
  const place = { run: path === resolve(cwd, run) ? run.replace(/(?<=.)\/+$/, "") : dirname(run), path };
  const manifest = find(place, "manifest.json", byteLimits.manifest, readManifest, parseManifest);
  const isOld = manifest.verdict === "sound" && manifest.value.formatVersion === 1;
  const log = isOld ? null : find(place, journalFiles.log, byteLimits.log, readRunLog, guessRunLog);
  const isRun =
    (manifest.verdict !== "missing" && manifest.value !== null) ||
    (log !== null && log.verdict !== "missing" && (log.value?.records.length ?? 0) > 0);
  if (isRun) return { ...place, manifest, log, files };
  if (manifest.verdict === "damaged")
    throw new FileError({ where: `${place.run}/manifest.json`, rule: manifest.says });
  const [first] = files;
  throw new FileError({
    where: place.run,
    rule: "must be a run folder, with its manifest.json",
    got: first === undefined ? "an empty folder" : `a folder that holds ${JSON.stringify(first)}`,
  });
}
