/** Who works on a run, for people: nothing is decided by it. Whether a folder is owned only its lock can say. */
import { lstatSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

/** What the owner of a run wrote of itself. */
export interface Owner {
  readonly pid: number;
  readonly host: string;
  /** ISO 8601. */
  readonly since: string;
}

/** More than any owner writes. */
const lockBytes = 4096;
/** Seconds by which the start of a process and the clock that dated the lock may disagree. */
const slack = 5;

/** Seconds since 1970 at which a process of this machine began; null if it is gone, or ended and not collected yet. */
function startOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // the name of the program, in brackets, may hold anything
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if ("ZX".includes(fields[0])) return null;
    const boot = /^btime ([0-9]+)$/m.exec(readFileSync("/proc/stat", "latin1"));
    // in hundredths of a second on every Linux
    return Number(boot?.[1]) + Number(fields[19]) / 100;
  } catch {
    return null;
  }
}

/** Whether the process that wrote a lock still runs, as far as can be told from here: one of another machine does. */
function seemsAlive({ pid, host, since }: Owner): boolean {
  if (host !== hostname()) return true;
  if (process.platform === "linux") {
    const start = startOf(pid);
    // a later process may have got the number of one that is gone
    return start !== null && !(start > Date.parse(since) / 1000 + slack);
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** The owner that `run.lock` names if it seems alive; null if there is none. */
export function shownOwner(folder: string): Owner | null {
  try {
    const path = join(folder, "run.lock");
    const stats = lstatSync(path);
    if (!stats.isFile() || stats.size > lockBytes) return null;
    const { pid, host, since } = JSON.parse(readFileSync(path, "utf8"));
    const told = Number.isSafeInteger(pid) && pid > 0 && typeof host === "string";
    if (!told || typeof since !== "string" || Number.isNaN(Date.parse(since))) return null;
    const owner = { pid, host, since };
    return seemsAlive(owner) ? owner : null;
  } catch {
    return null;
  }
}
