/**
 * A disk in memory whose power can fail at any call: what a kill cannot test, because the system keeps what a killed
 * process wrote. The calls are those of `node:fs`; what they leave behind is simState.ts's.
 */
import { constants } from "node:os";
import { posix } from "node:path";
import type { RandomStream } from "../../src/base/random.ts";
import type { Disk } from "../../src/cli/disk/disk.ts";
import {
  afterCrash,
  drawFate,
  flush,
  type Inode,
  listed,
  newFile,
  newFolder,
  type SimFile,
  type SimFolder,
  setNames,
  setSize,
  spared,
  writeBytes,
} from "./simState.ts";

/** Safeguards that a disk can pretend to give, for the tests of the tests. */
export type DiskWeakening = "fsync" | "fsync-of-folders" | "rename";

/** How a simulated disk behaves. */
export interface SimOptions {
  /** Called before every call that changes something, and before every flush: the instants at which power can fail. */
  readonly beforeChange?: (call: string, path: string) => void;
  readonly without?: DiskWeakening;
}

/** A simulated disk. */
export interface SimDisk {
  readonly disk: Disk;
  /** The disk that comes up after the power failed just now; this one is left as it is. */
  powerLoss(stream: RandomStream, options?: SimOptions): SimDisk;
  /** The disk as the next process finds it when this one was killed just now. */
  kill(options?: SimOptions): SimDisk;
  /** Every path that is there now, with its bytes; folders are null. */
  files(): Map<string, Uint8Array | null>;
}

interface OpenFile {
  readonly inode: Inode;
  readonly path: string;
  readonly appends: boolean;
  at: number;
}

function failure(code: string, call: string, path?: string): Error {
  const errno = -(constants.errno as Record<string, number>)[code];
  const place = path === undefined ? "" : ` '${path}'`;
  return Object.assign(new Error(`${code}: simulated, ${call}${place}`), {
    errno,
    code,
    syscall: call,
    path,
  });
}

/** An empty disk; its root is safe. */
export function openSimDisk(options: SimOptions = {}): SimDisk {
  return simDiskOf(newFolder(1), options);
}

const device = 1;

function statsOf(inode: Inode) {
  const isFile = inode.kind === "file";
  return {
    ...{ dev: device, ino: inode.ino, nlink: 1, mtimeMs: 0, mode: isFile ? 0o100644 : 0o40755 },
    size: isFile ? inode.live.length : 4096,
    isFile: () => isFile,
    isDirectory: () => !isFile,
    isSymbolicLink: () => false,
  };
}

