/**
 * A run's folder on disk, written so that a kill at any instant leaves no file half-written under its own name.
 *
 * Every file is published: written under a temporary name in the same folder, flushed to the disk, renamed, and the
 * folder flushed. `log.jsonl` is the one file that grows. `manifest.json` comes last; a folder without one is a run
 * that did not end, and a file that the manifest does not list is none of the run's.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { ArgumentError, FileError, InternalError } from "../base/errors.ts";
import type { JsonValue } from "../record/canonicalJson.ts";
import { readableJson } from "../record/canonicalJson.ts";
import { type FileEntry, isRunPath, type ManifestParts, manifestBytes } from "../record/manifest.ts";
import { diskError, systemCode } from "./diskError.ts";

/** The part of `node:fs` that writes a run: the seam at which tests let every single call fail. */
export type Disk = Pick<
  typeof fs,
  "mkdirSync" | "readdirSync" | "openSync" | "writeSync" | "fsyncSync" | "closeSync" | "renameSync" | "rmSync"
>;

/** Where a run goes. */
export interface RunFolderOptions {
  /** Name of the study. */
  readonly study: string;
  /** Folder that the user asked for; null for `runs/<study>-<yyyymmdd-hhmmss>`. */
  readonly out: string | null;
  readonly cwd: string;
  readonly date: () => Date;
  /** `node:fs` by default. */
  readonly disk?: Disk;
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

/** An open run folder. Everything is on the disk when a call returns. */
export interface RunFolder {
  /** Absolute path. */
  readonly path: string;
  /** The path for the reader: relative to the working directory where it is inside. */
  readonly name: string;
  /** Files published so far. */
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
  /** Appends a line to `log.jsonl`, with its number and the time. */
  log(record: Readonly<Record<string, JsonValue>>): void;
  /** Publishes the manifest of what was written, and ends the run. */
  commit(parts: Omit<ManifestParts, "files">): void;
}

const ownFiles = ["manifest.json", "log.jsonl"];

/** 20250131-235959, in local time. */
function stamp(date: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
  return `${day}-${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
}

/** Makes a folder; false if something of that name is there already. */
function makeFolder(disk: Disk, path: string): boolean {
  try {
    disk.mkdirSync(path);
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    if (systemCode(error) !== "ENOENT") throw error;
  }
  makeParents(disk, path);
  disk.mkdirSync(path);
  return true;
}

/** Makes the folders above a path, and flushes the names of those that are new. */
function makeParents(disk: Disk, path: string): void {
  const first = disk.mkdirSync(dirname(path), { recursive: true });
  if (first === undefined) return;
  for (let folder = dirname(path); folder !== dirname(first); folder = dirname(folder))
    flushFolder(disk, dirname(folder));
}

/** The folder that was asked for: a new one, or one that is there and empty. */
function claimFolder(disk: Disk, path: string, shown: string): void {
  if (makeFolder(disk, path)) return;
  const [first] = disk.readdirSync(path);
  if (first === undefined) return;
  throw new FileError({
    where: `run folder ${shown}`,
    rule: "must be new or empty",
    got: `a folder that holds ${JSON.stringify(first)}`,
    wayOut: "Choose another with --out.",
  });
}

/** The first free name of `base`, `base-2`, `base-3` …: two runs may begin in the same second. */
function claimFreeName(disk: Disk, base: string): string {
  for (let n = 1; ; n++) {
    const path = n === 1 ? base : `${base}-${n}`;
    if (makeFolder(disk, path)) return path;
  }
}

function writeAll(disk: Disk, file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += disk.writeSync(file, bytes, at);
}

/** Flushes the names in a folder. Windows cannot open one and keeps names safe itself. */
function flushFolder(disk: Disk, path: string): void {
  if (process.platform === "win32") return;
  const folder = disk.openSync(path, "r");
  try {
    disk.fsyncSync(folder);
  } finally {
    disk.closeSync(folder);
  }
}

/** Opens a file, lets `use` work on it, flushes and closes it. */
function withFile(disk: Disk, path: string, flags: string, use: (file: number) => void): void {
  const file = disk.openSync(path, flags);
  try {
    use(file);
    disk.fsyncSync(file);
  } finally {
    disk.closeSync(file);
  }
}

/** Begins a file that gets its name when it ends; whatever fails before leaves nothing behind. */
function beginFile(disk: Disk, path: string) {
  const folder = dirname(path);
  makeParents(disk, path);
  // no name of a run begins with a dot, so a leftover is recognised as such
  const temporary = join(folder, `.${basename(path)}.tmp`);
  const file = disk.openSync(temporary, "w");
  let open = true;
  const close = () => {
    open = false;
    disk.closeSync(file);
  };
  const orNothing = (action: () => void) => {
    try {
      action();
    } catch (error) {
      abandon();
      throw error;
    }
  };
  const abandon = () => {
    try {
      if (open) close();
    } finally {
      disk.rmSync(temporary, { force: true });
    }
  };
  return {
    append: (bytes: Uint8Array) => orNothing(() => writeAll(disk, file, bytes)),
    end: () => {
      orNothing(() => {
        disk.fsyncSync(file);
        close();
        disk.renameSync(temporary, path);
      });
      flushFolder(disk, folder);
    },
    abandon,
  };
}

function publish(disk: Disk, path: string, bytes: Uint8Array): void {
  const file = beginFile(disk, path);
  file.append(bytes);
  file.end();
}

/**
 * Makes a run's folder and its log, so that a folder that cannot be written is found before the work and not after.
 *
 * @throws FileError  one sentence: the folder is not empty, is a file, cannot be made or written, the disk is full …
 */
export function createRunFolder(options: RunFolderOptions): RunFolder {
  const { study, out, cwd, date, disk = fs } = options;
  const shownPath = (path: string) => {
    const inside = relative(cwd, path) || ".";
    return inside.startsWith("..") ? path : inside;
  };
  const attempt = <T>(path: string, rule: string, action: () => T): T => {
    try {
      return action();
    } catch (error) {
      throw diskError(error, path, shownPath(path), rule);
    }
  };

  const wanted = resolve(cwd, out ?? join("runs", `${study}-${stamp(date())}`));
  const path = attempt(wanted, "cannot be used as run folder", () => {
    if (out === null) return claimFreeName(disk, wanted);
    claimFolder(disk, wanted, shownPath(wanted));
    return wanted;
  });
  const logPath = join(path, "log.jsonl");
  // exclusive: of two processes that were given the same empty folder, one gets it
  attempt(logPath, "cannot be begun", () => {
    withFile(disk, logPath, "wx", () => {});
    flushFolder(disk, path);
    flushFolder(disk, dirname(path));
  });

  const files: FileEntry[] = [];
  let lines = 0;
  let ended = false;
  const stillOpen = () => {
    if (ended)
      throw new InternalError({ where: shownPath(path), rule: "the run has ended, its files are final" });
  };
  /** Files that have begun and neither ended nor failed. */
  const begun = new Set<string>();
  const begin = (name: string): FileWriter => {
    stillOpen();
    const where = `run file ${JSON.stringify(name)}`;
    // some file systems keep one file for both names
    const folded = name.toLowerCase();
    if (!isRunPath(name) || ownFiles.includes(folded))
      throw new ArgumentError({ where, rule: "must be a relative path that the run may use" });
    if (begun.has(folded) || files.some((file) => file.path.toLowerCase() === folded))
      throw new ArgumentError({ where, rule: "is written once" });
    const target = join(path, name);
    const rule = "cannot be written";
    const file = attempt(target, rule, () => beginFile(disk, target));
    begun.add(folded);
    const hash = createHash("sha256");
    let bytes = 0;
    const orForgotten = <T>(action: () => T): T => {
      try {
        return attempt(target, rule, action);
      } catch (error) {
        begun.delete(folded);
        throw error;
      }
    };
    return {
      append: (piece) => {
        orForgotten(() => file.append(piece));
        hash.update(piece);
        bytes += piece.length;
      },
      end: () => {
        stillOpen();
        orForgotten(() => file.end());
        const entry = { path: name, bytes, sha256: hash.digest("hex") };
        begun.delete(folded);
        files.push(entry);
        return entry;
      },
      abandon: () => {
        if (begun.delete(folded)) file.abandon();
      },
    };
  };
  return {
    path,
    name: shownPath(path),
    files,
    begin,
    write: (name, content) => {
      const file = begin(name);
      file.append(typeof content === "string" ? new TextEncoder().encode(content) : content);
      return file.end();
    },
    log: (record) => {
      stillOpen();
      const line = readableJson({ seq: lines, time: date().toISOString(), ...record }, { indent: 0 });
      attempt(logPath, "cannot be appended to", () =>
        withFile(disk, logPath, "a", (file) => writeAll(disk, file, new TextEncoder().encode(`${line}\n`))),
      );
      lines++;
    },
    commit: (parts) => {
      stillOpen();
      const bytes = manifestBytes({ ...parts, files });
      const target = join(path, "manifest.json");
      attempt(target, "cannot be written", () => publish(disk, target, bytes));
      ended = true;
    },
  };
}
