/** The runs below a folder, however deep they lie in folders that are none themselves. */
import { type Dirent, readdirSync } from "node:fs";
import { isAbsolute, relative, resolve } from "node:path";
import { FileError } from "../../base/errors.ts";
import { diskError } from "../disk/diskError.ts";
import { identityFile } from "../queue/storeIdentity.ts";
import { logEnds } from "./runLog.ts";
import type { Place } from "./runPlace.ts";

/** A folder that may be a run, or one that is none and holds none. */
export interface FoundFolder {
  readonly place: Place;
  /** Why it is no run; null for one that may be. */
  readonly foreign: string | null;
}

/** Folders in folders that are looked into. */
const depthLimit = 4;

/** Nothing to list and nothing foreign: results of sweeps. */
const sweepStore: FoundFolder[] = [];

/** The folder's name as a reader sees it: relative to the working directory where it is inside, else as it was given. */
function shownName(folder: string, cwd: string): string {
  const inside = relative(cwd, resolve(cwd, folder)).replaceAll("\\", "/");
  if (inside === "") return ".";
  return inside === ".." || inside.startsWith("../") || isAbsolute(inside) ? folder : inside;
}

/**
 * All runs in a folder and the folders in it, or the folder itself if it is one. Links are named and not followed; names
 * that begin with a dot, the folders inside a run, and stores of sweeps' results are left out.
 *
 * @param folder  as the user gave it
 * @throws FileError  if it cannot be listed; a folder in it that cannot is foreign
 */
export function findRuns(folder: string, cwd: string): FoundFolder[] {
  const look = (name: string, depth: number): FoundFolder[] => {
    const found = (foreign: string | null): FoundFolder => ({ place: { base: cwd, name }, foreign });
    let entries: Dirent[];
    try {
      entries = readdirSync(resolve(cwd, name), { withFileTypes: true });
    } catch (error) {
      const said = diskError(error, resolve(cwd, name), name, "cannot be listed");
      if (depth === 0 || !(said instanceof FileError)) throw said;
      return [found(said.message)];
    }
    const has = (file: string) => entries.some((entry) => entry.name === file);
    // a run that was killed at its very beginning has its log only
    if (has("manifest.json") || (has("log.jsonl") && logEnds(resolve(cwd, name)) !== null))
      return [found(null)];
    if (has(identityFile)) return sweepStore;
    const looked = entries
      .filter((entry) => !entry.name.startsWith("."))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((entry): FoundFolder[] => {
        const at = name === "." ? entry.name : `${name}/${entry.name}`;
        if (entry.isSymbolicLink())
          return [{ place: { base: cwd, name: at }, foreign: "a link, which is not followed" }];
        return entry.isDirectory() && depth < depthLimit ? look(at, depth + 1) : [];
      });
    const inside = looked.flat();
    if (depth === 0 || looked.includes(sweepStore) || inside.some(({ foreign }) => foreign === null))
      return inside;
    return [found("no run, and none in it")];
  };
  return look(shownName(folder, cwd), 0);
}
