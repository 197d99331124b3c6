/** `palimpsest experiments` of a pretrained model: the network that it comes to, its null, what is refused. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import type { RunIo } from "../../src/cli/io.ts";
import { experimentModel } from "../../src/cli/runs/experimentModel.ts";
import { runExperiments } from "../../src/cli/runs/experiments.ts";
import { openNetwork, runWithCache } from "../../src/interp/index.ts";
import { modelCount } from "../../src/model/weights.ts";
import { loadModel } from "../../src/pretrained/loadModel.ts";
import { experiments } from "../../src/studies/experiments/experiments.ts";
import { runExperimentsJob } from "../../src/studies/experiments/job.ts";
import { sectionNames } from "../../src/studies/experiments/spec.ts";
import { folderOf } from "../pretrained/modelFixtures.ts";
import { palimpsest } from "./harness.ts";
import { saveModel } from "./modelFolders.ts";

let cwd = "";
const models = ["gpt2", "gpt2-untied-gelu-f16", "llama-biases-linear-scaling", "bert", "gptNeox-sequential"];
beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), "palimpsest-"));
  for (const name of models) saveModel(cwd, name, name, { tokenizer: name === "gpt2" });
  saveModel(cwd, "wide", "gpt2");
  const file = join(cwd, "wide/config.json");
  writeFileSync(file, JSON.stringify({ ...JSON.parse(await readFile(file, "utf8")), n_inner: 4096 }));
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const io = (): RunIo => ({
  warn: () => {},
  board: { update: () => {}, draw: () => {}, log: () => {}, done: () => {} },
  ...{ cwd, signal: new AbortController().signal, clock: () => 0, date: () => new Date(0) },
});
const choice = (model: string, vocabulary: number | null = null) => ({
  ...{ model, revision: null, cache: null, processing: [], vocabulary },
});

test.each(models)("%s on a sample of its tokens has the activations of the whole model", async (name) => {
  const { population, tokens } = await experimentModel(choice(name, 5), { nulls: 0, positions: 3 }, io());
  const { config, weights = {} } = population;
  expect([config.dVocab, config.nCtx, tokens.length, new Set(tokens).size]).toEqual([5, 4, 5, 5]);
  const whole = await loadModel(folderOf(name));
  const [part, all] = [
    openNetwork(referenceBackend, config, weights),
    openNetwork(referenceBackend, whole.config, whole.weights),
  ];
  const input = [
    [0, 4, 2],
    [3, 3, 1],
  ];
  const sites = ["blocks.1.hook_resid_post", "blocks.1.mlp.hook_post"] as const;
  const own = await runWithCache(part, input, { sites });
  const theirs = await runWithCache(
    all,
    input.map((row) => row.map((token) => tokens[token])),
    { sites },
  );
  for (const site of sites) expect(own.cache.get(site).data).toEqual(theirs.cache.get(site).data);
  const logits = theirs.logits.data.filter((_, i) => tokens.includes(i % whole.config.dVocab));
  expect(Array.from(own.logits.data)).toEqual(Array.from(logits));
});

test.each(["gpt2", "bert"])(
  "%s goes through every section beside fresh models of its family",
  async (name) => {
    const sample = await experimentModel(choice(name, 4), { nulls: 3, positions: 3 }, io());
    const { population } = sample;
    expect(modelCount(population.config, population.nullWeights ?? {})).toBe(3);
    expect(sample.says).toContain(`${name} on a random sample of 4 of its 40 tokens`);
    const backend = wasmBackend();
    const [result] = await experiments(
      [population],
      { nulls: 3, blocks: 2, draws: 19, positions: 3 },
      {
        backend: { name: "wasm" },
        runJobs: async (jobs, tell) => {
          for (const [index, job] of jobs.entries())
            await runExperimentsJob(job, backend, (event) => tell(index, event));
        },
      },
    );
    expect(result).toMatchObject({ name, step: null, nullSeeds: [1, 2, 3] });
    expect(result.init).toContain("standard deviation 0.02");
    for (const section of sectionNames)
      expect(result.sections[section].verdict.evidence).not.toMatch(/NaN|undefined/);
  },
);

test("the command takes a model, a sample and its revision", async () => {
  const { calls, exitCode } = await palimpsest(
    ["experiments", "a/model", "--vocabulary", "12", "--revision", "step512"],
    {},
  );
  expect(exitCode).toBe(0);
  expect(calls[0][1]).toMatchObject({
    subjects: {
      kind: "model",
      choice: { model: "a/model", revision: "step512", cache: null, processing: [], vocabulary: 12 },
    },
  });
});

test.each([
  [
    ["gpt2", "--seeds", "3"],
    /--seeds: belongs to presets, configs and runs; a pretrained model is one network/,
  ],
  [["gpt2", "--preset", "gpt"], /--preset: belongs to presets/],
  [["--vocabulary", "3"], /--vocabulary: belongs to a pretrained model/],
  [["gpt2", "--vocabulary", "41"], /--vocabulary: the model knows 40 tokens; got 41/],
  [["gpt2", "--positions", "11"], /--positions: gpt2 reads at most 10; got 11/],
  [["wide"], /takes models of at most 5000 units .*got 8256 of wide\. inspect asks/],
  [["no/where/here"], /no such folder/],
] as const)("experiments %j is refused in one sentence", async (args, sentence) => {
  const { exitCode, stdout, stderr } = await palimpsest(["experiments", ...args, "--quiet"], {
    handlers: { experiments: runExperiments },
    io: { cwd },
  });
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  expect(stderr).toMatch(sentence);
  expect(stderr.trim().split("\n").length).toBe(1);
});
