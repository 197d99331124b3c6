import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeRun, put, runs, temporaryFolder } from "./madeRuns.ts";

const place = temporaryFolder();
const at = (...path: string[]) => join(place.path, ...path);

/** `runs list --json` in a folder. */
async function rowsOf(folder: string, ...options: string[]): Promise<Record<string, unknown>[]> {
  const { stdout, stderr, exitCode } = await runs(at(folder), ["list", ...options, "--json"]);
  expect([stderr, exitCode]).toEqual(["", 0]);
  return JSON.parse(stdout).runs;
}

test("the latest run comes first, with study, status, when, models, seeds, size and answer", async () => {
  const claims = ["supported", "refuted", "supported", "undecided"].map((verdict) => ({ verdict }));
  makeRun(at("table/runs/old"), {
    started: "2026-03-01T10:00:00.000Z",
    files: { "result.json": JSON.stringify({ claims }) },
  });
  makeRun(at("table/runs/new"), {
    ...{ study: "all", config: { seeds: null, quick: true }, started: "2026-03-02T11:30:00.000Z" },
    files: {
      ...Object.fromEntries(["a", "b", "c", "d"].map((name) => [`${name}/result.json`, "{}"])),
      "result.json": JSON.stringify({ studies: [{ decisions: [{ verdict: null }] }] }),
    },
  });
  const { stdout } = await runs(at("table"), ["list"]);
  const local = (time: string) => {
    const date = new Date(time);
    const two = (n: number) => String(n).padStart(2, "0");
    return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
  };
  const [head, ...lines] = stdout.trimEnd().split("\n");
  expect(head).toBe("run       study        status    started           models     seeds    size");
  const [later, earlier] = ["2026-03-02T11:30:00.000Z", "2026-03-01T10:00:00.000Z"].map(local);
  expect(lines.map((line) => line.replace(/[0-9.]+ k?B/, "SIZE"))).toEqual([
    `runs/new  all          complete  ${later}  4 studies      -  SIZE  quick: not decided`,
    `runs/old  persistence  complete  ${earlier}  gpt            2   SIZE  2 supported, 1 refuted, 1 undecided`,
  ]);
});

test("the size is that of everything in the folder", async () => {
  makeRun(at("size/runs/a"), { files: { "x.bin": new Uint8Array(1000) } });
  put(at("size/runs/a/work/k/1.bin"), new Uint8Array(500));
  const own = ["manifest.json", "log.jsonl"].map((name) => readFileSync(at("size/runs/a", name)).length);
  const [{ bytes }] = await rowsOf("size");
  expect(bytes).toBe(1500 + own[0] + own[1]);
});

test("results of sweeps are neither runs nor foreign, nor is the work of a job that is in progress there", async () => {
  makeRun(at("swept/runs/one"), { files: { "a.txt": "abc" } });
  put(at("swept/runs/sweeps/results/store.json"), new TextEncoder().encode("{}"));
  makeRun(at("swept/runs/sweeps/results/work/k"));
  expect((await rowsOf("swept")).map(({ run }) => run)).toEqual(["runs/one"]);
});

test("a damaged or foreign folder costs its own line and nothing else", async () => {
  makeRun(at("bad/runs/good"), { files: { "a.txt": "abc" } });
  const [before] = await rowsOf("bad");
  makeRun(at("bad/runs/missing"), { files: { "a.txt": "abc", "b.txt": "abc" } });
  mkdirSync(at("bad/runs/missing/a.txt.d"));
  writeFileSync(at("bad/runs/missing/a.txt"), "abcd");
  makeRun(at("bad/runs/flipped"));
  const manifest = readFileSync(at("bad/runs/flipped/manifest.json"));
  manifest[40] ^= 1;
  writeFileSync(at("bad/runs/flipped/manifest.json"), manifest);
  makeRun(at("bad/runs/changed"), { files: { "result.json": '{"claims":[{"verdict":"refuted"}]}' } });
  writeFileSync(at("bad/runs/changed/result.json"), '{"claims":[{"verdict":"refutee"}]}');
  makeRun(at("bad/runs/nul"));
  writeFileSync(at("bad/runs/nul/manifest.json"), new Uint8Array(500));
  put(at("bad/runs/page/manifest.json"), '{"name":"a web page"}');
  put(at("bad/runs/notes/a.txt"), "x");
  put(at("bad/runs/file.txt"), "x");
  symlinkSync("good", at("bad/runs/link"));
  const rows = await rowsOf("bad");
  expect(rows.find(({ run }) => run === "runs/good")).toEqual(before);
  const told = Object.fromEntries(rows.map(({ run, status, note }) => [run, [status, note]]));
  expect(told).toEqual({
    "runs/good": ["complete", null],
    "runs/missing": ["damaged", "a.txt has 4 bytes, not 3"],
    "runs/flipped": ["damaged", expect.stringContaining("runs/flipped/manifest.json")],
    "runs/changed": ["damaged", "runs/changed/result.json: has other bytes than the manifest says."],
    "runs/nul": ["damaged", expect.stringContaining("runs/nul/manifest.json")],
    "runs/page": ["foreign", "its manifest.json is of something else"],
    "runs/notes": ["foreign", "no run, and none in it"],
    "runs/link": ["foreign", "a link, which is not followed"],
  });
});

