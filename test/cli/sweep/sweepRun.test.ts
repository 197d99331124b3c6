/** Sweeps with the built command line and its child processes: `npm run build` comes before, as in `npm test`. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetReadObjects } from "hyparquet";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseJson } from "../../../src/record/canonicalJson.ts";
import { checkFile, readManifest } from "../../../src/record/manifest.ts";

const root = join(import.meta.dirname, "../../..");
let place: string;

beforeAll(() => {
  if (!existsSync(join(root, "dist/sweepJob.js")))
    throw new Error("dist is missing: run `npm run build` first.");
  place = mkdtempSync(join(tmpdir(), "palimpsest-sweeps-"));
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command; `on` sees what it said so far on stderr, whenever it says something. */
function palimpsest(
  line: string,
  { on, env = {} }: { on?: (said: string, child: ChildProcess) => void; env?: NodeJS.ProcessEnv } = {},
): Promise<Ended> {
  return new Promise((resolve) => {
    const args = [join(root, "bin/palimpsest.js"), ...line.split(" ")];
    const child = spawn(process.execPath, args, { cwd: place, env: { ...process.env, ...env } });
    const ended: Ended = { code: null, stdout: "", stderr: "" };
    child.stdout.on("data", (text) => {
      ended.stdout += text;
    });
    child.stderr.on("data", (text) => {
      ended.stderr += text;
      on?.(ended.stderr, child);
    });
    child.on("close", (code) => resolve({ ...ended, code }));
  });
}

const small = "seeds: 2\nbase: {steps: 3, sequences: 64}\n";
const sweep = (
  line: string,
  ...options: Parameters<typeof palimpsest> extends [string, ...infer R] ? R : never
) => palimpsest(`sweep ${line}`, ...options);

/** The second job trains for two seconds and more: long enough to be struck in the middle of it. */
const long = "seeds: 2\nbase: {sequences: 64}\n";
const write = (name: string, text: string) => writeFileSync(join(place, name), text);
const bytesOf = (...path: string[]) => readFileSync(join(place, ...path));
const resultsIn = (store: string) =>
  new Map(
    readdirSync(join(place, store))
      .filter((name) => /^[0-9a-f]{64}\.json$/.test(name))
      .map((name) => [name, bytesOf(store, name).toString()]),
  );
const eventsOf = (run: string) =>
  bytesOf(run, "log.jsonl")
    .toString()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { event: string; [field: string]: unknown });
const count = (run: string, event: string) => eventsOf(run).filter((record) => record.event === event).length;
/** Processes of this machine that are children of one. */
const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);

test("a sweep leaves its dataset, jobs, figures and report; edited, it computes only what is new", async () => {
  write("a.yaml", `sweep: rates\n${small}grid: {lr: [0.001, 0.01]}\n`);
  const one = await sweep("a.yaml --json --quiet --store a-store --out a");
  expect([one.code, one.stderr]).toEqual([0, ""]);
  const manifest = readManifest(bytesOf("a", "manifest.json"), "manifest.json");
  expect(manifest).toMatchObject({ study: "sweep", status: "complete", config: { title: "rates" } });
  expect(manifest.command).toEqual(["sweep", "a.yaml", "--store", "a-store"]);
  for (const entry of manifest.files) checkFile(entry, bytesOf("a", entry.path), "a");
  const printed = parseJson(one.stdout, { file: "stdout" });
  expect(printed).toMatchObject({ status: "complete", jobs: { total: 2, done: 2 }, pass: true, run: "a" });
  const rows = await parquetReadObjects({ file: Uint8Array.from(bytesOf("a", "dataset.parquet")).buffer });
  const excess = rows.filter(({ statistic }) => statistic === "tuningExcess");
  // 2 jobs, 2 layers, 2 kinds, 2 seeds
  expect(excess.length).toBe(16);
  const jobs = parseJson(bytesOf("a", "jobs.json").toString(), { file: "jobs.json" }) as { key: string }[];
  expect(jobs.map(({ key }) => `${key}.json`).sort()).toEqual([...resultsIn("a-store").keys()].sort());
  expect(readdirSync(join(place, "a-store", "work"))).toEqual([]);

  write(
    "b.ts",
    `export default { sweep: "more rates", seeds: 2, base: { steps: 3, sequences: 64 }, grid: { lr: [0.1, 0.01, 0.001] } };`,
  );
  const dry = await sweep("b.ts --dry-run --json --store a-store");
  const planned = parseJson(dry.stdout, { file: "stdout" }) as { jobs: { done: boolean }[] };
  expect(planned.jobs.map(({ done }) => done)).toEqual([false, true, true]);
  const two = await sweep("b.ts --store a-store --out b");
  expect(two.code).toBe(0);
  expect([count("b", "done"), resultsIn("a-store").size]).toEqual([1, 3]);
  expect(two.stdout).toContain("more rates: 3 of 3 jobs done.");
  // JSON lines where the output is no terminal
  for (const line of two.stderr.trim().split("\n"))
    expect(JSON.parse(line).event).toMatch(/^(log|progress)$/);
});

