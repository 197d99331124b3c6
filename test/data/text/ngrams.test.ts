import { expect, test } from "vitest";
import { randomStream } from "../../../src/base/random.ts";
import { countNgrams, ngramLoss } from "../../../src/data/text/ngrams.ts";

/** Sums of a few hundred float64 terms. */
const CLOSE = 1e-12;

test("entropies are those of the formulas, by hand", () => {
  // a a a b: 3/4 and 1/4; pairs aa aa ab, after a two of three are a
  const { unigramEntropy, bigramEntropy, tokens, pairs } = countNgrams([Int32Array.of(0, 0, 0, 1)], 2);
  expect([tokens, pairs]).toEqual([4, 3]);
  expect(unigramEntropy).toBeCloseTo(0.75 * Math.log(4 / 3) + 0.25 * Math.log(4), 12);
  expect(bigramEntropy).toBeCloseTo((2 / 3) * Math.log(3 / 2) + (1 / 3) * Math.log(3), 12);
});

test("no pair crosses from a run to another", () => {
  const together = countNgrams([Int32Array.of(0, 0), Int32Array.of(1, 1)], 2);
  expect(together.pairs).toBe(2);
  expect(together.bigramEntropy).toBe(0); // after 0 comes 0, after 1 comes 1
  expect(together.unigramEntropy).toBeCloseTo(Math.LN2, 12);
});

const stream = randomStream("ngrams");
/** Half of the tokens follow from the one before, so that pairs are worth something and not everything. */
const text = new Int32Array(400);
text.forEach((_, at) => {
  text[at] = at > 0 && stream.uniform() < 0.5 ? (text[at - 1] + 1) % 6 : stream.integer(6);
});

test("both models are distributions, also after a token that was never seen", () => {
  const { unigram, bigram } = countNgrams([text], 8);
  const total = (p: (token: number) => number) =>
    Array.from({ length: 8 }, (_, token) => p(token)).reduce((a, b) => a + b, 0);
  expect(Math.abs(total((token) => unigram[token]) - 1)).toBeLessThan(CLOSE);
  for (const before of [0, 3, 7]) {
    expect(Math.abs(total((token) => bigram(before, token)) - 1)).toBeLessThan(CLOSE);
    expect(bigram(before, 7)).toBeGreaterThan(0);
  }
});

test("the pseudocount is the one under which each pair is best predicted from all others", () => {
  const { pseudocount, unigram } = countNgrams([text], 6);
  // each pair in turn is taken out of the counts
  const leaveOneOut = (kappa: number) => {
    let sum = 0;
    for (let out = 1; out < text.length; out++) {
      let pair = 0;
      let before = 0;
      for (let at = 1; at < text.length; at++) {
        if (at === out || text[at - 1] !== text[out - 1]) continue;
        before++;
        if (text[at] === text[out]) pair++;
      }
      sum += Math.log((pair + kappa * unigram[text[out]]) / (before + kappa));
    }
    return sum;
  };
  expect(pseudocount).toBeGreaterThan(2 ** -4);
  expect(pseudocount).toBeLessThan(2 ** 12);
  const own = leaveOneOut(pseudocount);
  expect(own).toBeGreaterThanOrEqual(leaveOneOut(pseudocount * 2));
  expect(own).toBeGreaterThanOrEqual(leaveOneOut(pseudocount / 2));
});

test("losses are the mean surprise at the targets", () => {
  const ngrams = countNgrams([Int32Array.of(0, 1, 0, 1, 1)], 2);
  const sequences = { inputs: Int32Array.of(0, 1), targets: Int32Array.of(1, 0) };
  const { unigram, bigram } = ngramLoss(ngrams, sequences);
  // (3 + 1/2) / (5 + 1) and (2 + 1/2) / 6
  expect(unigram).toBeCloseTo(-(Math.log(3.5 / 6) + Math.log(2.5 / 6)) / 2, 12);
  expect(bigram).toBeCloseTo(-(Math.log(ngrams.bigram(0, 1)) + Math.log(ngrams.bigram(1, 0))) / 2, 12);
});

test("a token outside the vocabulary and a text without a pair are refused", () => {
  expect(() => countNgrams([Int32Array.of(0, 5)], 5)).toThrow(
    "tokens: must be whole numbers, 0 to 4; got 5.",
  );
  expect(() => countNgrams([Int32Array.of(1), Int32Array.of(2)], 5)).toThrow(
    "two tokens that follow each other",
  );
});
