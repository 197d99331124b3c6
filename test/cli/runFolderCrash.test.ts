/** A run whose process ends at any call to the disk is, when it is opened again, as before the step or as after it. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Disk } from "../../src/cli/disk/disk.ts";
import { createRunFolder, openRunFolder, type RunFolder } from "../../src/cli/runFolder.ts";
import { readLog } from "../../src/record/logLine.ts";
import { checkFile, readManifest } from "../../src/record/manifest.ts";
import {
  Crash,
  type CrashingDisk,
  type CrashKind,
  crashingDisk,
  quickDisk,
  quickLock,
} from "./crashingDisk.ts";

let cwd = "";
beforeEach(() => {
  cwd = fs.mkdtempSync(join(tmpdir(), "palimpsest-"));
});
afterEach(() => fs.rmSync(cwd, { recursive: true }));

const date = () => new Date(2025, 0, 2);
const manifest = { study: "train", config: { seeds: [0] }, versions: { palimpsest: "0.1.0" }, engine: null };
const create = (disk: Disk) =>
  createRunFolder({
    study: "train",
    out: "run",
    cwd,
    date,
    disk,
    lock: quickLock,
    manifest,
    started: { workers: 2 },
  });
const open = (disk: Disk) => openRunFolder("run", { cwd, date, disk, lock: quickLock });

/** A run in steps, each of which leaves the folder in a state of its own. */
interface Scenario {
  readonly steps: readonly ((disk: Disk) => void)[];
  /** Gives up what a crash left open in this process. */
  release(): void;
}

/** A run that ends at once, or that was interrupted and goes on. */
function scenario(isInterrupted: boolean): Scenario {
  let folder: RunFolder | null = null;
  const step = (action: (folder: RunFolder) => unknown) => () => void action(folder as RunFolder);
  const keep = (path: string, byte: number) => step(({ journal }) => journal.keep(path, Uint8Array.of(byte)));
  const interrupted = [
    step((run) => run.commit({ ...manifest, status: "interrupted" })),
    (disk: Disk) => {
      folder = open(disk).folder;
    },
  ];
  return {
    steps: [
      (disk) => {
        folder = create(disk);
      },
      keep("work/a/0", 1),
      keep("work/a/1", 2),
      step(({ journal }) => journal.drop(["work/a/0"])),
      step((run) => run.write("figures/x.svg", "<svg/>")),
      ...(isInterrupted ? interrupted : []),
      step((run) => isInterrupted && run.write("figures/x.svg", "<svg/>")),
      keep("work/b/0", 3),
      step((run) => run.commit({ ...manifest, status: "complete" })),
    ],
    release: () => folder?.release(),
  };
}

/** What a folder holds, as whoever does not own it reads it; null while there is no manifest. */
function stateOf(path: string) {
  if (!fs.existsSync(join(path, "manifest.json"))) return null;
  const { status, files } = readManifest(fs.readFileSync(join(path, "manifest.json")), "manifest.json");
  for (const entry of files) checkFile(entry, fs.readFileSync(join(path, entry.path)), path);
  const { records, tornBytes } = readLog(fs.readFileSync(join(path, "log.jsonl")), "log.jsonl");
  const names = (fs.readdirSync(path, { recursive: true, withFileTypes: true }) as fs.Dirent[])
    .filter((item) => item.isFile() && !["run.lock", "manifest.json", "log.jsonl"].includes(item.name))
    .map((item) => join(item.parentPath, item.name).slice(path.length + 1))
    .sort();
  return {
    status,
    listed: files.map((file) => file.path),
    events: records.map(({ event }) => event),
    tornBytes,
    parts: names.filter((name) => name.startsWith("work/")),
    others: names.filter((name) => !name.startsWith("work/")),
  };
}
type State = ReturnType<typeof stateOf>;

/** Runs a scenario until it crashes. */
function runUntilCrash(isInterrupted: boolean, at: number, kind: CrashKind) {
  const crashing = crashingDisk(at, kind);
  const { steps, release } = scenario(isInterrupted);
  let done = 0;
  try {
    for (const step of steps) {
      step(crashing.disk);
      done++;
    }
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
  }
  endProcess(crashing, release);
  return { done, crashing };
}

/** Frees what the kernel would have freed. */
function endProcess({ end }: CrashingDisk, release: () => void): void {
  try {
    release();
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
  }
  end();
}

