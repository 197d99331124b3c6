import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { charTokenizer } from "../../../src/data/characterTokenizer.ts";
import { bitsPerCharacter, makeCorpus } from "../../../src/data/text/corpus.ts";
import { encodeTexts } from "../../../src/data/text/encodeTexts.ts";
import { windowCount } from "../../../src/data/text/windows.ts";

const kingJames = readFileSync(join(import.meta.dirname, "../../../fixtures/text/kingJames.txt"), "utf8");
const slice = kingJames.slice(0, 60_000);
const characters = { kind: "characters" } as const;

test("bits per character are nats over ln 2, times tokens per character", () => {
  expect(bitsPerCharacter(Math.log(4), 1)).toBeCloseTo(2, 14);
  // a token of four characters that costs 8 bits
  expect(bitsPerCharacter(8 * Math.LN2, 1 / 4)).toBeCloseTo(2, 14);
});

test("a text of equally frequent characters costs counting its logarithm: 2 bits for 4 of them", () => {
  const corpus = makeCorpus("abcdbadc".repeat(500), { tokenizer: characters, nCtx: 16 });
  expect(corpus.dVocab).toBe(4);
  // (n + 1/2) / (N + 2) is 1/4 up to where the borders fall
  expect(bitsPerCharacter(corpus.baseline.unigram, corpus.tokensPerCharacter)).toBeCloseTo(2, 3);
});

test("no held-out token is one that is trained on, and together they are the text", () => {
  const corpus = makeCorpus(slice, { tokenizer: characters, nCtx: 32, heldOutWindows: 1000 });
  const { split, size, tokenizer } = corpus;
  const texts = (part: "train" | "heldOut") => split[part].map(({ start, end }) => slice.slice(start, end));
  expect(corpus.train.map((run) => tokenizer.decode(run))).toEqual(texts("train"));
  const inOrder = texts("train").flatMap((text, i) => [text, texts("heldOut")[i]]);
  expect(inOrder.join("")).toBe(slice);
  expect(size.train.characters + size.heldOut.characters).toBe(slice.length);
  expect(size.train.windows).toBe(windowCount(corpus.train, 32));
  // each held-out window is found in held-out text
  const { heldOut } = corpus;
  const all = texts("heldOut").join("\u0000");
  for (let n = 0; n < heldOut.count; n++) {
    const window = tokenizer.decode(heldOut.inputs.subarray(n * 32, (n + 1) * 32));
    expect(all).toContain(window + tokenizer.decode([heldOut.targets[n * 32 + 31]]));
  }
});

test("held-out characters that the training text lacks are counted, and no window crosses one", () => {
  const text = `${"ab".repeat(450)}${"ab".repeat(30)}é${"ba".repeat(19)}é`;
  const corpus = makeCorpus(text, { tokenizer: characters, nCtx: 8 });
  expect([...corpus.unknown]).toEqual([["é", 2]]);
  expect(corpus.tokenizer.size).toBe(2);
  expect(corpus.size.heldOut.characters + corpus.size.train.characters).toBe(text.length - 2);
  const { runs } = encodeTexts(["abébaé", "é"], charTokenizer("ab"));
  expect(runs.map((run) => Array.from(run))).toEqual([
    [0, 1],
    [1, 0],
  ]);
});

test("byte pairs are learned from the training part, and every character has bytes", () => {
  const corpus = makeCorpus(`${slice}é`, { tokenizer: { kind: "bpe", vocab: 300 }, nCtx: 32 });
  const { size, tokenizer, tokensPerCharacter } = corpus;
  expect(tokenizer.size).toBe(300);
  expect(corpus.unknown.size).toBe(0);
  expect(tokensPerCharacter).toBe(size.heldOut.tokens / size.heldOut.characters);
  expect(tokensPerCharacter).toBeLessThan(0.8);
  expect(size.train.characters + size.heldOut.characters).toBe(slice.length + 1);
});

test("training text that a given tokenizer refuses is named", () => {
  const given = { kind: "given", tokenizer: charTokenizer("ab") } as const;
  expect(() => makeCorpus("abc".repeat(200), { tokenizer: given, nCtx: 8 })).toThrow(
    'training text: must be made of characters that the tokenizer has; got "c" (U+0063).',
  );
});

test("a text that is too short says how long it is", () => {
  expect(() => makeCorpus("in the beginning", { tokenizer: characters, nCtx: 64 })).toThrow(
    /^text: .*; got /,
  );
  expect(() => makeCorpus("in the beginning ".repeat(20), { tokenizer: characters, nCtx: 64 })).toThrow(
    "held-out text needs a stretch of 65 tokens; got 34 tokens in one stretch, of 340 characters in all.",
  );
});
