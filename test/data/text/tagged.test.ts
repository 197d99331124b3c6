import { expect, test } from "vitest";
import { charTokenizer } from "../../../src/data/characterTokenizer.ts";
import { readTagged, taggedTokens } from "../../../src/data/text/tagged.ts";
import { trainBpe } from "../../../src/data/trainBpe.ts";

const brown = `
\tThe/at jury/nn said/vbd 1/2/cd of/in it/ppo ./.

\tThe/at jury/nn ended/vbd ./.
`;
const tagged = readTagged(brown, "ca01");

test("words and tags are read a sentence a line, and the last slash divides", () => {
  expect(tagged.sentences.map((words) => words.map(({ word }) => word).join(" "))).toEqual([
    "The jury said 1/2 of it .",
    "The jury ended .",
  ]);
  expect(tagged.sentences[0][3]).toEqual({ word: "1/2", tag: "cd" });
  // twice each: . at nn vbd, once each: cd in ppo
  expect(tagged.tags).toEqual([".", "at", "nn", "vbd", "cd", "in", "ppo"]);
});

test("every character of a word has the word's tag, and spaces have none", () => {
  const text = tagged.sentences.map((words) => words.map(({ word }) => word).join(" ")).join("\n");
  const { tokens, classes, sentences, ...rest } = taggedTokens(tagged, charTokenizer(text));
  expect(rest.text).toBe(text);
  expect(tokens.length).toBe(text.length);
  const tagAt = (at: number) => (classes[at] < 0 ? null : tagged.tags[classes[at]]);
  expect(Array.from("The jury", (_, at) => tagAt(at))).toEqual([
    ...["at", "at", "at", null],
    ...["nn", "nn", "nn", "nn"],
  ]);
  expect(Array.from(sentences)).toEqual(Array.from(text, (_, at) => (at <= text.indexOf("\n") ? 0 : 1)));
});

test("a token with the space before a word has that word's tag, one over two words has none", () => {
  const text = "The jury said 1/2 of it .\nThe jury ended .";
  const tokenizer = trainBpe(text.repeat(20), { vocab: 290 });
  const { tokens, classes } = taggedTokens(tagged, tokenizer);
  const told = Array.from(tokens, (token, at) => [
    tokenizer.tokenText(token),
    classes[at] < 0 ? null : tagged.tags[classes[at]],
  ]);
  expect(tokenizer.decode(tokens)).toBe(text);
  expect(told).toContainEqual([" jury", "nn"]);
  expect(told).toContainEqual(["\n", null]);
});

test("what is not word/TAG is named with its line and place", () => {
  expect(() => readTagged("The/at jury said/vbd", "x")).toThrow(
    'x, line 1, word 2: must be word/TAG; got "jury".',
  );
  expect(() => readTagged("a/b\n/nn", "x")).toThrow("x, line 2, word 1");
  expect(() => readTagged("word/", "x")).toThrow("x, line 1, word 1");
  expect(() => readTagged(" \n\n", "x")).toThrow("x: must hold words with tags, word/TAG; got none.");
});
