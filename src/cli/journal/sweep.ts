/** Removing what a crash left. */
import { join } from "node:path";
import type { Disk } from "../disk/disk.ts";
import { systemCode } from "../disk/diskError.ts";
import { isLitter } from "../disk/publish.ts";

/** What became of what a crash left. */
export interface Swept {
  /** Files and folders that were removed. */
  readonly removed: number;
  /** The first that could not be, from the folder, and what the disk said; null where all could. */
  readonly left: { readonly path: string; readonly error: unknown } | null;
}

/** A folder that may not be listed is the user's, or its parts are asked for and missed one by one. */
const unlisted = ["EACCES", "EPERM"];

/**
 * Removes from a folder and those inside it every unpublished file, and from `parts` everything that is not kept. Links
 * are not followed, and all other files are the user's.
 *
 * @param path   absolute
 * @param parts  name of the folder in which nothing but kept parts may be
 * @param kept   paths from the folder, with slashes
 */
export function sweep(disk: Disk, path: string, parts: string, kept: ReadonlyMap<string, unknown>): Swept {
  const needed = new Set<string>();
  for (const part of kept.keys())
    for (let end = part.indexOf("/"); end !== -1; end = part.indexOf("/", end + 1))
      needed.add(part.slice(0, end));

  let removed = 0;
  let left: Swept["left"] = null;
  const remove = (inside: string) => {
    try {
      disk.rmSync(join(path, inside), { recursive: true, force: true });
      removed++;
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      left ??= { path: inside, error };
    }
  };
  const list = (folder: string) => {
    try {
      return disk.readdirSync(join(path, folder), { withFileTypes: true });
    } catch (error) {
      if (folder === "" || !unlisted.includes(systemCode(error) ?? "")) throw error;
      return [];
    }
  };
  const visit = (folder: string, isOurs: boolean) => {
    for (const item of list(folder)) {
      const inside = folder === "" ? item.name : `${folder}/${item.name}`;
      const ours = isOurs || inside === parts;
      if (item.isDirectory()) {
        if (ours && !needed.has(inside)) remove(inside);
        else visit(inside, ours);
      } else if (ours ? !kept.has(inside) : item.isFile() && isLitter(item.name)) remove(inside);
    }
  };
  visit("", false);
  return { removed, left };
}
