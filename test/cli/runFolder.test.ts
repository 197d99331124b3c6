import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FileError, UserError } from "../../src/base/errors.ts";
import type { Disk } from "../../src/cli/disk/disk.ts";
import { type Locker, OwnedError } from "../../src/cli/journal/lock.ts";
import { createRunFolder } from "../../src/cli/runFolder.ts";
import { readLog } from "../../src/record/logLine.ts";
import { checkFile, readManifest } from "../../src/record/manifest.ts";
import { quickDisk, quickLock } from "./crashingDisk.ts";

let cwd = "";
beforeEach(() => {
  cwd = fs.mkdtempSync(join(tmpdir(), "palimpsest-"));
});
afterEach(() => fs.rmSync(cwd, { recursive: true }));

const date = () => new Date(2025, 0, 2, 3, 4, 5);
const open = (out: string | null, disk?: Disk, lock?: Locker) =>
  createRunFolder({ study: "persistence", out, cwd, date, disk, lock });
const parts = {
  study: "persistence",
  status: "complete",
  config: { seeds: [0, 1] },
  versions: { palimpsest: "0.1.0" },
  engine: null,
} as const;

/** A whole run: what the command line does with a folder. */
function wholeRun(out: string | null, disk?: Disk, lock?: Locker): string {
  const folder = open(out, disk, lock);
  try {
    folder.log({ event: "begun" });
    folder.write("measurements/tuning.parquet", Uint8Array.of(1, 2, 3));
    folder.write("report.html", "<!doctype html>é");
    folder.log({ event: "done", loss: Number.NaN });
    folder.commit(parts);
    return folder.path;
  } finally {
    folder.release();
  }
}

/** Everything below a folder, with slashes. */
const listing = (folder: string) =>
  (fs.readdirSync(folder, { recursive: true, withFileTypes: true }) as fs.Dirent[])
    .filter((item) => item.isFile())
    .map((item) => join(item.parentPath, item.name).slice(folder.length + 1))
    .sort();

const message = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(FileError);
    return (error as Error).message;
  }
  throw new Error("nothing was refused");
};

test("a run leaves its files, a log, and a manifest that every file agrees with", () => {
  const path = wholeRun("there");
  expect(listing(path)).toEqual(["log.jsonl", "manifest.json", "measurements/tuning.parquet", "report.html"]);
  const manifest = readManifest(fs.readFileSync(join(path, "manifest.json")), "manifest.json");
  expect(manifest.files.map((file) => file.path)).toEqual(["measurements/tuning.parquet", "report.html"]);
  for (const entry of manifest.files) checkFile(entry, fs.readFileSync(join(path, entry.path)), path);
  const { records } = readLog(fs.readFileSync(join(path, "log.jsonl")), "log.jsonl");
  const hash = createHash("sha256")
    .update(fs.readFileSync(join(path, "manifest.json")))
    .digest("hex");
  const time = date().toISOString();
  expect(records).toEqual([
    { seq: 0, epoch: 1, time, event: "begun" },
    { seq: 1, epoch: 1, time, event: "done", loss: Number.NaN },
    { seq: 2, epoch: 1, time, event: "closed", status: "complete", manifest: hash },
  ]);
});

test("the folder is named by study and time, and a second run in the same second gets a number", () => {
  expect(open(null).name).toBe("runs/persistence-20250102-030405");
  expect(open(null).name).toBe("runs/persistence-20250102-030405-2");
  expect(open(null).name).toBe("runs/persistence-20250102-030405-3");
});

test("an empty folder may be given, and folders above are made", () => {
  fs.mkdirSync(join(cwd, "empty"));
  expect(open("empty").name).toBe("empty");
  expect(open("a/b/c").name).toBe("a/b/c");
});

test.each([
  ["full", 'run folder full: must be new or empty; got a folder that holds "x". Choose another with --out.'],
  ["full/x", "full/x: cannot be used as run folder; got a file stands where a folder is needed (ENOTDIR)."],
  [
    "full/x/deeper/still",
    "full/x/deeper/still: cannot be used as run folder; got a file stands where a folder is needed (ENOTDIR).",
  ],
  ["loop", "loop: cannot be used as run folder; got its links lead in a circle (ELOOP)."],
  [
    "n".repeat(300),
    `${"n".repeat(300)}: cannot be used as run folder; got the name is too long (ENAMETOOLONG).`,
  ],
])("--out %.30s is refused in one sentence", (out, sentence) => {
  fs.mkdirSync(join(cwd, "full"));
  fs.writeFileSync(join(cwd, "full", "x"), "");
  fs.symlinkSync("loop", join(cwd, "loop"));
  expect(message(() => open(out))).toBe(sentence);
  expect(fs.readdirSync(join(cwd, "full"))).toEqual(["x"]);
});

