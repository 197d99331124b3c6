/** Hashes of files, as a hub states them. */
import { createHash, type Hash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { HubFile } from "./hubListing.ts";

/** A hash that has seen nothing but, for a git blob, its header: `blob`, the size in digits, and a zero byte. */
export function startHash({ size, hash }: HubFile): Hash {
  return hash.kind === "sha256" ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
}

/** Bytes that are read at once. */
const step = 2 ** 20;

/**
 * Adds the first bytes of an open file to a hash.
 *
 * @param count  bytes to read; the file must hold as many
 * @param seen   receives the number of bytes of every piece
 */
export async function hashBytes(
  handle: FileHandle,
  count: number,
  hash: Hash,
  seen: (bytes: number) => void,
): Promise<void> {
  const buffer = Buffer.allocUnsafe(Math.min(step, count));
  for (let at = 0; at < count; ) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, count - at), at);
    if (bytesRead === 0) throw new Error("the file became shorter while it was read");
    hash.update(buffer.subarray(0, bytesRead));
    seen(bytesRead);
    at += bytesRead;
  }
}

/** SHA-256 of a file, read a piece at a time; null for one that is no file, or cannot be read. @param path absolute */
export async function fileSha256(path: string): Promise<string | null> {
  let handle: FileHandle | undefined;
  try {
    // a pipe would wait for its writer
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await handle.stat();
    if (!stats.isFile()) return null;
    const hash = createHash("sha256");
    await hashBytes(handle, stats.size, hash, () => {});
    return hash.digest("hex");
  } catch {
    return null;
  } finally {
    await handle?.close();
  }
}

/** SHA-256 of every file directly in a folder, by name in the order of their names; none of a folder that is not there. */
export async function folderSha256(path: string): Promise<Record<string, string | null>> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  const names = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  const hashes: [string, string | null][] = [];
  for (const name of names.sort()) hashes.push([name, await fileSha256(join(path, name))]);
  return Object.fromEntries(hashes);
}
