/** `palimpsest experiments` as a user calls it: `npm run build` comes before, as in `npm test`. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { readManifest } from "../../src/record/manifest.ts";
import { sha256OfBytes } from "../../src/record/sha256.ts";
import { experiments } from "../../src/studies/experiments/experiments.ts";
import { runExperimentsJob } from "../../src/studies/experiments/job.ts";
import type { MeasuredModels } from "../../src/studies/experiments/measured.ts";
import type { ExperimentsResult } from "../../src/studies/experiments/result.ts";
import {
  nullSeeds,
  type PopulationSpec,
  type SectionName,
  sectionNames,
} from "../../src/studies/experiments/spec.ts";
import { saveRun } from "./savedRun.ts";

const root = join(import.meta.dirname, "../..");
let place = "";
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

function palimpsest(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, "bin/palimpsest.js"), "experiments", ...args], {
      cwd: place,
    });
    const ended: Ended = { code: null, stdout: "", stderr: "" };
    child.stdout.on("data", (text) => {
      ended.stdout += text;
    });
    child.stderr.on("data", (text) => {
      ended.stderr += text;
    });
    child.on("close", (code) => resolve({ ...ended, code }));
  });
}

const base: ModelConfig = {
  ...presets.causal,
  nLayers: 1,
  dModel: 8,
  dHead: 4,
  dMlp: 12,
  dVocab: 6,
  nCtx: 4,
};

/** As little as every section can be measured on. */
const tiny = ["--nulls", "3", "--blocks", "2", "--draws", "19", "--positions", "3"];
const filesOf = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== "log.jsonl") // which tells the time
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();

