/**
 * The one owner of a folder.
 *
 * `run.lock` is locked by the kernel, so a dead owner's folder is free at once and nothing is ever removed by hand. What
 * stands in the file is for telling people and decides nothing. An owner whose lock file was taken away or replaced, as
 * while it was stopped, finds that out before its next write.
 */
import { constants } from "node:fs";
import { hostname } from "node:os";
import { basename } from "node:path";
import { FileError, UserError } from "../../base/errors.ts";
import type { Disk } from "../disk/disk.ts";
import { diskError, systemCode } from "../disk/diskError.ts";
import { pauseThread } from "../disk/pauseThread.ts";
import { writeAll } from "../disk/publish.ts";
import { type Asked, type KernelLockName, kernelLocks, type LockedFile } from "./kernelLocks.ts";

/** A folder belongs to another process. */
export class OwnedError extends UserError {}

/** A folder that this process owned belongs to it no longer. */
export class LostError extends OwnedError {}

/** A lock that is held. */
export interface Lock {
  /** @throws OwnedError  if the lock file is no longer the one that was locked */
  check(): void;
  /** Removes the lock file and frees the lock; without effect the second time. */
  release(): void;
}

/** What is locked. */
export interface LockRequest {
  readonly disk: Disk;
  /** Absolute path of the lock file. */
  readonly path: string;
  /** Its folder for the reader. */
  readonly shown: string;
  readonly date: () => Date;
}

/** Takes a lock, or throws {@link OwnedError}. */
export type Locker = (request: LockRequest) => Lock;

/** Kinds of lock in groups: of every group, the first that there is on this machine is taken. */
export type LockGroups = readonly (readonly KernelLockName[])[];

const ofFile = ["flock", "perl"] as const;
/**
 * On Linux the socket is taken besides the lock of the file: it holds too between processes of which only one finds a
 * helper program, as the lock of the file does between containers that share nothing but the folder.
 */
const groupsOf: Partial<Record<NodeJS.Platform, LockGroups>> = {
  win32: [["pipe"]],
  linux: [["socket"], ofFile],
};
const groupsHere: LockGroups = groupsOf[process.platform] ?? [ofFile];

/** Who holds a lock, in the lock file. */
interface Note {
  readonly pid: number;
  readonly host: string;
  readonly since: string;
}

/**
 * How often, and ms between, a lock is asked for that is taken by nobody who is named. Its owner has not written the note
 * yet, or is about to free it.
 */
const tries = 40;
const pause = 25;

/** Whether a process of this machine has certainly ended: its note is the last owner's. */
function isPast({ pid, host }: Note): boolean {
  if (host !== hostname()) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return systemCode(error) === "ESRCH";
  }
}

function readNote(disk: Disk, path: string): Note | null {
  try {
    const note = JSON.parse(disk.readFileSync(path, "utf8")) as Partial<Note> | null;
    const { pid, host, since } = note ?? {};
    const whole = Number.isInteger(pid) && typeof host === "string" && typeof since === "string";
    return whole ? (note as Note) : null;
  } catch {
    return null;
  }
}

function owned({ disk, path, shown }: LockRequest): { error: OwnedError; isNamed: boolean } {
  const note = readNote(disk, path);
  const isNamed = note !== null && !isPast(note);
  const error = new OwnedError({
    where: shown,
    rule: "belongs to another process",
    got: isNamed ? `pid ${note.pid} on ${note.host}, since ${note.since}` : undefined,
    wayOut: "It is free as soon as that process has ended.",
  });
  return { error, isNamed };
}

/** Asks for a lock of every group; what was got is freed again where another is taken. */
function ask(asked: LockedFile, groups: LockGroups): Asked {
  const held: { readonly free: () => void }[] = [];
  const free = () => held.forEach((lock) => void lock.free());
  try {
    for (const group of groups)
      for (const name of group) {
        const answer = kernelLocks[name](asked);
        if (answer === "unavailable") continue;
        if (answer === "taken") {
          free();
          return "taken";
        }
        held.push(answer);
        break;
      }
  } catch (error) {
    free();
    throw error;
  }
  return held.length === 0 ? "unavailable" : { free };
}