test("a run says that it is running while its owner lives, and is interrupted once it does not", async () => {
  const owner = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
  const owned = (name: string, lock: object | null) => {
    makeRun(at("live/runs", name), { status: "running" });
    if (lock !== null) put(at("live/runs", name, "run.lock"), JSON.stringify(lock));
  };
  owned("here", owner);
  owned("elsewhere", { ...owner, host: "another-machine", pid: 1 });
  owned("killed", null);
  // beyond every system's largest process number
  owned("dead", { ...owner, pid: 2 ** 30 });
  owned("odd", { ...owner, since: "soon" });
  if (process.platform === "linux") owned("reused", { ...owner, since: "2001-01-01T00:00:00.000Z" });
  const rows = await rowsOf("live");
  const told = Object.fromEntries(rows.map(({ run, status }) => [String(run).slice(5), status]));
  const { here, elsewhere, ...others } = told;
  expect([here, elsewhere]).toEqual(["running", "running"]);
  expect(Object.values(others)).toEqual(Object.values(others).map(() => "interrupted"));
  const note = rows.find(({ run }) => run === "runs/here")?.note;
  expect(note).toBe(`by process ${process.pid} on ${hostname()} since ${owner.since}`);
  expect(rows.find(({ run }) => run === "runs/killed")?.note).toBe(
    '"palimpsest resume runs/killed" goes on with it.',
  );
});

test("a run that was killed before it had a manifest is told by its log", async () => {
  makeRun(at("early/runs/a"), { started: "2026-05-05T05:05:05.000Z" });
  const log = readFileSync(at("early/runs/a/log.jsonl"));
  put(at("early/runs/b/log.jsonl"), log);
  put(at("early/runs/c/log.jsonl"), "something else\n");
  put(at("early/runs/d/log.jsonl"), log);
  const owner = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
  put(at("early/runs/d/run.lock"), JSON.stringify(owner));
  const rows = await rowsOf("early");
  expect(rows.map(({ run, status, started }) => [run, status, started])).toEqual([
    ["runs/a", "complete", "2026-05-05T05:05:05.000Z"],
    ["runs/b", "interrupted", "2026-05-05T05:05:05.000Z"],
    ["runs/d", "running", "2026-05-05T05:05:05.000Z"],
    ["runs/c", "foreign", null],
  ]);
});

test("folders of runs are looked into, folders in a run and hidden ones are not", async () => {
  makeRun(at("deep/runs/x/y/run"));
  makeRun(at("deep/runs/x/y/run/inner"));
  makeRun(at("deep/runs/.removed-0123456789abcdef"));
  expect((await rowsOf("deep")).map(({ run }) => run)).toEqual(["runs/x/y/run"]);
  expect((await rowsOf("deep", ".")).map(({ run }) => run)).toEqual(["runs/x/y/run"]);
  expect((await rowsOf("deep", "runs/x/y/run")).map(({ run }) => run)).toEqual(["runs/x/y/run"]);
  expect((await rowsOf("deep/runs", "../runs")).map(({ run }) => run)).toEqual(["x/y/run"]);
});

test("--study and --status choose, and what is left out is counted", async () => {
  makeRun(at("chosen/runs/a"), { study: "train" });
  makeRun(at("chosen/runs/b"), { study: "train", status: "failed" });
  makeRun(at("chosen/runs/c"));
  const names = async (...options: string[]) => (await rowsOf("chosen", ...options)).map(({ run }) => run);
  expect(await names("--study", "train")).toEqual(["runs/a", "runs/b"]);
  expect(await names("--status", "failed")).toEqual(["runs/b"]);
  expect(await names("--study", "persistence", "--status", "failed")).toEqual([]);
  const some = await runs(at("chosen"), ["list", "--study", "train"]);
  expect(some.stdout).toMatch(/\n1 other not shown\.\n$/);
  const none = await runs(at("chosen"), ["list", "--study", "tain"]);
  expect(none.stdout).toBe("None of the 3 folders in runs is such a run.\n");
  const wrong = await runs(at("chosen"), ["list", "--status", "fail"]);
  expect([wrong.exitCode, wrong.stderr]).toEqual([2, expect.stringContaining('Nearest: "failed"')]);
});

test("a folder without runs is an empty list; one that is not there is an error", async () => {
  mkdirSync(at("empty"));
  expect((await runs(at("empty"), ["list"])).stdout).toBe("No runs in runs.\n");
  const { exitCode, stderr } = await runs(at("empty"), ["list", "runs"]);
  expect([exitCode, stderr]).toEqual([2, "runs: cannot be listed; got no such file or folder (ENOENT).\n"]);
});

test("a name cannot steer the terminal or add a line", async () => {
  makeRun(at("names/runs/a\u001b[2J\nb"), { study: "x\u001b]0;title\u0007\ny" });
  const { stdout } = await runs(at("names"), ["list"]);
  expect(stdout.trimEnd().split("\n")).toHaveLength(2);
  expect(stdout).not.toMatch(/[^\P{Cc}\n]/u);
});