test("1 and 2 workers give the same JSON and the same files to the byte", async () => {
  writeFileSync(join(place, "small.json"), JSON.stringify(base));
  const runs = await Promise.all(
    [1, 2].map(async (workers) => {
      const out = `w${workers}`;
      const { code, stdout, stderr } = await palimpsest(
        ...["--config", "small.json", "--seeds", "5", ...tiny],
        ...["--workers", String(workers), "--out", out, "--json", "--quiet"],
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const folder = join(place, out);
      const files = filesOf(folder).map(
        (name) => `${name} ${sha256OfBytes(readFileSync(join(folder, name)))}`,
      );
      return { stdout: stdout.replace(`"run": "${out}"`, '"run": "."'), files };
    }),
  );
  expect(runs[0].files.length).toBeGreaterThan(10);
  expect(runs[1]).toEqual(runs[0]);
});

test("--json has a key for each experiment with numbers, null and verdict of every preset, and the folder holds what it says", async () => {
  const { code, stdout } = await palimpsest(
    ...["--preset", "original,gpt", "--seeds", "7,3", ...tiny, "--out", "json", "--json", "--quiet"],
  );
  expect(code).toBe(0);
  const result = JSON.parse(stdout) as ExperimentsResult;
  expect(Object.keys(result)).toEqual(["study", "populations", ...sectionNames, "run"]);
  expect(sectionNames).toEqual([
    ...["detection", "hypotheses", "mapping", "circuits", "structured", "initialisation", "sources"],
  ]);
  for (const section of sectionNames) {
    expect(Object.keys(result[section])).toEqual(["original", "gpt"]);
    for (const one of Object.values(result[section])) {
      expect(Object.keys(one)).toEqual(["question", "numbers", "null", "verdict"]);
      expect(one.numbers.seeds).toEqual([7, 3]);
      const { holds, statement, rule, evidence } = one.verdict;
      expect([true, false, null]).toContain(holds);
      for (const text of [one.question, statement, rule, evidence]) expect(text.length).toBeGreaterThan(10);
    }
  }
  expect(result.populations).toMatchObject([
    { name: "original", step: 0, init: "pytorch", nullSeeds: [0, 1, 2], setup: { nPos: 3, blocks: 2 } },
    { name: "gpt", config: presets.gpt },
  ]);

  const folder = join(place, result.run);
  const manifest = readManifest(readFileSync(join(folder, "manifest.json")), "manifest.json");
  expect(manifest).toMatchObject({ study: "experiments", status: "complete" });
  expect(manifest.files.map(({ path }) => path).sort()).toEqual(
    filesOf(folder).filter((path) => path !== "manifest.json"),
  );
  for (const { path, sha256 } of manifest.files)
    expect(sha256OfBytes(readFileSync(join(folder, path)))).toBe(sha256);
  expect(JSON.parse(readFileSync(join(folder, "result.json"), "utf8"))).toEqual({
    ...JSON.parse(stdout),
    run: ".",
  });
});

test("the report is one file with every section of every preset, and no reference to elsewhere", () => {
  const html = readFileSync(join(place, "json/report.html"), "utf8");
  for (const section of sectionNames) {
    expect(html).toContain(`<section id="${section}"`);
    for (const name of ["original", "gpt"]) expect(html).toContain(`id="${section}-${name}"`);
  }
  expect(html.match(/Rule, written before the run/g)?.length).toBe(2 * sectionNames.length);
  expect(html).toContain("npx palimpsest experiments --preset original,gpt --seeds 7,3");
  expect(html).not.toMatch(/(?:src|href)="(?!#)|@import|url\(http/);
  expect(html).not.toMatch(/NaN|undefined|\[object/);
  // every figure stands in the report under a name of its own, and beside it as a file
  const figures = readdirSync(join(place, "json/figures")).map((name) => name.replace(/\.svg$/, ""));
  const anchors = [...html.matchAll(/<figure id="figure-([^"]+)"/g)].map(([, name]) => name);
  expect(anchors.toSorted()).toEqual(figures.toSorted());
  expect(new Set(anchors).size).toBe(anchors.length);
});

test("docs/experiments.md has the question and the rule of every section", () => {
  const result = JSON.parse(readFileSync(join(place, "json/result.json"), "utf8")) as ExperimentsResult;
  const document = readFileSync(join(root, "docs/experiments.md"), "utf8");
  for (const section of sectionNames) {
    const { question, verdict } = result[section].original;
    expect(document).toContain(`| \`${section}\` | ${question} | ${verdict.rule} |`);
  }
});

test("without --json the verdicts are listed and the last line says where the report is", async () => {
  const { code, stdout, stderr } = await palimpsest(
    "--preset",
    "causal",
    "--seeds",
    "2",
    ...tiny,
    "--out",
    "plain",
  );
  expect(code).toBe(0);
  expect(stdout.trimEnd().split("\n").at(-1)).toBe("Report: plain/report.html");
  for (const section of sectionNames)
    expect(stdout).toMatch(new RegExp(`^  ${section} +(holds|does not hold|undecided)$`, "m"));
  for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  const events = stderr
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(events.at(-1)).toMatchObject({ done: 1, arms: [{ arm: "causal", models: 5, step: 7, steps: 7 }] });
});

test("a run's step 0 gives the numbers of the preset with the same seeds", async () => {
  saveRun(place, "saved");
  const usual = [...tiny, "--json", "--quiet"];
  const run = await palimpsest(
    "--run",
    "saved",
    "--step",
    "0",
    "--seeds",
    "0,1",
    ...usual,
    "--out",
    "of-run",
  );
  const preset = await palimpsest("--preset", "original", "--seeds", "2", ...usual, "--out", "of-preset");
  expect([run.code, preset.code, run.stderr]).toEqual([0, 0, ""]);
  const [own, drawn] = [JSON.parse(run.stdout), JSON.parse(preset.stdout)];
  for (const section of sectionNames) expect(own[section]).toEqual(drawn[section]);
  const manifest = readManifest(readFileSync(join(place, "of-run/manifest.json")), "manifest.json");
  expect(manifest.config.populations).toMatchObject([{ weights: expect.stringMatching(/^[0-9a-f]{64}$/) }]);
});

const architectures: Record<string, Partial<ModelConfig>> = {
  "attention only": { attnOnly: true },
  "MLP only": { mlpOnly: true },
  "without positions or norms, tied": { positions: "none", normalization: "none", tiedUnembed: true },
  "no blocks": { nLayers: 0 },
};

test.each(Object.entries(architectures))(
  "a config %s has every section, with or without an object",
  async (_, change) => {
    const population: PopulationSpec = {
      ...{ name: "config", config: { ...base, ...change }, step: 0, seeds: [0, 1] },
      init: { scheme: "pytorch" },
    };
    const backend = wasmBackend();
    const [result] = await experiments(
      [population],
      { nulls: 2, blocks: 2, draws: 19, positions: 3 },
      {
        backend: { name: "wasm" },
        runJobs: async (jobs, tell) => {
          for (const [index, job] of jobs.entries())
            await runExperimentsJob(job, backend, (event) => tell(index, event));
        },
      },
    );
    for (const section of sectionNames)
      expect(result.sections[section].verdict.evidence).not.toMatch(/NaN|undefined/);
  },
);

test("what is measured of a network does not depend on the networks beside it", async () => {
  const measured = async (seeds: number[]): Promise<MeasuredModels> => {
    let found: MeasuredModels | undefined;
    const population = { name: "x", config: base, init: { scheme: "pytorch" }, step: 0, seeds } as const;
    const settings = { nulls: 0, blocks: 2, draws: 19, positions: 3 };
    await runExperimentsJob({ population, settings, backend: { name: "wasm" } }, wasmBackend(), (event) => {
      if (event.kind === "end") found = event.measured;
    });
    return found as MeasuredModels;
  };
  const [alone, among] = [await measured([9]), await measured([2, 9, 4, 5, 1])];
  for (const section of sectionNames satisfies readonly SectionName[])
    expect(among[section][1], section).toEqual(alone[section][0]);
});

test("seeds of the null are the first that no subject has", () => {
  const population = { name: "x", config: base, init: { scheme: "pytorch" }, step: 0 } as const;
  expect(nullSeeds({ ...population, seeds: [0, 2, 3, 9] }, 5)).toEqual([1, 4, 5, 6, 7]);
});

test("what cannot be done is one sentence on stderr, nothing on stdout, and exit code 2", async () => {
  writeFileSync(join(place, "list.json"), "[1]");
  writeFileSync(join(place, "typo.json"), JSON.stringify({ ...base, nLayer: 2 }));
  writeFileSync(join(place, "broken.json"), '{"nLayers": ');
  const cases: [string[], RegExp][] = [
    [["--config", "nowhere.json"], /nowhere\.json: cannot be read/],
    [["--config", "list.json"], /list\.json: must hold a model config/],
    [["--config", "typo.json"], /typo\.json: .*"nLayer".*Nearest: "nLayers"/],
    [["--config", "broken.json"], /broken\.json, byte/],
    [["--run", "nowhere"], /nowhere\/manifest\.json: cannot be read/],
    [["--run", "saved", "--step", "3"], /--step: must be one of the steps with a checkpoint: 0, 8; got 3/],
    [["--positions", "9"], /--positions: original-minigpt reads at most 8; got 9/],
    [["--out", "json"], /json: must be new or empty/],
  ];
  for (const [args, sentence] of cases) {
    const { code, stdout, stderr } = await palimpsest(...args, "--quiet");
    expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: "" });
    expect(stderr).toMatch(sentence);
    expect(stderr.trim().split("\n").length).toBe(1);
  }
});
