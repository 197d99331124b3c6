import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readMinimalPairs } from "../../../src/data/text/minimalPairs.ts";

const fixture = new URL("../../fixtures/pairs/agreement.jsonl", import.meta.url);
const line = (values: object) => JSON.stringify(values);
const one = { sentence_good: "The cats sleep.", sentence_bad: "The cats sleeps.", UID: "agreement" };
const read = (...lines: string[]) => readMinimalPairs([{ name: "a.jsonl", text: lines.join("\n") }]);

test("a file as BLiMP writes it is read whole, keys that nobody needs passed over", () => {
  const pairs = readMinimalPairs([{ name: "agreement.jsonl", text: readFileSync(fixture, "utf8") }]);
  expect(pairs.length).toBe(9);
  expect(pairs[4]).toEqual({
    where: "agreement.jsonl, line 5",
    ...{ good: "This lamp broke.", bad: "These lamp broke." },
    ...{ uid: "determiner_noun_agreement_plain", field: "morphology", term: "determiner_noun_agreement" },
    ...{ pairId: "0", wholeSentence: true },
  });
});

test("what a file does not say is null, numbers of pairs may be numbers, and empty lines count as lines", () => {
  const pairs = read(
    "",
    line({ ...one, pairID: 3, simple_LM_method: false, strange: [1, {}] }),
    " ",
    line(one),
  );
  expect(pairs).toEqual([
    {
      where: "a.jsonl, line 2",
      ...{ good: one.sentence_good, bad: one.sentence_bad, uid: "agreement" },
      ...{ field: null, term: null, pairId: "3", wholeSentence: false },
    },
    expect.objectContaining({ where: "a.jsonl, line 4", pairId: null, wholeSentence: true }),
  ]);
});

test.each([
  ["{", "a.jsonl, line 1: must be a JSON object on one line"],
  ["[1]", "a.jsonl, line 1: a line must be an object; got a list of 1."],
  ["null", "a.jsonl, line 1: a line must be an object"],
  [
    line({ ...one, sentence_bad: undefined }),
    "sentence_bad must be a text of at most 4096 characters; got null.",
  ],
  [line({ ...one, sentence_good: 7 }), "sentence_good must be a text of at most 4096 characters; got 7."],
  [line({ ...one, sentence_good: "" }), "sentence_good must not be empty."],
  [line({ ...one, UID: null }), "UID must be a text of at most 200 characters; got null."],
  [line({ ...one, field: ["syntax"] }), "field must be a text of at most 200 characters; got a list of 1."],
  [line({ ...one, pairID: 1.5 }), "pairID must be a whole number"],
  [line({ ...one, simple_LM_method: "yes" }), 'simple_LM_method must be true or false; got "yes".'],
  [
    line({ ...one, sentence_good: "a".repeat(4097) }),
    "sentence_good must be a text of at most 4096 characters",
  ],
  [line({ ...one, more: "a".repeat(16384) }), "a line may be 16384 characters long"],
])("%.60s is refused with file and line", (text, sentence) => {
  expect(() => read(text)).toThrow(sentence);
  expect(() => read(line(one), text)).toThrow(/^a\.jsonl, line 2: /);
});

test("a pair that is there twice and a paradigm of two fields are refused, with both places", () => {
  const numbered = { ...one, pairID: "0" };
  expect(() => read(line(numbered), line(numbered))).toThrow(
    'a.jsonl, line 2: pair "0" of UID "agreement" must be there once; got it at a.jsonl, line 1 too.',
  );
  const twice = { name: "b.jsonl", text: line(numbered) };
  expect(() => readMinimalPairs([{ ...twice, name: "a.jsonl" }, twice])).toThrow(
    /^b\.jsonl, line 1.*a\.jsonl, line 1/,
  );
  expect(() => read(line({ ...one, field: "syntax" }), line({ ...one, field: "semantics" }))).toThrow(
    'must agree in field; got "semantics", and "syntax" at a.jsonl, line 1.',
  );
  expect(read(line(numbered), line({ ...numbered, UID: "other" })).length).toBe(2);
});

test("files without a pair are refused", () => {
  expect(() => read("", "\n")).toThrow(
    "a.jsonl: must hold pairs of sentences, a JSON object a line; got none.",
  );
});
