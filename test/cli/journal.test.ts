import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ArgumentError, FileError, InternalError } from "../../src/base/errors.ts";
import type { Disk } from "../../src/cli/disk/disk.ts";
import { publish } from "../../src/cli/disk/publish.ts";
import { type Journal, type JournalOptions, openJournal } from "../../src/cli/journal/journal.ts";
import { OwnedError } from "../../src/cli/journal/lock.ts";
import { logLine, readLog } from "../../src/record/logLine.ts";

let cwd = "";
let path = "";
const opened: Journal[] = [];
beforeEach(() => {
  cwd = fs.mkdtempSync(join(tmpdir(), "palimpsest-"));
  path = join(cwd, "run");
});
afterEach(() => {
  for (const journal of opened.splice(0)) journal.release();
  fs.rmSync(cwd, { recursive: true });
});

const date = () => new Date(2025, 0, 2);
const open = (options: Partial<JournalOptions> = {}) => {
  const journal = openJournal({ path, shown: "run", date, ...options });
  opened.push(journal);
  return journal;
};
const bytesOf = (...bytes: number[]) => Uint8Array.from(bytes);
const logPath = () => join(path, "log.jsonl");
const events = () => readLog(fs.readFileSync(logPath()), "log").records.map(({ event }) => event);
const listing = () =>
  fs
    .readdirSync(path, { recursive: true })
    .map((name) => String(name).replaceAll("\\", "/"))
    .sort();

test("records and parts are there at the next opening, and each opening has a number of its own", () => {
  const first = open();
  first.append({ event: "started", seeds: [0, 1], loss: Number.NaN });
  const entry = first.keep("work/a/0.told", bytesOf(1, 2, 3));
  first.keep("work/b/0.told", bytesOf());
  expect(first.kept.map((part) => part.path)).toEqual(["work/a/0.told", "work/b/0.told"]);
  expect(entry).toEqual({
    path: "work/a/0.told",
    bytes: 3,
    // sha256sum of the bytes 1 2 3
    sha256: "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81",
  });
  first.release();
  expect(listing()).not.toContain("run.lock");

  const second = open();
  expect([first.epoch, second.epoch]).toEqual([1, 2]);
  expect(second.past[0]).toMatchObject({
    seq: 0,
    epoch: 1,
    event: "started",
    seeds: [0, 1],
    loss: Number.NaN,
  });
  expect(second.kept).toEqual(first.kept);
  expect(second.notices).toEqual([]);
  expect(second.read("work/a/0.told")).toEqual(Buffer.from([1, 2, 3]));
  expect(second.read("work/b/0.told")).toEqual(Buffer.alloc(0));
  expect(second.read("work/c/0.told")).toBeNull();
  second.drop(["work/a/0.told", "work/never"]);
  expect(second.kept.map((part) => part.path)).toEqual(["work/b/0.told"]);
  expect(listing()).not.toContain("work/a/0.told");
  second.clear();
  expect(listing()).toEqual(["log.jsonl", "run.lock"]);
  second.release();

  const third = open();
  expect(third.kept).toEqual([]);
  expect(third.past.map(({ seq, epoch, event }) => [seq, epoch, event])).toEqual([
    [0, 1, "started"],
    [1, 1, "kept"],
    [2, 1, "kept"],
    [3, 2, "dropped"],
    [4, 2, "cleared"],
  ]);
});

test("a part is kept once; the same bytes again mend it, other bytes are refused", () => {
  const journal = open();
  journal.keep("work/a/0", bytesOf(1));
  journal.keep("work/a/0", bytesOf(1));
  expect(() => journal.keep("work/a/0", bytesOf(2))).toThrow(ArgumentError);
  expect(events()).toEqual(["kept"]);
  for (const name of [
    "work",
    "work/",
    "a",
    "../work/a",
    "work/../a",
    "work//a",
    "/work/a",
    "work/.a",
    "work/con",
  ])
    expect(() => journal.keep(name, bytesOf(1)), name).toThrow(ArgumentError);
  expect(() => journal.append({ event: "x", seq: 1 })).toThrow(InternalError);
});

