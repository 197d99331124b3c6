/** Text with parts of speech through `train` and `track`: the tags are ground truth for what units respond to. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { runTrack } from "../../src/cli/runs/track.ts";
import { readText } from "../../src/cli/runs/trainText.ts";
import { charTokenizer } from "../../src/data/characterTokenizer.ts";
import { makeCorpus } from "../../src/data/text/corpus.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { initialWeights } from "../../src/model/init.ts";
import type { Weights } from "../../src/model/weights.ts";
import { exportModel } from "../../src/pretrained/exportModel.ts";
import { palimpsest } from "./harness.ts";

const shipped = join(import.meta.dirname, "../../fixtures/text/tagged.txt");

/** Nouns are written with abcde, verbs with vwxyz, determiners with some of both, so that a letter says much, but not all. */
const alphabet = { nn: "abcde", vbd: "vwxyz", at: "acegvxz" };
const stream = randomStream("test", "tagged");
const word = (tag: keyof typeof alphabet) =>
  Array.from(
    { length: 2 + stream.integer(3) },
    () => alphabet[tag][stream.integer(alphabet[tag].length)],
  ).join("");
const lines = Array.from({ length: 400 }, () =>
  (["at", "nn", "vbd", "nn"] as const).map((tag) => [word(tag), tag] as const),
);
const written = (tagOf: (tag: string) => string) =>
  lines.map((words) => words.map(([text, tag]) => `${text}/${tagOf(tag)}`).join(" ")).join("\n");

/** The unit that is planted: it responds to the letters of verbs. */
const planted = 3;
const config: ModelConfig = {
  ...{ ...presets.gpt, nLayers: 1, nCtx: 16, biases: ["qkv", "attnOut", "mlp", "norm"] },
  dVocab: charTokenizer("abcdegvwxyz \n").size,
};

function plant(weights: Weights): Weights {
  const own = Object.fromEntries(Object.entries(weights).map(([name, values]) => [name, values.slice()]));
  const { json } = charTokenizer("abcdegvwxyz \n");
  const vocabulary = (json.model as { vocab: Record<string, number> }).vocab;
  for (const [letter, token] of Object.entries(vocabulary))
    own["embed.W_E"][token * config.dModel] = alphabet.vbd.includes(letter) ? 0.1 : -0.1;
  const { dMlp } = config;
  // the planted unit reads the first dimension alone, and no other unit reads it
  own["blocks.0.mlp.W_in"].fill(0, 0, dMlp);
  for (let row = 0; row < config.dModel; row++)
    own["blocks.0.mlp.W_in"][row * dMlp + planted] = row === 0 ? 3 : 0;
  return own;
}

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "palimpsest-tagged-"));
  const plain = initialWeights(config, { scheme: "gpt2" }, randomStream("test", "planted"));
  const tokenizer = JSON.stringify(charTokenizer("abcdegvwxyz \n").json);
  for (const [step, weights] of [plain, plant(plain)].entries()) {
    const folder = join(cwd, "series", `step${step}`);
    mkdirSync(folder, { recursive: true });
    for (const [name, bytes] of Object.entries(exportModel({ config, weights })))
      writeFileSync(join(folder, name), bytes);
    writeFileSync(join(folder, "tokenizer.json"), tokenizer);
  }
  writeFileSync(
    join(cwd, "true.txt"),
    written((tag) => tag),
  );
  const lot = randomStream("test", "lot");
  writeFileSync(
    join(cwd, "drawn.txt"),
    written(() => ["nn", "vbd", "at"][lot.integer(3)]),
  );
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

interface Told {
  probe: { name: string; classesAre: string; classes: string[] };
  series: {
    topUnits: { unit: string; selectivity: number; before: number; prefers: string }[];
    checkpoints: { layers: { selectivity: Record<string, number> }[] }[];
  }[];
  command: string;
}

async function track(text: string, out: string, ...more: string[]): Promise<Told> {
  const args = [
    "track",
    "series",
    "--text",
    text,
    "--draws",
    "1",
    "--quiet",
    "--json",
    "--out",
    out,
    ...more,
  ];
  const { stdout, stderr, exitCode } = await palimpsest(args, { io: { cwd }, handlers: { track: runTrack } });
  expect(stderr).toBe("");
  expect(exitCode).toBe(0);
  return JSON.parse(stdout) as Told;
}

test("a unit planted for the letters of verbs is the most selective for parts of speech, and prefers verbs", async () => {
  const { probe, series, command } = await track("true.txt", "true", "--tagged", "pos");
  expect(probe.classesAre).toBe("part of speech");
  expect(probe.classes).toEqual(["noun", "verb", "determiner"]);
  expect(probe.name).toBe("text, true.txt, without its tags");
  expect(command).toContain("--text true.txt --tagged pos");
  const [top, next] = series[0].topUnits;
  expect(top).toMatchObject({ unit: `L0N${planted}`, prefers: "verb" });
  expect(top.selectivity).toBeGreaterThan(0.4); // determiners have letters of both, so not 1
  // letters have random directions, so other units tell some letters of verbs too
  expect(top.selectivity).toBeGreaterThan(1.2 * next.selectivity);
  expect(top.before).toBeLessThan(top.selectivity / 2);
  const report = readFileSync(join(cwd, "true/report.html"), "utf8");
  expect(report).toContain("units most selective for the part of speech at step 1");
  expect(report).toContain(
    "is the part of speech of the word that it is part of (3): noun · verb · determiner",
  );
});

