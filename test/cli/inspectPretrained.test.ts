/** `palimpsest inspect` of pretrained models in this process: every verb against the library's own functions on the same weights. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { randomStream } from "../../src/base/random.ts";
import { freshModel } from "../../src/cli/inspect/pretrainedNull.ts";
import { runInspect } from "../../src/cli/runs/inspect.ts";
import {
  ablate,
  directLogitAttribution,
  headScores,
  logitDifference,
  logitLens,
  lossMetric,
  openNetwork,
  patchSweep,
  runWithCache,
  topTokens,
} from "../../src/interp/index.ts";
import { hook } from "../../src/model/hookPoints.ts";
import { loadModel } from "../../src/pretrained/loadModel.ts";
import { sd } from "../../src/stats/moments.ts";
import { folderOf } from "../pretrained/modelFixtures.ts";
import { palimpsest } from "./harness.ts";
import { saveModel, tokenNumber } from "./modelFolders.ts";

/** The same sums on the same backend; only the order of adding a mean may differ. */
const EQUAL = 10;

let cwd = "";
const corpus = "Al saw Bo. Bo saw Al at a bus. ".repeat(12);
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "palimpsest-"));
  saveModel(cwd, "words", "gpt2", { tokenizer: true });
  for (const name of ["gpt2", "bert", "llama-grouped-sharded", "gptNeox-parallel-hub-f16"])
    saveModel(cwd, name, name);
  writeFileSync(join(cwd, "corpus.txt"), corpus);
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

async function inspect(args: readonly string[]) {
  return palimpsest(["inspect", ...args, "--quiet"], { handlers: { inspect: runInspect }, io: { cwd } });
}

async function found(args: readonly string[]) {
  const { exitCode, stdout, stderr } = await inspect([...args, "--json"]);
  expect({ args, exitCode, stderr }).toEqual({ args, exitCode: 0, stderr: "" });
  return JSON.parse(stdout);
}

async function shown(args: readonly string[]) {
  const { exitCode, stdout, stderr } = await inspect(args);
  expect({ args, exitCode, stderr }).toEqual({ args, exitCode: 0, stderr: "" });
  return stdout;
}

async function network(name: string) {
  const { config, weights } = await loadModel(folderOf(name));
  return openNetwork(wasmBackend(), config, weights);
}

const text = "Al saw Bo. Bo saw";
const numbers = ["Al", " saw", " Bo", ".", " Bo", " saw"].map(tokenNumber);
const clean = "Al saw Bo. Bo saw";
const corrupt = "Bo saw Al. Al saw";
const corruptNumbers = ["Bo", " saw", " Al", ".", " Al", " saw"].map(tokenNumber);
const estimates = (cells: readonly { estimate: number }[]) => cells.map(({ estimate }) => estimate);

function expectClose(own: readonly number[], others: ArrayLike<number>): void {
  expect(own.length).toBe(others.length);
  for (const [i, value] of own.entries()) expect(value).toBeCloseTo(others[i], EQUAL);
}

test("lens reads a text and tells its likeliest tokens as text", async () => {
  const { places, inputs, subject } = await found([
    "words",
    "lens",
    "--text",
    text,
    "--top",
    "2",
    "--draws",
    "0",
  ]);
  const oracle = await logitLens(await network("gpt2"), [numbers], { norm: "recomputed" });
  const top = topTokens(oracle, 2);
  const listed = places.flatMap((place: { tokens: { token: number; estimate: number }[] }) => place.tokens);
  expect(inputs.tokens).toEqual([numbers]);
  expect(subject).toMatchObject({ model: "words", family: "gpt2", processing: [] });
  expect(listed.map(({ token }: { token: number }) => token)).toEqual([...top.tokens]);
  expectClose(estimates(listed), top.probabilities);

  const table = await shown(["words", "lens", "--text", text, "--draws", "0"]);
  expect(table).toContain('"Al"');
  expect(table).toContain('" saw"');
  expect(table).toContain("Without a null");
});

test("the lens of a large vocabulary judges ranks, and says the same tokens", async () => {
  const { readLens } = await import("../../src/cli/inspect/lensRead.ts");
  const own = await network("gpt2");
  const kind = { norm: "frozen", original: false } as const;
  const rows = Array.from({ length: 400 }, (_, i) => numbers.map((token) => (token + i) % 40)); // beyond what is judged token by token
  const reading = await readLens(own, rows, kind, { top: 2, drawn: null });
  const top = topTokens(await logitLens(own, rows, { norm: "frozen" }), 2);
  expect(reading.byRank).toBe(true);
  expect(reading.places.flatMap(({ tokens }) => tokens.map(({ token }) => token))).toEqual([...top.tokens]);
});

