/** Every file of a run, read and held against what the manifest and the log say of it. */
import { createHash } from "node:crypto";
import { constants, lstatSync, realpathSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UserError } from "../../base/errors.ts";
import type { FileEntry } from "../../record/manifest.ts";
import { diskError, systemCode } from "../disk/diskError.ts";
import { isLitter } from "../disk/publish.ts";
import { journalFiles } from "../journal/journal.ts";
import { type CheckedFile, isFault } from "./checkedRun.ts";
import { type Found, type RunAtHand, without } from "./runAtHand.ts";

/** What the run itself keeps, which no list holds. */
const ownFiles = new Set<string>(["manifest.json", journalFiles.log, journalFiles.lock]);

/** Bytes that are read at a time. */
const highWaterMark = 2 ** 20;

/** Whether a path is that of a state on the way. */
export const isPart = (path: string) => path.startsWith(`${journalFiles.parts}/`);

/** What a file says, or seems to say. */
const saidBy = <T>(found: Found<T> | null): T | null =>
  found === null || found.verdict === "missing" ? null : found.value;

/** Files with their lengths and hashes: those of the manifest, and of a run that has not ended the parts it keeps. */
export function entriesOf({ manifest, log }: RunAtHand): readonly FileEntry[] {
  const said = saidBy(manifest);
  const parts = said?.status === "complete" ? [] : (saidBy(log)?.parts ?? []);
  return [...(said?.files ?? []), ...parts];
}

/**
 * Reads all files.
 *
 * @param seen  receives the bytes of every piece that was read; those of all entries in the end, whatever was there
 * @returns     by path
 */
export async function checkFiles(
  run: RunAtHand,
  { signal, seen }: { signal: AbortSignal; seen: (bytes: number) => void },
): Promise<CheckedFile[]> {
  const entries = entriesOf(run);
  const checked: CheckedFile[] = [manifestVerdict(run), logVerdict(run)];
  for (const entry of entries) {
    let left = entry.bytes;
    const file = await checkEntry(run, entry, (bytes) => {
      signal.throwIfAborted();
      left -= bytes;
      seen(bytes);
    });
    seen(left);
    checked.push(doubted(file, run));
  }
  const known = new Set(entries.map(({ path }) => path));
  const strange = run.files.filter((path) => !known.has(path) && !ownFiles.has(path));
  checked.push(...strange.map((path) => strangeFile(path, run)));
  return checked.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** A file that is held against a damaged list: what agrees is sound, of what does not the list may be wrong. */
function doubted(file: CheckedFile, { manifest, log }: RunAtHand): CheckedFile {
  const { path } = file;
  const [list, name] = isPart(path) ? [log, "log"] : [manifest, "manifest"];
  if (list?.verdict !== "damaged" || !isFault(file)) return file;
  return { path, verdict: "unchecked", says: `the damaged ${name} says something else of it` };
}

/** A file that nobody lists; without a whole list nobody could. */
function strangeFile(path: string, { manifest, log }: RunAtHand): CheckedFile {
  if (isLitter(path.slice(path.lastIndexOf("/") + 1)))
    return { path, verdict: "unlisted", says: "part of a file that was not finished; nothing needs it" };
  if (isPart(path))
    return log?.verdict === "sound" && log.value.records.length > 0
      ? { path, verdict: "unlisted", says: "a state on the way that nothing needs" }
      : { path, verdict: "unchecked", says: "only a whole log could say what it should be" };
  if (manifest.verdict !== "sound")
    return { path, verdict: "unchecked", says: "only a whole manifest could say what it should be" };
  if (manifest.value.status !== "complete")
    return { path, verdict: "unsealed", says: "the manifest lists its files when the run has ended" };
  return { path, verdict: "unlisted", says: "none of the run's" };
}

function manifestVerdict({ manifest, log }: RunAtHand): CheckedFile {
  const path = "manifest.json";
  if (manifest.verdict === "missing") return { path, verdict: "missing" };
  if (manifest.verdict === "damaged") return { path, verdict: "damaged", says: manifest.says };
  const { formatVersion } = manifest.value;
  if (formatVersion === 1)
    return { path, verdict: "unchecked", says: "format 1 has no hash of the manifest itself" };
  const closing = log?.verdict === "sound" ? log.value.records.at(-1) : undefined;
  const found = createHash("sha256").update(manifest.bytes).digest("hex");
  if (closing?.event !== "closed" || closing.manifest === found) return { path, verdict: "sound" };
  const says = `the log was closed with a manifest of SHA-256 ${String(closing.manifest)}; got ${found}`;
  return { path, verdict: "damaged", says };
}

function logVerdict({ manifest, log }: RunAtHand): CheckedFile {
  const path = journalFiles.log;
  if (log === null) return { path, verdict: "unchecked", says: "format 1 has no check sums in its log" };
  if (log.verdict === "missing") return { path, verdict: "missing" };
  if (log.verdict === "damaged") return { path, verdict: "damaged", says: log.says };
  const { validBytes, tornBytes, records } = log.value;
  const status = manifest.verdict === "missing" ? null : (manifest.value?.status ?? null);
  const torn = `byte ${validBytes}, record ${records.length}: the last ${tornBytes} bytes are no whole record`;
  // a manifest is written after the first record is on the disk
  if (status === "running" && tornBytes > 0 && records.length > 0)
    return { path, verdict: "torn", says: `${torn}, as after a kill; going on drops them` };
  if (tornBytes > 0) return { path, verdict: "damaged", says: torn };
  if (status !== null && status !== "running" && records.at(-1)?.event !== "closed")
    return {
      ...{ path, verdict: "damaged" },
      says: `byte ${validBytes}: the log of a run that has ended must end with the record that closes it; after a kill, resume writes it`,
    };
  return { path, verdict: "sound" };
}

/** Reads one file through, whatever it is. */
async function checkEntry(
  { path: folder }: RunAtHand,
  { path, bytes, sha256 }: FileEntry,
  seen: (bytes: number) => void,
): Promise<CheckedFile> {
  const damaged = (says: string): CheckedFile => ({ path, verdict: "damaged", says });
  const absolute = join(folder, path);
  let handle: FileHandle | undefined;
  try {
    // a link may lead out of the run, to what nobody asked about
    if (realpathSync(dirname(absolute)) !== join(realpathSync(folder), dirname(path)))
      return damaged("must be in the run's folder; got a folder that is a link");
    if (lstatSync(absolute).isSymbolicLink()) return damaged("must be a file; got a link");
    // a pipe would wait for its writer
    handle = await open(absolute, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stats = await handle.stat();
    if (!stats.isFile())
      return damaged(`must be a file; got ${stats.isDirectory() ? "a folder" : "a pipe or device"}`);
    if (stats.size !== bytes) return damaged(`must be ${bytes} bytes long; got ${stats.size}`);
    const hash = createHash("sha256");
    let read = 0;
    if (bytes > 0)
      for await (const piece of handle.createReadStream({
        end: bytes - 1,
        autoClose: false,
        highWaterMark,
      })) {
        hash.update(piece as Uint8Array);
        read += piece.length;
        seen(piece.length);
      }
    if (read < bytes) return damaged(`must be ${bytes} bytes long; got ${read}: it became shorter meanwhile`);
    const found = hash.digest("hex");
    return found === sha256
      ? { path, verdict: "sound" }
      : damaged(`must have SHA-256 ${sha256}; got ${found}`);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return { path, verdict: "missing" };
    const told = diskError(error, absolute, path, "cannot be read");
    if (!(told instanceof UserError)) throw error;
    return damaged(without(path, told.message));
  } finally {
    await handle?.close();
  }
}