test.each([
  ["missing", (file: string) => fs.rmSync(file), "is missing"],
  ["cut", (file: string) => fs.truncateSync(file, 1), "is damaged"],
  ["flipped", (file: string) => fs.writeFileSync(file, bytesOf(1, 3)), "is damaged"],
  [
    "a folder",
    (file: string) => {
      fs.rmSync(file);
      fs.mkdirSync(file);
    },
    "cannot be read (EISDIR)",
  ],
])("a part that is %s is given up with a notice, and may be made again", (_, harm, why) => {
  open().keep("work/a/0", bytesOf(1, 2));
  opened[0].release();
  const journal = open();
  harm(join(path, "work/a/0"));
  expect(journal.read("work/a/0")).toBeNull();
  expect(journal.notices).toEqual([`run/work/a/0: ${why}; it is made again.`]);
  expect(journal.kept).toEqual([]);
  journal.keep("work/a/0", bytesOf(7));
  expect(journal.read("work/a/0")).toEqual(Buffer.from([7]));
  journal.release();
  expect(open().read("work/a/0")).toEqual(Buffer.from([7]));
});

test("opening removes what a crash leaves, and nothing of the user's", () => {
  const journal = open();
  journal.keep("work/a/1", bytesOf(1));
  journal.release();
  const write = (name: string) => {
    fs.mkdirSync(join(path, name, ".."), { recursive: true });
    fs.writeFileSync(join(path, name), "x");
  };
  const litter = [
    ".manifest.json.tmp",
    "figures/.a.svg.tmp",
    "work/a/2",
    "work/a/.1.tmp",
    "work/b/c/d",
    "work/x",
  ];
  const mine = ["notes.txt", ".tmp", ".hidden", "a.tmp", "mine/work/a", "figures/a.svg", "report.html"];
  for (const name of [...litter, ...mine]) write(name);
  fs.mkdirSync(join(cwd, "elsewhere"));
  fs.writeFileSync(join(cwd, "elsewhere/.x.tmp"), "x");
  fs.symlinkSync(join(cwd, "elsewhere"), join(path, "link"));
  fs.symlinkSync(join(cwd, "elsewhere"), join(path, "work/link"));
  const before = listing();
  const again = open();
  const gone = [
    ...litter.filter((name) => name !== "work/b/c/d"),
    "work/b",
    "work/b/c",
    "work/b/c/d",
    "work/link",
    "work/link/.x.tmp",
  ];
  expect(listing()).toEqual([...before.filter((name) => !gone.includes(name)), "run.lock"].sort());
  expect(fs.readdirSync(join(cwd, "elsewhere"))).toEqual([".x.tmp"]);
  expect(again.read("work/a/1")).toEqual(Buffer.from([1]));
  expect(again.notices).toEqual(["run: 7 unfinished files were removed."]);
});

test("more parts than one record can name are dropped", () => {
  const partOf = (n: number) => `work/${"a".repeat(150)}/${n}`;
  const count = 8000; // 1.3 MB of names, of which a record takes 1
  const entry = { time: date().toISOString(), epoch: 1, bytes: 0, sha256: "0".repeat(64) };
  const lines = Array.from({ length: count }, (_, seq) =>
    logLine({ seq, ...entry, event: "kept", path: partOf(seq) }),
  );
  fs.mkdirSync(path);
  fs.writeFileSync(logPath(), lines.join(""));
  const journal = open();
  journal.drop(Array.from({ length: count }, (_, n) => partOf(n)));
  expect(journal.kept).toEqual([]);
  journal.release();
  expect(open().kept).toEqual([]);
});

