/** `palimpsest track`, from folders on the disk to its report. */
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { randomStream } from "../../src/base/random.ts";
import { runTrack } from "../../src/cli/runs/track.ts";
import { charTokenizer } from "../../src/data/characterTokenizer.ts";
import { latinBlocks } from "../../src/data/probes.ts";
import { persistence } from "../../src/features/persistence.ts";
import { type TuningCurves, tuningProgram, tuningStates } from "../../src/features/tuningCurves.ts";
import { type Weights, weightShapes, weightsOfModel } from "../../src/model/weights.ts";
import { exportModel } from "../../src/pretrained/exportModel.ts";
import { optimizers } from "../../src/train/optimizers.ts";
import { openTrainer } from "../../src/train/trainer.ts";
import { config, type GrownSeries, grownSeries, steps } from "../pretrained/series/grown.ts";
import { palimpsest } from "./harness.ts";
import { saveRun } from "./savedRun.ts";

/** The same weights, programs and tokens; only sums of float32 in another order. */
const SAME = 1e-5;

let cwd: string;
let grown: GrownSeries;
/** Every token equally often at every position: what the toy studies measure tuning on. */
const probe = latinBlocks({
  dVocab: config.dVocab,
  nPos: 7,
  blocks: 4,
  stream: randomStream("test", "track"),
});

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), "palimpsest-track-"));
  grown = await grownSeries([0, 1]);
  for (const model of [0, 1])
    for (const step of steps) {
      const folder = join(cwd, `series-${model}`, `step${step}`);
      mkdirSync(folder, { recursive: true });
      const weights = weightsOfModel(config, grown.get(step) as Weights, model);
      for (const [name, bytes] of Object.entries(exportModel({ config, weights })))
        writeFileSync(join(folder, name), bytes);
    }
  // even and odd blocks in turn: the halves of the probe, every other sequence, are then balanced
  const order = Array.from({ length: probe.count }, (_, n) => {
    const [pair, row] = [Math.floor(n / 20), n % 20];
    return 20 * pair + 10 * (row % 2) + Math.floor(row / 2);
  });
  const rows = order.map((n) => Array.from(probe.tokens.subarray(7 * n, 7 * n + 7)).join(" "));
  writeFileSync(join(cwd, "tokens.txt"), `${rows.join("\n")}\n`);
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const track = (...args: string[]) =>
  palimpsest(["track", ...args], { io: { cwd }, handlers: { track: runTrack } });
const usual = ["--tokens", "tokens.txt", "--sequences", "1000", "--least", "1", "--draws", "2", "--quiet"];

interface Numbers {
  series: {
    name: string;
    forced: number[];
    startsUntrained: boolean;
    gate: {
      step: number;
      sha256: string;
      files: Record<string, string | null>;
      faults: { rule: string }[];
    }[];
    checkpoints: {
      step: number;
      loss: { estimate: number; low: number; high: number };
      layers: {
        r: Record<string, number>;
        shuffled: Record<string, { mean: number; p: number }>;
        randomR: Record<string, number[]>;
      }[];
      heads: Record<string, number[][]>;
      motions: { name: string; relative: number }[];
    }[];
    random: { selectivity: Record<string, number>[] }[];
  }[];
  command: string;
  run: string;
}

/** What the run itself would have measured, with the instruments of its own studies. */
async function direct(model: number) {
  const sites = ["blocks.*.mlp.hook_post"] as const;
  const trainer = openTrainer(wasmBackend(), {
    ...{ config, models: 1, batch: probe.count, nPos: 6, optimizer: optimizers.adam },
    extraStates: tuningStates(config, sites, probe),
  });
  const program = tuningProgram(trainer.session, config, { sites, probe });
  const all: { curves: Map<string, TuningCurves>; loss: number }[] = [];
  for (const step of steps) {
    trainer.writeWeights(weightsOfModel(config, grown.get(step) as Weights, model));
    const cut = (from: number) => probe.tokens.filter((_, at) => at % 7 >= from && at % 7 < from + 6);
    const losses = await trainer.evaluate([{ count: probe.count, nPos: 6, inputs: cut(0), targets: cut(1) }]);
    all.push({ curves: await program.measure(), loss: losses.reduce((sum, value) => sum + value, 0) / 6 });
  }
  trainer.session.close();
  return all;
}

