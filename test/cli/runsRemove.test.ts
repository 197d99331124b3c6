import * as fs from "node:fs";
import { existsSync, mkdirSync, readdirSync, realpathSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { takeLock } from "../../src/cli/journal/lock.ts";
import { removable } from "../../src/cli/runList/removable.ts";
import { leftovers, removeFolder, sweepLeftover } from "../../src/cli/runList/removeFolder.ts";
import { Crash, crashingDisk, quickLock } from "./crashingDisk.ts";
import { makeRun, put, runs, temporaryFolder } from "./madeRuns.ts";

const place = temporaryFolder();
const at = (...path: string[]) => join(place.path, ...path);
const date = () => new Date(0);

/** Everything in a folder, hidden names too. */
const namesIn = (...path: string[]) => readdirSync(at(...path)).sort();

test("--yes removes a run and nothing beside it", async () => {
  makeRun(at("plain/runs/a"), { files: { "measurements/x.parquet": "1", "report.html": "2" } });
  makeRun(at("plain/runs/ab"));
  put(at("plain/runs/a/work/k/1.told.safetensors"), "3");
  put(at("plain/runs/a/measurements/.x.parquet.tmp"), "4");
  const { exitCode, stdout } = await runs(at("plain"), ["remove", "runs/a", "--yes", "--json"]);
  expect(exitCode).toBe(0);
  const { removed, refused, swept } = JSON.parse(stdout);
  expect(removed).toEqual([{ run: "runs/a", bytes: expect.any(Number), files: 6, others: [] }]);
  expect([refused, swept]).toEqual([[], []]);
  expect(namesIn("plain/runs")).toEqual(["ab"]);
});

test("where nobody can be asked nothing is removed without --yes", async () => {
  makeRun(at("asked/runs/a"));
  const { exitCode, stderr } = await runs(at("asked"), ["remove", "runs/a"]);
  expect([exitCode, stderr]).toEqual([2, "runs remove: needs --yes where nobody can be asked.\n"]);
  expect(existsSync(at("asked/runs/a/manifest.json"))).toBe(true);
});

test.each([
  ["y", true],
  ["YES ", true],
  ["", false],
  ["n", false],
  ["yikes", false],
])("the answer %j on the terminal decides: %j", async (answer, gone) => {
  const name = `answer-${answer.trim() || "none"}`;
  makeRun(at(name, "runs/a"));
  put(at(name, "runs/a/notes.md"), "mine");
  const questions: string[] = [];
  const ask = async (question: string) => {
    questions.push(question);
    return answer;
  };
  const { exitCode, stdout } = await runs(at(name), ["remove", "runs/a"], { io: { ask } });
  expect(questions).toEqual([
    expect.stringMatching(
      /^runs\/a: persistence, complete, [0-9.]+ k?B, with 1 file that is not the run's: "notes.md"\nRemove this run for good\? \[y\/N\] $/,
    ),
  ]);
  expect(exitCode).toBe(gone ? 0 : 1);
  expect(stdout).toMatch(gone ? /^Removed 1 run, / : /^Nothing was removed\.\n$/);
  expect(existsSync(at(name, "runs/a"))).toBe(!gone);
});

test("--dry-run says what would go and touches nothing", async () => {
  makeRun(at("dry/runs/a"));
  mkdirSync(at("dry/runs/.removed-0123456789abcdef"));
  const before = fs.statSync(at("dry/runs/a")).mtimeMs;
  const { exitCode, stdout } = await runs(at("dry"), ["remove", "runs/a", "--dry-run", "--json"]);
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    dryRun: true,
    removed: [{ run: "runs/a" }],
    swept: ["runs/.removed-0123456789abcdef"],
  });
  expect(namesIn("dry/runs")).toEqual([".removed-0123456789abcdef", "a"]);
  expect(fs.statSync(at("dry/runs/a")).mtimeMs).toBe(before);
});

