/** A folder that may be a run: its manifest, read as the command line and the studio read it. */
import { lstatSync, realpathSync, type Stats, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { FileError } from "../../base/errors.ts";
import { type Manifest, readManifest } from "../../record/manifest.ts";
import { diskError } from "../disk/diskError.ts";
import { readInput } from "../readInput.ts";

/** A folder: `name` is relative to `base` or absolute, and is what a reader sees of it. */
export interface Place {
  readonly base: string;
  readonly name: string;
}

/** A run whose manifest was read just now. */
export interface FoundRun {
  /** Real path: no link in it. */
  readonly folder: string;
  readonly name: string;
  readonly manifest: Manifest;
  /** As it lies on the disk. */
  readonly manifestBytes: Uint8Array<ArrayBuffer>;
  /** When the manifest was written. */
  readonly written: Date;
}

/** Largest manifest that is read: a run of a hundred thousand files has one of 20 MB. */
export const manifestLimit = 2 ** 26;

/**
 * The run in a folder.
 *
 * @param byteLimit  largest manifest that is read
 * @throws FileError  one sentence, without an absolute path
 */
export function readRun(place: Place, byteLimit: number): FoundRun {
  const shown = `${place.name}/manifest.json`;
  try {
    const folder = realpathSync(resolve(place.base, place.name));
    const stats = lstatSync(join(folder, "manifest.json"));
    if (stats.isSymbolicLink())
      throw new FileError({ where: shown, rule: "must be a file of the run", got: "a link" });
    const bytes = readInput(shown, { cwd: place.base, byteLimit });
    const manifest = readManifest(bytes, shown);
    return { folder, name: place.name, manifest, manifestBytes: new Uint8Array(bytes), written: stats.mtime };
  } catch (error) {
    throw diskError(error, place.base, shown, "cannot be read");
  }
}

/**
 * The place of what the user named: a run folder, or its manifest.
 *
 * @throws FileError  if there is no such folder, or another file was named
 */
export function namedPlace(run: string, cwd: string): Place {
  const absolute = resolve(cwd, run);
  let stats: Stats;
  try {
    stats = statSync(absolute);
  } catch (error) {
    throw diskError(error, absolute, run, "cannot be opened as a run");
  }
  const folder = stats.isDirectory() ? absolute : dirname(absolute);
  if (!stats.isDirectory() && basename(absolute) !== "manifest.json")
    throw new FileError({
      where: run,
      rule: "must be a run folder or its manifest.json",
      got: "another file",
    });
  const real = realpathSync(folder);
  const inside = relative(realpathSync(cwd), real);
  if (inside !== "" && !inside.startsWith("..") && !isAbsolute(inside))
    return { base: realpathSync(cwd), name: inside.replaceAll("\\", "/") };
  return { base: dirname(real), name: basename(real) };
}
