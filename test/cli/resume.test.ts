/** Runs that are killed and stopped in real processes, and gone on with: the same bytes, and the same words. */
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRunFolder } from "../../src/cli/runFolder.ts";
import { eventsOf, hashesOf, run, start, stopAt } from "./builtProgram.ts";

let place = "";
beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), "palimpsest-"));
  const words = Array.from(
    { length: 3000 },
    (_, i) => ["the", "cat", "sat", "on", "a", "mat."][(i * i + 3) % 6],
  );
  writeFileSync(join(place, "book.txt"), `${words.join(" ")}\n`);
  const { code, stderr } = await run(place, [...train(4), "--export", "all", "--out", "series", "--quiet"]);
  expect([code, stderr]).toEqual([0, ""]);
}, 240_000);
afterAll(() => rmSync(place, { recursive: true, force: true }));

const train = (steps: number) =>
  `train --text book.txt --layers 1 --d-model 8 --heads 1 --ctx 16 --steps ${steps} --seeds 2 --sample 0`.split(
    " ",
  );
const persistence =
  "study persistence --preset original --seeds 4 --sequences 32 --steps 60 --workers 1".split(" ");
const tracking = "track series --text book.txt --sequences 16 --draws 1 --least 2".split(" ");
const quietly = ["--json", "--quiet"];

/** How a run is stopped: by which signal, and after how many records of which event. */
interface Stop {
  readonly signal: NodeJS.Signals;
  readonly event: string;
  readonly count: number;
}

const killed = (event: string, count = 1): Stop => ({ signal: "SIGKILL", event, count });
const stopped = (event: string, count = 1): Stop => ({ signal: "SIGINT", event, count });

/** An uninterrupted run: its files, and what it prints with `--json` where its folder is called `out`. */
interface Whole {
  readonly hashes: Record<string, string>;
  readonly printed: (out: string) => string;
}

const wholes = new Map<readonly string[], Promise<Whole>>();

/** The uninterrupted run of a command, made once. */
function wholeRun(args: readonly string[]): Promise<Whole> {
  const made = wholes.get(args) ?? makeWhole(args, `whole/${wholes.size}`);
  wholes.set(args, made);
  return made;
}

async function makeWhole(args: readonly string[], out: string): Promise<Whole> {
  const { code, stdout, stderr } = await run(place, [...args, "--out", out, ...quietly]);
  expect([code, stderr]).toEqual([0, ""]);
  return {
    hashes: hashesOf(join(place, out)),
    printed: (other) => stdout.replace(`"run": "${out}"`, `"run": "${other}"`),
  };
}

test.each<[string, readonly string[], Stop]>([
  ["study persistence", persistence, killed("kept", 2)],
  ["study persistence, stopped", persistence, stopped("kept")],
  ["a study", "study S9 --quick --seeds 2 --workers 1".split(" "), killed("kept")],
  ["study fidelity", ["study", "fidelity"], killed("kept")],
  [
    "experiments",
    "experiments --preset original --seeds 2 --nulls 2 --blocks 2 --draws 19 --workers 1".split(" "),
    killed("kept"),
  ],
  ["train", [...train(30), "--workers", "2"], killed("kept")],
  ["train, stopped", [...train(3000), "--workers", "2"], stopped("started")],
  ["track", tracking, killed("kept", 2)],
])(
  "%s goes on to the same bytes and prints the same",
  async (name, args, stop) => {
    const out = `${name.replace(/[^a-z]/g, "-")}/run`;
    const folder = join(place, out);
    const whole = await wholeRun(args);
    const cut = await stopAt(place, [...args, "--out", out, ...quietly], folder, stop);
    expect(cut.stdout).toBe("");
    if (stop.signal === "SIGKILL") expect(cut.signal).toBe("SIGKILL");
    else {
      expect(cut.code).toBe(130);
      expect(cut.stderr).toContain(`stopped by SIGINT. "palimpsest resume ${out}" goes on with it.\n`);
    }
    // what was computed was on the disk, and there was something left to do
    expect(eventsOf(folder)).toContain("kept");
    expect(eventsOf(folder)).not.toContain("complete");
    const half = await run(place, ["verify", out, ...quietly]);
    expect(JSON.parse(half.stdout)).toMatchObject({
      verdict: "sound",
      status: stop.signal === "SIGKILL" ? "running" : "interrupted",
    });

    const rest = await run(place, ["resume", out, "--workers", "1", ...quietly]);
    expect([rest.code, rest.stderr]).toEqual([0, ""]);
    expect(rest.stdout).toBe(whole.printed(out));
    expect(hashesOf(folder)).toEqual(whole.hashes);
    expect(eventsOf(folder).filter((event) => event === "resumed").length).toBe(1);
  },
  240_000,
);

