/** Reading a file that the user named. */
import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { FileError } from "../base/errors.ts";
import { diskError } from "./disk/diskError.ts";

/** Largest file that is read unless a caller says otherwise: 1 GiB. */
const defaultByteLimit = 2 ** 30;

/** How a file is read. */
export interface ReadInputOptions {
  readonly cwd: string;
  /** Largest file accepted, in bytes. */
  readonly byteLimit?: number;
}

/**
 * The bytes of a file.
 *
 * @param path  as the user gave it, relative to `cwd` or absolute
 * @throws FileError  one sentence: there is none, it is a folder or a device, it may not be read, it is empty or larger
 *                    than the limit
 */
export function readInput(path: string, { cwd, byteLimit = defaultByteLimit }: ReadInputOptions): Uint8Array {
  const absolute = resolve(cwd, path);
  let bytes: Uint8Array;
  try {
    const stats = statSync(absolute);
    // opening a pipe would wait for its writer, a device may never end
    if (!stats.isFile())
      throw new FileError({
        where: path,
        rule: "must be a file",
        got: stats.isDirectory() ? "a folder" : "a pipe or device",
      });
    if (stats.size > byteLimit)
      throw new FileError({ where: path, rule: `may be ${byteLimit} bytes long`, got: String(stats.size) });
    bytes = readFileSync(absolute);
  } catch (error) {
    throw error instanceof FileError ? error : diskError(error, absolute, path, "cannot be read");
  }
  if (bytes.length === 0) throw new FileError({ where: path, rule: "must not be empty", got: "0 bytes" });
  return bytes;
}
