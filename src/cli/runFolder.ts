/**
 * A run's folder on disk: a journal, a manifest and the files that the run leaves.
 *
 * Every file is published: a kill at any instant leaves no file half-written under its own name. The manifest is there
 * from the beginning with status `running`, and is replaced when the run ends; a file that it does not list is none of the
 * run's. What a run that was stopped goes on from stands in the journal's parts, which are removed once the manifest says
 * `complete`. A run that goes on publishes its files once more over their old selves.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { ArgumentError, FileError, InternalError } from "../base/errors.ts";
import type { JsonValue } from "../record/canonicalJson.ts";
import { readLog } from "../record/logLine.ts";
import {
  type FileEntry,
  isRunPath,
  type Manifest,
  type ManifestParts,
  manifestBytes,
  readManifest,
} from "../record/manifest.ts";
import type { Disk } from "./disk/disk.ts";
import { diskError, systemCode } from "./disk/diskError.ts";
import { beginFile, makeFolders, publish } from "./disk/publish.ts";
import { type Journal, type JournalOptions, journalFiles, openJournal } from "./journal/journal.ts";
import type { Locker } from "./journal/lock.ts";
import { remoteWarning } from "./journal/remoteFolder.ts";

/** Where runs are looked for, and with what. */
interface FolderSetting {
  readonly cwd: string;
  readonly date: () => Date;
  /** `node:fs` by default. */
  readonly disk?: Disk;
  /** What makes this process the owner; the kernel's locks by default. */
  readonly lock?: Locker;
}

/** Where a run goes. */
export interface RunFolderOptions extends FolderSetting {
  /** Name of the study. */
  readonly study: string;
  /** Folder that the user asked for; null for `runs/<study>-<yyyymmdd-hhmmss>`. */
  readonly out: string | null;
  /**
   * What the manifest says until the run ends, with status `running`. Without it there is no manifest before the end, and
   * nobody can go on with the run.
   */
  readonly manifest?: Omit<ManifestParts, "files" | "status">;
  /** Fields of the record `started`, which is then the first of the log and there before the manifest. */
  readonly started?: Readonly<Record<string, JsonValue>>;
}

/** How a run is opened that is there already. */
export interface OpenRunOptions extends FolderSetting {
  /**
   * Looks at the run before anything of it is changed, but for what a crash left; what it throws leaves the run as it was.
   *
   * @param past  the records of its log
   */
  readonly accept?: (manifest: Manifest, past: Journal["past"]) => void;
}

/** A file whose bytes come in pieces. It is the run's only once it has ended. */
export interface FileWriter {
  /** Whatever {@link RunFolder.write} throws; nothing is then left of the file, which may be begun again. */
  append(bytes: Uint8Array): void;
  /** Publishes what was appended. */
  end(): FileEntry;
  /** Leaves nothing of the file behind; without effect after the end. */
  abandon(): void;
}

/** An open run folder. Everything is on the disk when a call returns. All calls but `release` may throw OwnedError. */
export interface RunFolder {
  /** Absolute path. */
  readonly path: string;
  /** The path for the reader: relative to the working directory where it is inside. */
  readonly name: string;
  /** What the run's parts are kept in. */
  readonly journal: Journal;
  /** Whether the run has ended, or was given up: its files are final. */
  readonly ended: boolean;
  /** Files published since the folder was opened. */
  readonly files: readonly FileEntry[];
  /**
   * Publishes a file; a string is written as UTF-8.
   *
   * @param path  relative, with slashes, e.g. `measurements/tuning.parquet`; folders on the way are made
   * @throws FileError      if the disk refuses; what was published before is unharmed
   * @throws ArgumentError  for a path that may not stand in a manifest, or one that was written before
   */
  write(path: string, content: Uint8Array | string): FileEntry;
  /** Begins a file that is too long to be held whole; throws what {@link RunFolder.write} does. */
  begin(path: string): FileWriter;
  /** Appends a record to `log.jsonl`. */
  log(record: Readonly<Record<string, JsonValue>> & { readonly event: string }): void;
  /** Publishes the manifest of what was written, and ends the run; only one that is not complete can be gone on with. */
  commit(parts: Omit<ManifestParts, "files">): void;
  /** Gives the folder up as it is; without effect after the end. */
  release(): void;
}

/** A run that was opened again. */
export interface OpenedRun {
  /** As it was found. */
  readonly manifest: Manifest;
  /** Null where the run is complete: nothing is to be done, and nobody owns it. */
  readonly folder: RunFolder | null;
  /** What was mended. */
  readonly notices: readonly string[];
}