test("an exported series gives the numbers of its own run", async () => {
  const { stdout, stderr, exitCode } = await track("series-0", ...usual, "--json", "--out", "own");
  expect(stderr).toBe("");
  expect(exitCode).toBe(0);
  const result = JSON.parse(stdout) as Numbers;
  const [series] = result.series;
  expect(series.checkpoints.map(({ step }) => step)).toEqual(steps);
  expect(series.startsUntrained).toBe(true);
  const own = await direct(0);
  const mean = (values: Float64Array) => {
    const kept = values.filter(Number.isFinite);
    return kept.reduce((sum, value) => sum + value, 0) / kept.length;
  };
  series.checkpoints.forEach((checkpoint, at) => {
    expect(Math.abs(checkpoint.loss.estimate - own[at].loss)).toBeLessThan(SAME);
    [...own[at].curves.values()].forEach((curves, layer) => {
      const before = [...own[0].curves.values()][layer];
      const { r } = persistence(before, curves);
      const told = checkpoint.layers[layer].r;
      for (const [theirs, ours] of [
        ["all", "all"],
        ["token", "class"],
        ["position", "position"],
        ["interaction", "interaction"],
      ] as const)
        expect(Math.abs(told[ours] - mean(r[theirs]))).toBeLessThan(SAME);
    });
  });
  // motion from the weights themselves
  const [first, last] = [steps[0], steps[steps.length - 1]].map((step) =>
    weightsOfModel(config, grown.get(step) as Weights, 0),
  );
  for (const { name, relative } of series.checkpoints[steps.length - 1].motions) {
    const [a, b] = [first[name], last[name]];
    const expected = Math.hypot(...a.map((value, i) => b[i] - value)) / Math.hypot(...a);
    if (Number.isFinite(expected)) expect(Math.abs(relative - expected)).toBeLessThan(SAME);
  }
  expect(weightShapes(config).size).toBe(series.checkpoints[0].motions.length);
});

test("the run folder has report, figures and measurements, and the same bytes again", async () => {
  for (const out of ["first", "second"])
    expect((await track("series-0", ...usual, "--out", out)).exitCode).toBe(0);
  const names = readdirSync(join(cwd, "first"), { recursive: true }).map(String).sort();
  expect(names).toEqual(
    expect.arrayContaining(["manifest.json", "report.html", "result.json", "figures/track-persistence.svg"]),
  );
  for (const name of ["manifest.json", "report.html", "result.json"])
    expect(readFileSync(join(cwd, "first", name), "utf8")).toBe(
      readFileSync(join(cwd, "second", name), "utf8"),
    );
  const report = readFileSync(join(cwd, "first", "report.html"), "utf8");
  expect(report).toContain("one network: nothing here is an interval over seeds");
  expect(report).toContain("● sound");
  expect(report).not.toMatch(/[>,"]NaN[<,"]/);
  expect(report).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)/);
  // every file of every checkpoint, as any other tool hashes it
  const { series } = JSON.parse(readFileSync(join(cwd, "first", "result.json"), "utf8")) as Numbers;
  for (const { step, files } of series[0].gate) {
    const folder = join(cwd, "series-0", `step${step}`);
    const expected = readdirSync(folder).map((name) => [
      name,
      createHash("sha256")
        .update(readFileSync(join(folder, name)))
        .digest("hex"),
    ]);
    expect(files).toEqual(Object.fromEntries(expected));
    expect(report).toContain(files["model.safetensors"]);
  }
});

