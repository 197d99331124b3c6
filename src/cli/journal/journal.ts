/**
 * A folder that survives whatever ends its process: one owner, a log, and parts that are there once the log says so.
 *
 * A part is published first and named in the log afterwards, and struck off the log before it is removed. So a crash
 * leaves the state before a call or the one after it, and at most a file that the log does not name, which the next
 * opening removes; so does a disk that removes nothing. Only names that no user gives are ever removed: `.NAME.tmp`, and what lies in `work`.
 */
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { ArgumentError, FileError, InternalError } from "../../base/errors.ts";
import type { JsonValue } from "../../record/canonicalJson.ts";
import { type LogRecord, logLine, readLog } from "../../record/logLine.ts";
import { type FileEntry, isRunPath } from "../../record/manifest.ts";
import type { Disk } from "../disk/disk.ts";
import { diskError, systemCode } from "../disk/diskError.ts";
import { flushFolder, isLitter, makeFolders, publish, writeAll } from "../disk/publish.ts";
import { type Locker, takeLock } from "./lock.ts";
import { entryOf, keptBy } from "./parts.ts";
import { sweep } from "./sweep.ts";

/** Names in a journal's folder that are the journal's own. */
export const journalFiles = { log: "log.jsonl", lock: "run.lock", parts: "work" } as const;

/** Where a journal is. */
export interface JournalOptions {
  /** Absolute path of the folder; it is made where it is missing. */
  readonly path: string;
  /** The folder for the reader. */
  readonly shown: string;
  /** Dates records, decides nothing. */
  readonly date: () => Date;
  /** `node:fs` by default. */
  readonly disk?: Disk;
  /** What makes this process the owner; {@link takeLock} by default. */
  readonly lock?: Locker;
  /**
   * Whether the folder must hold nothing yet. What is left of an opening that got no further than its log is nothing.
   * False by default.
   */
  readonly mustBeNew?: boolean;
  /** Whether there must be a log. False by default. */
  readonly mustBeOld?: boolean;
  /** Sentences for the user to begin the notices with. */
  readonly notices?: readonly string[];
}

/** An open journal. Everything is on the disk when a call returns. */
export interface Journal {
  /** Absolute path of the folder. */
  readonly path: string;
  /** The folder for the reader. */
  readonly name: string;
  /** Number of this opening, from 1; stands in every record that it writes. */
  readonly epoch: number;
  /** Records that were there at opening. */
  readonly past: readonly LogRecord[];
  /** What was mended at opening and since, in sentences for the user. */
  readonly notices: readonly string[];
  /** Parts that are there, by their paths from the folder: `work/…`. */
  readonly kept: readonly FileEntry[];
  /**
   * Appends a record with its number, epoch and time.
   *
   * @throws OwnedError  if the folder belongs to another process by now
   * @throws FileError   if the disk refuses. The journal then takes nothing more: what the log ends in is not known
   *                     before it is opened again.
   */
  append(record: Readonly<Record<string, JsonValue>> & { readonly event: string }): void;
  /**
   * Writes a part and names it in the log. Keeping the same bytes once more changes nothing.
   *
   * @param path  `work/…`
   * @throws ArgumentError  for another path, or other bytes under a path that is kept
   * @throws OwnedError, FileError  as `append` does; a part that could not be written leaves the journal usable
   */
  keep(path: string, bytes: Uint8Array): FileEntry;
  /** The bytes of a part, checked. Null where there is none, or where it is missing or damaged: it is then dropped. */
  read(path: string): Uint8Array | null;
  /**
   * Strikes parts off the log and removes them; without effect for those that are not kept. One that cannot be removed is
   * none of the journal's all the same: a notice says so, and the next opening tries again.
   */
  drop(paths: readonly string[]): void;
  /** Drops all parts and removes their folder. */
  clear(): void;
  /** @throws OwnedError  if the folder belongs to another process by now */
  check(): void;
  /** Gives the folder up; without effect the second time. */
  release(): void;
}

/** Parts that one record strikes off the log: a record has an end, and a job that ran for days has more. */
const droppedAtOnce = 1000;
const ownFields = ["seq", "epoch", "time", "crc"];
/** A part whose reading ends so is lost; other errors say nothing of the part. */
const lossCodes = ["ENOENT", "EIO", "EISDIR", "ENOTDIR"];

