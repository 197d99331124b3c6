/** Removing a run's folder so that a kill at any instant leaves it whole, or nothing of it under its name. */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { FileError, UserError } from "../../base/errors.ts";
import type { Disk } from "../disk/disk.ts";
import { diskError } from "../disk/diskError.ts";
import { flushFolder } from "../disk/publish.ts";
import { renameFile } from "../disk/renameFile.ts";
import { journalFiles } from "../journal/journal.ts";
import { type Lock, type Locker, takeLock } from "../journal/lock.ts";
import type { Removable } from "./removable.ts";

/** The name of a folder that is being removed, or was when its remover was killed. */
const doomed = /^\.removed-[0-9a-f]{16}$/;

/** How a folder is removed. */
export interface RemovalOptions {
  /** Dates the lock, decides nothing. */
  readonly date: () => Date;
  /** `node:fs` by default. */
  readonly disk?: Disk;
  /** What makes this process the owner; {@link takeLock} by default. */
  readonly lock?: Locker;
}

/** The locks of a run and of whatever has an owner of its own inside it. */
function takeLocks(
  { folder, row, files }: Removable,
  { date, disk, lock: take }: Required<RemovalOptions>,
): Lock[] {
  const inner = files.filter((path) => path.endsWith(`/${journalFiles.lock}`));
  const locks: Lock[] = [];
  try {
    for (const path of [journalFiles.lock, ...inner])
      locks.push(take({ disk, path: join(folder, path), shown: row.run, date }));
  } catch (error) {
    for (const lock of locks) lock.release();
    throw error;
  }
  return locks;
}

/**
 * Removes a run: its folder gets a hidden name in one step, and is emptied then.
 *
 * @throws OwnedError  if somebody works on it
 * @throws FileError   if the disk refuses: before it has the hidden name, nothing has happened to the run
 */
export function removeFolder(run: Removable, options: RemovalOptions): void {
  const { date, disk = fs, lock = takeLock } = options;
  const { folder, row } = run;
  const hidden = join(dirname(folder), `.removed-${randomBytes(8).toString("hex")}`);
  const locks = takeLocks(run, { date, disk, lock });
  const release = () => {
    for (const lock of locks) lock.release();
  };
  try {
    // Windows renames no folder in which a file is open
    if (process.platform === "win32") release();
    renameFile(disk, folder, hidden);
  } catch (error) {
    release();
    throw diskError(error, folder, row.run, "cannot be removed");
  }
  try {
    flushFolder(disk, dirname(folder));
    disk.rmSync(hidden, { recursive: true, force: true });
  } catch (error) {
    const said = diskError(error, hidden, row.run, "is no run any more, but not all of it could be removed");
    if (!(said instanceof UserError)) throw said;
    throw new FileError({
      where: row.run,
      rule: "is no run any more, but not all of it could be removed",
      got: said.message.replace(/\.$/, ""),
      wayOut: "The next removal in this folder tries again.",
    });
  } finally {
    release();
  }
}

/** Folders whose removers were killed, in some folders; absolute paths. */
export function leftovers(folders: readonly string[]): string[] {
  return [...new Set(folders)].flatMap((folder) => {
    try {
      const entries = fs.readdirSync(folder, { withFileTypes: true });
      return entries
        .filter((entry) => entry.isDirectory() && doomed.test(entry.name))
        .map((entry) => join(folder, entry.name));
    } catch {
      return []; // a folder that is not there has none
    }
  });
}

/** Removes what a killed remover left; false if it could not be, which the next removal tries again. */
export function sweepLeftover(path: string): boolean {
  try {
    fs.rmSync(path, { recursive: true, force: true });
    return true;
  } catch {
    return false;
  }
}