test.runIf(process.platform !== "win32")(
  "a folder whose names cannot be flushed is used all the same; a disk that fails is not",
  () => {
    const failing = (code: string, call: "openSync" | "fsyncSync"): Disk => {
      const isFolder = (what: unknown) =>
        typeof what === "number" ? fs.fstatSync(what).isDirectory() : fs.statSync(String(what)).isDirectory();
      const refuse = (what: unknown) => {
        if (isFolder(what)) throw Object.assign(new Error(code), { code });
      };
      return {
        ...fs,
        openSync: (file, flags, mode) => {
          if (call === "openSync" && flags === "r") refuse(file);
          return fs.openSync(file, flags, mode);
        },
        fsyncSync: (file) => {
          if (call === "fsyncSync") refuse(file);
          fs.fsyncSync(file);
        },
      };
    };
    const file = join(cwd, "file");
    publish(failing("EACCES", "openSync"), file, bytesOf(1));
    publish(failing("EINVAL", "fsyncSync"), file, bytesOf(2));
    expect(fs.readFileSync(file)).toEqual(Buffer.from([2]));
    expect(() => publish(failing("EIO", "fsyncSync"), file, bytesOf(3))).toThrow("EIO");
    expect(() => publish(failing("EMFILE", "openSync"), file, bytesOf(3))).toThrow("EMFILE");
  },
);

test("a folder without a log is taken as it is", () => {
  fs.mkdirSync(join(path, "work"), { recursive: true });
  fs.writeFileSync(join(path, "work/mine"), "x");
  open();
  expect(listing()).toContain("work/mine");
  opened[0].release();
  expect(() => open({ mustBeNew: true })).toThrow('must be new or empty; got a folder that holds "work"');
  expect(() => openJournal({ path: join(cwd, "none"), shown: "none", date, mustBeOld: true })).toThrow(
    FileError,
  );
});

test("a torn end is cut off at opening with a notice, and what it named is removed", () => {
  const journal = open();
  journal.keep("work/a/0", bytesOf(1));
  journal.keep("work/a/1", bytesOf(2));
  journal.release();
  const whole = fs.readFileSync(logPath());
  const last = whole.indexOf(0x0a) + 1;
  for (const length of [last + 1, last + 40, whole.length - 1]) {
    fs.writeFileSync(logPath(), whole.subarray(0, length));
    fs.writeFileSync(join(path, "work/a/1"), bytesOf(2));
    const again = open();
    expect(again.notices).toEqual([
      `run/log.jsonl: its last record was not finished; ${length - last} bytes from byte ${last} on were cut off.`,
      "run: 1 unfinished file was removed.",
    ]);
    expect(again.kept.map((part) => part.path)).toEqual(["work/a/0"]);
    expect(fs.readFileSync(logPath())).toEqual(whole.subarray(0, last));
    again.release();
  }
});

test("a log that is damaged before its end is left as it is, and nobody owns it", () => {
  const journal = open();
  for (const at of [0, 1, 2]) journal.append({ event: "x", at });
  journal.release();
  const log = fs.readFileSync(logPath());
  log[log.indexOf(0x0a) + 20] ^= 1;
  fs.writeFileSync(logPath(), log);
  for (let n = 0; n < 2; n++) {
    expect(() => open()).toThrow(
      new RegExp(`^run/log\\.jsonl, byte ${log.indexOf(0x0a) + 1}, record 1: every line must agree`),
    );
    expect(fs.readFileSync(logPath())).toEqual(log);
    expect(listing()).toEqual(["log.jsonl"]);
  }
});

test("a log that names no part rightly is refused", () => {
  fs.mkdirSync(path);
  const record = { seq: 0, epoch: 1, time: "", event: "kept", path: "../../x", bytes: 1, sha256: "" };
  fs.writeFileSync(logPath(), logLine(record));
  expect(() => open()).toThrow("run/log.jsonl, record 0: must name a part by path, bytes and sha256");
});

