/** The runs that the studio can open: those in `runs` of the working directory, and one that was named. */
import { createHash } from "node:crypto";
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { FileError } from "../../base/errors.ts";
import type { JsonValue } from "../../record/canonicalJson.ts";
import type { RunStatus } from "../../record/manifest.ts";
import { diskError, systemCode } from "../disk/diskError.ts";
import { type FoundRun, namedPlace, type Place, readRun } from "../runList/runPlace.ts";

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

/** The runs, looked up on the disk whenever they are asked for. */
export interface RunShelf {
  list(): RunList;
  /** @throws FileError  if the run can no longer be opened; undefined for an id that is none of the list's */
  find(id: string): FoundRun | undefined;
}

/** Where runs are, and how many are taken. */
export interface ShelfOptions {
  readonly cwd: string;
  /** Run folder, or its manifest, that the user named; null for none. */
  readonly run: string | null;
  readonly listedRuns: number;
  readonly manifestBytes: number;
}

const idOf = (folder: string) => createHash("sha256").update(folder).digest("hex").slice(0, 16);

/** Folders in `runs` that have a manifest, with when it was written; links are not followed, but named. */
function placesIn(cwd: string): { place: Place; time: number }[] {
  let names: string[];
  try {
    names = readdirSync(join(cwd, "runs"));
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return [];
    throw diskError(error, join(cwd, "runs"), "runs", "cannot be listed");
  }
  // hidden is what a killed removal left
  const shown = names.filter((name) => !name.startsWith("."));
  return shown.flatMap((name) => {
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
