/** Hashes of files, as a hub states them. */
import { createHash, type Hash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
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
