/** Files of models, read by range and closed. */
import { constants, type Dirent } from "node:fs";
import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { FileError } from "../../base/errors.ts";
import type { ModelFolder } from "../../pretrained/modelFolder.ts";
import type { ByteSource } from "../../record/byteSource.ts";
import { diskError } from "../disk/diskError.ts";

/** An open file. */
export interface FileSource extends ByteSource {
  /** Gives the file back to the system; nothing can be read afterwards. */
  close(): Promise<void>;
}

/** A folder of model files, of which those that were opened stay open until it is closed. */
export interface OpenFolder extends ModelFolder {
  close(): Promise<void>;
}

/** Bytes that one call of the system reads: it takes less than 2^31. */
const readLimit = 2 ** 30;

const kindOf = (stats: { isDirectory(): boolean }) => (stats.isDirectory() ? "a folder" : "a pipe or device");

/** Reads until the range is full or the file ends. */
async function readRange(handle: FileHandle, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start);
  let filled = 0;
  while (filled < bytes.length) {
    const length = Math.min(readLimit, bytes.length - filled);
    const { bytesRead } = await handle.read(bytes, filled, length, start + filled);
    if (bytesRead === 0) return bytes.subarray(0, filled);
    filled += bytesRead;
  }
  return bytes;
}

/**
 * Opens a file for reading by range.
 *
 * @param path  absolute
 * @param name  the file for messages, as the user knows it
 * @throws FileError  one sentence: there is none, it is a folder, a pipe or a device, or it may not be read
 */
export async function openFileSource(path: string, name: string): Promise<FileSource> {
  const notFile = (got: string) => new FileError({ where: name, rule: "must be a file", got });
  let handle: FileHandle | undefined;
  try {
    // a device may do something when it is opened, and a pipe would wait for its writer
    const before = await stat(path);
    if (!before.isFile()) throw notFile(kindOf(before));
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const file = handle;
    // of the file that is open, not of what has its name by now
    const stats = await file.stat();
    if (!stats.isFile()) throw notFile(kindOf(stats));
    const { size } = stats;
    return {
      name,
      size,
      read: async (start, end) => {
        try {
          return await readRange(file, start, Math.max(start, Math.min(end, size)));
        } catch (error) {
          throw diskError(error, path, name, "cannot be read");
        }
      },
      close: () => file.close(),
    };
  } catch (error) {
    await handle?.close();
    throw diskError(error, path, name, "cannot be read");
  }
}

/**
 * What a folder holds directly, by name.
 *
 * @throws FileError  one sentence: there is none, it is a file, or it may not be read
 */
export async function entriesOf(path: string, name: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    throw diskError(error, path, name, "cannot be read");
  }
}

/**
 * A folder as the readers of models want it, with its files and its links, wherever these lead.
 *
 * @param path  absolute
 * @param name  the folder for messages, as the user knows it
 * @throws FileError as {@link entriesOf}; its `open` as {@link openFileSource}
 */
export async function openModelFolder(path: string, name: string): Promise<OpenFolder> {
  const entries = await entriesOf(path, name);
  const names = entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
  const opened: FileSource[] = [];
  return {
    name,
    names,
    open: async (file) => {
      if (!names.includes(file))
        throw new FileError({
          where: name,
          rule: "has no such file",
          got: JSON.stringify(file.slice(0, 80)),
        });
      const source = await openFileSource(join(path, file), `${name}/${file}`);
      opened.push(source);
      return source;
    },
    close: async () => {
      await Promise.all(opened.splice(0).map((source) => source.close()));
    },
  };
}