test("a process that is killed costs a try: its job is done once, with the bytes that it always has", async () => {
  write("k.yaml", `sweep: killed\n${long}grid: {steps: [40, 500]}\n`);
  const calm = await sweep("k.yaml --quiet --store calm --out calm-run --workers 1");
  expect(calm.code).toBe(0);
  let killed = 0;
  const struck = await sweep("k.yaml --store struck --out struck-run --workers 1", {
    on: (said, { pid }) => {
      if (killed > 0 || !said.includes('"running":[{')) return;
      const [victim] = childrenOf(pid as number);
      if (victim === undefined) return;
      killed = victim;
      process.kill(victim, "SIGKILL");
    },
  });
  expect(killed).toBeGreaterThan(0);
  expect([struck.code, count("struck-run", "failed"), count("struck-run", "done")]).toEqual([0, 1, 2]);
  expect(struck.stderr).toContain(`(pid ${killed}) was ended by SIGKILL`);
  expect(resultsIn("struck")).toEqual(resultsIn("calm"));
  const without = (run: string) =>
    readManifest(bytesOf(run, "manifest.json"), run).files.map(({ path, sha256 }) => `${path} ${sha256}`);
  expect(without("struck-run").filter((line) => !/^report|^summary/.test(line))).toEqual(
    without("calm-run").filter((line) => !/^report|^summary/.test(line)),
  );
});

test("a job that kills its process each time is given up after three tries; the sweep is partial and names it", async () => {
  write("p.yaml", `sweep: poison\n${small}grid: {lr: [0.001, 0.002]}\n`);
  // a fault from outside: whoever receives the job with this rate dies of it
  write(
    "poison.mjs",
    `process.on("message", ({ job }) => { if (job?.config.lr === 0.002) process.kill(process.pid, "SIGSEGV"); });
     if (!process.send) process.removeAllListeners("message");`,
  );
  const env = { NODE_OPTIONS: `--import ${join(place, "poison.mjs")}` };
  const { code, stdout } = await sweep("p.yaml --quiet --store p-store --out p --workers 1", { env });
  expect(code).toBe(1);
  expect(stdout).toContain("poison: 1 of 2 jobs done.");
  expect(stdout).toMatch(/Missing: lr 0\.002: its process \(pid \d+\) was ended by SIGSEGV\./);
  expect([count("p", "failed"), count("p", "parked")]).toEqual([2, 1]);
  const result = parseJson(bytesOf("p", "result.json").toString(), { file: "result.json" });
  expect(result).toMatchObject({ status: "partial", pass: false, missing: [{ name: "lr 0.002" }] });
  expect(bytesOf("p", "report.html").toString()).toContain("1 of 2 jobs has no result");
});

test("SIGINT keeps the state of jobs in progress, and resume goes on from it to the same bytes", async () => {
  write("l.yaml", `sweep: stopped\n${long}grid: {steps: [500]}\n`);
  const stopped = await sweep("l.yaml --store l-store --out l1 --workers 1", {
    on: (said, child) => {
      if (/"done":0\.\d*[1-9]/.test(said) && !child.killed) child.kill("SIGINT");
    },
  });
  expect(stopped.code).toBe(130);
  expect(resultsIn("l-store").size).toBe(0);
  const [work] = readdirSync(join(place, "l-store", "work"));
  const states = readdirSync(join(place, "l-store", "work", work), { recursive: true, encoding: "utf8" });
  expect(states.filter((name) => name.endsWith(".state.safetensors")).length).toBeGreaterThan(0);
  expect(readManifest(bytesOf("l1", "manifest.json"), "l1").status).toBe("interrupted");
  expect(stopped.stderr).toContain("palimpsest resume l1");
  const resumed = await palimpsest("resume l1 --quiet");
  expect([resumed.code, resumed.stderr]).toEqual([0, ""]);
  expect(resumed.stdout).toContain("stopped: 1 of 1 job done.");
  // of the run that was neither killed nor stopped
  const [[name, bytes]] = resultsIn("l-store");
  expect(bytes).toBe(resultsIn("calm").get(name));
  expect(readdirSync(join(place, "l-store", "work"))).toEqual([]);
});

test("processes end with the sweep that started them, however that ends", async () => {
  write("o.yaml", "sweep: orphans\nseeds: 2\nbase: {steps: 100000, sequences: 64}\n");
  let children: number[] = [];
  await sweep("o.yaml --store o-store --out o --workers 1", {
    on: (said, child) => {
      if (children.length > 0 || !said.includes('"done":0.')) return;
      children = childrenOf(child.pid as number);
      child.kill("SIGKILL");
    },
  });
  expect(children.length).toBeGreaterThan(0);
  const isThere = (pid: number) =>
    existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`).length > 0;
  // they are promised to be gone within two seconds
  const deadline = performance.now() + 2000;
  while (children.some(isThere) && performance.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 20));
  expect(children.filter(isThere)).toEqual([]);
});
