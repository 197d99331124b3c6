/** `palimpsest models run` in this process: its numbers against those of transformers, its tables, what it refuses. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runModel } from "../../src/cli/models/run.ts";
import { readSafetensors, writeSafetensors } from "../../src/record/safetensors.ts";
import { cases, expectedOf, worst } from "../pretrained/modelFixtures.ts";
import { palimpsest } from "./harness.ts";
import { saveModel, tokenNumber } from "./modelFolders.ts";

/** What the project promises of every site of every family: float32 here, float32 in another order there. */
const TOLERANCE = 1e-4;

let cwd = "";
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "palimpsest-"));
  for (const name of cases) saveModel(cwd, name, name);
  saveModel(cwd, "words", "gpt2", { tokenizer: true });
  saveModel(cwd, "overflowing", "gpt2");
  const file = join(cwd, "overflowing/model.safetensors");
  const { tensors } = readSafetensors(new Uint8Array(readFileSync(file)), { file });
  const parts = [...tensors].map(([name, { shape, data }]) => {
    const values = Float32Array.from(data as Float32Array);
    if (name === "transformer.wte.weight") values[7 * 16] = Number.NaN; // token 7, which is also its own logit
    return [name, { shape, data: values }] as const;
  });
  writeFileSync(file, writeSafetensors(parts, { metadata: { format: "pt" } }));
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

async function models(args: readonly string[]) {
  return palimpsest(["models", ...args], { handlers: { modelsRun: runModel }, io: { cwd } });
}

async function found(args: readonly string[]) {
  const { exitCode, stdout, stderr } = await models(["run", ...args, "--json", "--quiet"]);
  expect({ args, exitCode, stderr }).toEqual({ args, exitCode: 0, stderr: "" });
  return JSON.parse(stdout);
}

