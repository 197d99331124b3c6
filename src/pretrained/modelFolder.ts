/** A folder of files that a pretrained model is read from, wherever they lie. */
import { FileError, nearest } from "../base/errors.ts";
import { type ByteSource, memorySource, readExactly } from "../record/byteSource.ts";

/**
 * The files of one model. A name that a file gives (an index names its shards) is looked up among `names` and never
 * made into a path, so nothing outside the folder can be reached.
 */
export interface ModelFolder {
  /** For messages: the path as the user gave it, or repository and revision. */
  readonly name: string;
  /** The files directly in it, without folders. */
  readonly names: readonly string[];
  /** Opens one of `names`; its name in messages begins with that of the folder. */
  open(name: string): Promise<ByteSource>;
}

/** A folder whose files are in memory. */
export function memoryFolder(name: string, files: Readonly<Record<string, Uint8Array>>): ModelFolder {
  return {
    name,
    names: Object.keys(files),
    open: async (file) => memorySource(`${name}/${file}`, files[file]),
  };
}

/** A file's name made safe to show: quoted, without control characters, cut. */
export function shownName(name: string): string {
  const short = name.length > 120 ? `${name.slice(0, 120)}…` : name;
  return JSON.stringify(short).replace(/[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "?");
}

/**
 * One file of a folder.
 *
 * @throws FileError if the folder has no file of just this name
 */
export async function openFile(folder: ModelFolder, name: string): Promise<ByteSource> {
  if (folder.names.includes(name)) return folder.open(name);
  const hint = name.length <= 120 ? nearest(name, folder.names) : undefined;
  throw new FileError({
    where: folder.name,
    rule: `has no file ${shownName(name)}`,
    got: `${folder.names.length} files`,
    wayOut: hint === undefined ? undefined : `Nearest: ${shownName(hint)}.`,
  });
}

/**
 * All bytes of a small file.
 *
 * @param limit  most bytes that such a file may have, checked before anything is read
 * @throws FileError if it is missing, larger, or shorter than it said
 */
export async function readWhole(folder: ModelFolder, name: string, limit: number): Promise<Uint8Array> {
  const source = await openFile(folder, name);
  if (source.size > limit)
    throw new FileError({
      where: source.name,
      rule: `may be ${limit} bytes long`,
      got: `${source.size} bytes`,
    });
  return readExactly(source, 0, source.size);
}