/** Device and number of a file: what it is, whatever its name. */
function identityOf({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${dev}:${ino}`;
}

/** Identity of the file that has a name; null if there is none. */
function identityAt(disk: Disk, path: string): string | null {
  try {
    return identityOf(disk.lstatSync(path, { bigint: true }));
  } catch (error) {
    if (systemCode(error) === "ENOENT") return null;
    throw error;
  }
}

/** An open and locked file that has its name still. */
interface HeldFile extends LockedFile {
  readonly free: () => void;
}

/** Locks the file that has the name; `renamed` if it lost the name meanwhile to an owner who ended. */
function lockFile(request: LockRequest, groups: LockGroups): HeldFile | "taken" | "renamed" {
  const { disk, path, shown } = request;
  const { O_RDWR, O_CREAT, O_NOFOLLOW = 0 } = constants;
  const file = disk.openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o666);
  let free = () => {};
  let outcome: "taken" | "renamed" = "renamed";
  try {
    const identity = identityOf(disk.fstatSync(file, { bigint: true }));
    const where = `${shown}/${basename(path)}`;
    const answer = ask({ file, identity, shown: where }, groups);
    if (answer === "unavailable")
      throw new FileError({
        where,
        rule: "cannot be locked: this machine has neither flock nor perl",
        wayOut: "Install util-linux.",
      });
    if (answer === "taken") outcome = answer;
    else {
      free = answer.free;
      if (identityAt(disk, path) === identity) return { file, identity, shown: where, free };
    }
  } catch (error) {
    free();
    disk.closeSync(file);
    throw error;
  }
  free();
  disk.closeSync(file);
  return outcome;
}

/**
 * Makes this process the owner of a folder that exists.
 *
 * @param groups  what this platform has by default
 * @throws OwnedError  naming process, machine and time, if somebody else is
 * @throws FileError   if the lock file cannot be written, or there are no locks
 */
export function takeLock(request: LockRequest, groups: LockGroups = groupsHere): Lock {
  const { disk, path, shown, date } = request;
  const where = `${shown}/${basename(path)}`;
  const orSentence = <T>(rule: string, action: () => T): T => {
    try {
      return action();
    } catch (error) {
      throw diskError(error, path, where, rule);
    }
  };
  const { file, identity, free } = orSentence("cannot be locked", () => {
    for (let refusals = 0; ; ) {
      const answer = lockFile(request, groups);
      if (typeof answer === "object") return answer;
      if (answer === "renamed") continue;
      const { error, isNamed } = owned(request);
      if (isNamed || ++refusals === tries) throw error;
      pauseThread(pause);
    }
  });
  let state: "held" | "lost" | "released" = "held";
  const release = () => {
    if (state === "released") return;
    const held = state === "held";
    state = "released";
    try {
      // the file first: once it is free, a file of this name is the next owner's
      if (held && identityAt(disk, path) === identity) disk.rmSync(path, { force: true });
    } catch {
      // what stays of it locks nothing, as on a disk that has become read-only
    } finally {
      free();
      disk.closeSync(file);
    }
  };
  try {
    const note: Note = { pid: process.pid, host: hostname(), since: date().toISOString() };
    orSentence("cannot be written", () => {
      disk.ftruncateSync(file, 0);
      writeAll(disk, file, new TextEncoder().encode(`${JSON.stringify(note)}\n`));
    });
  } catch (error) {
    release();
    throw error;
  }
  return {
    check: () => {
      if (state === "held" && orSentence("cannot be read", () => identityAt(disk, path)) !== identity)
        state = "lost";
      if (state === "held") return;
      throw new LostError({
        where: shown,
        rule: "belongs to this process no longer, which writes nothing more into it",
        got: state === "released" ? "a lock that was released" : `another ${basename(path)}, or none`,
      });
    },
    release,
  };
}
