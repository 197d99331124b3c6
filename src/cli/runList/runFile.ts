/** A file of a run, opened so that it is the one that the manifest lists and no other. */
import { createHash } from "node:crypto";
import { constants, realpathSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FileError } from "../../base/errors.ts";
import type { FileEntry } from "../../record/manifest.ts";
import { diskError } from "../disk/diskError.ts";
import { hashBytes } from "../models/fileHash.ts";
import type { FoundRun } from "./runPlace.ts";

/** Exit code where damage was found, as `verify` has it: the answer is not about all that was asked. */
export const damageCode = 3;

/** A link is not followed, and a pipe does not keep one waiting. Windows knows neither and has no such names in a manifest. */
const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** Opens a file that the manifest lists, if it is one and as long as it says; `use` closes it when it fails. */
async function withRunFile<T>(
  run: FoundRun,
  entry: FileEntry,
  use: (handle: FileHandle, where: string) => Promise<T>,
): Promise<T> {
  const where = `${run.name}/${entry.path}`;
  const path = join(run.folder, entry.path);
  let handle: FileHandle | undefined;
  try {
    if (realpathSync(dirname(path)) !== dirname(path))
      throw new FileError({ where, rule: "must lie in the run folder itself", got: "a link on the way" });
    handle = await open(path, flags);
    const stats = await handle.stat();
    if (!stats.isFile()) throw new FileError({ where, rule: "must be a file", got: "something else" });
    if (stats.size !== entry.bytes)
      throw new FileError({
        where,
        rule: `the manifest says ${entry.bytes} bytes`,
        got: String(stats.size),
      });
    return await use(handle, where);
  } catch (error) {
    await handle?.close();
    throw diskError(error, path, where, "cannot be read");
  }
}

/** Throws unless a hash is the one that the manifest says. */
function sameHash(found: string, { sha256 }: FileEntry, where: string): void {
  if (found !== sha256)
    throw new FileError({ where, rule: `the manifest says SHA-256 ${sha256}`, got: found });
}

/**
 * Opens a file that a run's manifest lists, and reads it through once to compare its hash.
 *
 * The path was checked when the manifest was read; that no folder on the way is a link is checked here.
 *
 * @returns  the open file, whose first `entry.bytes` bytes are the run's; the caller closes it
 * @throws FileError  one sentence that names file and run: it is gone, a link, longer, shorter, or other bytes
 */
export function openRunFile(run: FoundRun, entry: FileEntry): Promise<FileHandle> {
  return withRunFile(run, entry, async (handle, where) => {
    const hash = createHash("sha256");
    await hashBytes(handle, entry.bytes, hash, () => {});
    sameHash(hash.digest("hex"), entry, where);
    return handle;
  });
}

/**
 * The bytes of a file that a run's manifest lists: those whose hash was compared.
 *
 * @throws FileError  as {@link openRunFile}
 */
export function runFileBytes(run: FoundRun, entry: FileEntry): Promise<Uint8Array> {
  return withRunFile(run, entry, async (handle, where) => {
    const bytes = new Uint8Array(entry.bytes);
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await handle.read(bytes, at, bytes.length - at, at);
      if (bytesRead === 0) throw new FileError({ where, rule: "became shorter while it was read" });
      at += bytesRead;
    }
    sameHash(createHash("sha256").update(bytes).digest("hex"), entry, where);
    await handle.close();
    return bytes;
  });
}
