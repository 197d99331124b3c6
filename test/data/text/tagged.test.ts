import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { charTokenizer } from "../../../src/data/characterTokenizer.ts";
import { partOfSpeech } from "../../../src/data/text/partsOfSpeech.ts";
import { classedTokens, readTagged, wordClasses } from "../../../src/data/text/tagged.ts";
import { tokenizerOf } from "../../../src/data/tokenizer.ts";
import { trainBpe } from "../../../src/data/trainBpe.ts";

const brown = `
\tThe/at jury/nn said/vbd 1/2/cd of/in it/ppo ./.

\tThe/at jury/nn ended/vbd ./.
`;
const tagged = readTagged([{ text: brown, file: "ca01" }]);
const plain = "The jury said 1/2 of it .\nThe jury ended .\n";
const { tokenizers } = JSON.parse(
  readFileSync(new URL("../../fixtures/tokenizers/expected.json", import.meta.url), "utf8"),
) as { tokenizers: Record<string, { json: { normalizer: unknown } }> };

test("words and tags are read a sentence a line, and the last slash divides", () => {
  expect(tagged.text).toBe(plain);
  const words = Array.from(tagged.starts, (start, n) => [
    plain.slice(start, tagged.ends[n]),
    tagged.tags[tagged.tagOf[n]],
  ]);
  expect(words.slice(0, 4)).toEqual([
    ["The", "at"],
    ["jury", "nn"],
    ["said", "vbd"],
    ["1/2", "cd"],
  ]);
  expect(words.length).toBe(11);
  // twice each: . at nn vbd, once each: cd in ppo
  expect(tagged.tags).toEqual([".", "at", "nn", "vbd", "cd", "in", "ppo"]);
});

test("files follow each other, and their words stand where the joined text has them", () => {
  const { text, starts, ends } = readTagged([
    { text: "a/x b/y\n", file: "one" },
    { text: "c/x", file: "two" },
  ]);
  expect(text).toBe("a b\nc\n");
  expect(Array.from(starts, (start, n) => text.slice(start, ends[n]))).toEqual(["a", "b", "c"]);
});

test("every character of a word has the word's tag, and spaces have none", () => {
  const classes = wordClasses(tagged, "tags");
  const own = classedTokens(plain, 0, charTokenizer(plain), classes).classes;
  expect(own.length).toBe(plain.length);
  const tagAt = (at: number) => (own[at] < 0 ? null : classes.levels[own[at]]);
  expect(Array.from("The jury ", (_, at) => tagAt(at))).toEqual([
    ...["at", "at", "at", null],
    ...["nn", "nn", "nn", "nn", null],
  ]);
  expect(tagAt(plain.indexOf("\n"))).toBe(null);
});

test("a token with the space before a word is that word's, one over two words is nobody's", () => {
  const classes = wordClasses(tagged, "pos");
  const tokenizer = trainBpe(plain.repeat(20), { vocab: 290 });
  const told = classedTokens(plain, 0, tokenizer, classes);
  const named = told.ids.map((id, at) => [
    tokenizer.tokenText(id),
    told.classes[at] < 0 ? null : classes.levels[told.classes[at]],
  ]);
  expect(named).toContainEqual([" jury", "noun"]);
  expect(named).toContainEqual(["\n", null]);
  const at = plain.indexOf("jury");
  expect(classes.of(at, at + 9)).toBe(-1); // jury said
  expect(classes.of(at + 1, at + 2)).toBe(classes.levels.indexOf("noun"));
  expect(classes.of(at + 4, at + 5)).toBe(-1); // the space alone
  // a stretch from the middle of the text, as sequences are cut
  const part = classedTokens(plain.slice(at - 1), at - 1, tokenizer, classes);
  expect(classes.levels[part.classes[0]]).toBe("noun");
});

test("a tokenizer that changes the text gives classes word by word, or refuses", () => {
  const classes = wordClasses(tagged, "pos");
  const bert = tokenizerOf(JSON.stringify(tokenizers["bert-uncased"].json));
  const { ids, classes: own } = classedTokens("The jury said", 0, bert, classes);
  const pieces = ["the", "jury", "said"].map((word) => bert.encode(word, { special: false }).ids.length);
  expect(ids.length).toBe(pieces[0] + pieces[1] + pieces[2]);
  expect(Array.from(own, (level) => classes.levels[level])).toEqual([
    ...Array(pieces[0]).fill("determiner"),
    ...Array(pieces[1]).fill("noun"),
    ...Array(pieces[2]).fill("verb"),
  ]);
});

test("a byte-level tokenizer that makes NFC of a text says where tokens stand in one that is NFC", () => {
  const { json } = tokenizers.gpt2;
  const [bare, normal] = [json, { ...json, normalizer: { type: "NFC" } }].map((one) =>
    tokenizerOf(JSON.stringify(one)),
  );
  const options = { special: false, offsets: true };
  expect(normal.encode("caf\u00e9", options).offsets).toEqual(bare.encode("caf\u00e9", options).offsets);
  expect(normal.encode("cafe\u0301", options).offsets).toBe(null);
});

test("what is not word/TAG is named with its file, line and place", () => {
  const read = (text: string) => () => readTagged([{ text, file: "x" }]);
  expect(read("The/at jury said/vbd")).toThrow('x, line 1, word 2: must be word/TAG; got "jury".');
  expect(read("a/b\n/nn")).toThrow("x, line 2, word 1");
  expect(read("word/")).toThrow("x, line 1, word 1");
  expect(read(" \n\n")).toThrow("x: must hold words with tags, word/TAG; got none.");
  expect(() => wordClasses(readTagged([{ text: "a/q b/z", file: "x" }]), "pos")).toThrow(
    /must have words of at least two classes; got "other" alone, from 2 tags, such as "q"/,
  );
});

test("tags of Brown, Penn and the universal set are the parts of speech that their manuals say", () => {
  const expected = {
    noun: "nn nns nn$ np np$ nps nr nn-hl np-tl nn+bez NN NNS NNP NNPS NOUN PROPN",
    verb: "vb vbd vbg vbn vbz md be bedz ber do dod doz hv hvd hvz md* dod* vbg+to VBP MD VERB AUX",
    adjective: "jj jjr jjt jjs jj-tl JJ JJR ADJ",
    adverb: "rb rbr rn ql qlp wrb wql * RB RBS WRB ADV",
    pronoun: "pn pp$ ppl ppo pps ppss ppss+bem ex wp$ wpo wps PRP PRP$ WP WP$ EX PRON",
    determiner: "at dt dti dts dtx ap abl abn abx wdt DT PDT WDT DET",
    preposition: "in in-hl IN ADP",
    conjunction: "cc cs CC CONJ CCONJ SCONJ",
    numeral: "cd od CD NUM",
    particle: "rp to RP TO POS PART PRT",
    punctuation: ". , : ( ) -- '' `` $ # -LRB- -RRB- HYPH PUNCT .-hl",
    other: "fw-nn fw-in nil uh UH FW SYM LS X INTJ",
  };
  for (const [part, tags] of Object.entries(expected))
    for (const tag of tags.split(" ")) expect(partOfSpeech(tag), tag).toBe(part);
});
