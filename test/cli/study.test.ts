/** The built command line as a user calls it: `npm run build` comes before, as in `npm test`. */
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { parquetReadObjects } from "hyparquet";
import { afterAll, beforeAll, expect, test } from "vitest";
import { presets } from "../../src/model/config.ts";
import { weightShapes } from "../../src/model/weights.ts";
import { readManifest } from "../../src/record/manifest.ts";
import { readSafetensors } from "../../src/record/safetensors.ts";
import { sha256OfBytes, sha256OfWeights } from "../../src/record/sha256.ts";
import type { PersistenceResult } from "../../src/studies/persistence/result.ts";

const root = join(import.meta.dirname, "../..");
const bin = join(root, "bin/palimpsest.js");
let place: string;

beforeAll(() => {
  if (!existsSync(join(root, "dist/worker.js")))
    throw new Error("dist is missing: run `npm run build` first.");
  place = mkdtempSync(join(tmpdir(), "palimpsest-"));
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

function palimpsest(
  args: readonly string[],
  onStderr?: (text: string, kill: (signal: NodeJS.Signals) => void) => void,
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [bin, ...args], { cwd: place });
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

const small = [
  "study",
  "persistence",
  "--seeds",
  "6",
  "--sequences",
  "64",
  "--epochs",
  "2",
  "--json",
  "--quiet",
];
const filesOf = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== "log.jsonl") // which tells the time
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();

test("1, 2 and 4 workers give the same files to the byte", async () => {
  const runs = await Promise.all(
    [1, 2, 4].map(async (workers) => {
      const { code, stderr } = await palimpsest([
        ...small,
        "--workers",
        String(workers),
        "--out",
        `w${workers}`,
      ]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const folder = join(place, `w${workers}`);
      return filesOf(folder).map((name) => `${name} ${sha256OfBytes(readFileSync(join(folder, name)))}`);
    }),
  );
  expect(runs[0].length).toBeGreaterThan(10);
  expect(runs[1]).toEqual(runs[0]);
  expect(runs[2]).toEqual(runs[0]);
});

test("--json prints one object with the promised fields, and the run folder holds what it says", async () => {
  const { code, stdout } = await palimpsest([...small, "--out", "json"]);
  expect(code).toBe(0);
  const result = JSON.parse(stdout) as PersistenceResult;
  expect(Object.keys(result)).toEqual(["study", "presets", "claims", "run"]);
  expect(result.presets.map(({ preset }) => preset)).toEqual(["original", "causal"]);
  expect(result.claims.map(({ id }) => id)).toEqual(["C1", "C2", "C3", "C4", "C5", "C6", "C7"]);
  for (const { rule, evidence } of result.claims) expect(rule.length * evidence.length).toBeGreaterThan(0);
  for (const { groups, models, steps, seeds, loss } of result.presets) {
    expect({ steps, seeds }).toEqual({ steps: 4, seeds: [0, 1, 2, 3, 4, 5] });
    expect(Object.keys(loss)).toEqual(
      expect.arrayContaining(["first", "last", "heldOut", "bayesFloor", "leak"]),
    );
    expect(groups.map(({ layer, kind }) => `${layer} ${kind}`)).toEqual([
      "0 token",
      "0 position",
      "1 token",
      "1 position",
    ]);
    for (const { criterion, tuning, identityRecovery } of groups) {
      for (const share of [criterion.maintained, criterion.null, identityRecovery]) {
        expect(share).toBeGreaterThanOrEqual(0);
        expect(share).toBeLessThanOrEqual(1);
      }
      expect(criterion.excess).toBeCloseTo(criterion.maintained - criterion.null, 12);
      for (const [low, high] of [criterion.ci, criterion.excessCi, tuning.ci])
        expect(low).toBeLessThanOrEqual(high);
    }
    for (const { weights } of models) expect(weights).toMatch(/^[0-9a-f]{64}$/);
  }

  expect(result.run).toBe("json");
  const folder = join(place, result.run);
  const manifest = readManifest(readFileSync(join(folder, "manifest.json")), "manifest.json");
  expect(manifest.status).toBe("complete");
  for (const { path, bytes, sha256 } of manifest.files) {
    const content = readFileSync(join(folder, path));
    expect([path, content.length, sha256OfBytes(content)]).toEqual([path, bytes, sha256]);
  }

  // the checkpoint holds the weights whose hash the result names
  const path = "checkpoints/original-step-000004.safetensors";
  const { tensors, metadata } = readSafetensors(readFileSync(join(folder, path)), { file: path });
  expect(metadata.get("seeds")).toBe("0,1,2,3,4,5");
  const shapes = weightShapes(presets.original);
  const ofModel = (model: number) =>
    Object.fromEntries(
      [...shapes].map(([name, shape]) => {
        const size = shape.reduce((product, axis) => product * axis, 1);
        return [name, tensors.get(name)?.data.slice(model * size, (model + 1) * size) as Float32Array];
      }),
    );
  for (const [model, { weights }] of result.presets[0].models.entries())
    expect(sha256OfWeights(ofModel(model), shapes)).toBe(weights);

  // and the measurements the numbers: held-out loss is the mean of what the rows say
  const parquet = readFileSync(join(folder, "measurements/original-step-000004.parquet"));
  const file = parquet.buffer.slice(parquet.byteOffset, parquet.byteOffset + parquet.length);
  const rows = (await parquetReadObjects({ file })) as { statistic: string; value: number }[];
  const losses = rows
    .filter(({ statistic }) => statistic === "heldOutLoss.position")
    .map(({ value }) => value);
  expect(losses.length).toBe(6 * 7);
  expect(losses.reduce((sum, value) => sum + value / losses.length, 0)).toBeCloseTo(
    result.presets[0].loss.heldOut,
    10,
  );
});

test("the report is one file with every section and no reference to elsewhere", async () => {
  const html = readFileSync(join(place, "json/report.html"), "utf8");
  expect(html).toContain("What the original claimed");
  expect(html).not.toMatch(/(?:src|href)="(?!#)|@import|url\(http/);
});

test("without --json the last line says where the report is", async () => {
  const { code, stdout, stderr } = await palimpsest([
    ...small.filter((arg) => !/--json|--quiet/.test(arg)),
    "--preset",
    "causal",
    "--out",
    "plain",
  ]);
  expect(code).toBe(0);
  expect(stdout.trimEnd().split("\n").at(-1)).toBe("Report: plain/report.html");
  expect(existsSync(join(place, "plain/report.html"))).toBe(true);
  for (const line of stderr.trim().split("\n")) expect(JSON.parse(line)).toHaveProperty("event");
});

test("what cannot be done is one sentence on stderr, nothing on stdout, and exit code 2", async () => {
  mkdirSync(join(place, "full"));
  writeFileSync(join(place, "full/mine.txt"), "keep me");
  writeFileSync(join(place, "file"), "");
  writeFileSync(join(place, "bad.json"), '{"seed": 1}');
  const cases: [string[], RegExp][] = [
    [["study", "persistence", "--out", "full"], /full: .*empty/],
    [["study", "persistence", "--out", "file/run"], /file/],
    [["study", "persistence", "--seeds", "1"], /--seeds/],
    [["study", "persistence", "--stepz", "1"], /--stepz.*--steps/],
    [["study", "fidelity", "--fixture", "bad.json"], /bad\.json.*batch/],
    [["study", "fidelity", "--fixture", "nowhere.json"], /nowhere\.json/],
    [["bench", "train", "--models", "1", "--workers", "2"], /--workers/],
  ];
  for (const [args, sentence] of cases) {
    const { code, stdout, stderr } = await palimpsest([...args, "--quiet"]);
    expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: "" });
    expect(stderr).toMatch(sentence);
    expect(stderr.trim().split("\n").length).toBe(1);
  }
  expect(readFileSync(join(place, "full/mine.txt"), "utf8")).toBe("keep me");
});

test("an interrupted run leaves a manifest that says so", async () => {
  let sent = false;
  const { code, stderr } = await palimpsest(
    ["study", "persistence", "--epochs", "10000", "--out", "stopped"],
    (text, kill) => {
      if (sent || !text.includes('"event":"progress"')) return;
      sent = true;
      kill("SIGINT");
    },
  );
  expect(code).toBe(130);
  expect(stderr).toContain("stopped by SIGINT");
  const manifest = readManifest(readFileSync(join(place, "stopped/manifest.json")), "manifest.json");
  expect(manifest.status).toBe("interrupted");
});

test("fidelity passes for the runs that come along, and says no with exit code 1 for one that differs", async () => {
  const { code, stdout } = await palimpsest(["study", "fidelity", "--json"]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ pass: true, runs: [{ seed: 42 }, { seed: 123 }] });
  const fixture = JSON.parse(readFileSync(join(root, "fixtures/original/seed-42.json"), "utf8"));
  fixture.epoch_losses[9] += 0.01;
  writeFileSync(join(place, "other.json"), JSON.stringify(fixture));
  const other = await palimpsest(["study", "fidelity", "--fixture", "other.json", "--json"]);
  expect(other.code).toBe(1);
  expect(Object.keys(JSON.parse(other.stdout))).toEqual([
    "seed",
    "backend",
    "initialLogitsMaxError",
    "epochLosses",
    "epochLossMaxError",
    "eta2MaxError",
    "top5Equal",
    "maintained",
    "pass",
  ]);
});

test("bench train prints what it measured", async () => {
  const { code, stdout } = await palimpsest([
    "bench",
    "train",
    "--models",
    "4",
    "--workers",
    "1",
    "--seconds",
    "0.2",
    "--json",
  ]);
  expect(code).toBe(0);
  const result = JSON.parse(stdout);
  expect(Object.keys(result)).toEqual([
    "config",
    "models",
    "workers",
    "backend",
    "modelStepsPerSecond",
    "msPerStep",
    "kernelShare",
    "peakRssMb",
  ]);
  expect(result.msPerStep).toBeCloseTo(4000 / result.modelStepsPerSecond, 6);
  expect(result.kernelShare).toBeGreaterThan(0);
  expect(result.kernelShare).toBeLessThanOrEqual(1);
});
