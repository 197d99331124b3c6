/** Crashes of the toy's run at every call of its disk, each gone on with to the end. */
import { type DiskWeakening, openSimDisk, type SimDisk } from "./simDisk.ts";
import { runToy, toyPlace } from "./toyRun.ts";

/** What an undisturbed run of the toy leaves, its log aside. */
export interface ToyReference {
  readonly files: ReadonlyMap<string, Uint8Array | null>;
  /** Steps that it computes. */
  readonly computed: number;
  /** Calls that change something. */
  readonly changes: number;
}

/** An instant of a run at which it may crash. */
export interface Instant {
  /** Number of the change that comes next, from 1. */
  readonly change: number;
  readonly call: string;
  readonly path: string;
}

function results(disk: SimDisk): Map<string, Uint8Array | null> {
  const log = `${toyPlace.run}/log.jsonl`;
  return new Map([...disk.files()].filter(([path]) => path !== log));
}

/** Runs the toy undisturbed. */
export async function toyReference(without?: DiskWeakening): Promise<ToyReference> {
  let changes = 0;
  const disk = openSimDisk({ without, beforeChange: () => changes++ });
  const { computed } = await runToy(disk.disk);
  return { files: results(disk), computed, changes };
}

/**
 * Runs the toy, or goes on with it, and gives the disks of the crashes that `crash` makes at its calls; the last one is
 * the disk of the run that nothing happened to.
 *
 * @param open   makes the disk that the toy runs on
 * @param crash  makes the disks that a crash at an instant leaves; none by default
 */
export async function crashToy(
  open: (beforeChange: (call: string, path: string) => void) => SimDisk,
  crash: (disk: SimDisk, instant: Instant) => readonly SimDisk[],
): Promise<{ crashed: { instant: Instant; disk: SimDisk }[]; computed: number; end: SimDisk }> {
  const crashed: { instant: Instant; disk: SimDisk }[] = [];
  let change = 0;
  const disk: SimDisk = open((call, path) => {
    const instant = { change: ++change, call, path };
    for (const left of crash(disk, instant)) crashed.push({ instant, disk: left });
  });
  const { computed } = await runToy(disk.disk);
  return { crashed, computed, end: disk };
}

/** What differs from the undisturbed run, a phrase each. */
export function toyDifferences(disk: SimDisk, { files }: ToyReference): string[] {
  const found = results(disk);
  const names = new Set([...files.keys(), ...found.keys()]);
  return [...names].flatMap((name) => {
    const [expected, got] = [files.get(name), found.get(name)];
    if (got === undefined) return [`${name} is missing`];
    if (expected === undefined) return [`${name} is one too many`];
    return expected === got || (expected !== null && got !== null && Buffer.from(expected).equals(got))
      ? []
      : [`${name} differs`];
  });
}

/** What a path is to a run. */
export function kindOfFile(path: string): string {
  const name = path.split("/").at(-1) as string;
  if (name === "log.jsonl" || name === "run.lock") return name;
  if (name.includes("manifest.json")) return "manifest.json";
  if (path.includes("work/")) return "part";
  if (path.includes("models/")) return "export";
  return name.includes(".") ? "file" : "folder";
}
