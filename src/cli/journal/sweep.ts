/** Removing what a crash left. */
import { join } from "node:path";
import type { Disk } from "../disk/disk.ts";
import { isLitter } from "../disk/publish.ts";

/**
 * Removes from a folder and those inside it every unpublished file, and from `parts` everything that is not kept. Links
 * are not followed, and all other files are the user's.
 *
 * @param path   absolute
 * @param parts  name of the folder in which nothing but kept parts may be
 * @param kept   paths from the folder, with slashes
 * @returns      how many files and folders were removed
 */
export function sweep(disk: Disk, path: string, parts: string, kept: ReadonlyMap<string, unknown>): number {
  const needed = new Set<string>();
  for (const part of kept.keys())
    for (let end = part.indexOf("/"); end !== -1; end = part.indexOf("/", end + 1))
      needed.add(part.slice(0, end));

  let removed = 0;
  const remove = (inside: string) => {
    disk.rmSync(join(path, inside), { recursive: true, force: true });
    removed++;
  };
  const visit = (folder: string, isOurs: boolean) => {
    for (const item of disk.readdirSync(join(path, folder), { withFileTypes: true })) {
      const inside = folder === "" ? item.name : `${folder}/${item.name}`;
      const ours = isOurs || inside === parts;
      if (item.isDirectory()) {
        if (ours && !needed.has(inside)) remove(inside);
        else visit(inside, ours);
      } else if (ours ? !kept.has(inside) : item.isFile() && isLitter(item.name)) remove(inside);
    }
  };
  visit("", false);
  return removed;
}