test("heads are scored on repeated random tokens, or on a text", async () => {
  const told = await found(["words", "heads", "--text", text, "--draws", "19"]);
  const oracle = await headScores(await network("gpt2"), [numbers]);
  for (const { layer, head, scores } of told.heads)
    for (const name of ["previous", "first", "self", "uniformity"] as const)
      expect(scores[name].estimate).toBeCloseTo(oracle.scores[name].corrected.data[layer * 2 + head], EQUAL);
  const repeated = await found(["gpt2", "heads", "--draws", "0"]);
  for (const row of repeated.inputs.tokens) expect(row.slice(0, 5)).toEqual(row.slice(5));
  expect(repeated.heads[0].scores.induction.p).toBe(null);
});

test("attribution takes a prompt and two answers apart", async () => {
  const args = ["words", "attribution", "--by", "head", "--text", text, "--answer", " Al", "--wrong", " Bo"];
  const { components, of } = await found([...args, "--draws", "19"]);
  const oracle = await directLogitAttribution(await network("gpt2"), [numbers], {
    ...{ heads: true, token: tokenNumber(" Al"), other: tokenNumber(" Bo") },
  });
  expect(of).toBe('logit of " Al" less that of " Bo" at position 5');
  expectClose(
    estimates(components),
    oracle.logits.data.filter((_, i) => i % numbers.length === numbers.length - 1),
  );
});

test("patching takes prompts and answers as text", async () => {
  const args = [
    "words",
    "patch",
    "--clean",
    clean,
    "--corrupt",
    corrupt,
    "--answer",
    " Al",
    "--wrong",
    " Bo",
  ];
  const told = await found([...args, "--draws", "19"]);
  const {
    effects,
    clean: whole,
    corrupt: broken,
  } = await patchSweep(await network("gpt2"), {
    ...{ over: [hook.residPre("all")], by: ["layer", "pos"] as const },
    ...{ clean: [numbers], corrupt: [corruptNumbers] },
    metric: logitDifference(tokenNumber(" Al"), tokenNumber(" Bo"), { pos: "last" }),
  });
  expect(whole.data[0]).not.toBe(broken.data[0]);
  expectClose(estimates(told.cells), effects.data);
  const table = await shown([...args, "--draws", "0"]);
  expect(table).toContain('clean "Al" " saw" " Bo" "." " Bo" " saw"; corrupt "Bo" " saw" " Al"');
  expect(table.replace(/\s+/g, " ")).toContain('logit of " Al" less that of " Bo" at position 5');
});

test("ablation takes a prompt", async () => {
  const told = await found(["words", "ablate", "--text", text, "--how", "zero", "--draws", "19"]);
  const { impacts } = await ablate(await network("gpt2"), [numbers], {
    ...{ over: [hook.z("all")], by: ["layer", "head"] as const, how: "zero" },
    metric: lossMetric([[...numbers.slice(1), 0]], { pos: [0, 1, 2, 3, 4] }),
  });
  expectClose(estimates(told.cells), impacts.data);
});

test("a unit is shown with the text that activates it most, the token marked", async () => {
  const told = await found([
    "words",
    "units",
    "--text",
    "corpus.txt",
    "--unit",
    "L1N3",
    "--top",
    "3",
    "--draws",
    "19",
  ]);
  const [{ strongest, largest }] = told.units;
  const { windows, positions } = told.corpus;
  const ids: number[] = [];
  const { tokenizerOf } = await import("../../src/data/tokenizer.ts");
  const { readFileSync } = await import("node:fs");
  const tokenizer = tokenizerOf(readFileSync(join(cwd, "words/tokenizer.json")));
  ids.push(...tokenizer.encode(corpus).ids);
  const rows = Array.from({ length: windows }, (_, i) => ids.slice(i * positions, (i + 1) * positions));
  const { cache } = await runWithCache(await network("gpt2"), rows, { sites: ["blocks.1.mlp.hook_post"] });
  const { data, shape } = cache.get("blocks.1.mlp.hook_post");
  const own = Array.from({ length: windows * positions }, (_, i) => data[i * shape[3] + 3]);
  const order = own.map((value, i) => [value, i]).sort(([a, i], [b, j]) => b - a || i - j);
  expect(
    strongest.map((one: { window: number; position: number }) => one.window * positions + one.position),
  ).toEqual(order.slice(0, 3).map(([, i]) => i));
  const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
  const sd = Math.sqrt(own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / own.length);
  expect(largest.estimate).toBeCloseTo((Math.max(...own) - mean) / sd, 4); // activations are float32
  for (const { context, text, token } of strongest) {
    expect(context).toContain(`[${tokenizer.tokenText(token)}]`);
    expect(text).toBe(tokenizer.tokenText(token));
  }
  const list = await shown(["words", "units", "--text", "corpus.txt", "--top", "4", "--draws", "0"]);
  expect(list.match(/^L\dN\d+ .*\[[^\]]+\]/gm)?.length).toBe(4);
});

