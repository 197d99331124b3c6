/** `palimpsest models pairs` in this process: models whose probabilities are known, runs of several seeds, refusals. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { randomStream } from "../../src/base/random.ts";
import { runPairs } from "../../src/cli/pairs/runPairs.ts";
import { createRunFolder } from "../../src/cli/runFolder.ts";
import { writeModels } from "../../src/cli/runs/trainFiles.ts";
import { charTokenizer } from "../../src/data/characterTokenizer.ts";
import { forward, logProbabilities, openNetwork } from "../../src/interp/index.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { initialPopulation } from "../../src/model/init.ts";
import { type Weights, weightsOfModel } from "../../src/model/weights.ts";
import { exportModel } from "../../src/pretrained/exportModel.ts";
import { readableJson } from "../../src/record/canonicalJson.ts";
import { tInterval, wilson } from "../../src/stats/index.ts";
import { textConfig } from "../../src/studies/text/spec.ts";
import type { TextPopulation } from "../../src/studies/text/study.ts";
import { logOf } from "../interp/bigram.ts";
import { palimpsest } from "./harness.ts";
import { saveModel } from "./modelFolders.ts";

const fixture = join(import.meta.dirname, "../fixtures/pairs/agreement.jsonl");
const pairs = readFileSync(fixture, "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));
const sentences = pairs.flatMap(({ sentence_good, sentence_bad }) => [sentence_good, sentence_bad]);
const tokenizer = charTokenizer(sentences.join(""));
const tokenizerFile = readableJson(tokenizer.json as never);
const nCtx = 32;
const seeds = [3, 5, 8];

/** A distribution over the next character for every character. */
const stream = randomStream("pairs", "bigram");
const table = logOf(
  Array.from({ length: tokenizer.size }, () =>
    Array.from({ length: tokenizer.size }, () => 0.05 + stream.uniform() ** 3),
  ),
);
const bigramOf = (sentence: string) => {
  const { ids } = tokenizer.encode(sentence);
  return ids.slice(1).reduce((sum, id, i) => sum + table[ids[i]][id], 0);
};

/** The bigram model as a Llama without blocks: its RMS norm makes of a one-hot vector a multiple of it. */
function bigramFiles(): Record<string, Uint8Array> {
  const size = tokenizer.size;
  const eps = 1e-6;
  const config: ModelConfig = {
    ...presets.gpt,
    ...{ nLayers: 0, nHeads: 1, dModel: size, dHead: size, dMlp: 4, dVocab: size, nCtx, eps },
    ...{ normKind: "rmsNorm", positions: "rotary", gatedMlp: true, actFn: "silu", biases: false },
  };
  const identity = new Float32Array(size * size);
  for (let token = 0; token < size; token++) identity[token * size + token] = 1;
  const weights = {
    "embed.W_E": identity,
    "ln_final.w": new Float32Array(size).fill(Math.sqrt(1 / size + eps)),
    "unembed.W_U": Float32Array.from(table.flat()),
  };
  return exportModel({ config, weights }, { family: "llama" });
}

const runConfig = textConfig({ nLayers: 1, dModel: 8, nHeads: 2, nCtx, dVocab: tokenizer.size });
const runWeights: Weights = initialPopulation(
  runConfig,
  { scheme: "pytorch" },
  seeds.map((seed) => randomStream("pairs", "run", seed)),
);

function saveTrained(out: string, which: "last" | "all", study = "train"): void {
  const folder = createRunFolder({ study, out, cwd, date: () => new Date(0) });
  const first = initialPopulation(
    runConfig,
    { scheme: "gpt2" },
    seeds.map((seed) => randomStream("pairs", "first", seed)),
  );
  const checkpoints = [
    { step: 0, weights: first },
    { step: 16, weights: runWeights },
  ];
  const population = { checkpoints, seeds, spec: { config: runConfig } } as unknown as TextPopulation;
  folder.write("config.json", "{}"); // the run's own, which is no model's
  writeModels(folder, population, tokenizerFile, which);
  folder.commit({
    study,
    status: "complete",
    config: { seeds: [...seeds, 9], init: { scheme: "gpt2", embeddingScale: 1 } },
    versions: { palimpsest: "0.0.0" },
    engine: null,
  });
}

