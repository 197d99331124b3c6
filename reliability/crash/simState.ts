/**
 * What a disk holds and what of it is safe: the model behind {@link openSimDisk}.
 *
 * A file has bytes that were flushed and changes since; a folder has names that were flushed and changes since. When
 * the power fails, of the changes since the last flush any part may be there: none, all, the first few, or any subset,
 * the writes torn at sectors of 512 bytes, and a file may have grown while the sectors that made it grow are zeros.
 * A rename within a folder is one change, so it is there or it is not. Flushing a file makes its bytes safe and not
 * its name, as POSIX has it; common file systems are kinder.
 *
 * @source Pillai et al. 2014, "All file systems are not created equal"; SQLite's test6 for the sectors
 */
import type { RandomStream } from "../../src/base/random.ts";

/** Bytes that a disk writes whole or not at all. */
export const sectorBytes = 512;

/** A change of a file's bytes: bytes at a place, or a new length. */
type DataChange = { readonly time: number } & (
  | { readonly at: number; readonly bytes: Uint8Array }
  | { readonly size: number }
);

/** A change of a folder's names, as one: a name now means an inode, or nothing. */
interface NameChange {
  readonly time: number;
  readonly names: readonly (readonly [name: string, inode: Inode | null])[];
}

export interface SimFile {
  readonly kind: "file";
  readonly ino: number;
  /** What is safe. */
  durable: Uint8Array;
  /** What a reader sees now. */
  live: Uint8Array;
  pending: DataChange[];
}

export interface SimFolder {
  readonly kind: "folder";
  readonly ino: number;
  durable: Map<string, Inode>;
  live: Map<string, Inode>;
  pending: NameChange[];
}

export type Inode = SimFile | SimFolder;

/** A new file; it has no name yet. */
export function newFile(ino: number): SimFile {
  return { kind: "file", ino, durable: new Uint8Array(), live: new Uint8Array(), pending: [] };
}

/** A new folder; it has no name yet. */
export function newFolder(ino: number): SimFolder {
  return { kind: "folder", ino, durable: new Map(), live: new Map(), pending: [] };
}

/** Bytes with others put over them, zeros between. */
function overlaid(base: Uint8Array, at: number, bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.max(base.length, at + bytes.length));
  out.set(base);
  out.set(bytes, at);
  return out;
}

function resized(base: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  out.set(base.subarray(0, size));
  return out;
}

/** Writes into a file, as far as readers see. */
export function writeBytes(file: SimFile, at: number, bytes: Uint8Array, time: number): void {
  const own = new Uint8Array(bytes); // a copy: the writer may use its buffer again
  file.live = overlaid(file.live, at, own);
  file.pending.push({ time, at, bytes: own });
}

/** Cuts or lengthens a file, as far as readers see. */
export function setSize(file: SimFile, size: number, time: number): void {
  if (size === file.live.length) return;
  file.live = resized(file.live, size);
  file.pending.push({ time, size });
}

/** Changes names of a folder as one, as far as readers see. */
export function setNames(
  folder: SimFolder,
  names: readonly (readonly [name: string, inode: Inode | null])[],
  time: number,
): void {
  for (const [name, inode] of names)
    if (inode === null) folder.live.delete(name);
    else folder.live.set(name, inode);
  folder.pending.push({ time, names });
}

/** Makes what readers see safe. */
export function flush(inode: Inode): void {
  if (inode.kind === "file") inode.durable = inode.live.slice();
  else inode.durable = new Map(inode.live);
  inode.pending.length = 0;
}

/** Ways in which power fails, each as likely: what is kept of the changes that were not flushed. */
export const tempers = ["nothing", "everything", "the first", "some", "names only", "data only"] as const;

/** Decides which of the changes that were not flushed are on the disk. */
export interface Fate {
  data(time: number): boolean;
  name(time: number): boolean;
  /** Whether a file got its last length though its sectors are not there. */
  grown(): boolean;
}

/** Only the processes are gone: the system keeps what they wrote. */
export const spared: Fate = { data: () => true, name: () => true, grown: () => false };

/** Draws how the power fails; times of changes are below `now`. */
export function drawFate(stream: RandomStream, now: number): Fate {
  const temper = tempers[stream.integer(tempers.length)];
  const until = stream.integer(now + 1);
  const share = [0.1, 0.5, 0.9][stream.integer(3)];
  const drawn = () => stream.uniform() < share;
  const fates: Record<(typeof tempers)[number], Fate> = {
    nothing: { data: () => false, name: () => false, grown: () => false },
    everything: spared,
    "the first": { data: (time) => time < until, name: (time) => time < until, grown: () => false },
    some: { data: drawn, name: drawn, grown: drawn },
    "names only": { data: () => false, name: () => true, grown: drawn },
    "data only": { data: () => true, name: () => false, grown: () => false },
  };
  return fates[temper];
}

function survivingBytes(file: SimFile, fate: Fate): Uint8Array {
  let bytes: Uint8Array = file.durable;
  let longest = bytes.length;
  for (const change of file.pending) {
    if ("size" in change) {
      if (fate.data(change.time)) bytes = resized(bytes, change.size);
      continue;
    }
    const end = change.at + change.bytes.length;
    longest = Math.max(longest, end);
    for (let from = change.at; from < end; ) {
      const to = Math.min(end, (Math.floor(from / sectorBytes) + 1) * sectorBytes);
      if (fate.data(change.time))
        bytes = overlaid(bytes, from, change.bytes.subarray(from - change.at, to - change.at));
      from = to;
    }
  }
  return longest > bytes.length && fate.grown() ? resized(bytes, longest) : bytes;
}

/** What is there when the power has failed and come again; the disk itself is left as it is. */
export function afterCrash(root: SimFolder, fate: Fate): SimFolder {
  const survivors = new Map<Inode, Inode>();
  const survive = (inode: Inode): Inode => {
    const known = survivors.get(inode);
    if (known !== undefined) return known;
    if (inode.kind === "file") {
      const file = newFile(inode.ino);
      survivors.set(inode, file);
      file.durable = survivingBytes(inode, fate).slice();
      file.live = file.durable.slice();
      return file;
    }
    const folder = newFolder(inode.ino);
    survivors.set(inode, folder);
    const names = new Map(inode.durable);
    for (const change of inode.pending) {
      if (!fate.name(change.time)) continue;
      for (const [name, target] of change.names)
        if (target === null) names.delete(name);
        else names.set(name, target);
    }
    for (const [name, target] of names) folder.durable.set(name, survive(target));
    folder.live = new Map(folder.durable);
    return folder;
  };
  return survive(root) as SimFolder;
}

/** Everything under a folder by path, with slashes; folders are null. */
export function listed(folder: SimFolder, prefix = ""): Map<string, Uint8Array | null> {
  const all = new Map<string, Uint8Array | null>();
  for (const [name, inode] of folder.live) {
    const path = `${prefix}${name}`;
    all.set(path, inode.kind === "file" ? inode.live : null);
    if (inode.kind === "folder")
      for (const [inner, bytes] of listed(inode, `${path}/`)) all.set(inner, bytes);
  }
  return all;
}