test("after a failed append nothing more is written, and the next opening mends it", () => {
  let failing = "";
  const disk = new Proxy(fs as Disk, {
    get: (target, name: keyof Disk) =>
      name === failing
        ? (file: number, bytes: Uint8Array) => {
            if (name === "writeSync") fs.writeSync(file, bytes, 0, 10);
            throw Object.assign(new Error(), { code: "ENOSPC" });
          }
        : target[name],
  });
  for (const call of ["writeSync", "fsyncSync"] as const) {
    const journal = open({ disk });
    journal.keep("work/a/0", bytesOf(1));
    const sizes = [fs.statSync(logPath()).size, 0];
    failing = call;
    const full =
      /^run\/log\.jsonl: cannot be appended to; got the disk is full \(ENOSPC\), \d+ bytes free\. Free/;
    expect(() => journal.append({ event: "lost" })).toThrow(full);
    failing = "";
    sizes[1] = fs.statSync(logPath()).size;
    expect(() => journal.append({ event: "late" })).toThrow(full);
    expect(() => journal.keep("work/a/1", bytesOf(1))).toThrow(full);
    expect(fs.statSync(logPath()).size).toBe(sizes[1]);
    journal.release();
    const again = open();
    expect(again.notices.length).toBe(call === "writeSync" ? 1 : 0);
    again.append({ event: "goes on" });
    again.clear();
    again.release();
  }
});

test("a part that could not be written leaves the journal usable", () => {
  let full = true;
  const disk: Disk = {
    ...fs,
    writeSync: ((file: number, bytes: Uint8Array, at: number) => {
      if (full && bytes.length === 1000) throw Object.assign(new Error(), { code: "ENOSPC" });
      return fs.writeSync(file, bytes, at);
    }) as Disk["writeSync"],
  };
  const journal = open({ disk });
  expect(() => journal.keep("work/a/0", new Uint8Array(1000))).toThrow(/^run\/work\/a\/0: cannot be written/);
  journal.append({ event: "failed" });
  full = false;
  journal.keep("work/a/0", new Uint8Array(1000));
  expect(events()).toEqual(["failed", "kept"]);
});

test.each(["EACCES", "EBUSY", "EROFS", "EPERM"])(
  "what is struck off and cannot be removed (%s) is said once, harms nothing, and goes at the next opening",
  (code) => {
    const stuck: Disk = {
      ...fs,
      rmSync: (name, options) => {
        if (String(name).includes("work")) throw Object.assign(new Error(code), { code });
        fs.rmSync(name, options);
      },
    };
    const left = (part: string) =>
      new RegExp(
        `^run/${part}: is needed no more and cannot be removed; got .*${code}.*\\. The next opening of run tries again\\.$`,
      );
    const journal = open({ disk: stuck });
    for (const part of ["work/a/0", "work/a/1", "work/b/0"]) journal.keep(part, bytesOf(1));
    journal.drop(["work/a/0"]);
    journal.drop(["work/a/1"]);
    expect(journal.kept.map((part) => part.path)).toEqual(["work/b/0"]);
    expect(journal.notices).toEqual([expect.stringMatching(left("work/a/0"))]);
    // the same name again, with other bytes
    journal.keep("work/a/0", bytesOf(2));
    journal.drop(["work/a/0"]);
    journal.release();

    const again = open({ disk: stuck });
    expect(again.notices).toEqual([expect.stringMatching(left("work/a"))]);
    expect(again.read("work/b/0")).toEqual(Buffer.from([1]));
    again.clear();
    expect([again.kept, listing().includes("work/b/0")]).toEqual([[], true]);
    again.release();

    const mended = open();
    expect([mended.notices, listing()]).toEqual([
      ["run: 1 unfinished file was removed."],
      ["log.jsonl", "run.lock"],
    ]);
  },
);

