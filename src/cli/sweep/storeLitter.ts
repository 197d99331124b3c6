/** What killed processes leave in a store: files that never got their name. */
import * as fs from "node:fs";
import { join, resolve } from "node:path";
import { isLitter } from "../disk/publish.ts";
import type { StoreOptions } from "./store.ts";

/** A file is written in seconds; a day is longer than clocks of machines that share a folder differ. */
const oldMs = 24 * 3600 * 1000;

/** The result of an action; null where the disk refuses. */
function orNull<T>(action: () => T): T | null {
  try {
    return action();
  } catch {
    return null;
  }
}

/**
 * Removes unpublished files that are older than a day; younger ones may be another process' that is at them. What cannot be
 * listed or removed stays, for it does no harm.
 *
 * @param now  wall clock, ms
 */
export function removeLitter({ folder, cwd, disk = fs }: StoreOptions, now: number): void {
  const path = resolve(cwd, folder);
  for (const name of orNull(() => disk.readdirSync(path)) ?? []) {
    if (!isLitter(name)) continue;
    const file = join(path, name);
    orNull(() => {
      if (now - disk.lstatSync(file).mtimeMs > oldMs) disk.rmSync(file, { force: true });
    });
  }
}
