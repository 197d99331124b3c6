/** Training on a text: options and errors in this process, whole runs with the built command line (`npm run build`). */
import { spawnSync } from "node:child_process";
import {
  cpSync,
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
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TrainOptions } from "../../src/cli/commands/train.ts";
import { runTrain } from "../../src/cli/runs/train.ts";
import { readText } from "../../src/cli/runs/trainText.ts";
import { tokenizerOf } from "../../src/data/tokenizer.ts";
import { parseJson } from "../../src/record/canonicalJson.ts";
import { checkFile, readManifest } from "../../src/record/manifest.ts";
import { readSafetensors } from "../../src/record/safetensors.ts";
import type { TextResult } from "../../src/studies/text/result.ts";
import { palimpsest } from "./harness.ts";

const root = join(import.meta.dirname, "../..");
let place: string;

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), "palimpsest-train-"));
  const text = readFileSync(join(root, "fixtures/text/kingJames.txt"), "utf8").slice(0, 12_000);
  writeFileSync(join(place, "genesis.txt"), text);
  mkdirSync(join(place, "books"));
  writeFileSync(join(place, "books/b.txt"), "\ufeffsecond\r\nfile");
  writeFileSync(join(place, "books/a.txt"), "first\rfile\n");
  writeFileSync(join(place, "books/notes.md"), "no text of ours");
  mkdirSync(join(place, "none"));
  writeFileSync(join(place, "broken.txt"), Uint8Array.of(0x61, 0x62, 0xc3, 0x28));
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

async function asked(line: string): Promise<TrainOptions> {
  const { calls, stderr } = await palimpsest(["train", ...line.split(" ")]);
  expect(stderr).toBe("");
  expect(calls.length).toBe(1);
  return calls[0][1] as TrainOptions;
}

test("a preset gives every size that is not given", async () => {
  expect(await asked("--text a.txt")).toEqual({
    ...{ text: "a.txt", tagged: null, preset: "char", tokenizer: null, vocab: null },
    ...{ size: { nLayers: 2, dModel: 64, nHeads: 4, nCtx: 64 }, batch: 16, steps: 1500, lr: 6e-3 },
    ...{ schedule: "cosine", init: { scheme: "gpt2", embeddingScale: 1 }, seeds: [0, 1, 2, 3] },
    ...{ heldOut: 0.1, probe: "text", prompt: null, export: "last" },
    sampling: { count: 2, tokens: 200, temperature: 0.8, topK: null },
    ...{ backend: "wasm", relaxed: false, workers: 4, out: null },
  });
  const own = await asked("--text a.txt --preset bpe-small --layers 3 --ctx 32 --seeds 5,7 --temperature 0");
  expect(own).toMatchObject({ vocab: 512, seeds: [5, 7], size: { nLayers: 3, dModel: 64, nCtx: 32 } });
  expect(own.sampling.temperature).toBe(0);
  expect(await asked("--text a.txt --preset bpe-small --tokenizer t.json")).toMatchObject({ vocab: null });
  expect((await asked("--text a.txt --seeds 1")).seeds).toEqual([0]);
});

test("what cannot be meant is one sentence and exit code 2", async () => {
  for (const [line, sentence] of [
    ["", "palimpsest train: needs --text, a file of UTF-8 text or a folder of .txt files; got none."],
    ["--text a --preset chars", 'Nearest: "char".'],
    ["--text a --vocab 300", "preset char has a token for every character of the text; got 300."],
    ["--text a --preset bpe-small --vocab 256", "--vocab: must be a whole number, 257 to 65536"],
    ["--text a --preset bpe-small --vocab 300 --tokenizer t", "--tokenizer t, which has its own"],
    ["--text a --held-out 1", "--held-out: must be a fraction below 1"],
    ["--text a --seeds all", "--seeds: must be a whole number at least 1"],
    ["--text a --temperature -1", "--temperature: must be a number above 0"],
    ["--text a --relaxed --backend reference", "--relaxed: only the wasm backend"],
    ["--text a --layer 3", 'Nearest: "--layers".'],
  ]) {
    const { exitCode, stderr, stdout } = await palimpsest(["train", ...line.split(" ").filter(Boolean)]);
    expect({ line, exitCode, stdout }).toEqual({ line, exitCode: 2, stdout: "" });
    expect(stderr).toContain(sentence);
    expect(stderr.trimEnd().split("\n").length).toBe(1);
  }
});

test("a text that cannot be used is one sentence and exit code 2, and leaves no run folder", async () => {
  writeFileSync(join(place, "tokenizer.json"), "{}");
  for (const [line, sentence] of [
    ["--text missing.txt", "missing.txt: cannot be read; got no such file or folder (ENOENT)."],
    ["--text none", "none: must hold files whose names end in .txt; got none."],
    ["--text broken.txt", "broken.txt: must be UTF-8 text; got byte 0xc3 at 2"],
    ["--text books", "text: training text needs a stretch of 65 tokens; got 21 tokens in one stretch"],
    ["--text genesis.txt --ctx 2000", "held-out text needs a stretch of 2001 tokens"],
    ["--text genesis.txt --heads 3", "must divide the width of the model; got 3 heads, width 64."],
    ["--text genesis.txt --tokenizer tokenizer.json", "tokenizer.json: "],
    [
      "--text genesis.txt --prompt é",
      '--prompt: must be made of characters that the tokenizer has; got "é".',
    ],
  ]) {
    const setup = { io: { cwd: place }, handlers: { train: runTrain } };
    const { exitCode, stderr } = await palimpsest(["train", ...line.split(" "), "--quiet"], setup);
    expect({ line, exitCode }).toEqual({ line, exitCode: 2 });
    expect(stderr).toContain(sentence);
    expect(stderr.trimEnd().split("\n").length).toBe(1);
  }
  expect(existsSync(join(place, "runs"))).toBe(false);
});