test("files that are not the run's are kept unless --others says otherwise", async () => {
  makeRun(at("others/runs/a"));
  put(at("others/runs/a/notes.md"), "mine");
  const kept = await runs(at("others"), ["remove", "runs/a", "--yes"]);
  expect([kept.exitCode, kept.stderr]).toEqual([
    2,
    'runs/a: holds files that are not the run\'s; got "notes.md". Move them elsewhere, or have them removed too with --others.\n',
  ]);
  expect(existsSync(at("others/runs/a/notes.md"))).toBe(true);
  const gone = await runs(at("others"), ["remove", "runs/a", "--yes", "--others"]);
  expect([gone.exitCode, namesIn("others/runs")]).toEqual([0, []]);
});

test("folders that are no runs, links, and what is not below the working directory are refused, all before any goes", async () => {
  makeRun(at("safe/here/runs/a"));
  makeRun(at("safe/outside"));
  put(at("safe/here/notes/x"), "1");
  put(at("safe/here/page/manifest.json"), '{"name":"a web page"}');
  put(at("safe/here/file"), "1");
  symlinkSync("runs/a", at("safe/here/link"));
  symlinkSync("runs", at("safe/here/linked"));
  symlinkSync("../outside", at("safe/here/out"));
  const cases: [name: string, got: RegExp][] = [
    ["notes", /must be a run, with a manifest/],
    ["page", /must be a run, with a manifest/],
    ["file", /must be a run folder; got a file/],
    ["runs", /must be a run, with a manifest/],
    ["link", /must be a run itself; got a link/],
    ["linked/a", /must lie in the working directory itself; got a link on the way/],
    ["out", /got a link/],
    ["../outside", /only runs below the working directory/],
    [at("safe/outside"), /only runs below the working directory/],
    [".", /only runs below the working directory/],
    ["..", /only runs below the working directory/],
    ["runs/a/../../../outside", /only runs below the working directory/],
    ["/", /only runs below the working directory/],
    ["runs/none", /no such file or folder/],
    ["", /must be a path/],
  ];
  for (const [name, rule] of cases) {
    const { exitCode, stderr } = await runs(at("safe/here"), ["remove", "runs/a", name, "--yes", "--others"]);
    expect([name, exitCode]).toEqual([name, 2]);
    expect(stderr).toMatch(rule);
  }
  expect(namesIn("safe/here/runs/a")).toEqual(["log.jsonl", "manifest.json"]);
  expect(namesIn("safe/outside")).toEqual(["log.jsonl", "manifest.json"]);
  // by its absolute path, and through a working directory that is a link
  symlinkSync("here", at("safe/alias"));
  const { exitCode } = await runs(at("safe/alias"), [
    ...["remove", realpathSync(at("safe/here/runs/a")), "runs/a", "--yes"],
  ]);
  expect([exitCode, namesIn("safe/here/runs")]).toEqual([0, []]);
});

test("a run on which a process works is refused with exit code 4 before any is removed", async () => {
  makeRun(at("owned/runs/a"));
  makeRun(at("owned/runs/b"), { status: "running" });
  const lock = takeLock({ disk: fs, path: at("owned/runs/b/run.lock"), shown: "b", date: () => new Date() });
  try {
    const { exitCode, stderr } = await runs(at("owned"), ["remove", "runs/a", "runs/b", "--yes"]);
    expect(exitCode).toBe(4);
    expect(stderr).toContain(`runs/b: belongs to another process; got pid ${process.pid} on `);
    expect(namesIn("owned/runs")).toEqual(["a", "b"]);
  } finally {
    lock.release();
  }
});