test("the tags as they are give the same numbers where each is its own part of speech", async () => {
  const [parts, tags] = [
    await track("true.txt", "parts", "--tagged", "pos"),
    await track("true.txt", "tags", "--tagged", "tags"),
  ];
  expect(tags.probe.classesAre).toBe("tag");
  expect(new Set(tags.probe.classes)).toEqual(new Set(["nn", "vbd", "at"]));
  expect(tags.series[0].topUnits[0]).toMatchObject({ unit: `L0N${planted}`, prefers: "vbd" });
  expect(tags.series[0].topUnits[0].selectivity).toBeCloseTo(parts.series[0].topUnits[0].selectivity, 9);
});

test("tags that were drawn at random leave nothing to be selective for", async () => {
  const { series } = await track("drawn.txt", "drawn", "--tagged", "pos");
  // the same words and activations; what is left is the noise of some 1,500 words in three classes
  for (const { selectivity } of series[0].topUnits) expect(selectivity).toBeLessThan(0.05);
});

test("every word's tokens have its class in the held-out windows, and nothing else has one", () => {
  const { text, classes } = readText(shipped, "/", "pos");
  expect(text).not.toContain("/at");
  const options = { tokenizer: { kind: "bpe", vocab: 400 }, nCtx: 32 } as const;
  const corpus = makeCorpus(text, { ...options, classes: classes ?? undefined });
  const { heldOut, tokenizer } = corpus;
  expect(corpus.classes?.of.length).toBe(heldOut.inputs.length);
  const levels = corpus.classes?.levels ?? [];
  const seen = new Map<string, Set<string>>();
  heldOut.inputs.forEach((token, at) => {
    const own = corpus.classes?.of[at] ?? -1;
    const shown = tokenizer.tokenText(token);
    seen.set(shown, (seen.get(shown) ?? new Set()).add(own < 0 ? "none" : levels[own]));
  });
  // what the grammar says of words that are one token
  expect([...(seen.get(" the") ?? [])]).toEqual(["determiner"]);
  expect([...(seen.get(" and") ?? [])]).toEqual(["conjunction"]);
  expect([...(seen.get("\n") ?? [])]).toEqual(["none"]);
  expect([...(seen.get(" light") ?? [])].sort()).toEqual(["adjective", "noun", "verb"]);
  // and without classes everything else is the same
  const { train, size, heldOut: windows } = makeCorpus(text, options);
  expect({ train, size, windows }).toEqual({ train: corpus.train, size: corpus.size, windows: heldOut });
});

test("what is wrong is one sentence with file and line, and the exit code is 2", async () => {
  writeFileSync(join(cwd, "plain.txt"), "In the beginning\n");
  writeFileSync(join(cwd, "letters.txt"), "abc vwx\n".repeat(40));
  writeFileSync(join(cwd, "hole.txt"), "the/at end/nn\n\nof all/abn\n");
  writeFileSync(join(cwd, "one.txt"), "the/nn end/nn\n");
  const cases: [string[], RegExp][] = [
    [
      ["--text", "plain.txt", "--tagged", "pos"],
      /^plain\.txt, line 1, word 1: must be word\/TAG; got "In"\./,
    ],
    [["--text", "hole.txt", "--tagged", "tags"], /^hole\.txt, line 3, word 1: must be word\/TAG; got "of"\./],
    [["--text", "one.txt", "--tagged", "pos"], /^tagged text: must have words of at least two classes/],
    [["--tagged", "pos"], /^--tagged: needs --text/],
    [["--text", "plain.txt", "--tagged", "nouns"], /^--tagged: .*"nouns"/],
    [["--bos", "yes"], /^--bos: needs --text/],
    [["--text", "letters.txt", "--bos", "yes"], /^--bos: needs a tokenizer with a token for the beginning/],
  ];
  for (const [index, [args, sentence]] of cases.entries()) {
    const { stderr, exitCode } = await palimpsest(
      ["track", "series", ...args, "--quiet", "--out", `bad-${index}`],
      { io: { cwd }, handlers: { track: runTrack } },
    );
    expect(stderr).toMatch(sentence);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(exitCode).toBe(2);
  }
  const { stderr, exitCode } = await palimpsest(
    ["train", "--text", "a.txt", "--tagged", "pos", "--probe", "balanced"],
    { io: { cwd } },
  );
  expect(stderr).toMatch(/^--tagged: needs a probe that has words/);
  expect(exitCode).toBe(2);
});