test("a run that is stopped again before it is as far as it was goes on all the same", async () => {
  const args = tracking;
  const whole = await wholeRun(args);
  const folder = join(place, "twice");
  await stopAt(place, [...args, "--out", "twice", ...quietly], folder, killed("decided"));
  for (const count of [1, 2]) {
    const again = await stopAt(place, ["resume", "twice", ...quietly], folder, stopped("resumed", count));
    expect([again.code, again.stdout]).toEqual([130, ""]);
  }
  const rest = await run(place, ["resume", "twice", ...quietly]);
  expect([rest.code, rest.stderr, rest.stdout]).toEqual([0, "", whole.printed("twice")]);
  expect(hashesOf(folder)).toEqual(whole.hashes);
}, 240_000);

test("a complete run is printed from its files, from wherever it is, as text and as JSON", async () => {
  const text = await run(place, [...persistence, "--out", "printed", "--quiet"]);
  const printed = (...args: string[]) => run(place, ["resume", ...args, "--quiet"]);
  expect(await printed("printed")).toMatchObject({ code: 0, stdout: text.stdout, stderr: "" });
  expect(text.stdout).toMatch(/\nReport: printed\/report\.html\n$/);
  renameSync(join(place, "printed"), join(place, "moved"));
  const moved = await printed("moved/manifest.json");
  expect(moved.stdout).toBe(text.stdout.replace("printed/report", "moved/report"));
  const result = JSON.parse(readFileSync(join(place, "moved/result.json"), "utf8"));
  expect(JSON.parse((await printed("moved", "--json")).stdout)).toEqual({ ...result, run: "moved" });
  writeFileSync(join(place, "moved/summary.txt"), "better");
  expect(await printed("moved")).toMatchObject({
    code: 2,
    stdout: "",
    stderr: expect.stringMatching(/^moved\/summary\.txt: the manifest says \d+ bytes; got 6\.\n$/),
  });
}, 240_000);

test("a damaged state costs its own job, which is said, and no number", async () => {
  const whole = await wholeRun(persistence);
  const folder = join(place, "spared");
  await stopAt(place, [...persistence, "--out", "spared", ...quietly], folder, killed("kept", 2));
  const [job] = readdirSync(join(folder, "work"));
  const part = join(folder, "work", job, "1.told.safetensors");
  const bytes = readFileSync(part);
  bytes[bytes.length - 1] ^= 1;
  writeFileSync(part, bytes);
  expect(await run(place, ["verify", "spared", "--quiet"])).toMatchObject({ code: 3 });
  const rest = await run(place, ["resume", "spared", ...quietly]);
  expect(rest.code).toBe(0);
  expect(rest.stderr).toContain(`spared/work/${job}/1.told.safetensors: is damaged; it is made again.\n`);
  expect(rest.stdout).toBe(whole.printed("spared"));
  expect(hashesOf(folder)).toEqual(whole.hashes);
}, 240_000);

