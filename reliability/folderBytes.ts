/** What is in a folder, to be compared with another. */
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";

/** SHA-256 of every file below a folder, by its path from there; `except` names files that are left out. */
export function hashesOf(folder: string, except: readonly string[] = []): Map<string, string> {
  const hashes = new Map<string, string>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const name = relative(folder, path).replaceAll("\\", "/");
    if (!except.includes(name))
      hashes.set(name, createHash("sha256").update(readFileSync(path)).digest("hex"));
  }
  return new Map([...hashes].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What differs, a phrase a file; nothing where the folders hold the same. */
export function differences(
  found: ReadonlyMap<string, string>,
  expected: ReadonlyMap<string, string>,
): string[] {
  const names = [...new Set([...expected.keys(), ...found.keys()])].sort();
  return names.flatMap((name) => {
    if (!found.has(name)) return [`${name} is missing`];
    if (!expected.has(name)) return [`${name} is one too many`];
    return found.get(name) === expected.get(name) ? [] : [`${name} differs`];
  });
}

/** Gives a new folder to the work, and leaves nothing of it. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "palimpsest-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** A new folder that is there until the process ends. */
export function lastingFolder(parent = tmpdir()): string {
  const folder = mkdtempSync(join(parent, "palimpsest-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}