test("the kernel's lock decides where the lock file names a process that seems gone, inside the run too", async () => {
  makeRun(at("kernel/runs/a"));
  makeRun(at("kernel/runs/b"), { status: "running" });
  put(at("kernel/runs/b/work/job/log.jsonl"), "");
  const lock = takeLock({ disk: fs, path: at("kernel/runs/b/work/job/run.lock"), shown: "b", date });
  try {
    const { exitCode, stdout } = await runs(at("kernel"), [
      ...["remove", "runs/b", "runs/a", "--yes", "--json"],
    ]);
    expect(exitCode).toBe(4);
    const { removed, refused } = JSON.parse(stdout);
    expect(removed.map(({ run }: { run: string }) => run)).toEqual(["runs/a"]);
    expect(refused).toEqual([
      { run: "runs/b", reason: expect.stringContaining("runs/b: belongs to another process") },
    ]);
    expect(namesIn("kernel/runs/b").filter((name) => name !== "run.lock")).toEqual([
      ...["log.jsonl", "manifest.json", "work"],
    ]);
  } finally {
    lock.release();
  }
});

test("a kill at any call of the disk leaves a run that is whole, or none under its name", () => {
  const files = { "measurements/x.parquet": "1", "report.html": "2" };
  const seen = new Set<string>();
  let calls: readonly string[] = [];
  for (let n = 1; calls.length >= n - 1; n++)
    for (const kind of ["before", "after"] as const) {
      const cwd = at(`crash/${n}-${kind}`);
      makeRun(join(cwd, "a"), { files });
      const crashing = crashingDisk(n, kind);
      try {
        removeFolder(removable("a", cwd), { date, disk: crashing.disk, lock: quickLock });
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
      }
      crashing.end();
      calls = crashing.calls;
      const names = readdirSync(cwd);
      if (names.includes("a")) {
        seen.add("whole");
        expect(names).toEqual(["a"]);
        const inside = readdirSync(join(cwd, "a")).filter((name) => name !== "run.lock");
        expect(inside.sort()).toEqual(["log.jsonl", "manifest.json", "measurements", "report.html"]);
      } else {
        seen.add(names.length === 0 ? "gone" : "hidden");
        expect(names.filter((name) => !/^\.removed-[0-9a-f]{16}$/.test(name))).toEqual([]);
      }
      // whatever was left, the next removal can be done and leaves nothing
      if (names.includes("a")) removeFolder(removable("a", cwd), { date, lock: quickLock });
      for (const path of leftovers([cwd])) sweepLeftover(path);
      expect(readdirSync(cwd)).toEqual([]);
    }
  expect([...seen].sort()).toEqual(["gone", "hidden", "whole"]);
});

test("a disk that refuses to rename leaves the run whole; one that refuses to empty it leaves no run", () => {
  makeRun(at("disk/a"), { files: { "x.txt": "1" } });
  const refuse = () => {
    throw Object.assign(new Error("no"), { code: "EACCES" });
  };
  const run = removable("a", at("disk"));
  expect(() => removeFolder(run, { date, disk: { ...fs, renameSync: refuse } })).toThrow(
    /^a: cannot be removed; got no permission \(EACCES\)\.$/,
  );
  expect(namesIn("disk/a")).toEqual(["log.jsonl", "manifest.json", "x.txt"]);
  const rmSync: typeof fs.rmSync = (path, options) =>
    String(path).includes(".removed-") ? refuse() : fs.rmSync(path, options);
  expect(() => removeFolder(run, { date, disk: { ...fs, rmSync } })).toThrow(
    /^a: is no run any more, but not all of it could be removed/,
  );
  expect(namesIn("disk")).toEqual([expect.stringMatching(/^\.removed-[0-9a-f]{16}$/)]);
});

test("what a kill leaves of a removal is swept by the next, and nothing else that is hidden", async () => {
  makeRun(at("swept/runs/a"));
  makeRun(at("swept/runs/.removed-0123456789abcdef"));
  makeRun(at("swept/runs/.removed-other"));
  put(at("swept/runs/.removed-0123456789abcde0"), "a file");
  const { stdout } = await runs(at("swept"), ["remove", "runs/a", "--yes"]);
  expect(stdout).toMatch(/^Removed 1 run, .*\nRemoved 1 leftover of removals that were killed\.\n$/);
  expect(namesIn("swept/runs")).toEqual([".removed-0123456789abcde0", ".removed-other"]);
});
