/** A disk on which the process ends at a chosen call: nothing after it is carried out. */
import * as fs from "node:fs";
import type { Disk } from "../../src/cli/disk/disk.ts";
import { type Locker, takeLock } from "../../src/cli/journal/lock.ts";

/** The end of the process. */
export class Crash extends Error {}

/** What of the chosen call is carried out: nothing, all, or half of the bytes of a write. */
export type CrashKind = "before" | "after" | "half";

/** A disk that ends the process. */
export interface CrashingDisk {
  readonly disk: Disk;
  /** Names of the calls so far. */
  readonly calls: readonly string[];
  /** Closes what the process had open, as the system does when it has ended. */
  end(): void;
}

/** `node:fs` without flushing: what a process wrote outlives the process, if not the machine. */
export const quickDisk: Disk = { ...fs, fsyncSync: () => {} };

/** A lock without the helper programs, which would take most of the time of a test that opens folders by the hundred. */
export const quickLock: Locker = (request) =>
  takeLock(request, process.platform === "linux" ? [["socket"]] : undefined);

/** The process ends at call `at`, counted from 1; never for 0. */
export function crashingDisk(at: number, kind: CrashKind): CrashingDisk {
  const calls: string[] = [];
  const open = new Set<number>();
  let isDead = false;
  const carryOut = (name: keyof Disk, args: unknown[]) => {
    const result = (quickDisk[name] as (...args: unknown[]) => unknown)(...args);
    if (name === "openSync") open.add(result as number);
    if (name === "closeSync") open.delete(args[0] as number);
    return result;
  };
  const disk = new Proxy(fs as Disk, {
    get:
      (_, name: keyof Disk) =>
      (...args: unknown[]) => {
        if (isDead) throw new Crash();
        calls.push(name);
        if (calls.length !== at) return carryOut(name, args);
        isDead = true;
        if (kind === "after") carryOut(name, args);
        if (kind === "half" && name === "writeSync") {
          const [file, bytes, from] = args as [number, Uint8Array, number];
          fs.writeSync(file, bytes, from, Math.floor((bytes.length - from) / 2));
        }
        throw new Crash();
      },
  });
  return { disk, calls, end: () => open.forEach((file) => void fs.closeSync(file)) };
}