test("a folder of the user's that may not be listed does not keep a run from being opened", () => {
  open().release();
  const secret: Disk = {
    ...fs,
    readdirSync: ((name: string, options: object) => {
      if (String(name).endsWith("secret")) throw Object.assign(new Error(), { code: "EACCES" });
      return fs.readdirSync(name, options);
    }) as Disk["readdirSync"],
  };
  fs.mkdirSync(join(path, "secret"));
  open({ disk: secret }).release();
  expect(listing()).toContain("secret");
});

test("an owner whose lock file was replaced or taken away writes nothing more", () => {
  for (const loss of ["replaced", "removed"]) {
    const journal = open();
    journal.keep("work/a/0", bytesOf(1));
    fs.rmSync(join(path, "run.lock"));
    const next = loss === "replaced" ? open() : null;
    const before = listing();
    const log = fs.readFileSync(logPath());
    for (const action of [
      () => journal.append({ event: "late" }),
      () => journal.keep("work/a/1", bytesOf(1)),
      () => journal.keep("work/a/0", bytesOf(1)),
      () => journal.drop(["work/a/0"]),
      () => journal.clear(),
      () => journal.check(),
    ])
      expect(action).toThrow(OwnedError);
    journal.release();
    expect(listing()).toEqual(before);
    expect(fs.readFileSync(logPath())).toEqual(log);
    if (next !== null) {
      next.append({ event: "goes on" });
      next.release();
    }
  }
});

test("a record is written only after the part that it names, and a part is removed only after its record", () => {
  const calls: string[] = [];
  const names = new Map<number, string>();
  const disk: Disk = {
    ...fs,
    openSync: ((name: string, ...rest: [string]) => {
      const file = fs.openSync(name, ...rest);
      names.set(file, name.slice(cwd.length + 1));
      return file;
    }) as Disk["openSync"],
    writeSync: ((file: number, bytes: Uint8Array, at: number) => {
      calls.push(`write ${names.get(file)}`);
      return fs.writeSync(file, bytes, at);
    }) as Disk["writeSync"],
    fsyncSync: (file) => {
      calls.push(`flush ${names.get(file)}`);
      fs.fsyncSync(file);
    },
    renameSync: (from, to) => {
      calls.push(`name ${String(to).slice(cwd.length + 1)}`);
      fs.renameSync(from, to);
    },
    rmSync: (name, options) => {
      calls.push(`remove ${String(name).slice(cwd.length + 1)}`);
      fs.rmSync(name, options);
    },
  };
  const journal = open({ disk });
  calls.length = 0;
  journal.keep("work/a/0", bytesOf(1));
  journal.drop(["work/a/0"]);
  expect(calls).toEqual([
    ...["flush run/work", "flush run"], // names of the folders that are new
    ...["write run/work/a/.0.tmp", "flush run/work/a/.0.tmp", "name run/work/a/0", "flush run/work/a"],
    ...["write run/log.jsonl", "flush run/log.jsonl"],
    ...["write run/log.jsonl", "flush run/log.jsonl", "remove run/work/a/0"],
  ]);
});

test("a link in the place of the log is refused and not written through, one in the place of a part is lost", () => {
  const first = open();
  first.keep("work/a/0.told", bytesOf(1, 2, 3));
  first.release();
  const outside = join(cwd, "outside");
  fs.renameSync(join(path, "work/a/0.told"), outside);
  fs.symlinkSync(outside, join(path, "work/a/0.told"));
  const second = open();
  expect(second.read("work/a/0.told")).toBeNull();
  expect(second.notices).toEqual(["run/work/a/0.told: is a link; it is made again."]);
  second.release();
  expect([...fs.readFileSync(outside)]).toEqual([1, 2, 3]);

  const log = fs.readFileSync(logPath());
  fs.renameSync(logPath(), outside);
  fs.symlinkSync(outside, logPath());
  expect(() => open()).toThrow("run/log.jsonl: must be a file of the folder itself; got a link.");
  expect(fs.readFileSync(outside)).toEqual(log);
});
