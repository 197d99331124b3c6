/** Planned studies with the built command line: `npm run build` comes before, as in `npm test`. */
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseJson } from "../../src/record/canonicalJson.ts";
import { checkFile, readManifest } from "../../src/record/manifest.ts";
import { parseStudyResult } from "../../src/studies/protocol/result.ts";

const root = join(import.meta.dirname, "../..");
const bin = join(root, "bin/palimpsest.js");
let place: string;

beforeAll(() => {
  if (!existsSync(join(root, "dist/worker.js")))
    throw new Error("dist is missing: run `npm run build` first.");
  place = mkdtempSync(join(tmpdir(), "palimpsest-studies-"));
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

function palimpsest(
  line: string,
  onStderr?: (text: string, kill: (signal: NodeJS.Signals) => void) => void,
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [bin, ...line.split(" ")], { cwd: place });
    const ended = { code: null, stdout: "", stderr: "" } as Ended;
    child.stdout.on("data", (text) => {
      ended.stdout += text;
    });
    child.stderr.on("data", (text) => {
      ended.stderr += text;
      onStderr?.(ended.stderr, (signal) => child.kill(signal));
    });
    child.on("close", (code) => resolve({ ...ended, code }));
  });
}

const filesOf = (folder: string) =>
  readdirSync(join(place, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== "log.jsonl") // which tells the time
    .map((entry) => relative(join(place, folder), join(entry.parentPath, entry.name)))
    .sort();
const bytesOf = (folder: string, path: string) => readFileSync(join(place, folder, path));
const manifestOf = (folder: string) => readManifest(bytesOf(folder, "manifest.json"), "manifest.json");

test("a quick study gives the same files to the byte with 1 and 2 workers, by name and by id", async () => {
  const options = "--quick --json --quiet";
  const one = await palimpsest(`study selection-regression ${options} --workers 1 --out one`);
  const two = await palimpsest(`study S10 ${options} --workers 2 --out two`);
  for (const { code, stderr } of [one, two]) expect([code, stderr]).toEqual([0, ""]);
  expect(filesOf("one")).toEqual(filesOf("two"));
  for (const path of filesOf("one"))
    expect(bytesOf("two", path).equals(bytesOf("one", path)), path).toBe(true);
  const manifest = manifestOf("one");
  expect(manifest).toMatchObject({ study: "selection-regression", status: "complete" });
  for (const entry of manifest.files) checkFile(entry, bytesOf("one", entry.path), "one");
  const printed = parseJson(one.stdout, { file: "stdout" }) as { run: string };
  const kept = parseJson(bytesOf("one", "result.json").toString(), { file: "result.json" });
  expect(printed.run).toBe("one");
  expect({ ...printed, run: "." }).toEqual(kept);
  const result = parseStudyResult("result.json", kept);
  expect([result.id, result.quick, result.decisions.map(({ verdict }) => verdict)]).toEqual([
    "S10",
    true,
    [null],
  ]);
  expect(filesOf("one").filter((path) => path.endsWith(".svg")).length).toBeGreaterThan(0);
  const report = bytesOf("one", "report.html").toString();
  expect(report).toContain("Quick run: nothing is decided.");
  expect(report).not.toMatch(/<script|src=|https?:\/\/(?!www\.w3\.org)/);
});

test("findings take over a complete full run, and no quick one; what is there stays where one is refused", async () => {
  const full = await palimpsest("study S10 --seeds 2 --quiet --out full");
  expect([full.code, full.stderr]).toEqual([0, ""]);
  expect(full.stdout.trimEnd().split("\n").at(-1)).toBe("Report: full/report.html");
  expect(bytesOf("full", "report.html").toString()).toContain("Not the planned seeds.");
  mkdirSync(join(place, "results"));
  const made = await palimpsest("study findings --from full --results results --out findings.md");
  expect([made.code, made.stderr]).toEqual([0, ""]);
  expect(readdirSync(join(place, "results"))).toEqual(["S10.json"]);
  const text = readFileSync(join(place, "findings.md"), "utf8");
  expect(text).toContain("2 seeds (0–1) of 60 planned");
  expect(text).toContain("`npx palimpsest study selection-regression --seeds 2`");
  const again = await palimpsest("study findings --results results --out again.md");
  expect(again.code).toBe(0);
  expect(readFileSync(join(place, "again.md"), "utf8")).toBe(text);

  cpSync(join(place, "full"), join(place, "changed"), { recursive: true });
  rmSync(join(place, "changed/result.json"));
  for (const [from, sentence] of [
    ["one", "result of S10: a quick run decides nothing and is no finding.\n"],
    ["changed", "changed/result.json"],
    ["nowhere", "nowhere/manifest.json"],
  ]) {
    const refused = await palimpsest(`study findings --from ${from} --results results --out findings.md`);
    expect([refused.code, refused.stdout]).toEqual([2, ""]);
    expect(refused.stderr).toContain(sentence);
    expect(refused.stderr.trimEnd().split("\n").length).toBe(1);
  }
  expect(readFileSync(join(place, "findings.md"), "utf8")).toBe(text);
});

test("an interrupted run of all studies leaves a manifest that says so, with what was finished before", async () => {
  let sent = false;
  const { code, stderr } = await palimpsest("study all --quick --out stopped", (text, kill) => {
    if (sent || !/"title":"S2 initial-selectivity, quick, study 2 of/.test(text)) return;
    sent = true;
    kill("SIGINT");
  });
  expect(code).toBe(130);
  expect(stderr.trimEnd().split("\n").at(-1)).toBe(
    'palimpsest: stopped by SIGINT. "palimpsest resume stopped" goes on with it.',
  );
  const manifest = manifestOf("stopped");
  expect(manifest.status).toBe("interrupted");
  expect(manifest.files.map(({ path }) => path)).toEqual(["fidelity/report.html", "fidelity/result.json"]);
});

test("a folder that is in use is refused before any work", async () => {
  const { code, stdout, stderr } = await palimpsest("study S10 --quick --out one");
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain("run folder one: must be new or empty");
});
