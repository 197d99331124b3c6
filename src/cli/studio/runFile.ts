/** A file of a run, opened so that it is the one that the manifest lists and no other. */
import { createHash } from "node:crypto";
import { constants, realpathSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FileError } from "../../base/errors.ts";
import type { FileEntry } from "../../record/manifest.ts";
import { diskError } from "../diskError.ts";
import { hashBytes } from "../models/fileHash.ts";
import type { ShelvedRun } from "./runShelf.ts";

/** A link is not followed, and a pipe does not keep one waiting. Windows knows neither and has no such names in a manifest. */
const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * Opens a file that a run's manifest lists, and reads it through once to compare its hash.
 *
 * The path was checked when the manifest was read; that no folder on the way is a link is checked here.
 *
 * @returns  the open file, whose first `entry.bytes` bytes are the run's; the caller closes it
 * @throws FileError  one sentence that names file and run: it is gone, a link, longer, shorter, or other bytes
 */
export async function openRunFile(run: ShelvedRun, entry: FileEntry): Promise<FileHandle> {
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
    const hash = createHash("sha256");
    await hashBytes(handle, entry.bytes, hash, () => {});
    const found = hash.digest("hex");
    if (found === entry.sha256) return handle;
    throw new FileError({ where, rule: `the manifest says SHA-256 ${entry.sha256}`, got: found });
  } catch (error) {
    await handle?.close();
    throw diskError(error, path, where, "cannot be read");
  }
}
