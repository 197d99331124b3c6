/** One owner, between real processes. */
import { type ChildProcess, fork, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { hostname, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { build } from "tsdown";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { FileError } from "../../src/base/errors.ts";
import { openJournal } from "../../src/cli/journal/journal.ts";
import { type LockGroups, OwnedError, takeLock } from "../../src/cli/journal/lock.ts";
import type { Asked, Said } from "./journalEntry.ts";

let folder = "";
let program = "";
beforeAll(async () => {
  folder = fs.mkdtempSync(join(tmpdir(), "palimpsest-"));
  await build({
    config: false,
    entry: { journal: new URL("journalEntry.ts", import.meta.url).pathname },
    outDir: folder,
    format: "esm",
    platform: "node",
    target: "node20",
    noExternal: [/.*/],
    inlineOnly: false,
    dts: false,
    logLevel: "silent",
  });
  program = ["journal.mjs", "journal.js"].map((name) => join(folder, name)).find(fs.existsSync) ?? "";
}, 60_000);
afterAll(() => fs.rmSync(folder, { recursive: true }));

let path = "";
const children: ChildProcess[] = [];
beforeEach(() => {
  path = fs.mkdtempSync(join(tmpdir(), "palimpsest-"));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  fs.rmSync(path, { recursive: true });
});

function start(env: Record<string, string> = {}) {
  const child = fork(program, { env: { ...process.env, ...env } });
  children.push(child);
  const ask = async (asked: Asked): Promise<Said> => {
    child.send(asked);
    return (await once(child, "message"))[0] as Said;
  };
  return { child, ask };
}

const done = expect.objectContaining({ ok: true, message: "" });
const date = () => new Date();
const take = (groups?: LockGroups) =>
  takeLock({ disk: fs, path: join(path, "run.lock"), shown: "run", date }, groups);

/** The note of an owner who was killed, whose process number is nobody's by now. */
function leaveNote(): void {
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  fs.writeFileSync(join(path, "run.lock"), JSON.stringify({ pid, host: hostname(), since: "2025-01-02" }));
}

test("of six processes that want one folder at the same time one gets it, and all others name it", async () => {
  const rounds = 10;
  const racers = Array.from({ length: 6 }, () => start());
  // started to the end before they race
  for (const { ask } of racers) await ask({ action: "release", path });
  let overlapping = 0;
  for (let n = 0; n < rounds; n++) {
    leaveNote();
    const said = await Promise.all(racers.map(({ ask }) => ask({ action: "take", path })));
    const winner = said.findIndex(({ ok }) => ok);
    expect(said.filter(({ ok }) => ok).length).toBe(1);
    const { pid } = racers[winner].child;
    for (const { ok, message } of said)
      if (!ok)
        expect(message).toMatch(new RegExp(`^run: belongs to another process; got pid ${pid} on .*, since `));
    const { from, to } = said[winner];
    overlapping += said.filter((other) => !other.ok && other.from < to && from < other.to).length;
    expect(await racers[winner].ask({ action: "release", path })).toEqual(done);
    expect(fs.readdirSync(path)).toEqual([]);
  }
  // attempts that went on while the winner's did: without them this was no race
  expect(overlapping).toBeGreaterThanOrEqual(rounds);
});

test("the folder of a killed owner is free at once, and nobody removes anything by hand", async () => {
  for (let n = 0; n < 5; n++) {
    const { child, ask } = start();
    expect(await ask({ action: "open", path })).toEqual(done);
    expect(() => take()).toThrow(OwnedError);
    expect(() => take()).toThrow(
      `run: belongs to another process; got pid ${child.pid} on ${hostname()}, since `,
    );
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(fs.readdirSync(path)).toContain("run.lock");
    const journal = openJournal({ path, shown: "run", date });
    expect(journal.epoch).toBe(1); // nothing was logged
    journal.release();
  }
});

/** The state of a process, e.g. Z for one that has ended and that nobody asked for its end. */
function stateOf(pid: number): string {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2)[0];
}

test.runIf(process.platform === "linux")("an owner that is a zombie owns nothing", async () => {
  // the shell becomes `sleep`, which never asks for the end of its child
  const script = `"${process.execPath}" -e '
    const { spawnSync } = require("node:child_process");
    const fs = require("node:fs");
    const file = fs.openSync(process.argv[1], "w");
    spawnSync("flock", ["-n", "3"], { stdio: ["ignore", "ignore", "ignore", file] });
    fs.writeSync(file, JSON.stringify({ pid: process.pid, host: os.hostname(), since: "now" }));
    console.log(process.pid);
    setInterval(() => {}, 1000);
  ' "${join(path, "run.lock")}" & exec sleep 100`;
  const parent = spawn("sh", ["-c", script], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(parent);
  const pid = Number(String((await once(parent.stdout as NodeJS.ReadableStream, "data"))[0]));
  try {
    expect(() => take()).toThrow(`got pid ${pid} `);
  } finally {
    process.kill(pid, "SIGKILL");
  }
  while (stateOf(pid) !== "Z") await new Promise(setImmediate);
  process.kill(pid, 0); // it still answers to its number
  take().release();
});

test("an owner that was stopped while its lock was taken away writes nothing when it goes on", async () => {
  const { child, ask } = start();
  expect(await ask({ action: "open", path })).toEqual(done);
  child.kill("SIGSTOP");
  expect(() => openJournal({ path, shown: "run", date })).toThrow(OwnedError);
  fs.rmSync(join(path, "run.lock"));
  const journal = openJournal({ path, shown: "run", date });
  journal.append({ event: "mine" });
  const before = fs.readFileSync(join(path, "log.jsonl"));
  child.kill("SIGCONT");
  expect(await ask({ action: "write", path })).toEqual(done);
  expect(fs.readFileSync(join(path, "log.jsonl"))).toEqual(before);
  expect(fs.readdirSync(path).sort()).toEqual(["log.jsonl", "run.lock"]);
  journal.append({ event: "mine still" });
  journal.release();
});

/** A PATH on which only some programs are found. */
function pathWith(...programs: string[]): string {
  const bin = join(path, `bin-${programs.join("-")}`);
  fs.mkdirSync(bin);
  for (const name of programs) {
    const at = (process.env.PATH ?? "").split(delimiter).find((place) => fs.existsSync(join(place, name)));
    if (at === undefined) throw new Error(`${name} is not installed`);
    fs.symlinkSync(join(at, name), join(bin, name));
  }
  return bin;
}

test.runIf(process.platform === "linux").each([
  ["flock", ["flock"], [["flock", "perl"]]],
  ["perl", ["perl"], [["flock", "perl"]]],
  ["the socket", [], [["socket"], ["flock", "perl"]]],
] as const)("with %s alone there is one owner, who is gone with its process", async (_, programs, groups) => {
  const env = { PATH: pathWith(...programs) };
  const [first, second] = [start(env), start(env)];
  expect(await first.ask({ action: "take", path, groups })).toEqual(done);
  const refused = await second.ask({ action: "take", path, groups });
  expect(refused.message).toContain(`belongs to another process; got pid ${first.child.pid} on `);
  // whoever finds all programs is kept out too
  expect(() => take()).toThrow(OwnedError);
  first.child.kill("SIGKILL");
  await once(first.child, "exit");
  expect(await second.ask({ action: "take", path, groups })).toEqual(done);
});

test("where there is no lock nobody becomes owner", async () => {
  const { ask } = start({ PATH: pathWith() });
  const said = await ask({ action: "take", path, groups: [["flock", "perl"]] });
  expect(said.message).toBe(
    "run/run.lock: cannot be locked: this machine has neither flock nor perl. Install util-linux.",
  );
});

test("a lock file that cannot be one is refused in a sentence", () => {
  fs.symlinkSync("elsewhere", join(path, "run.lock"));
  expect(() => take()).toThrow(FileError);
  expect(fs.existsSync(join(path, "elsewhere"))).toBe(false);
  fs.rmSync(join(path, "run.lock"));
  fs.mkdirSync(join(path, "run.lock"));
  expect(() => take()).toThrow("run/run.lock: cannot be locked; got it is a folder (EISDIR).");
});
