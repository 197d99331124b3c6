/** Giving a file its name where others look at files meanwhile. */
import type { Disk } from "./disk.ts";
import { systemCode } from "./diskError.ts";
import { pauseThread } from "./pauseThread.ts";

/** The machine that a file is renamed on. */
export interface RenameSetting {
  readonly platform: NodeJS.Platform;
  /** Holds the thread up, ms. */
  readonly pause: (milliseconds: number) => void;
}

const here: RenameSetting = { platform: process.platform, pause: pauseThread };

/** What Windows says of a file that another program has open, as a virus scanner or an indexer has each new one. */
const passing = ["EPERM", "EACCES", "EBUSY"];
/** Milliseconds before each further try: 2.5 s in all, of which a scanner takes some tens of milliseconds. */
const waits = [10, 20, 40, 80, 160, 320, 640, 1230];

/**
 * Renames a file, in the place of an older one. On Windows it is tried again for 2.5 s where that fails as it does while
 * another program has the file open; elsewhere the same errors are final.
 *
 * @source  graceful-fs, which tries for a minute
 */
export function renameFile(
  disk: Disk,
  from: string,
  to: string,
  { platform, pause }: RenameSetting = here,
): void {
  for (const wait of platform === "win32" ? waits : [])
    try {
      disk.renameSync(from, to);
      return;
    } catch (error) {
      if (!passing.includes(systemCode(error) ?? "")) throw error;
      pause(wait);
    }
  disk.renameSync(from, to);
}