async function refusal(args: readonly string[]) {
  const { exitCode, stdout, stderr } = await models(["run", ...args, "--quiet"]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  expect(stderr.match(/\n/g)?.length).toBe(1); // one sentence, or two with the way out, on one line
  return stderr.trim();
}

const listed = (rows: readonly (readonly number[])[]) => rows.map((row) => row.join(",")).join(";");

test.each(cases)("%s has the logits and the activations of transformers at every site", async (name) => {
  const { tokens, segments, sites } = expectedOf(name);
  const own = [...sites.keys()].filter((site) => site !== "logits");
  const args = [name, "--tokens", listed(tokens), "--sites", own.join(",")];
  const { config } = (await found([name, "--tokens", "1"])).model;
  const told = await found(config.dSegments > 0 ? [...args, "--segments", listed(segments)] : args);
  expect(Object.keys(told.sites).sort()).toEqual([...own].sort());
  for (const [site, { data, shape }] of sites) {
    const answer = told.sites[site] ?? told.logits;
    expect(answer.shape, site).toEqual([...shape]);
    const numbers = answer.data.map((value: unknown) =>
      typeof value === "number" ? value : Number((value as { $number: string }).$number),
    );
    expect(worst(numbers, data as Float32Array), site).toBeLessThan(TOLERANCE);
  }
});

test("every backend tells the same logits, whatever sites are asked for", async () => {
  const args = ["gpt2", "--tokens", "1,2,3;4,5,6"];
  const wasm = await found([...args, "--backend", "wasm"]);
  const more = await found([...args, "--backend", "wasm", "--sites", "resid-post,pattern"]);
  expect(more.logits).toEqual(wasm.logits);
  for (const backend of ["reference", "onnx"]) {
    const { logits, model } = await found([...args, "--backend", backend]);
    expect(model.backend).toBe(backend);
    expect(worst(logits.data, wasm.logits.data)).toBeLessThan(TOLERANCE);
  }
});

test("processing keeps the probabilities and names itself", async () => {
  const args = ["gpt2", "--tokens", "1,2,3;4,5,6"];
  const plain = await found(args);
  const names = ["fold-layer-norm", "center-writes", "center-unembed"];
  const { logits, model } = await found([...args, "--processing", names.join(",")]);
  expect(model.processing).toEqual(names);
  expect(logits.data).not.toEqual(plain.logits.data);
  expect(worst(logProbsOf(logits), logProbsOf(plain.logits))).toBeLessThan(TOLERANCE);
});

function logProbsOf({ shape, data }: { shape: number[]; data: number[] }): number[] {
  const dVocab = shape[2];
  return data.map((value, i) => {
    const start = i - (i % dVocab);
    const sum = data.slice(start, start + dVocab).reduce((total, other) => total + Math.exp(other), 0);
    return value - Math.log(sum);
  });
}

test("a text is run as the tokens of the model's tokenizer, and told as text", async () => {
  const text = "Al saw Bo. Bo saw";
  const numbers = ["Al", " saw", " Bo", ".", " Bo", " saw"].map(tokenNumber);
  const told = await found(["words", "--text", text]);
  expect(told.tokens).toEqual([numbers]);
  expect(told.logits).toEqual((await found(["words", "--tokens", listed([numbers])])).logits);

  const { stdout } = await models(["run", "words", "--text", text, "--top", "3", "--quiet"]);
  expect(stdout).toContain('"Al" " saw" " Bo" "." " Bo" " saw"');
  const last = told.logits.data.slice(-40);
  const order = [...last.keys()].sort((a: number, b: number) => last[b] - last[a]).slice(0, 3);
  const shown = [...stdout.matchAll(/^\S.*? +(\d+) +(0\.\d{4})$/gm)].map(([, id, p]) => [Number(id), p]);
  const sum = last.reduce((total: number, value: number) => total + Math.exp(value), 0);
  expect(shown).toEqual(order.map((id) => [id, (Math.exp(last[id]) / sum).toFixed(4)]));
});

test("the shapes of sites stand in a table, and progress tells bytes", async () => {
  const { stdout, stderr } = await models(["run", "gpt2", "--tokens", "1,2,3", "--sites", "pattern"]);
  expect(stdout).toMatch(/blocks\.1\.attn\.hook_pattern +batch head queryPos keyPos +1 2 3 3/);
  const lines = stderr
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const last = lines[lines.length - 1];
  expect(last.title).toBe("loading gpt2");
  expect(last.bytes).toBe(last.size);
});

test("a field of config.json that nobody knows is told", async () => {
  saveModel(cwd, "strange", "gpt2");
  const file = join(cwd, "strange/config.json");
  const config = { ...JSON.parse(readFileSync(file, "utf8")), smoothness: 3 };
  writeFileSync(file, JSON.stringify(config));
  const { exitCode, stdout, stderr } = await models(["run", "strange", "--tokens", "1,2"]);
  const sentence = 'config.json says "smoothness", which is not known here and was not used.';
  expect(exitCode).toBe(0);
  expect(stdout).toContain(sentence);
  expect(stderr).toContain(JSON.stringify(sentence).slice(1, -1));
  expect((await found(["gpt2", "--tokens", "1"])).model.unreadFields).toEqual([]);
});

test("logits that are no numbers are told aloud, and encoded as all numbers of the project are", async () => {
  const { exitCode, stdout, stderr } = await models(["run", "overflowing", "--tokens", "1,2", "--json"]);
  expect(exitCode).toBe(0);
  expect(stderr).toContain("2 of 80 logits are not finite numbers");
  expect(JSON.parse(stdout).logits.data[7]).toEqual({ $number: "NaN" });
  const { stdout: table } = await models(["run", "overflowing", "--tokens", "1,2", "--quiet"]);
  expect(table).toContain("2 of 80 logits are not finite numbers");
});

test.each([
  [["gpt2"], /needs an input; got none\. Give --text/],
  [["gpt2", "--tokens", "1,2", "--text", "Al"], /--text: and --tokens each give the input; got both/],
  [["gpt2", "--tokens", "1,2;3"], /--tokens: .*equally long; got 2 and 1 tokens\. Run them one after/],
  [["gpt2", "--tokens", "1,40"], /--tokens: the model knows the tokens 0 to 39; got 40\./],
  [["gpt2", "--tokens", "1,x"], /--tokens: must be token numbers/],
  [["gpt2", "--tokens", "0,0,0,0,0,0,0,0,0,0,0"], /reads at most 10 positions; got 11 tokens/],
  [["gpt2", "--text", "Al"], /--text: takes text, and gpt2 has no tokenizer\.json\. Put it beside/],
  [["words", "--text", "Al", "--text", "Al saw"], /--text: .*equally long; got 1 and 2 tokens/],
  [["gpt2", "--tokens", "1", "--sites", "resid-pst"], /no such site.*Nearest: "resid-post"/],
  [["gpt2", "--tokens", "1", "--segments", "0"], /--segments: this model has no segments/],
  [
    ["bert", "--tokens", "1,2", "--segments", "0,2"],
    /--segments: the model knows the segments 0 to 1; got 2/,
  ],
  [["bert", "--tokens", "1,2", "--segments", "0"], /--segments: must name a segment for every token/],
  [["gpt2", "--tokens", "1,2", "--position", "2"], /--position: the input has the positions 0 to 1; got 2/],
  [["bert", "--tokens", "1", "--processing", "fold-layer-norm"], /foldLayerNorm: needs a norm between/],
  [["gpt2", "--tokens", "1", "--processing", "fold"], /Nearest: "fold-layer-norm"/],
  [["no/such/folder", "--tokens", "1"], /no\/such\/folder: no such folder/],
  [["gpt2", "--tokens", "1", "--revision", "main"], /"gpt2" is a folder here, which has no revisions/],
] as const)("%j is refused in one sentence", async (args, sentence) => {
  expect(await refusal(args)).toMatch(sentence);
});

test("the help has examples", async () => {
  const { stdout } = await models(["run", "--help"]);
  expect(stdout).toContain("palimpsest models run models/gpt2 --text");
});