test("without a name the newest run is gone on with that has not ended and that nobody is at", async () => {
  const cwd = join(place, "several");
  const date = () => new Date(0);
  const begin = (out: string) => createRunFolder({ study: "trial", out, cwd, date, started: { cwd } });
  begin("runs/no-manifest").release();
  const none = await run(cwd, ["resume"]);
  expect([none.code, none.stderr]).toEqual([
    2,
    "palimpsest resume: needs a run that has not ended in runs; got none. Name the folder of one.\n",
  ]);
  const first = join(cwd, "runs/first");
  writeFileSync(join(cwd, "book.txt"), readFileSync(join(place, "book.txt")));
  await stopAt(cwd, [...train(30), "--out", "runs/first"], first, killed("kept"));
  const parts = { study: "trial", command: ["study", "all"], config: {}, versions: { palimpsest: "0" } };
  const owned = createRunFolder({
    ...{ study: "trial", out: "runs/owned", cwd, date, started: { cwd } },
    manifest: { ...parts, engine: null },
  });
  const other = await run(cwd, ["resume", "runs/owned"]);
  expect([other.code, other.stderr]).toEqual([
    4,
    expect.stringMatching(new RegExp(`^runs/owned: belongs to another process; got pid ${process.pid} on `)),
  ]);
  const resumed = await run(cwd, ["resume", "--quiet"]);
  owned.release();
  expect(resumed.stderr).toBe("Going on with runs/owned\nGoing on with runs/first\n");
  expect([resumed.code, resumed.stdout]).toEqual([
    0,
    expect.stringMatching(/Report: runs\/first\/report\.html\n$/),
  ]);
}, 240_000);

test("a reader that went away costs nothing: the run goes on to its end and is printed again", async () => {
  const { child, ended } = start(place, [...persistence, "--out", "unheard", "--quiet"]);
  child.stdout?.destroy();
  expect((await ended).code).toBe(0);
  const again = await run(place, ["resume", "unheard", "--quiet"]);
  expect([again.code, again.stdout]).toEqual([0, expect.stringMatching(/Report: unheard\/report\.html\n$/)]);
}, 240_000);

test("--rerun proves a run, and finds what its command does not give", async () => {
  const args = [...train(30), "--out", "proven", "--quiet"];
  expect((await run(place, args)).code).toBe(0);
  const proof = await run(place, ["verify", "proven", "--rerun", ...quietly]);
  expect([proof.code, proof.stderr]).toEqual([0, ""]);
  const { verdict, files } = JSON.parse(proof.stdout);
  expect(verdict).toBe("sound");
  expect(files.every(({ rerun = "same" }) => rerun === "same")).toBe(true);
  expect(files.filter(({ rerun }: { rerun?: string }) => rerun !== undefined).length).toBe(files.length - 2);

  // the same run with another hand in its result, signed as if it had been so
  const folder = createRunFolder({
    study: "train",
    out: "forged",
    cwd: place,
    date: () => new Date(0),
    started: { cwd: place },
  });
  const manifest = JSON.parse(readFileSync(join(place, "proven/manifest.json"), "utf8"));
  for (const { path } of manifest.files) {
    const bytes = readFileSync(join(place, "proven", path));
    if (path === "summary.txt") continue;
    folder.write(path, path === "result.json" ? bytes.toString().replace("0", "1") : bytes);
  }
  folder.write("extra.txt", "");
  folder.log({ event: "complete" });
  const { files: _, sha256: __, format: ___, formatVersion: ____, ...parts } = manifest;
  folder.commit(parts);
  const forged = await run(place, ["verify", "forged", "--rerun", "--quiet"]);
  expect([forged.code, forged.stderr]).toEqual([
    3,
    "forged: not the same when made again: extra.txt, result.json, summary.txt.\n",
  ]);
  expect(forged.stdout.split("\n").slice(1)).toEqual([
    "  missing    extra.txt, made again",
    "  differs    result.json, made again",
    "  extra      summary.txt, made again",
    "",
  ]);
  const book = readFileSync(join(place, "book.txt"));
  writeFileSync(join(place, "book.txt"), `${book}More.\n`);
  const other = await run(place, ["verify", "proven", "--rerun", "--quiet"]);
  writeFileSync(join(place, "book.txt"), book);
  expect([other.code, other.stdout, other.stderr]).toEqual([
    2,
    "",
    expect.stringMatching(/^proven, config\.text\[0\]\.sha256: the run was begun with "[0-9a-f]{64}"; got /),
  ]);
  expect(readdirSync(place).filter((name) => name.includes("rerun"))).toEqual([]);
}, 240_000);
