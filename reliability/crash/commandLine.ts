/** The built command line as a process, on a disk that may fail. */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "tsdown";
import { lastingFolder, withFolder } from "../folderBytes.ts";
import { type Started, startNode } from "../startChild.ts";

/** What a call does to the disk; `faultyDisk.mjs` tells these apart. */
export type CallKind =
  | (
      | "open"
      | "write"
      | "truncate"
      | "fsync"
      | "close"
      | "rename"
      | "link"
      | "unlink"
      | "mkdir"
      | "write file"
    )
  | ("open to read" | "read" | "list" | "stat");

/** Calls that change something or make it safe: the instants at which a kill could tell. */
export const changes: readonly CallKind[] = [
  ...(["open", "write", "truncate", "fsync", "rename", "link", "unlink", "mkdir", "write file"] as const),
];

/** What goes wrong on a process's disk, and when. */
export interface FaultPlan {
  /** Folder whose calls are numbered; absolute. */
  readonly under: string;
  /** File to which every call is appended as a line of JSON. */
  readonly trace?: string;
  /** The call at which it happens, from 1; never by default. */
  readonly at?: number;
  /** A kill before or after the call, half of a write, or the system's error, e.g. ENOSPC. */
  readonly deed?: "kill before" | "kill after" | "short" | FailureCode;
  /** Kinds that are numbered; all by default. */
  readonly kinds?: readonly CallKind[];
  /** Every numbered call after it fails too, as on a disk that stays full. */
  readonly lasting?: boolean;
  /** ms that every flush takes longer. */
  readonly slowness?: number;
  /** Flushes do nothing. */
  readonly unflushed?: boolean;
}

/** Errors of the system that a disk may answer with. */
export type FailureCode = "ENOSPC" | "EDQUOT" | "EIO" | "EMFILE" | "EROFS" | "EACCES";

/** A call as it is traced. */
export interface TracedCall {
  /** Number of the call; 0 where it is not numbered. */
  readonly n: number;
  readonly kind: CallKind;
  /** From the folder. */
  readonly path: string;
  readonly pid: number;
  /** 0 is the main thread. */
  readonly thread: number;
}

function traced<T extends { readonly kind: string }>(file: string): T[] {
  const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line) as T);
}

/** The calls of a trace, in order. */
export function tracedCalls(file: string): TracedCall[] {
  return traced<TracedCall>(file).filter(({ thread, path }) => thread !== undefined && path !== undefined);
}

/** How long each flush of a trace took, in ms. */
export function tracedFlushes(file: string): number[] {
  const lines = traced<{ readonly kind: string; readonly ms: number }>(file);
  return lines.filter(({ kind }) => kind === "flushed").map(({ ms }) => ms);
}

/** When the disk refused the call that it was to refuse, in ms since 1970; undefined if it never did. */
export function tracedRefusal(file: string): number | undefined {
  const lines = traced<{ readonly kind: string; readonly time: number }>(file);
  return lines.find(({ kind }) => kind === "refused")?.time;
}

/** How the command line is started. */
export interface CommandOptions {
  readonly cwd?: string;
  readonly plan?: FaultPlan;
  /** Folder of the build; that of the project by default. */
  readonly build?: string;
  /** Makes its clocks go so many times as fast, so that what is done every ten seconds is done often. */
  readonly haste?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly under?: readonly string[];
  readonly onSaid?: (text: string) => void;
}

/** A file beside this one, wherever the program was bundled to: checks run in the project's folder. */
function preload(name: string): readonly string[] {
  return ["--import", pathToFileURL(resolve("reliability/crash", name)).href];
}

/** ms without a word after which a process is taken to hang: none of these computes for as many seconds. */
const hangs = 60_000;

/** Starts `palimpsest` in a process group of its own. */
export function startCommand(args: readonly string[], options: CommandOptions = {}): Started {
  const { cwd, plan, build: folder = resolve("dist"), haste, env = {}, under, onSaid } = options;
  return startNode([join(folder, "cli.js"), ...args], {
    ...{ cwd, under, onSaid, detached: true, silence: hangs },
    nodeOptions: [
      ...(plan === undefined ? [] : preload("faultyDisk.mjs")),
      ...(haste === undefined ? [] : preload("hastyClock.mjs")),
    ],
    env: {
      ...env,
      ...(plan === undefined ? {} : { FAULTY_DISK: JSON.stringify(plan) }),
      ...(haste === undefined ? {} : { HASTY_CLOCK: String(haste) }),
    },
  });
}

/** Kills a process and all it started, as the end of a machine would. */
export function killGroup({ process: child }: Started): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // it has ended by itself
  }
}

/** A change of the built program: the text that is replaced must be there once in all its files. */
export interface Patch {
  readonly find: RegExp;
  readonly replace: string;
}

/** Has a job save its state as often as the clock says, however long that takes. */
export const savesOften: Patch = { find: /SHARE = 100/, replace: "SHARE = 1" };

/** What a program needs only when it is asked to, and finds where it is installed. */
const installed = [/onnxruntime/, /duckdb/, /bullmq/, /ioredis/, /^pg$/];

/** Programs of the build. */
const entries = ["cli", "worker", "sweepJob", "queryProcess"] as const;

/** Programs that stand in for those of the build, by name. */
export type StandIns = Partial<Record<(typeof entries)[number], string>>;

/** Puts the built programs, patched, and their packages into a folder. */
async function makeProgram(folder: string, patches: readonly Patch[], standIns: StandIns): Promise<string> {
  const from = join(folder, "from");
  mkdirSync(from);
  const names = readdirSync("dist").filter((name) => name.endsWith(".js"));
  for (const name of names) cpSync(join("dist", name), join(from, name));
  for (const { find, replace } of patches) {
    const found = names.filter((name) => readFileSync(join(from, name), "utf8").search(find) !== -1);
    if (found.length !== 1)
      throw new Error(`the build has ${found.length} files with ${find}; one was expected`);
    const path = join(from, found[0]);
    writeFileSync(path, readFileSync(path, "utf8").replace(find, replace));
  }
  const sources = entries.map((name) => [name, standIns[name] ?? join(from, `${name}.js`)]);
  await build({
    ...{ config: false, entry: Object.fromEntries(sources), outDir: join(folder, "build") },
    ...{ format: "esm", platform: "node", target: "node20", noExternal: [/.*/], external: installed },
    ...{ inlineOnly: false, fixedExtension: false, dts: false, logLevel: "silent" },
  });
  return join(folder, "build");
}

const made = new Map<string, Promise<string>>();

/**
 * Gives the work the built command line and a new folder, of which nothing is left. The command line comes with its
 * packages put beside it: reading them from some hundred files takes most of the time of a short run, and a check starts
 * hundreds of these.
 *
 * @param patches   safeguards taken out, for the tests of the tests
 * @param standIns  sources that take the place of a program
 * @throws Error    unless each patch fits exactly one file: the program has changed, and the test must too
 */
export async function withProgram<T>(
  patches: readonly Patch[],
  standIns: StandIns,
  work: (build: string, folder: string) => Promise<T>,
): Promise<T> {
  const key = JSON.stringify([patches.map(({ find, replace }) => [String(find), replace]), standIns]);
  // inside the project, so that the packages that are not put beside it are found
  const program = made.get(key) ?? makeProgram(lastingFolder(resolve("dist")), patches, standIns);
  made.set(key, program);
  const build = await program;
  return withFolder((folder) => work(build, folder));
}