test("the null of random networks is drawn as the family begins, that of shuffled ones from the model's own numbers", async () => {
  const { config } = await loadModel(folderOf("gpt2"));
  const { weights } = freshModel(config, { family: "gpt2", initStd: 0.5 }, [], randomStream("test"));
  const llama = freshModel(config, { family: "llama", initStd: 0.5 }, [], randomStream("test"));
  // 640 numbers: a standard deviation is known within 3 %
  expect(sd(weights["embed.W_E"])).toBeCloseTo(0.5, 1);
  expect(sd(weights["blocks.0.mlp.W_out"])).toBeCloseTo(0.25, 1); // two layers, four writes
  expect(sd(llama.weights["blocks.0.mlp.W_out"])).toBeCloseTo(0.5, 1);
  expect(new Set(weights["blocks.0.ln1.w"])).toEqual(new Set([1]));
  expect(new Set(weights["blocks.0.attn.b_Q"])).toEqual(new Set([0]));

  const args = ["gpt2", "circuits", "--parts", "singular", "--draws", "19", "--null"];
  const random = await found([...args, "random"]);
  const shuffled = await found([...args, "shuffled"]);
  expect(shuffled.null).toMatchObject({ kind: "shuffled", draws: 19 });
  expect(estimates(shuffled.singular)).toEqual(estimates(random.singular));
  // shuffling keeps the scale of every matrix, so its singular values are near; a fresh model has other scales
  const near = ({ estimate, null: drawn }: { estimate: number; null: { median: number } }) =>
    Math.abs(Math.log(drawn.median / estimate));
  const worst = (cells: readonly { estimate: number; null: { median: number } }[]) =>
    Math.max(...cells.map(near));
  expect(worst(shuffled.singular)).toBeLessThan(worst(random.singular));
});

test("every family answers every verb it can, and says in one sentence what it cannot", async () => {
  const verbs = [
    ["lens", "--tokens", "1,2,3"],
    ["heads"],
    ["attribution", "--tokens", "1,2,3", "--answer", "4"],
    ["patch", "--clean", "1,2,3", "--corrupt", "1,5,3", "--answer", "4", "--wrong", "7"],
    ["ablate", "--tokens", "1,2,3", "--answer", "4"],
    ["units", "--blocks", "2"],
    ["circuits"],
  ];
  for (const name of ["llama-grouped-sharded", "gptNeox-parallel-hub-f16", "bert"])
    for (const verb of verbs) {
      const { exitCode, stdout, stderr } = await inspect([name, ...verb, "--draws", "0"]);
      expect([0, 2]).toContain(exitCode);
      expect({ name, verb, lines: stderr.match(/\n/g)?.length ?? 0, said: stdout !== "" }).toEqual({
        ...{ name, verb },
        ...(exitCode === 0 ? { lines: 0, said: true } : { lines: 1, said: false }),
      });
      if (exitCode === 2) expect([name, verb[0]]).toEqual(["bert", "attribution"]);
    }
});

test.each([
  [["gpt2", "lens"], /inspect gpt2: a pretrained model needs an input; got none\. Give --text/],
  [
    ["gpt2", "lens", "--text", "Al"],
    /--text: gpt2 has no tokenizer\.json, so its tokens are numbers; got "Al"/,
  ],
  [
    ["original", "lens", "--text", "Al"],
    /--text: text is for pretrained models; here tokens are numbers; got "Al"/,
  ],
  [
    ["words", "attribution", "--text", text, "--answer", " Mary"],
    /--answer: must be one token of the model; got " Mary", which is 5: " " "M" "a" "r" "y"/,
  ],
  [
    ["words", "patch", "--clean", clean, "--corrupt", "Bo saw", "--answer", " Al", "--wrong", " Bo"],
    /--corrupt: must be as long as --clean; got 2 and 6 tokens/,
  ],
  [["words", "lens", "--text", text, "--seed", "3"], /--seed: belongs to presets and runs/],
  [
    ["words", "lens", "--text", text, "--step", "3"],
    /--step: .*Checkpoints of a repository are its revisions/,
  ],
  [
    ["original", "lens", "--revision", "main"],
    /--revision: belongs to a pretrained model, which original is not/,
  ],
  [["original", "lens", "--null", "shuffled"], /--null: belongs to a pretrained model/],
  [["words", "units", "--text", "nowhere.txt"], /nowhere\.txt: /],
  [
    ["gpt2", "units", "--text", "corpus.txt"],
    /--text: takes a pretrained model that has a tokenizer\.json; got gpt2/,
  ],
  [
    ["words", "units", "--text", "corpus.txt", "--token", "3"],
    /--token: asks for a cell of the balanced probe/,
  ],
  [
    ["some/where", "lens", "--text", "Al"],
    /some\/where: neither a folder here nor, at revision main, in the cache/,
  ],
] as const)("inspect %j is refused in one sentence", async (args, sentence) => {
  const { exitCode, stdout, stderr } = await inspect(args);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  expect(stderr).toMatch(sentence);
  expect(stderr.match(/\n/g)?.length).toBe(1);
});
