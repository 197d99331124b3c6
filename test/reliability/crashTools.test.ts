/** The tools of the checks: a disk in memory whose power fails, a disk that fails under a program, the order of flushes. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { changes, type FaultPlan, tracedCalls, tracedFlushes } from "../../reliability/crash/commandLine.ts";
import { orderFaults } from "../../reliability/crash/flushOrder.ts";
import { openSimDisk } from "../../reliability/crash/simDisk.ts";
import { startNode } from "../../reliability/startChild.ts";
import { randomStream } from "../../src/base/random.ts";
import type { Disk } from "../../src/cli/disk/disk.ts";

const folder = mkdtempSync(join(tmpdir(), "palimpsest-tools-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What 300 failures of the power leave of a file, as text; null where it is gone. */
function lefts(work: (disk: Disk) => void): Set<string | null> {
  const sim = openSimDisk();
  work(sim.disk);
  const found = new Set<string | null>();
  for (let k = 0; k < 300; k++) {
    const bytes = sim.powerLoss(randomStream("lefts", k)).files().get("/file");
    found.add(bytes === undefined || bytes === null ? null : Buffer.from(bytes).toString());
  }
  return found;
}

function write(disk: Disk, path: string, text: string, flushed: boolean): void {
  const file = disk.openSync(path, "w");
  disk.writeSync(file, text);
  if (flushed) disk.fsyncSync(file);
  disk.closeSync(file);
}

function flushRoot(disk: Disk): void {
  const root = disk.openSync("/", "r");
  disk.fsyncSync(root);
  disk.closeSync(root);
}

test("what was not flushed may be lost, be there, or be zeros; a flushed file in a flushed folder is there", () => {
  expect(lefts((disk) => write(disk, "/file", "new", false))).toEqual(new Set([null, "", "new", "\0\0\0"]));
  expect(lefts((disk) => write(disk, "/file", "new", true))).toEqual(new Set([null, "new"]));
  const safe = (disk: Disk) => {
    write(disk, "/file", "new", true);
    flushRoot(disk);
  };
  expect(lefts(safe)).toEqual(new Set(["new"]));
});

test("a file that is renamed over another is the old one or the new one, unless it was not flushed", () => {
  const replace = (flushed: boolean) => (disk: Disk) => {
    write(disk, "/file", "old", true);
    flushRoot(disk);
    write(disk, "/file.tmp", "new", flushed);
    disk.renameSync("/file.tmp", "/file");
  };
  expect(lefts(replace(true))).toEqual(new Set(["old", "new"]));
  expect(lefts(replace(false))).toEqual(new Set(["old", "new", "", "\0\0\0"]));
});

test("a long write is torn at its sectors", () => {
  const long = "a".repeat(512) + "b".repeat(512);
  const found = lefts((disk) => {
    write(disk, "/file", "", true);
    flushRoot(disk);
    write(disk, "/file", long, false);
  });
  expect(found).toContain("\0".repeat(512) + "b".repeat(512));
  expect(found).toContain("a".repeat(512));
  for (const text of found) expect(text).toMatch(/^(?:a{512}|\0{512}|)(?:b{512}|\0{512}|)$/);
});

test("a killed process leaves everything that it wrote", () => {
  const sim = openSimDisk();
  write(sim.disk, "/file", "new", false);
  expect(sim.kill().files()).toEqual(sim.files());
});

const program = join(folder, "program.mjs");
writeFileSync(
  program,
  `import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
   import { Worker } from "node:worker_threads";
   const [path] = process.argv.slice(2);
   mkdirSync(path, { recursive: true });
   const file = openSync(path + "/a.tmp", "w");
   for (let at = 0; at < 6; ) at += writeSync(file, Buffer.from("sixsix"), at);
   fsyncSync(file);
   closeSync(file);
   renameSync(path + "/a.tmp", path + "/a");
   new Worker(new URL("worker.mjs", import.meta.url), { argv: [path] }).on("exit", (code) => console.log(readFileSync(path + "/a", "utf8"), code));`,
);
writeFileSync(
  join(folder, "worker.mjs"),
  `import { readFileSync } from "node:fs";
   readFileSync(process.argv[2] + "/a");`,
);

function run(name: string, plan: Omit<FaultPlan, "under">) {
  const under = join(folder, name);
  const nodeOptions = ["--import", new URL("../../reliability/crash/faultyDisk.mjs", import.meta.url).href];
  return startNode([program, under], {
    nodeOptions,
    env: { FAULTY_DISK: JSON.stringify({ under, ...plan }) },
  }).ended;
}

test("every call of a program is traced, those of its threads too, and numbered in its main thread", async () => {
  const trace = join(folder, "trace");
  expect(await run("traced", { trace, kinds: changes })).toMatchObject({ code: 0, stdout: "sixsix 0\n" });
  const calls = tracedCalls(trace);
  expect(calls.filter(({ n }) => n > 0).map(({ n, kind, path }) => [n, kind, path])).toEqual([
    [1, "mkdir", "."],
    [2, "open", "a.tmp"],
    [3, "write", "a.tmp"],
    [4, "fsync", "a.tmp"],
    [5, "rename", "a.tmp a"],
  ]);
  const ofThread = calls.filter(({ thread }) => thread > 0);
  expect(new Set(ofThread.map(({ n, path }) => `${n} ${path}`))).toEqual(new Set(["0 a"]));
  expect(tracedFlushes(trace)).toHaveLength(1);
});

test("a program is killed at the call that the plan names, before it or after it", async () => {
  const plan = { kinds: changes, at: 5 };
  expect((await run("before", { ...plan, deed: "kill before" })).signal).toBe("SIGKILL");
  expect((await run("after", { ...plan, deed: "kill after" })).signal).toBe("SIGKILL");
  expect([readdirSync(join(folder, "before")), readdirSync(join(folder, "after"))]).toEqual([
    ["a.tmp"],
    ["a"],
  ]);
});

test("a call fails as the system says it, and a short write writes half", async () => {
  const failed = await run("full", { kinds: ["write"], at: 1, deed: "ENOSPC" });
  expect([failed.code, failed.stderr]).toEqual([
    1,
    expect.stringContaining("ENOSPC: no space left on device, write"),
  ]);
  expect(await run("short", { kinds: ["write"], at: 1, deed: "short" })).toMatchObject({
    stdout: "sixsix 0\n",
  });
});

test("an order of flushes is right only if bytes, name and folder are safe before the record", () => {
  const publish = [
    { kind: "write", path: "f/.a.tmp" },
    { kind: "fsync", path: "f/.a.tmp" },
    { kind: "rename", path: "f/.a.tmp", to: "f/a" },
    { kind: "fsync", path: "f" },
    { kind: "write", path: "log.jsonl" },
    { kind: "fsync", path: "log.jsonl" },
  ] as const;
  expect(orderFaults(publish)).toEqual({ failures: [], published: 1, records: 1 });
  for (const without of [1, 3, 5])
    expect(orderFaults(publish.filter((_, i) => i !== without)).failures).not.toEqual([]);
});
