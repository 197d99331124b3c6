/**
 * Files that are there whole or not at all.
 *
 * A file is written under a temporary name in its own folder, flushed to the disk, given its name in one step, and the
 * folder is flushed. A crash leaves the old state, the new one, and perhaps the temporary file, whose name tells it.
 * Errors of the disk are thrown as they come: the caller knows what was tried and says it.
 */
import { basename, dirname, join } from "node:path";
import type { Disk } from "./disk.ts";
import { systemCode } from "./diskError.ts";
import { renameFile } from "./renameFile.ts";

/** A file that is being written and has no name yet. */
export interface Unpublished {
  /** Whatever the disk throws; nothing is then left of the file. */
  append(bytes: Uint8Array): void;
  /** Gives the file its name, in the place of an older one. */
  end(): void;
  /** Leaves nothing behind. */
  abandon(): void;
}

/** Whether a name is one that only unpublished files have: what a crash left. */
export function isLitter(name: string): boolean {
  return /^\..+\.tmp$/.test(name);
}

/** Runs an action; errors with one of some codes are none. */
function unless<T>(codes: readonly string[], action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (!codes.includes(systemCode(error) ?? "")) throw error;
  }
}

/**
 * Flushes the names in a folder, where that can be done: Windows cannot open one and keeps names safe itself, a folder
 * that one may write in but not list cannot be opened either, and some file systems have nothing to flush of it.
 *
 * @source  fsync_fname_ext of PostgreSQL, which takes the same errors for none
 */
export function flushFolder(disk: Disk, path: string): void {
  if (process.platform === "win32") return;
  const folder = unless(["EACCES"], () => disk.openSync(path, "r"));
  if (folder === undefined) return;
  try {
    unless(["EINVAL", "EBADF"], () => disk.fsyncSync(folder));
  } finally {
    disk.closeSync(folder);
  }
}

/** Makes a folder and those above it, and flushes the names of those that are new. */
export function makeFolders(disk: Disk, path: string): void {
  let first: string | undefined;
  try {
    first = disk.mkdirSync(path, { recursive: true });
  } catch (error) {
    // it exists and is no folder: listing it says what is the matter
    if (systemCode(error) === "EEXIST") disk.readdirSync(path);
    throw error;
  }
  if (first === undefined) return;
  for (let folder = path; folder !== dirname(first); folder = dirname(folder))
    flushFolder(disk, dirname(folder));
}

/** Writes all bytes, however many the system takes at a time. */
export function writeAll(disk: Disk, file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += disk.writeSync(file, bytes, at);
}

/** Begins a file under a temporary name; `name` gives it its own once its bytes are on the disk. */
export function beginAs(disk: Disk, temporary: string, name: () => void): Unpublished {
  makeFolders(disk, dirname(temporary));
  const file = disk.openSync(temporary, "w");
  let open = true;
  const close = () => {
    open = false;
    disk.closeSync(file);
  };
  const abandon = () => {
    try {
      if (open) close();
    } finally {
      disk.rmSync(temporary, { force: true });
    }
  };
  const orNothing = (action: () => void) => {
    try {
      action();
    } catch (error) {
      try {
        abandon();
      } catch {
        // the first failure is the one that is told; what stays is swept at the next opening
      }
      throw error;
    }
  };
  return {
    append: (bytes) => orNothing(() => writeAll(disk, file, bytes)),
    end: () => {
      orNothing(() => {
        // a file that could not be flushed is lost: a second try would report success over what is gone
        disk.fsyncSync(file);
        close();
        name();
      });
      flushFolder(disk, dirname(temporary));
    },
    abandon,
  };
}

/**
 * Begins a file that comes in pieces; folders on the way are made.
 *
 * Its temporary name is the one of its own name, so two processes must not write the same file at a time.
 *
 * @param path  absolute
 */
export function beginFile(disk: Disk, path: string): Unpublished {
  const temporary = join(dirname(path), `.${basename(path)}.tmp`);
  return beginAs(disk, temporary, () => renameFile(disk, temporary, path));
}

/** Writes a file that is on the disk, whole and under its name, when this returns; an older one is replaced. */
export function publish(disk: Disk, path: string, bytes: Uint8Array): void {
  const file = beginFile(disk, path);
  file.append(bytes);
  file.end();
}
