/**
 * The store of a sweep's results: a folder that every sweep may share, so that no job is ever computed twice.
 *
 * A result is one file, `<key>.json`, under the hash of its job, and is never replaced: the first wins, and a second must
 * be equal to it, byte for byte. One that is not means that a machine, a disk or Palimpsest itself is broken; it is kept
 * beside the first as `<key>.differs-<hash>.json`. What is damaged is set aside as `<key>.damaged-<hash>.json` and the job
 * computed again. `work/<key>` holds what a job in progress has done so far.
 */
import * as fs from "node:fs";
import { join, relative, resolve } from "node:path";
import { FileError } from "../../base/errors.ts";
import { sha256OfBytes } from "../../record/sha256.ts";
import { readSweepResult, type SweepResult, sweepResultBytes } from "../../studies/sweep/result.ts";
import type { Disk } from "../disk/disk.ts";
import { diskError, systemCode } from "../disk/diskError.ts";
import { flushFolder, makeFolders } from "../disk/publish.ts";
import { publishFirst } from "../journal/publishFirst.ts";
import { storeIdentity } from "../queue/storeIdentity.ts";

/** What became of a result: `same` where there was one and this is equal to it. */
export type Kept =
  | { readonly kind: "first" | "same" }
  | { readonly kind: "differs"; readonly evidence: string };

/** Where results are; a folder, or what does the same. */
export interface SweepStore {
  /** What it is called where its path means nothing, the same for all who use it. */
  readonly id: string;
  /** The store for the reader: a path relative to the working directory where it is inside. */
  readonly name: string;
  /** What was done about damaged files, as sentences, since it was opened. */
  readonly notices: readonly string[];
  /** Keys of the results that are there, read or not. */
  keys(): Promise<Set<string>>;
  /** Second results that differed from the first, by key, whoever found them: as the reader finds them. */
  evidence(): Promise<Map<string, string[]>>;
  /**
   * The result of a job; null where there is none, or only a damaged one, which is then set aside.
   *
   * @throws FileError  where the disk refuses
   */
  read(key: string): Promise<SweepResult | null>;
  /** Publishes a result, which is kept when this resolves; throws FileError where the disk refuses. */
  put(result: SweepResult): Promise<Kept>;
  /** Folder on this machine for the work of a job in progress, absolute. */
  workPath(key: string): string;
}

/** Where a store is. */
export interface StoreOptions {
  /** As the user gave it. */
  readonly folder: string;
  readonly cwd: string;
  /** `node:fs` by default. */
  readonly disk?: Disk;
}

/** Largest result that is read: a job of ten thousand seeds has a tenth of it. */
const byteLimit = 2 ** 28;

const resultName = /^([0-9a-f]{64})\.json$/;
const evidenceName = /^([0-9a-f]{64})\.differs-[0-9a-f]{12}\.json$/;

/**
 * Opens a store and makes its folder where there is none.
 *
 * @throws FileError  one sentence: it is a file, cannot be made or written, the disk is full …
 */
export function openStore({ folder, cwd, disk = fs }: StoreOptions): SweepStore {
  const path = resolve(cwd, folder);
  const inside = relative(cwd, path) || ".";
  const name = inside.startsWith("..") ? path : inside;
  const notices: string[] = [];
  const attempt = <T>(file: string, rule: string, action: () => T): T => {
    try {
      return action();
    } catch (error) {
      throw diskError(error, join(path, file), file === "" ? name : `${name}/${file}`, rule);
    }
  };
  attempt("", "cannot be used as a store of results", () => {
    makeFolders(disk, join(path, "work"));
  });

  const id = storeIdentity(path, name, disk);

  const namesLike = (pattern: RegExp) =>
    attempt("", "cannot be read", () => disk.readdirSync(path)).flatMap((file) => {
      const match = pattern.exec(file);
      return match === null ? [] : [{ file, key: match[1] }];
    });
  const bytesOf = (file: string): Uint8Array | null => {
    const at = join(path, file);
    try {
      const { size } = disk.statSync(at);
      if (size > byteLimit)
        throw new FileError({
          where: `${name}/${file}`,
          rule: `may be ${byteLimit} bytes long`,
          got: String(size),
        });
      return disk.readFileSync(at);
    } catch (error) {
      if (systemCode(error) === "ENOENT") return null;
      throw diskError(error, at, `${name}/${file}`, "cannot be read");
    }
  };
  const resultOf = (bytes: Uint8Array, key: string): SweepResult | string => {
    try {
      return readSweepResult(bytes, `${name}/${key}.json`, key);
    } catch (error) {
      if (error instanceof FileError) return error.message;
      throw error;
    }
  };
  /** Moves a damaged result out of the way. Another may have done so already and put a good one in its place. */
  const setAside = (key: string, bytes: Uint8Array, why: string) => {
    const aside = `${key}.damaged-${sha256OfBytes(bytes).slice(0, 12)}.json`;
    attempt(`${key}.json`, "cannot be set aside", () => {
      disk.renameSync(join(path, `${key}.json`), join(path, aside));
      flushFolder(disk, path);
    });
    const moved = bytesOf(aside);
    if (moved !== null && typeof resultOf(moved, key) !== "string") {
      attempt(`${key}.json`, "cannot be written", () => publishFirst(disk, join(path, `${key}.json`), moved));
      return;
    }
    notices.push(`${why} It is kept as ${name}/${aside}, and its job is computed again.`);
  };

  const read = async (key: string): Promise<SweepResult | null> => {
    const bytes = bytesOf(`${key}.json`);
    if (bytes === null) return null;
    const result = resultOf(bytes, key);
    if (typeof result !== "string") return result;
    setAside(key, bytes, result);
    return null;
  };
  const put = async (result: SweepResult): Promise<Kept> => {
    const { key } = result;
    const file = `${key}.json`;
    const bytes = sweepResultBytes(result);
    const publish = (as: string) =>
      attempt(as, "cannot be written", () => publishFirst(disk, join(path, as), bytes));
    if (publish(file) === "first") return { kind: "first" };
    const first = bytesOf(file);
    if (first !== null && Buffer.compare(first, bytes) === 0) return { kind: "same" };
    // a damaged one is no result, and neither is one that is gone
    if ((await read(key)) === null) return put(result);
    const evidence = `${key}.differs-${sha256OfBytes(bytes).slice(0, 12)}.json`;
    publish(evidence);
    return { kind: "differs", evidence: `${name}/${evidence}` };
  };
  return {
    ...{ id, name, notices, read, put },
    keys: async () => new Set(namesLike(resultName).map(({ key }) => key)),
    evidence: async () => {
      const found = new Map<string, string[]>();
      for (const { file, key } of namesLike(evidenceName).sort((a, b) => (a.file < b.file ? -1 : 1)))
        found.set(key, [...(found.get(key) ?? []), `${name}/${file}`]);
      return found;
    },
    workPath: (key) => join(path, "work", key),
  };
}