test("the files of a folder are joined by name, with line feeds, and what was changed is said", async () => {
  const { text, files, lineEndsChanged, marks } = readText("books", place);
  expect(text).toBe("first\nfile\nsecond\nfile\n");
  expect(files.map(({ path, bytes }) => [path, bytes])).toEqual([
    ["a.txt", 11],
    ["b.txt", 15],
  ]);
  expect([lineEndsChanged, marks]).toEqual([2, 1]);
  // what a file is called, and not where it lies, is part of a result
  expect(readText(join(place, "books/a.txt"), "/").files[0].path).toBe("a.txt");
});

const filesOf = (folder: string) =>
  readdirSync(join(place, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== "log.jsonl") // which tells the time
    .map((entry) => relative(join(place, folder), join(entry.parentPath, entry.name)))
    .sort();
const bytesOf = (folder: string, path: string) => readFileSync(join(place, folder, path));

function built(line: string): { status: number | null; stdout: string; stderr: string } {
  if (!existsSync(join(root, "dist/worker.js")))
    throw new Error("dist is missing: run `npm run build` first.");
  const words = [join(root, "bin/palimpsest.js"), "train", ...line.split(" ")];
  return spawnSync(process.execPath, words, { cwd: place, encoding: "utf8" });
}

const tiny =
  "--lr 0.003 --layers 1 --d-model 8 --heads 2 --ctx 8 --steps 5 --batch 4 --sample 1 --sample-tokens 20";

test("a run is the same to the byte with 1 and 2 workers, and every file is in the manifest", () => {
  const line = `--text genesis.txt ${tiny} --seeds 5,3,8 --export all --json --quiet`;
  const [one, two] = [built(`${line} --workers 1 --out one`), built(`${line} --workers 2 --out two`)];
  for (const { status, stderr } of [one, two]) expect([status, stderr]).toEqual([0, ""]);
  expect(filesOf("one")).toEqual(filesOf("two"));
  for (const path of filesOf("one"))
    expect(bytesOf("two", path).equals(bytesOf("one", path)), path).toBe(true);
  const manifest = readManifest(bytesOf("one", "manifest.json"), "manifest.json");
  expect(manifest).toMatchObject({ study: "train", status: "complete" });
  expect(manifest.files.map(({ path }) => path)).toEqual(
    filesOf("one").filter((path) => path !== "manifest.json"),
  );
  for (const entry of manifest.files) checkFile(entry, bytesOf("one", entry.path), "one");
  const result = parseJson(one.stdout, { file: "stdout" }) as unknown as TextResult;
  expect({ ...result, run: "." }).toEqual(parseJson(bytesOf("one", "result.json").toString(), { file: "x" }));
  expect(result.seeds).toEqual([5, 3, 8]);
  expect(result.heldOut.bitsPerCharacter.mean).toBeCloseTo(result.heldOut.last.mean / Math.LN2, 10);
  expect(result.samples.map(({ texts: [text] }) => [...text].length)).toEqual([21, 21, 21]);
  expect(result.models.map(({ seed }) => seed)).toEqual([5, 3, 8]);
});

test("models are written as other tools open them: config, weights and a tokenizer that reads the samples", () => {
  const folders = readdirSync(join(place, "one/models/seed-5")).sort();
  const files = ["config.json", "model.safetensors", "tokenizer.json"]; // the trained model itself
  expect(folders).toEqual([...files, "step0", "step1", "step2", "step4", "step5"].sort());
  for (const name of files)
    expect(bytesOf("one", `models/seed-5/${name}`)).toEqual(bytesOf("one", `models/seed-5/step5/${name}`));
  const model = (name: string) => bytesOf("one", `models/seed-5/step5/${name}`);
  const config = JSON.parse(model("config.json").toString());
  const tokenizer = tokenizerOf(model("tokenizer.json"));
  expect(config).toMatchObject({ model_type: "gpt2", vocab_size: tokenizer.size, n_embd: 8, n_positions: 8 });
  const { tensors } = readSafetensors(model("model.safetensors"), { file: "model.safetensors" });
  expect([...tensors.keys()].some((name) => name.endsWith("wte.weight"))).toBe(true);
  const result = JSON.parse(bytesOf("one", "result.json").toString()) as TextResult;
  const [sample] = result.samples[0].texts;
  expect(tokenizer.decode(tokenizer.encode(sample).ids)).toBe(sample);
});

test("byte pairs and a tokenizer of one's own go the same way, and the report tells how", () => {
  const bpe = built(`--text genesis.txt --preset bpe-small --vocab 280 ${tiny} --seeds 1 --quiet --out bpe`);
  expect([bpe.status, bpe.stderr]).toEqual([0, ""]);
  expect(bpe.stdout).toContain("280 tokens (bpe)");
  expect(bpe.stdout).toContain("Report: bpe/report.html");
  cpSync(join(place, "bpe/tokenizer.json"), join(place, "own.json"));
  const given = built(`--text genesis.txt --tokenizer own.json ${tiny} --seeds 1 --quiet --out given`);
  expect([given.status, given.stderr]).toEqual([0, ""]);
  // the same tokens make the same weights
  const weights = (folder: string) => bytesOf(folder, "checkpoints/step-000005.safetensors");
  expect(weights("given").equals(weights("bpe"))).toBe(true);
  const report = bytesOf("given", "report.html").toString();
  expect(report).toContain("280 (given)");
  expect(report).not.toMatch(/<script|src=|https?:\/\/(?!www\.w3\.org)|NaN|undefined/);
});