let cwd = "";
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "palimpsest-"));
  cpSync(fixture, join(cwd, "agreement.jsonl"));
  mkdirSync(join(cwd, "bigram"));
  for (const [name, bytes] of Object.entries(bigramFiles())) writeFileSync(join(cwd, "bigram", name), bytes);
  writeFileSync(join(cwd, "bigram/tokenizer.json"), tokenizerFile);
  mkdirSync(join(cwd, "folder"));
  writeFileSync(
    join(cwd, "folder/b.jsonl"),
    pairs
      .slice(4)
      .map((one) => JSON.stringify(one))
      .join("\n"),
  );
  writeFileSync(
    join(cwd, "folder/a.jsonl"),
    pairs
      .slice(0, 4)
      .map((one) => JSON.stringify(one))
      .join("\n"),
  );
  writeFileSync(join(cwd, "folder/readme.md"), "no pairs");
  mkdirSync(join(cwd, "empty"));
  const bad = { ...pairs[0], UID: "other" };
  writeFileSync(join(cwd, "prefix.jsonl"), JSON.stringify({ ...bad, simple_LM_method: false }));
  writeFileSync(
    join(cwd, "long.jsonl"),
    JSON.stringify({ ...bad, sentence_bad: "The cats sleep ".repeat(9) }),
  );
  writeFileSync(join(cwd, "foreign.jsonl"), JSON.stringify({ ...bad, sentence_good: "Müde." }));
  writeFileSync(join(cwd, "broken.jsonl"), `${JSON.stringify(pairs[0])}\n{"sentence_good": "The"`);
  writeFileSync(join(cwd, "latin.jsonl"), Uint8Array.of(0x7b, 0xe9, 0x7d));
  saveModel(cwd, "bert", "bert", { tokenizer: true });
  saveModel(cwd, "gpt2", "gpt2");
  saveTrained("run", "last");
  saveTrained("steps", "all");
  saveTrained("strange", "last", "persistence");
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

async function asked(args: readonly string[]) {
  return palimpsest(["models", "pairs", ...args], { handlers: { modelsPairs: runPairs }, io: { cwd } });
}

async function found(args: readonly string[]) {
  const { exitCode, stdout, stderr } = await asked([...args, "--json", "--quiet"]);
  expect({ args, exitCode, stderr }).toEqual({ args, exitCode: 0, stderr: "" });
  return JSON.parse(stdout);
}

/** Share of pairs with the good sentence above the bad one, by UID, from a score of sentences. */
function shares(score: (sentence: string) => number): Map<string, number[]> {
  const byUid = new Map<string, number[]>();
  for (const { UID, sentence_good, sentence_bad } of pairs) {
    const own = byUid.get(UID) ?? [];
    own.push(Number(score(sentence_good) > score(sentence_bad)));
    byUid.set(UID, own);
  }
  return byUid;
}
const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

test("a model of known probabilities has the accuracies that these give, summed and per token", async () => {
  const { uids, all, fields, start, model } = await found(["bigram", "agreement.jsonl", "--nulls", "0"]);
  const perToken = (sentence: string) => bigramOf(sentence) / (sentence.length - 1);
  for (const [measure, score] of [
    ["sum", bigramOf],
    ["perToken", perToken],
  ] as const) {
    const known = shares(score);
    expect(new Set([...known.values()].map(meanOf)).size).toBeGreaterThan(1); // else any answer would do
    for (const { uid, accuracy, pairs: count } of uids) {
      const own = known.get(uid) as number[];
      const right = own.reduce((sum, value) => sum + value, 0);
      const { low, high } = wilson(right, own.length);
      expect(count).toBe(own.length);
      expect(accuracy[measure]).toEqual({
        ...{ networks: [right / own.length], estimate: right / own.length },
        ...{ interval: [low, high], over: "pairs", null: null },
      });
    }
    expect(all.macro[measure].estimate).toBeCloseTo(meanOf([...known.values()].map(meanOf)), 12);
    expect(all.share[measure].estimate).toBeCloseTo(meanOf([...known.values()].flat()), 12);
  }
  expect(fields.map(({ field, uids: count }: { field: string; uids: number }) => [field, count])).toEqual([
    ["morphology", 2],
    ["semantics", 1],
  ]);
  expect(start).toEqual({ tokens: [], text: "" });
  expect(model).toMatchObject({ name: "bigram", family: "llama", seeds: null });
});