test("of two runs that were given the same empty folder one is refused", () => {
  const first = open("shared");
  expect(() => open("shared")).toThrow(OwnedError);
  expect(() => open("shared")).toThrow(
    new RegExp(`^shared: belongs to another process; got pid ${process.pid} on .*, since 2025-01-0`),
  );
  first.write("x", "x");
  first.release();
  expect(message(() => open("shared"))).toContain('got a folder that holds "x"');
});

test("a folder in which a run got no further than its log is as good as empty", () => {
  open("stub").release();
  expect(listing(join(cwd, "stub"))).toEqual(["log.jsonl"]);
  const folder = open("stub");
  expect(folder.journal.epoch).toBe(1);
});

test("paths that leave the folder, the folder's own files and a second writing are refused", () => {
  const folder = open("run");
  folder.write("a.bin", Uint8Array.of(1));
  for (const path of [
    ...["../x", "/etc/x", ".hidden", "a.bin", "A.bin"],
    ...["manifest.json", "log.jsonl", "run.lock", "work/x", "Work/x"],
  ])
    expect(() => folder.write(path, "x"), path).toThrow(UserError);
  folder.commit(parts);
  expect(() => folder.write("late.bin", "x")).toThrow("the run has ended");
});

/** A disk whose n-th call fails, or whose writes are short; `calls` counts. */
function faultyDisk(failing: number, code: string): { disk: Disk; calls: () => number } {
  let calls = 0;
  const disk = new Proxy(quickDisk, {
    get: (target, name: keyof Disk) => {
      const real = target[name] as (...args: unknown[]) => unknown;
      return (...args: unknown[]) => {
        calls++;
        // removing the leftovers and closing go on working, as they do on a full disk
        if (calls === failing && name !== "rmSync" && name !== "closeSync")
          throw Object.assign(new Error(`${code}: injected`), { code });
        return real(...args);
      };
    },
  });
  return { disk, calls: () => calls };
}

test.each(["ENOSPC", "EDQUOT", "EIO", "EROFS", "EACCES", "EMFILE"])(
  "%s at any single call of a run is one sentence, leaves no half-written file, and another run still succeeds",
  (code) => {
    const counting = faultyDisk(0, code);
    wholeRun("whole", counting.disk, quickLock);
    const expected = listing(join(cwd, "whole"));
    let refused = 0;
    for (let n = 1; n <= counting.calls(); n++) {
      const out = `run${n}`;
      const { disk } = faultyDisk(n, code);
      let text = "";
      try {
        wholeRun(out, disk, quickLock);
      } catch (error) {
        expect(error, `call ${n}`).toBeInstanceOf(FileError);
        text = (error as Error).message;
        refused++;
      }
      // a lock file that nobody has locked means nothing
      const there = fs.existsSync(join(cwd, out)) ? listing(join(cwd, out)) : [];
      const left = there.filter((path) => path !== "run.lock");
      expect(left.filter((path) => !expected.includes(path))).toEqual([]);
      for (const path of left.filter((name) => name !== "log.jsonl"))
        expect(fs.readFileSync(join(cwd, out, path))).toEqual(fs.readFileSync(join(cwd, "whole", path)));
      if (text === "") continue;
      expect(text).toMatch(new RegExp(`^run${n}(/[\\w./]+)?: cannot be .*\\(${code}\\)`));
      if (code === "ENOSPC" || code === "EDQUOT") expect(text).toMatch(/, \d+ bytes free\. Free some space/);
    }
    expect(refused).toBeGreaterThan(20);
    wholeRun("again");
  },
);

test("writes that take only a part are continued", () => {
  const disk: Disk = {
    ...fs,
    writeSync: ((file: number, bytes: Uint8Array, at: number) =>
      fs.writeSync(file, bytes, at, Math.min(7, bytes.length - at))) as Disk["writeSync"],
  };
  const path = wholeRun("short", disk);
  expect(fs.readFileSync(join(path, "report.html"), "utf8")).toBe("<!doctype html>é");
  expect(readManifest(fs.readFileSync(join(path, "manifest.json")), "m").files.length).toBe(2);
});

test("a file gets its name only after its bytes are on the disk, and the manifest comes last", () => {
  const events: string[] = [];
  const names = new Map<number, string>();
  const note = (what: string, path: unknown) => events.push(`${what} ${String(path).slice(cwd.length + 5)}`);
  const disk: Disk = {
    ...fs,
    openSync: ((path: string, flags: string) => {
      const file = fs.openSync(path, flags);
      names.set(file, path);
      return file;
    }) as Disk["openSync"],
    fsyncSync: (file) => {
      fs.fsyncSync(file);
      note("flush", names.get(file));
    },
    renameSync: (from, to) => {
      fs.renameSync(from, to);
      note("name", to);
    },
  };
  const folder = open("run", disk);
  events.length = 0;
  folder.write("a/b.bin", Uint8Array.of(1));
  folder.commit(parts);
  expect(events).toEqual([
    "flush ",
    "flush a/.b.bin.tmp",
    "name a/b.bin",
    "flush a",
    "flush .manifest.json.tmp",
    "name manifest.json",
    "flush ",
    "flush log.jsonl",
  ]);
});