test("several networks are seeds: the summary is over them and every one is judged", async () => {
  const { stdout, exitCode } = await track("series-0", "series-1", ...usual, "--out", "both");
  expect(exitCode).toBe(0);
  expect(stdout).toContain("series-0: 10 of 10 checkpoints are sound.");
  expect(stdout).toContain("series-1: 10 of 10 checkpoints are sound.");
  expect(stdout).not.toContain("no interval over seeds");
  expect(readFileSync(join(cwd, "both/report.html"), "utf8")).toContain(
    "tints 95 % t intervals over networks",
  );
});

test("a faulty checkpoint is left out with its reason, and by force is measured and marked everywhere", async () => {
  cpSync(join(cwd, "series-0"), join(cwd, "faulty"), { recursive: true });
  cpSync(join(cwd, "series-0/step256/model.safetensors"), join(cwd, "faulty/step4/model.safetensors"));
  const left = await track("faulty", ...usual, "--json", "--out", "left");
  const [series] = (JSON.parse(left.stdout) as Numbers).series;
  expect(series.checkpoints.map(({ step }) => step)).toEqual(steps.filter((step) => step !== 4));
  expect(series.gate.find(({ step }) => step === 4)?.faults[0].rule).toBe("duplicate");
  const report = readFileSync(join(cwd, "left/report.html"), "utf8");
  expect(report).toContain("<strong>Left out of faulty:</strong> step 4.");
  expect(report).toContain("equal to step 256");

  const forced = await track("faulty", ...usual, "--force", "--out", "forced");
  expect(forced.exitCode).toBe(0);
  expect(forced.stdout).toContain("step 4 FAULTY, measured by force: duplicate: equal to step 256");
  const marked = readFileSync(join(cwd, "forced/report.html"), "utf8");
  expect(marked).toContain("× FAULTY, measured by force");
  expect(marked).toContain("Faulty checkpoints are among the measured: 4.");
  expect(marked.match(/4 × faulty<\/th>/g)?.length).toBeGreaterThan(1);
  for (const name of readdirSync(join(cwd, "forced/figures")))
    expect(readFileSync(join(cwd, "forced/figures", name), "utf8")).toContain("× faulty");
  expect(marked).toContain("Nothing that rests on them is evidence.");
});

test("a series that begins trained says so and draws its random networks otherwise", async () => {
  const { stdout } = await track("series-0", ...usual, "--steps", "8,64,256", "--json", "--out", "late");
  const [series] = (JSON.parse(stdout) as Numbers).series;
  expect(series.checkpoints.map(({ step }) => step)).toEqual([8, 64, 256]);
  expect(series.startsUntrained).toBe(false);
  const report = readFileSync(join(cwd, "late/report.html"), "utf8");
  expect(report).toContain("No initialisation in series-0.");
  expect(report).toContain("drawn with the scheme gpt2");
});

