/** A journal without a disk: parts in a Map that outlives it, as a folder outlives a process. */
import type { Journal } from "../../src/cli/journal/journal.ts";
import type { FileEntry } from "../../src/record/manifest.ts";
import { sha256OfBytes } from "../../src/record/sha256.ts";

/** What a process leaves behind: the bytes of its parts, and those that are damaged since. */
export interface Left {
  readonly parts: Map<string, Uint8Array>;
  readonly damaged: Set<string>;
}

export const nothingLeft = (): Left => ({ parts: new Map(), damaged: new Set() });

/**
 * Opens what was left.
 *
 * @param atStep  called before and after every change to what is left; it may throw, as a process may end there
 */
export function memoryJournal({ parts, damaged }: Left, atStep: () => void = () => {}): Journal {
  const notices: string[] = [];
  const entryOf = (path: string, bytes: Uint8Array): FileEntry => {
    return { path, bytes: bytes.length, sha256: sha256OfBytes(bytes) };
  };
  const drop = (paths: readonly string[]) => {
    const known = paths.filter((path) => parts.has(path));
    if (known.length === 0) return;
    atStep();
    for (const path of known) parts.delete(path);
    atStep();
  };
  const none = () => {
    throw new Error("not asked of this journal");
  };
  return {
    ...{ path: "/nowhere", name: "run", epoch: 1, past: [], notices, drop },
    ...{ append: none, clear: none, check: () => {}, release: () => {} },
    get kept() {
      return Array.from(parts, ([path, bytes]) => entryOf(path, bytes));
    },
    keep: (path, bytes) => {
      const there = parts.get(path);
      if (there !== undefined && sha256OfBytes(there) !== sha256OfBytes(bytes))
        throw new Error(`${path} is kept already, and what is kept does not change`);
      atStep();
      parts.set(path, bytes.slice());
      damaged.delete(path);
      atStep();
      return entryOf(path, bytes);
    },
    read: (path) => {
      const bytes = parts.get(path);
      if (bytes === undefined) return null;
      if (!damaged.has(path)) return bytes.slice();
      notices.push(`${path} is damaged`);
      drop([path]);
      return null;
    },
  };
}
