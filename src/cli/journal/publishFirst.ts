/** Files of which the first wins, whoever writes them at the same time. */
import { randomBytes } from "node:crypto";
import { basename, dirname, join } from "node:path";
import type { Disk } from "../disk/disk.ts";
import { systemCode } from "../disk/diskError.ts";
import { pauseThread } from "../disk/pauseThread.ts";
import { beginAs } from "../disk/publish.ts";
import { renameFile } from "../disk/renameFile.ts";
import { type Lock, OwnedError, takeLock } from "./lock.ts";

/** Name of the lock with which files are named where there are no links; it is there while one is. */
const lockName = ".publish.lock";
/** How often, and ms between, that lock is asked for: whoever has it renames one file. */
const [tries, wait] = [200, 50];

/** What a file system without hard links says of one; the last is what Windows says, by the name that libuv gives it. */
const withoutLinks = [
  ...["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"],
  ...(process.platform === "win32" ? ["EISDIR"] : []),
];

/**
 * Writes a file unless there is one of its name: of any number of processes that publish the same, one is the first,
 * and what it wrote is never replaced.
 *
 * The name is given as a second one of a file that is whole (link(2)), which is refused where it exists. Where the file
 * system has no links, as FAT and some shares have none, whoever holds a lock on the folder looks whether the name exists
 * and renames. That lock holds between machines as far as the file system's locks do.
 *
 * @param pause  holds this thread up while another has the lock, ms
 * @returns      whether this was the first; a file of that name is on the disk in both cases
 * @throws OwnedError  where there are no links and another process has the lock for ten seconds
 */
export function publishFirst(
  disk: Disk,
  path: string,
  bytes: Uint8Array,
  pause: (milliseconds: number) => void = pauseThread,
): "first" | "there" {
  const temporary = join(dirname(path), `.${basename(path)}-${randomBytes(8).toString("hex")}.tmp`);
  let outcome: "first" | "there" = "first";
  const file = beginAs(disk, temporary, () => {
    outcome = linkFirst(disk, temporary, path) ?? renameFirst(disk, temporary, path, pause);
    disk.rmSync(temporary, { force: true });
  });
  file.append(bytes);
  file.end();
  return outcome;
}

/** Null where there are no links. */
function linkFirst(disk: Disk, temporary: string, path: string): "first" | "there" | null {
  try {
    disk.linkSync(temporary, path);
    return "first";
  } catch (error) {
    const code = systemCode(error) ?? "";
    if (code === "EEXIST") return "there";
    if (withoutLinks.includes(code)) return null;
    throw error;
  }
}

function renameFirst(
  disk: Disk,
  temporary: string,
  path: string,
  pause: (milliseconds: number) => void,
): "first" | "there" {
  const lock = lockOf(disk, dirname(path), pause);
  try {
    if (isThere(disk, path)) return "there";
    lock.check();
    renameFile(disk, temporary, path);
    return "first";
  } finally {
    lock.release();
  }
}

function isThere(disk: Disk, path: string): boolean {
  try {
    disk.lstatSync(path);
    return true;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return false;
    throw error;
  }
}

function lockOf(disk: Disk, folder: string, pause: (milliseconds: number) => void): Lock {
  for (let refusals = 1; ; refusals++)
    try {
      return takeLock({ disk, path: join(folder, lockName), shown: folder, date: () => new Date() });
    } catch (error) {
      if (!(error instanceof OwnedError) || refusals === tries) throw error;
      pause(wait);
    }
}