test("a folder's files are read in the order of their names, and fresh networks are the same ones every time", async () => {
  const args = ["--nulls", "3"];
  const { files, ...one } = await found(["bigram", "agreement.jsonl", ...args]);
  const { files: several, ...same } = await found(["bigram", "folder", ...args]);
  expect(same).toEqual(one);
  expect(several.map(({ path }: { path: string }) => path)).toEqual(["folder/a.jsonl", "folder/b.jsonl"]);
  // untrained networks are so even that by sum the shorter sentence wins: per token they differ
  const { null: drawn, estimate } = one.all.macro.perToken;
  expect(new Set(drawn.accuracies).size).toBeGreaterThan(1);
  const as = drawn.accuracies.filter((value: number) => value >= estimate).length;
  expect(drawn.p).toBe((1 + as) / 4);
  // the same draws one after the other: what is opened together changes nothing
  const fewer = await found(["bigram", "agreement.jsonl", "--nulls", "2"]);
  expect(fewer.all.macro.perToken.null.accuracies).toEqual(drawn.accuracies.slice(0, 2));
});

test("the limit takes the first pairs of every UID", async () => {
  const { uids, limit } = await found(["bigram", "agreement.jsonl", "--nulls", "0", "--limit", "2"]);
  expect(uids.map(({ pairs: count }: { pairs: number }) => count)).toEqual([2, 2, 2]);
  expect(limit).toBe(2);
  const [first] = [...shares(bigramOf).values()];
  expect(uids[0].accuracy.sum.estimate).toBe(meanOf(first.slice(0, 2)));
});

test.each(["run", "steps"])("all seeds of a run of palimpsest train are asked: %s", async (run) => {
  const { uids, model, all, nulls } = await found([run, "agreement.jsonl", "--nulls", "4", "--begin", "."]);
  expect(model).toMatchObject({ seeds, missingSeeds: [9], step: run === "steps" ? 16 : null });
  expect(nulls).toEqual({ draws: 4, init: "gpt2, as the run began" });
  const [dot] = tokenizer.encode(".").ids;
  const byUid = new Map<string, number[]>();
  for (const [at] of seeds.entries()) {
    const network = openNetwork(referenceBackend, runConfig, weightsOfModel(runConfig, runWeights, at));
    const scores = new Map<string, number>();
    for (const sentence of sentences) {
      const ids = [dot, ...tokenizer.encode(sentence).ids];
      const { data } = await forward(network, [ids.slice(0, -1)]);
      const sum = ids.slice(1).reduce((total, id, pos) => {
        const from = pos * tokenizer.size;
        return total + logProbabilities(data.subarray(from, from + tokenizer.size))[id];
      }, 0);
      scores.set(sentence, sum);
    }
    network.close();
    for (const [uid, own] of shares((sentence) => scores.get(sentence) as number))
      byUid.set(uid, [...(byUid.get(uid) ?? []), meanOf(own)]);
  }
  for (const { uid, accuracy } of uids) {
    const own = byUid.get(uid) as number[];
    const { low, high } = tInterval(own);
    expect(accuracy.sum).toMatchObject({ networks: own, interval: [low, high], over: "seeds" });
    expect(accuracy.sum.null.p).toBeNull();
  }
  expect(all.macro.sum.networks.length).toBe(seeds.length);
});

test("pairs that the model cannot read, or that are not for whole sentences, are left out and counted", async () => {
  const files = ["agreement.jsonl", "long.jsonl", "foreign.jsonl", "prefix.jsonl"];
  // the three that are added have one pairID in common
  for (const [i, name] of files.slice(1).entries()) {
    const one = JSON.parse(readFileSync(join(cwd, name), "utf8"));
    writeFileSync(join(cwd, name), JSON.stringify({ ...one, pairID: i + 10, UID: pairs[0].UID }));
  }
  const args = ["bigram", ...files, "--nulls", "0", "--leave-out-unfit"];
  const { uids, leftOut } = await found(args);
  expect(uids[0]).toMatchObject({ uid: pairs[0].UID, pairs: 4, leftOut: 3 });
  expect(leftOut.notWholeSentence).toBe(1);
  expect(leftOut.unfit).toEqual([
    expect.objectContaining({ where: "long.jsonl, line 1", reason: expect.stringContaining("tokens long") }),
    expect.objectContaining({ where: "foreign.jsonl, line 1", reason: expect.stringContaining('lacks "M"') }),
  ]);
  const { stdout } = await asked([...args, "--quiet"]);
  expect(stdout).toContain("Left out: 2 pairs that the model cannot read");
});

