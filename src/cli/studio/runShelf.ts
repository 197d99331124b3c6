/** The runs that the studio can open: those in `runs` of the working directory, and one that was named. */
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, realpathSync, type Stats, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { FileError } from "../../base/errors.ts";
import type { JsonValue } from "../../record/canonicalJson.ts";
import { type Manifest, type RunStatus, readManifest } from "../../record/manifest.ts";
import { diskError, systemCode } from "../diskError.ts";
import { readInput } from "../readInput.ts";

/** A run in the list. */
export interface ListedRun {
  /** 16 hexadecimal digits; the same whenever the same folder is served. */
  readonly id: string;
  /** The folder, relative to the working directory where it is inside. */
  readonly name: string;
  readonly study: string;
  readonly status: RunStatus;
  /** When the manifest was written, as ISO 8601. */
  readonly created: string;
  readonly config: Readonly<Record<string, JsonValue>>;
}

/** A folder that has a manifest and cannot be opened. */
export interface BrokenRun {
  readonly name: string;
  /** One sentence. */
  readonly reason: string;
}

/** What `GET /api/runs` says. */
export interface RunList {
  /** The latest first. */
  readonly runs: readonly ListedRun[];
  readonly broken: readonly BrokenRun[];
  /** The run that was named, if it can be opened. */
  readonly opened: string | null;
  /** Runs that are older than those in the list and were left out. */
  readonly leftOut: number;
}

/** A run whose manifest was read just now. */
export interface ShelvedRun {
  /** Real path: no link in it. */
  readonly folder: string;
  readonly name: string;
  readonly manifest: Manifest;
  /** As it lies on the disk. */
  readonly manifestBytes: Uint8Array<ArrayBuffer>;
  /** When the manifest was written. */
  readonly written: Date;
}

/** The runs, looked up on the disk whenever they are asked for. */
export interface RunShelf {
  list(): RunList;
  /** @throws FileError  if the run can no longer be opened; undefined for an id that is none of the list's */
  find(id: string): ShelvedRun | undefined;
}

/** Where runs are, and how many are taken. */
export interface ShelfOptions {
  readonly cwd: string;
  /** Run folder, or its manifest, that the user named; null for none. */
  readonly run: string | null;
  readonly listedRuns: number;
  readonly manifestBytes: number;
}

/** A folder: `name` is relative to `base`, and is what a reader sees of it. */
interface Place {
  readonly base: string;
  readonly name: string;
}

const realOf = ({ base, name }: Place) => realpathSync(join(base, name));
const idOf = (folder: string) => createHash("sha256").update(folder).digest("hex").slice(0, 16);

/**
 * The run in a folder.
 *
 * @throws FileError  one sentence, without an absolute path
 */
function readRun(place: Place, byteLimit: number): ShelvedRun {
  const shown = `${place.name}/manifest.json`;
  try {
    const folder = realOf(place);
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

/** The place of what the user named. */
function namedPlace(run: string, cwd: string): Place {
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

/** Folders in `runs` that have a manifest, with when it was written; links are not followed, but named. */
function placesIn(cwd: string): { place: Place; time: number }[] {
  let names: string[];
  try {
    names = readdirSync(join(cwd, "runs"));
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return [];
    throw diskError(error, join(cwd, "runs"), "runs", "cannot be listed");
  }
  return names.flatMap((name) => {
    const place = { base: cwd, name: `runs/${name}` };
    try {
      if (!lstatSync(join(cwd, place.name)).isDirectory()) return [];
      return [{ place, time: lstatSync(join(cwd, place.name, "manifest.json")).mtimeMs }];
    } catch (error) {
      // no manifest: a run that has not ended; anything else is told when the manifest is read
      return systemCode(error) === "ENOENT" ? [] : [{ place, time: 0 }];
    }
  });
}

/**
 * The runs of a working directory.
 *
 * @throws FileError  if the run that the user named is not there or cannot be opened
 */
export function createRunShelf({ cwd, run, listedRuns, manifestBytes }: ShelfOptions): RunShelf {
  const named = run === null ? null : namedPlace(run, cwd);
  if (named !== null) readRun(named, manifestBytes);
  /** Places by the ids that were given out. */
  const known = new Map<string, Place>();

  const list = (): RunList => {
    const found = placesIn(cwd).sort((a, b) => b.time - a.time || (a.place.name < b.place.name ? -1 : 1));
    const places = found.slice(0, listedRuns).map(({ place }) => place);
    const runs: ListedRun[] = [];
    const broken: BrokenRun[] = [];
    const take = (place: Place) => {
      try {
        const { folder, name, manifest, written } = readRun(place, manifestBytes);
        const id = idOf(folder);
        const { study, status, config } = manifest;
        known.set(id, place);
        if (!runs.some((other) => other.id === id))
          runs.push({ id, name, study, status, created: written.toISOString(), config });
        return id;
      } catch (error) {
        if (!(error instanceof FileError)) throw error;
        if (!broken.some((other) => other.name === place.name))
          broken.push({ name: place.name, reason: error.message });
        return null;
      }
    };
    const opened = named === null ? null : take(named);
    for (const place of places) take(place);
    runs.sort((a, b) =>
      a.created === b.created ? (a.name < b.name ? -1 : 1) : a.created < b.created ? 1 : -1,
    );
    return { runs, broken, opened, leftOut: found.length - places.length };
  };

  return {
    list,
    find: (id) => {
      if (!known.has(id)) list();
      const place = known.get(id);
      return place === undefined ? undefined : readRun(place, manifestBytes);
    },
  };
}