const manifestName = "manifest.json";
/** Names that no file of a run may have, and folders that it may not be in. */
const ownFiles: readonly string[] = [manifestName, journalFiles.log, journalFiles.lock, journalFiles.parts];

/** 20250131-235959, in local time. */
function stamp(date: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
  return `${day}-${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
}

/** The path for the reader: relative to the working directory where it is inside. */
function shownPath(path: string, cwd: string): string {
  const inside = relative(cwd, path) || ".";
  return inside.startsWith("..") ? path : inside;
}

/** Runs an action on a file of a folder; an error of the disk becomes one sentence. */
type Attempt = <T>(file: string, rule: string, action: () => T) => T;

function attemptIn(path: string, shown: string): Attempt {
  return (file, rule, action) => {
    try {
      return action();
    } catch (error) {
      throw diskError(error, join(path, file), file === "" ? shown : `${shown}/${file}`, rule);
    }
  };
}

/** Makes the first folder that is free of `base`, `base-2`, `base-3` …: two runs may begin in the same second. */
function claimFreeName(disk: Disk, base: string): string {
  makeFolders(disk, dirname(base));
  for (let n = 1; ; n++) {
    const path = n === 1 ? base : `${base}-${n}`;
    try {
      disk.mkdirSync(path);
      return path;
    } catch (error) {
      if (systemCode(error) !== "EEXIST") throw error;
    }
  }
}

/**
 * Makes a run's folder, its log and, where told, its manifest, so that a folder that cannot be written is found before the
 * work and not after.
 *
 * @throws OwnedError  if another process was given the same folder
 * @throws FileError   one sentence: the folder is not empty, is a file, cannot be made or written, the disk is full …
 */
export function createRunFolder(options: RunFolderOptions): RunFolder {
  const { study, out, cwd, date, disk = fs, manifest, started } = options;
  const wanted = resolve(cwd, out ?? join("runs", `${study}-${stamp(date())}`));
  const path = attemptIn(wanted, shownPath(wanted, cwd))("", "cannot be used as run folder", () => {
    if (out === null) return claimFreeName(disk, wanted);
    makeFolders(disk, wanted);
    return wanted;
  });
  const journal = openRunJournal(path, options, { mustBeNew: true });
  return orReleased(journal, () => {
    if (started !== undefined) journal.append({ event: "started", ...started });
    if (manifest !== undefined) publishManifest(disk, journal, { ...manifest, status: "running", files: [] });
    return runFolder(disk, journal);
  });
}

function openRunJournal(
  path: string,
  { cwd, date, disk, lock }: FolderSetting,
  age: Pick<JournalOptions, "mustBeNew" | "mustBeOld">,
): Journal {
  const shown = shownPath(path, cwd);
  const warning = remoteWarning(path, shown);
  return openJournal({
    path,
    shown,
    date,
    disk,
    lock,
    ...age,
    notices: warning === undefined ? [] : [warning],
  });
}

/** Runs an action; a journal is not kept open when it fails. */
function orReleased<T>(journal: Journal, action: () => T): T {
  try {
    return action();
  } catch (error) {
    journal.release();
    throw error;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Writes the manifest; its SHA-256 is returned. */
function publishManifest(disk: Disk, { path, name, check }: Journal, parts: ManifestParts): string {
  const bytes = manifestBytes(parts);
  check();
  attemptIn(path, name)(manifestName, "cannot be written", () =>
    publish(disk, join(path, manifestName), bytes),
  );
  return sha256(bytes);
}

/** Ends a run whose manifest is published. Opening it again carries on from wherever this was cut short. */
function close(journal: Journal, status: Manifest["status"], manifestHash: string): void {
  orReleased(journal, () => {
    journal.append({ event: "closed", status, manifest: manifestHash });
    if (status === "complete") journal.clear();
  });
  journal.release();
}

/** The manifest of a folder and its SHA-256. */
function manifestIn(disk: Disk, path: string, shown: string): { manifest: Manifest; hash: string } {
  const bytes = attemptIn(path, shown)(manifestName, "cannot be read", () =>
    disk.readFileSync(join(path, manifestName)),
  );
  return { manifest: readManifest(bytes, `${shown}/${manifestName}`), hash: sha256(bytes) };
}

/** Whether a complete run was closed to the last step, or so damaged that closing it again would mend nothing. */
function isClosed(disk: Disk, path: string, shown: string): boolean {
  const attempt = attemptIn(path, shown);
  const names = attempt("", "cannot be read", () => disk.readdirSync(path));
  if (names.includes(journalFiles.lock) || names.includes(journalFiles.parts)) return false;
  const { log } = journalFiles;
  try {
    const bytes = attempt(log, "cannot be read", () => disk.readFileSync(join(path, log)));
    return readLog(bytes, `${shown}/${log}`).records.at(-1)?.event === "closed";
  } catch (error) {
    if (error instanceof FileError) return true;
    throw error;
  }
}

/**
 * Becomes the owner of a run that is there and is not complete, mends what a crash left, and lets it go on: the manifest
 * says `running` again. A complete run is only mended, if its end was cut short.
 *
 * @param run  the folder as the user named it
 * @throws OwnedError  if another process is at it
 * @throws FileError   if the folder, its manifest or its log cannot be read or believed, or nothing can be written
 */
export function openRunFolder(run: string, options: OpenRunOptions): OpenedRun {
  const { cwd, disk = fs, accept } = options;
  const path = resolve(cwd, run);
  const shown = shownPath(path, cwd);
  const seen = manifestIn(disk, path, shown).manifest;
  if (seen.status === "complete" && isClosed(disk, path, shown))
    return { manifest: seen, folder: null, notices: [] };
  const journal = openRunJournal(path, options, { mustBeOld: true });
  return orReleased(journal, () => {
    // the owner before may have written another since
    const { manifest, hash } = manifestIn(disk, path, shown);
    const { past, notices } = journal;
    if (manifest.status === "complete") {
      // a manifest that was changed since its run was closed must not be vouched for
      if (past.at(-1)?.event === "closed") journal.clear();
      else close(journal, manifest.status, hash);
      journal.release();
      return { manifest, folder: null, notices };
    }
    accept?.(manifest, past);
    if (manifest.status !== "running")
      publishManifest(disk, journal, { ...manifest, status: "running", files: [] });
    return { manifest, folder: runFolder(disk, journal), notices };
  });
}

/** The folder behind a journal, as an open run. */
function runFolder(disk: Disk, journal: Journal): RunFolder {
  const { path, name } = journal;
  const attempt = attemptIn(path, name);
  const files: FileEntry[] = [];
  let ended = false;
  const stillOpen = () => {
    if (ended) throw new InternalError({ where: name, rule: "the run has ended, its files are final" });
  };
  /** Files that have begun and neither ended nor failed. */
  const begun = new Set<string>();
  const begin = (file: string): FileWriter => {
    stillOpen();
    const where = `run file ${JSON.stringify(file)}`;
    // some file systems keep one file for both names
    const folded = file.toLowerCase();
    if (!isRunPath(file) || ownFiles.includes(folded.split("/")[0]))
      throw new ArgumentError({ where, rule: "must be a relative path that the run may use" });
    if (begun.has(folded) || files.some((other) => other.path.toLowerCase() === folded))
      throw new ArgumentError({ where, rule: "is written once" });
    journal.check();
    const rule = "cannot be written";
    const unpublished = attempt(file, rule, () => beginFile(disk, join(path, file)));
    begun.add(folded);
    const hash = createHash("sha256");
    let bytes = 0;
    const orForgotten = <T>(action: () => T): T => {
      try {
        return attempt(file, rule, action);
      } catch (error) {
        begun.delete(folded);
        throw error;
      }
    };
    return {
      append: (piece) => {
        orForgotten(() => unpublished.append(piece));
        hash.update(piece);
        bytes += piece.length;
      },
      end: () => {
        stillOpen();
        orForgotten(() => {
          try {
            journal.check();
          } catch (error) {
            unpublished.abandon();
            throw error;
          }
          unpublished.end();
        });
        const entry = { path: file, bytes, sha256: hash.digest("hex") };
        begun.delete(folded);
        files.push(entry);
        return entry;
      },
      abandon: () => {
        if (begun.delete(folded)) unpublished.abandon();
      },
    };
  };
  return {
    path,
    name,
    journal,
    files,
    get ended() {
      return ended;
    },
    begin,
    write: (file, content) => {
      const writer = begin(file);
      writer.append(typeof content === "string" ? new TextEncoder().encode(content) : content);
      return writer.end();
    },
    log: (record) => {
      stillOpen();
      journal.append(record);
    },
    commit: (parts) => {
      stillOpen();
      const hash = publishManifest(disk, journal, { ...parts, files });
      // whatever happens from here on, no other end may be written over this one
      ended = true;
      close(journal, parts.status, hash);
    },
    release: () => {
      ended = true;
      journal.release();
    },
  };
}