/** Opens the folder again as the next process does, and gives it up; what it then is. */
function mended(disk: Disk = quickDisk): State {
  const isBegun = fs.existsSync(join(cwd, "run/manifest.json"));
  const folder = isBegun ? open(disk).folder : create(disk);
  const state = stateOf(join(cwd, "run"));
  folder?.release();
  return state;
}

/** The states after every step, and the names of all calls. */
function statesOf(isInterrupted: boolean): { states: State[]; calls: readonly string[] } {
  const { disk, calls } = crashingDisk(0, "before");
  const { steps, release } = scenario(isInterrupted);
  const states = steps.map((step) => {
    step(disk);
    return stateOf(join(cwd, "run"));
  });
  release();
  fs.rmSync(join(cwd, "run"), { recursive: true });
  return { states, calls };
}

/**
 * A state as the next owner finds it: an interrupted run says `running` again, and of files that no manifest lists it does
 * not matter whether they are there, as they are written once more.
 */
function asOpened(state: State): State {
  if (state === null) return null;
  const listed = state.status === "interrupted" ? [] : state.listed;
  return {
    ...state,
    status: state.status === "interrupted" ? "running" : state.status,
    listed,
    others: listed,
  };
}

/** Checks that a state is the one before a step or the one after it; which of them. */
function expectOneOf(states: readonly State[], done: number, state: State, where: string): "old" | "new" {
  const known = [states[Math.max(0, done - 1)], states[done]].map((one) => JSON.stringify(asOpened(one)));
  const found = known.indexOf(JSON.stringify(asOpened(state)));
  if (found === -1) expect.fail(`${where}: ${JSON.stringify(state)} is none of ${known.join(" and ")}`);
  return found === 0 ? "old" : "new";
}

test.each([
  ["in one go", false],
  ["after an interruption", true],
])("a run that ends %s is mended from a crash at every call to the disk", (_, isInterrupted) => {
  const { states, calls } = statesOf(isInterrupted);
  // every kind of call that makes a difference is among them; only a run that goes on reads what is there
  expect(new Set(calls)).toEqual(
    new Set([
      ...["mkdirSync", "readdirSync", "openSync", "writeSync", "ftruncateSync", "fsyncSync"],
      ...["closeSync", "fstatSync", "lstatSync", "renameSync", "rmSync"],
      ...(isInterrupted ? ["readFileSync"] : []),
    ]),
  );
  const outcomes = { old: 0, new: 0 };
  for (let at = 1; at <= calls.length; at++)
    for (const kind of ["before", "after", "half"] as const) {
      if (kind === "half" && calls[at - 1] !== "writeSync") continue;
      const { done } = runUntilCrash(isInterrupted, at, kind);
      outcomes[expectOneOf(states, done, mended(), `${kind} call ${at} (${calls[at - 1]})`)]++;
      fs.rmSync(join(cwd, "run"), { recursive: true });
    }
  expect(Math.min(outcomes.old, outcomes.new)).toBeGreaterThan(30);
});

test("a crash while a crash is being mended is mended too", () => {
  const { states, calls } = statesOf(true);
  const isCrash = new Error("crash");
  let crashes = 0;
  for (let at = 3; at <= calls.length; at += 13)
    for (let again = 1; ; again++) {
      const { done } = runUntilCrash(true, at, "half");
      const second = crashingDisk(again, again % 2 === 0 ? "after" : "half");
      let failure: Error | null = null;
      try {
        mended(second.disk);
      } catch (error) {
        failure = error instanceof Crash ? isCrash : (error as Error);
      }
      second.end();
      if (failure !== isCrash) expect(failure).toBeNull();
      else crashes++;
      expectOneOf(states, done, mended(), `calls ${at} and ${again}`);
      fs.rmSync(join(cwd, "run"), { recursive: true });
      if (failure === null) break;
    }
  expect(crashes).toBeGreaterThan(200);
});

test("a complete run that was closed to the end is opened by nobody, and changed by no opening", () => {
  const { steps } = scenario(false);
  for (const step of steps) step(fs);
  const unwritable: Disk = new Proxy(fs as Disk, {
    get: (target, name: keyof Disk) => {
      if (name === "readFileSync" || name === "readdirSync") return target[name];
      throw new Error(`${name} is not for readers`);
    },
  });
  const { folder, manifest: found, notices } = open(unwritable);
  expect({ folder, status: found.status, notices }).toEqual({
    folder: null,
    status: "complete",
    notices: [],
  });
});