test("tables tell accuracy, interval, fresh networks and what length alone would do", async () => {
  const { stdout, exitCode, stderr } = await asked(["bigram", "agreement.jsonl"]);
  expect(exitCode).toBe(0);
  expect(stdout).toContain("9 pairs of 3 UIDs in 1 file, judged by ln P of whole sentences.");
  expect(stdout).toContain("The tokenizer has no token for the beginning");
  expect(stdout).toMatch(
    /^UID +pairs +ties +accuracy +95 % \(Wilson\) +fresh networks +per token +shorter$/m,
  );
  expect(stdout).toMatch(
    /^polarity_ever +2 +0 +\d\.\d{3} +\[\d\.\d{3}, \d\.\d{3}\] +\d\.\d{3} \[.*\] +\d\.\d{3} +\d\.\d{3}$/m,
  );
  expect(stdout).toMatch(/^all +3 +9 /m);
  expect(stdout).toMatch(/of 5 fresh networks 0\.\d{3}: p 0?\.?\d/);
  expect(stderr).toContain('"title":"pairs bigram"');
  const several = await asked(["run", "agreement.jsonl", "--quiet"]);
  expect(several.stdout).toContain("95 % over seeds");
  expect(several.stdout).toContain("Seeds 9 left no model: they diverged.");
  expect(several.stdout).toMatch(/Macro mean over 3 seeds less that of 5 fresh networks: -?0\.\d{3} \[/);
});

test.each([
  [["bigram"], /needs <folder-or-repository>/],
  [["bigram", "none.jsonl"], /none\.jsonl: cannot be read; got no such file/],
  [["bigram", "empty"], /empty: must hold files whose names end in \.jsonl; got none/],
  [["bigram", "broken.jsonl"], /broken\.jsonl, line 2: must be a JSON object on one line/],
  [["bigram", "latin.jsonl"], /latin\.jsonl: must be UTF-8 text; got byte 0xe9 at 1/],
  [
    ["bigram", "agreement.jsonl", "folder"],
    /folder\/a\.jsonl, line 1: pair "0" .* once; got it at agreement\.jsonl, line 1/,
  ],
  [
    ["bigram", "prefix.jsonl"],
    /must hold pairs whose whole sentences may be compared; got simple_LM_method false in all/,
  ],
  [
    ["bigram", "long.jsonl"],
    /long\.jsonl, line 1: "The cats .*tokens long, and the model reads 32.*--leave-out-unfit/,
  ],
  [["bigram", "foreign.jsonl"], /foreign\.jsonl, line 1: "Müde\." has no tokens/],
  [
    ["bert", "agreement.jsonl"],
    /bert: bert models look ahead, so they give a sentence no probability\. Their pseudo/,
  ],
  [["gpt2", "agreement.jsonl"], /takes text, and gpt2 has no tokenizer\.json/],
  [["nowhere/at/all", "agreement.jsonl"], /no such folder/],
  [
    ["strange", "agreement.jsonl"],
    /must be the manifest of a run of palimpsest train; got one of "persistence"/,
  ],
  [["run", "agreement.jsonl", "--revision", "main"], /"run" is a folder here, which has no revisions/],
  [["bigram", "agreement.jsonl", "--nulls", "-1"], /--nulls: must be a whole number, 0 to 1000/],
  [["bigram", "agreement.jsonl", "--limit", "0"], /--limit: must be a whole number, 1 to/],
  [["bigram", "agreement.jsonl", "--backend", "wsm"], /Nearest: "wasm"/],
  [["bigram", "agreement.jsonl", "--null", "3"], /Nearest: "--nulls"/],
] as const)("%j is refused in one sentence", async (args, sentence) => {
  const { exitCode, stdout, stderr } = await asked([...args, "--quiet"]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  expect(stderr.match(/\n/g)?.length).toBe(1);
  expect(stderr).toMatch(sentence);
});

test("the help has examples", async () => {
  const { stdout } = await asked(["--help"]);
  expect(stdout).toContain("palimpsest models pairs models/gpt2 blimp/data");
});