test("a run of study persistence is tracked seed by seed on its own task", async () => {
  saveRun(cwd, "run", {
    config: { task: "patterns" },
    weights: (weights) => {
      const stream = randomStream("test", "moved");
      for (const values of Object.values(weights))
        values.forEach((value, i) => {
          values[i] = value + 0.01 * stream.normal();
        });
    },
  });
  const { stdout, stderr, exitCode } = await track(
    "run",
    "--seed",
    "0-1",
    "--draws",
    "1",
    "--quiet",
    "--json",
    "--out",
    "tracked",
  );
  expect(stderr).toBe("");
  expect(exitCode).toBe(0);
  const result = JSON.parse(stdout) as Numbers;
  expect(result.series.map(({ name }) => name)).toEqual(["run, seed 0", "run, seed 1"]);
  for (const { files } of result.series[0].gate) {
    const [[name, sha256], ...others] = Object.entries(files);
    expect(others).toEqual([]);
    const bytes = readFileSync(join(cwd, "run", name));
    expect(sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
  }
  expect(readFileSync(join(cwd, "tracked/report.html"), "utf8")).toContain(
    "held-out sequences of the task patterns",
  );
});

test("revisions of a repository are found in the cache, and a text is read through their tokenizer", async () => {
  const home = join(cwd, "hub", "models--org--tiny");
  mkdirSync(join(home, "refs"), { recursive: true });
  const text = Array.from({ length: 4000 }, (_, i) => "0123456789"[(i * i + Math.floor(i / 7)) % 10]).join(
    "",
  );
  writeFileSync(join(cwd, "digits.txt"), text);
  for (const [at, step] of steps.entries()) {
    const commit = String(at).repeat(40).slice(0, 40);
    writeFileSync(join(home, "refs", `step${step}`), commit);
    const folder = join(home, "snapshots", commit);
    cpSync(join(cwd, `series-0/step${step}`), folder, { recursive: true });
    writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(charTokenizer("0123456789").json));
  }
  const hub = ["--cache", "hub", "--text", "digits.txt", "--draws", "1", "--quiet"];
  const all = await track("org/tiny", ...hub, "--json", "--out", "cached");
  expect(all.stderr).toBe("");
  const [series] = (JSON.parse(all.stdout) as Numbers).series;
  expect(series.checkpoints.map(({ step }) => step)).toEqual(steps);
  expect(readFileSync(join(cwd, "cached/report.html"), "utf8")).toContain(
    "text, digits.txt; 128 sequences of 8 positions",
  );
  const missing = await track("org/tiny", ...hub, "--steps", "0,512", "--out", "missing");
  expect(missing.exitCode).toBe(2);
  expect(missing.stderr).toMatch(
    /^org\/tiny, --steps: 512 is not here; got steps 0\. "palimpsest models pull org\/tiny --revision step512" fetches one\./,
  );
});

test("what is wrong is one sentence, and the exit code is 2", async () => {
  writeFileSync(join(cwd, "words.txt"), "0 1 two\n");
  writeFileSync(join(cwd, "large.txt"), "0 1 2 3 4 5 99\n".repeat(8));
  mkdirSync(join(cwd, "empty"));
  const cases: [string[], RegExp][] = [
    [
      ["series-0", "--steps", "0,3", ...usual],
      /^series-0, --steps: 3 is not here; got steps 0, 1, 2, 4, 8, 16, 32, 64, 128, 256\./,
    ],
    [["series-0", "--steps", "0,x"], /^--steps: must be whole numbers such as 0,1,2,4,8/],
    [["empty"], /^empty: must hold folders named step\{\} with a step for \{\}; got 0 other names/],
    [["series-0/step0"], /got a single model/],
    [["series-0", "--revisions", "step"], /^--revisions: must hold \{\} once/],
    [["series-0", "--text", "words.txt"], /^--text: series-0 has no tokenizer\.json/],
    [["series-0", "--tokens", "words.txt"], /^words\.txt, line 1: must be numbers of tokens; got "two"/],
    [["series-0", "--tokens", "large.txt"], /99/],
    [["series-0", "--positions", "9"], /^--positions: must be at most 8/],
    [["series-0", "--text", "a", "--tokens", "b"], /^--tokens: stands in place of --text/],
    [
      ["no-such-org/model", "--steps", "0,1", "--cache", "cache"],
      /palimpsest models pull no-such-org\/model --revision step0/,
    ],
    [["series-0", "--steps", "0", ...usual], /needs at least two checkpoints/],
  ];
  for (const [args, sentence] of cases) {
    const { stderr, exitCode, stdout } = await track(
      ...args,
      "--quiet",
      "--out",
      `out-${Math.abs(hash(args.join(" ")))}`,
    );
    expect(stdout).toBe("");
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(sentence);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  }
});

function hash(text: string): number {
  return [...text].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) | 0, 7);
}
