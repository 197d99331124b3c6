import { expect, test } from "vitest";
import { referenceBackend } from "../../../src/backends/reference/referenceBackend.ts";
import { charTokenizer } from "../../../src/data/characterTokenizer.ts";
import type { MinimalPair } from "../../../src/data/text/minimalPairs.ts";
import type { Tokenizer } from "../../../src/data/tokenizerTypes.ts";
import { openNetwork } from "../../../src/interp/index.ts";
import { encodePairs, scorePairs } from "../../../src/studies/pairs/index.ts";
import { bigramModel, logOf } from "../../interp/bigram.ts";

const pair = (good: string, bad: string, line = 1): MinimalPair => ({
  ...{ where: `a.jsonl, line ${line}`, good, bad, uid: "u" },
  ...{ field: null, term: null, pairId: null, wholeSentence: true },
});
const letters = charTokenizer("abc");
/** Rows favour: after a comes b, after b comes c, after c comes a. */
const table = logOf([
  [1, 6, 1],
  [1, 1, 6],
  [6, 1, 1],
]);
const { config, weights } = bigramModel(table, 4);
const standard = { begin: null, leaveOut: false };
/** Adds token 2 before a text, as templates of other tokenizers do, and token 0 after it. */
const templated: Tokenizer = {
  ...letters,
  encode: (text, options = {}) => {
    const plain = letters.encode(text, options);
    return options.special === false ? plain : { ...plain, ids: [2, ...plain.ids, 0] };
  },
};

test("a sentence begins with the text asked for, else the template's token, else that in the role of bos, else none", () => {
  const encoded = (tokenizer: Tokenizer, begin: string | null) => {
    const { start, good } = encodePairs([pair("ab", "ba")], tokenizer, config, { ...standard, begin });
    return { start, good };
  };
  expect(encoded(letters, null)).toEqual({ start: [], good: [[0, 1]] });
  expect(encoded({ ...letters, roles: { bos: 1 } }, null)).toEqual({ start: [1], good: [[1, 0, 1]] });
  expect(encoded({ ...templated, roles: { bos: 1 } }, null)).toEqual({ start: [2], good: [[2, 0, 1]] });
  expect(encoded(templated, "ba")).toEqual({ start: [1, 0], good: [[1, 0, 0, 1]] });
});

test("what stands before a sentence is given and not scored: it decides the first token", async () => {
  const network = openNetwork(referenceBackend, config, weights);
  const outcome = async (begin: string | null) => {
    const encoded = encodePairs([pair("bc", "cb"), pair("a", "b")], letters, config, {
      begin,
      leaveOut: true,
    });
    return scorePairs(network, encoded);
  };
  // after a: ln p(b) + ln p(c) against ln p(c) + ln p(b | c); a single letter can be judged only after another
  expect(await outcome("a")).toEqual({ sum: Int8Array.of(1, -1), perToken: Int8Array.of(1, -1) });
  expect(await outcome("c")).toEqual({ sum: Int8Array.of(1, 1), perToken: Int8Array.of(1, 1) });
  expect((await outcome(null)).sum).toEqual(Int8Array.of(1));
  network.close();
});

test("by sum a shorter sentence has the advantage that per token it has not, and equal sentences tie", async () => {
  const network = openNetwork(referenceBackend, config, weights);
  // three likely steps, ln 6/8 each, against one unlikely one, ln 1/8
  const even = encodePairs(
    [pair("abcab", "aa"), pair("ab", "ab"), pair("aba", "aa")],
    letters,
    config,
    standard,
  );
  expect(await scorePairs(network, even)).toEqual({
    sum: Int8Array.of(1, 0, -1),
    perToken: Int8Array.of(1, 0, 1),
  });
  network.close();
});

test("pairs that the model cannot read are refused with file and line, or left out and listed", () => {
  const pairs = [pair("ab", "ba"), pair("ab", "bacbac", 2), pair("abd", "ab", 3), pair("a", "ab", 4)];
  expect(() => encodePairs(pairs, letters, config, standard)).toThrow(
    'a.jsonl, line 2: "bacbac" is 6 tokens long, and the model reads 4 and predicts one more.',
  );
  expect(() => encodePairs(pairs.slice(2), letters, config, standard)).toThrow(
    'a.jsonl, line 3: "abd" has no tokens: the tokenizer lacks "d".',
  );
  expect(() => encodePairs(pairs.slice(3), letters, config, standard)).toThrow(
    "has no token that the model could predict",
  );
  const { pairs: kept, unfit } = encodePairs(pairs, letters, config, { begin: null, leaveOut: true });
  expect(kept).toEqual([pairs[0]]);
  expect(unfit.map(({ pair: { where } }) => where)).toEqual(pairs.slice(1).map(({ where }) => where));
  expect(() => encodePairs(pairs.slice(1), letters, config, { begin: null, leaveOut: true })).toThrow(
    "none of the 3 pairs fits the model",
  );
  const fewer = { ...config, dVocab: 2 };
  expect(() => encodePairs([pair("ab", "ac")], letters, fewer, standard)).toThrow("comes to token 2");
  expect(() => encodePairs([], letters, config, standard)).toThrow("must hold pairs");
  expect(() => encodePairs(pairs, letters, config, { begin: "", leaveOut: true })).toThrow(
    "must come to a token",
  );
});

test("a model that diverged is refused", async () => {
  const broken = { ...weights, "unembed.W_U": Float32Array.from(weights["unembed.W_U"], () => Number.NaN) };
  const network = openNetwork(referenceBackend, config, broken);
  const encoded = encodePairs([pair("ab", "ba")], letters, config, standard);
  await expect(scorePairs(network, encoded)).rejects.toThrow(
    "a.jsonl, line 1: the probability of a sentence must be a number; got NaN.",
  );
  network.close();
});