/** The first thing in a folder that a begun journal does not explain; undefined if there is none. */
function foreign(disk: Disk, path: string): string | undefined {
  const own: readonly string[] = [journalFiles.log, journalFiles.lock];
  return disk
    .readdirSync(path)
    .sort()
    .find((name) => !own.includes(name) && !isLitter(name));
}

/**
 * Becomes the owner of a folder and opens its journal: a torn end of the log is cut off, and what no record names is
 * removed.
 *
 * @throws OwnedError  if it belongs to another process
 * @throws FileError   if the log is damaged otherwise than a crash does it, naming the byte; if the folder must be new
 *                     and is not; whatever the disk refuses
 */
export function openJournal(options: JournalOptions): Journal {
  const { path, shown, date, disk = fs, lock: take = takeLock } = options;
  const { mustBeNew = false, mustBeOld = false } = options;
  const logPath = join(path, journalFiles.log);
  const nameOf = (file: string) => `${shown}/${file}`;
  const attempt = <T>(file: string, rule: string, action: () => T): T => {
    try {
      return action();
    } catch (error) {
      throw diskError(error, join(path, file), file === "" ? shown : nameOf(file), rule);
    }
  };
  const refuseForeign = () => {
    const first = foreign(disk, path);
    if (first === undefined) return;
    throw new FileError({
      where: `run folder ${shown}`,
      rule: "must be new or empty",
      got: `a folder that holds ${JSON.stringify(first)}`,
      wayOut: "Choose another with --out.",
    });
  };

  attempt("", "cannot be used", () => {
    if (!mustBeOld) makeFolders(disk, path);
    if (mustBeNew) refuseForeign();
  });
  const lock = take({ disk, path: join(path, journalFiles.lock), shown, date });
  let log: number | null = null;
  const release = () => {
    const file = log;
    log = null;
    try {
      if (file !== null) attempt(journalFiles.log, "cannot be closed", () => disk.closeSync(file));
    } finally {
      attempt(journalFiles.lock, "cannot be removed", () => lock.release());
    }
  };

  const notices = [...(options.notices ?? [])];
  let isLeftTold = false;
  /** Says, once, that something stays that nothing needs any more. */
  const tellLeft = (file: string, error: unknown) => {
    if (isLeftTold) return;
    isLeftTold = true;
    const told = diskError(error, join(path, file), nameOf(file), "is needed no more and cannot be removed");
    if (!(told instanceof FileError)) throw error;
    notices.push(`${told.message} The next opening of ${shown} tries again.`);
  };
  const remove = (file: string) => {
    try {
      disk.rmSync(join(path, file), { recursive: true, force: true });
    } catch (error) {
      tellLeft(file, error);
    }
  };
  const readPast = (): {
    past: readonly LogRecord[];
    isOld: boolean;
    /** The bytes of the whole records. */
    whole: Uint8Array;
    tornBytes: number;
  } => {
    if (mustBeNew) {
      refuseForeign();
      disk.rmSync(logPath, { force: true });
    }
    try {
      // a link leads to a file that may be none of the folder's, and the log is written
      if (disk.lstatSync(logPath).isSymbolicLink())
        throw new FileError({
          where: nameOf(journalFiles.log),
          rule: "must be a file of the folder itself",
          got: "a link",
        });
      const bytes = disk.readFileSync(logPath);
      const { records, validBytes, tornBytes } = readLog(bytes, nameOf(journalFiles.log));
      // a crash can spoil a first record, but nobody goes on with what had not begun
      if (mustBeOld && records.length === 0 && tornBytes > 0)
        throw new FileError({ where: nameOf(journalFiles.log), rule: "must begin with a whole record" });
      return { past: records, isOld: true, whole: bytes.subarray(0, validBytes), tornBytes };
    } catch (error) {
      if (mustBeOld || systemCode(error) !== "ENOENT") throw error;
      return { past: [], isOld: false, whole: new Uint8Array(), tornBytes: 0 };
    }
  };
  const open = () => {
    const { past, isOld, whole, tornBytes } = attempt(journalFiles.log, "cannot be read", readPast);
    const kept = keptBy(past, nameOf(journalFiles.log));
    log = attempt(journalFiles.log, "cannot be begun", () => {
      // a new file of the same name: an owner that was stopped between looking at its lock and writing, and is replaced,
      // writes into one that has no name any more. It is also flushed, as what was read may not have been
      publish(disk, logPath, whole);
      if (tornBytes > 0)
        notices.push(
          `${nameOf(journalFiles.log)}: its last record was not finished; ${tornBytes} bytes from byte ${whole.length} on were cut off.`,
        );
      flushFolder(disk, dirname(path));
      return disk.openSync(logPath, "a");
    });
    if (isOld) {
      const { removed, left } = attempt("", "cannot be swept", () =>
        sweep(disk, path, journalFiles.parts, kept.live),
      );
      if (removed > 0)
        notices.push(`${shown}: ${removed} unfinished ${removed === 1 ? "file was" : "files were"} removed.`);
      if (left !== null) tellLeft(left.path, left.error);
    }
    return { past, kept };
  };
  const { past, kept } = (() => {
    try {
      return open();
    } catch (error) {
      release();
      throw error;
    }
  })();

  const epoch = (past.at(-1)?.epoch ?? 0) + 1;
  let seq = past.length;
  /** Why nothing more is written. */
  let broken: unknown = null;

  const append: Journal["append"] = (record) => {
    const own = ownFields.find((field) => Object.hasOwn(record, field));
    if (own !== undefined)
      throw new InternalError({
        where: `log record "${record.event}"`,
        rule: `${own} is the journal's field`,
      });
    if (broken !== null) throw broken;
    lock.check();
    const file = log;
    if (file === null) throw new InternalError({ where: shown, rule: "the journal was released" });
    const whole: LogRecord = { seq, epoch, time: date().toISOString(), ...record };
    const line = new TextEncoder().encode(logLine(whole));
    try {
      attempt(journalFiles.log, "cannot be appended to", () => {
        writeAll(disk, file, line);
        disk.fsyncSync(file);
      });
    } catch (error) {
      broken = error;
      throw error;
    }
    seq++;
    kept.follow(whole);
  };
  const drop = (paths: readonly string[], why?: string) => {
    const known = paths.filter((part) => kept.live.has(part));
    for (let at = 0; at < known.length; at += droppedAtOnce) {
      const some = known.slice(at, at + droppedAtOnce);
      append({ event: "dropped", paths: some, ...(why === undefined ? {} : { why }) });
      for (const part of some) remove(part);
    }
  };

  return {
    path,
    name: shown,
    epoch,
    past,
    notices,
    get kept() {
      return [...kept.live.values()];
    },
    append,
    keep: (part, bytes) => {
      const where = `part ${JSON.stringify(part)}`;
      if (!isRunPath(part) || !part.startsWith(`${journalFiles.parts}/`))
        throw new ArgumentError({ where, rule: `must be a path in ${journalFiles.parts}` });
      const entry = entryOf(part, bytes);
      const present = kept.live.get(part);
      if (present !== undefined && present.sha256 !== entry.sha256)
        throw new ArgumentError({ where, rule: "is kept already, and what is kept does not change" });
      if (broken !== null) throw broken;
      lock.check();
      attempt(part, "cannot be written", () => publish(disk, join(path, part), bytes));
      if (present === undefined) append({ event: "kept", ...entry });
      return entry;
    },
    read: (part) => {
      const entry = kept.live.get(part);
      if (entry === undefined) return null;
      const lost = (why: string) => {
        notices.push(`${nameOf(part)}: ${why}; it is made again.`);
        drop([part], why);
        return null;
      };
      let bytes: Uint8Array;
      try {
        if (disk.lstatSync(join(path, part)).isSymbolicLink()) return lost("is a link");
        bytes = disk.readFileSync(join(path, part));
      } catch (error) {
        const code = systemCode(error);
        if (code === undefined || !lossCodes.includes(code))
          throw diskError(error, join(path, part), nameOf(part), "cannot be read");
        return lost(code === "ENOENT" ? "is missing" : `cannot be read (${code})`);
      }
      return entryOf(part, bytes).sha256 === entry.sha256 ? bytes : lost("is damaged");
    },
    drop: (paths) => drop(paths),
    clear: () => {
      if (kept.live.size > 0) append({ event: "cleared" });
      else lock.check();
      remove(journalFiles.parts);
    },
    check: () => lock.check(),
    release,
  };
}