function simDiskOf(root: SimFolder, { beforeChange, without }: SimOptions): SimDisk {
  let time = 0;
  let nextIno = 2;
  for (const ino of inosOf(root)) nextIno = Math.max(nextIno, ino + 1);
  let nextFile = 10;
  const open = new Map<number, OpenFile>();

  const find = (path: string): Inode | undefined => {
    let at: Inode | undefined = root;
    for (const part of posix.normalize(path).split("/").filter(Boolean))
      at = at?.kind === "folder" ? at.live.get(part) : undefined;
    return at;
  };
  const found = (call: string, path: string): Inode => {
    const inode = find(path);
    if (inode === undefined) throw failure("ENOENT", call, path);
    return inode;
  };
  const parentOf = (call: string, path: string): [folder: SimFolder, name: string] => {
    const folder = find(posix.dirname(path));
    if (folder === undefined) throw failure("ENOENT", call, path);
    if (folder.kind === "file") throw failure("ENOTDIR", call, path);
    return [folder, posix.basename(path)];
  };
  const opened = (call: string, file: number): OpenFile => {
    const it = open.get(file);
    if (it === undefined) throw failure("EBADF", call);
    return it;
  };
  const openedFile = (call: string, file: number): OpenFile & { inode: SimFile } => {
    const it = opened(call, file);
    if (it.inode.kind === "folder") throw failure("EISDIR", call);
    return it as OpenFile & { inode: SimFile };
  };
  const change = (call: string, path: string): number => {
    beforeChange?.(call, path);
    return time++;
  };

  const calls = {
    openSync(path: string, flags: string = "r"): number {
      let inode = find(path);
      if (inode !== undefined && flags.includes("x")) throw failure("EEXIST", "open", path);
      if (inode === undefined) {
        if (!/[wa]/.test(flags)) throw failure("ENOENT", "open", path);
        const [folder, name] = parentOf("open", path);
        const now = change("open", path);
        inode = newFile(nextIno++);
        setNames(folder, [[name, inode]], now);
      } else if (inode.kind === "folder" && /[wa+]/.test(flags)) throw failure("EISDIR", "open", path);
      else if (inode.kind === "file" && flags.includes("w")) setSize(inode, 0, change("truncate", path));
      open.set(nextFile, { inode, path, appends: flags.includes("a"), at: 0 });
      return nextFile++;
    },
    closeSync(file: number): void {
      opened("close", file);
      open.delete(file);
    },
    writeSync(
      file: number,
      data: Uint8Array | string,
      offset?: number | null | { offset?: number; length?: number; position?: number | null },
      length?: number | null,
      position?: number | null,
    ): number {
      const it = openedFile("write", file);
      const given = typeof offset === "object" && offset !== null ? offset : { offset, length, position };
      const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
      const from = typeof data === "string" ? 0 : (given.offset ?? 0);
      const piece = bytes.subarray(from, from + (given.length ?? bytes.length - from));
      const place = it.appends ? it.inode.live.length : (given.position ?? it.at);
      writeBytes(it.inode, place, piece, change("write", it.path));
      it.at = place + piece.length;
      return piece.length;
    },
    fsyncSync(file: number): void {
      const { inode, path } = opened("fsync", file);
      change("fsync", path);
      if (without === "fsync" || (without === "fsync-of-folders" && inode.kind === "folder")) return;
      flush(inode);
    },
    ftruncateSync(file: number, size = 0): void {
      const { inode, path } = openedFile("ftruncate", file);
      setSize(inode, size, change("truncate", path));
    },
    renameSync(from: string, to: string): void {
      const inode = found("rename", from);
      if (without === "rename" && inode.kind === "file") {
        const file = calls.openSync(to, "w");
        for (let at = 0; at < inode.live.length; at += 512)
          calls.writeSync(file, inode.live.subarray(at, at + 512));
        calls.closeSync(file);
        calls.rmSync(from);
        return;
      }
      const [source, oldName] = parentOf("rename", from);
      const [target, newName] = parentOf("rename", to);
      const there = target.live.get(newName);
      if (there?.kind === "folder" && inode.kind === "file") throw failure("EISDIR", "rename", from);
      const now = change("rename", to);
      if (source === target) {
        setNames(
          source,
          [
            [oldName, null],
            [newName, inode],
          ],
          now,
        );
        return;
      }
      setNames(target, [[newName, inode]], now);
      setNames(source, [[oldName, null]], now);
    },
    linkSync(from: string, to: string): void {
      const inode = found("link", from);
      const [folder, name] = parentOf("link", to);
      if (folder.live.has(name)) throw failure("EEXIST", "link", from);
      setNames(folder, [[name, inode]], change("link", to));
    },
    rmSync(path: string, { recursive = false, force = false } = {}): void {
      const inode = find(path);
      if (inode === undefined) {
        if (force) return;
        throw failure("ENOENT", "rm", path);
      }
      if (inode.kind === "folder") {
        if (!recursive) throw failure("EISDIR", "rm", path);
        for (const name of [...inode.live.keys()]) calls.rmSync(posix.join(path, name), { recursive });
      }
      const [folder, name] = parentOf("rm", path);
      setNames(folder, [[name, null]], change("rm", path));
    },
    mkdirSync(path: string, given?: { recursive?: boolean } | number): string | undefined {
      const recursive = typeof given === "object" && given.recursive === true;
      const there = find(path);
      if (there !== undefined) {
        if (recursive && there.kind === "folder") return undefined;
        throw failure("EEXIST", "mkdir", path);
      }
      const above = posix.dirname(path);
      const first = recursive && find(above) === undefined ? calls.mkdirSync(above, given) : undefined;
      const [folder, name] = parentOf("mkdir", path);
      setNames(folder, [[name, newFolder(nextIno++)]], change("mkdir", path));
      return recursive ? (first ?? path) : undefined;
    },
    readdirSync(path: string, given?: { withFileTypes?: boolean; recursive?: boolean } | string) {
      const folder = found("scandir", path);
      if (folder.kind === "file") throw failure("ENOTDIR", "scandir", path);
      const { withFileTypes = false, recursive = false } = typeof given === "object" ? given : {};
      const names = recursive ? [...listed(folder).keys()] : [...folder.live.keys()];
      if (!withFileTypes) return names;
      return names.map((name) => {
        const inner = posix.join(path, name);
        const parent = posix.dirname(inner);
        return {
          ...statsOf(found("stat", inner)),
          name: posix.basename(name),
          parentPath: parent,
          path: parent,
        };
      });
    },
    statSync(path: string, { throwIfNoEntry = true } = {}) {
      const inode = find(path);
      if (inode === undefined && !throwIfNoEntry) return undefined;
      return statsOf(inode ?? found("stat", path));
    },
    lstatSync: (path: string, given?: { throwIfNoEntry?: boolean }) => calls.statSync(path, given),
    fstatSync: (file: number) => statsOf(opened("fstat", file).inode),
    readFileSync(path: string | number, encoding?: BufferEncoding) {
      const inode = typeof path === "number" ? opened("read", path).inode : found("open", path);
      if (inode.kind === "folder") throw failure("EISDIR", "read");
      const bytes = Buffer.from(inode.live);
      return encoding === undefined ? bytes : bytes.toString(encoding);
    },
  };

  return {
    disk: calls as unknown as Disk,
    powerLoss: (stream, next = {}) => simDiskOf(afterCrash(root, drawFate(stream, time)), next),
    kill: (next = {}) => simDiskOf(afterCrash(root, spared), next),
    files: () => listed(root, "/"),
  };
}

function* inosOf(inode: Inode): Generator<number> {
  yield inode.ino;
  if (inode.kind === "folder") for (const inner of inode.live.values()) yield* inosOf(inner);
}
