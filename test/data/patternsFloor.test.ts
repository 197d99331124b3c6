import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type BayesFloor, patternsFloor, patternsProbability } from "../../src/data/index.ts";
import { generatorDistribution } from "./generatorDistribution.ts";

// sums of up to 16 000 terms of order 1e-4, in a different order
const ROUNDING = 1e-11;
// a few dozen terms below 10, each right to the last bit or two; differences of entropies double that
const LAST_BITS = 1e-14;

const enumerated: Omit<BayesFloor, "scored"> = JSON.parse(
  readFileSync(new URL("fixtures/patternsFloor.json", import.meta.url), "utf8"),
);

test("The floor of the original task equals a 50-digit enumeration of its 11 000 structured sequences.", () => {
  const { byPosition, ...rest } = patternsFloor({ dVocab: 10, nCtx: 8 });
  const { byPosition: expected, ...others } = enumerated;
  expect(byPosition).toHaveLength(7);
  for (let t = 0; t < 7; t++) expect(Math.abs(byPosition[t] - expected[t])).toBeLessThan(LAST_BITS);
  expect(Object.keys(rest).sort()).toEqual(Object.keys(others).sort());
  for (const name of Object.keys(others) as (keyof typeof others)[])
    expect(Math.abs(rest[name] - others[name])).toBeLessThan(LAST_BITS);
});

test("The floor of the original task equals the values of an earlier enumeration in double precision.", () => {
  const { causal, leaky, entropyOfSequence } = patternsFloor({ dVocab: 10, nCtx: 8 });
  expect(causal).toBeCloseTo(1.029524760073, 12);
  expect(leaky).toBeCloseTo(0.08247643379, 12);
  expect(entropyOfSequence).toBeCloseTo(9.509258413503, 11); // its sum of 11 000 terms is right to 1e-12 only
});

const entropy = (distribution: Map<string, number>) => {
  let sum = 0;
  for (const p of distribution.values()) sum -= p * Math.log(p);
  return sum;
};

function prefixes(distribution: Map<string, number>, length: number): Map<string, number> {
  const marginal = new Map<string, number>();
  for (const [sequence, p] of distribution) {
    const prefix = sequence.split(",").slice(0, length).join();
    marginal.set(prefix, (marginal.get(prefix) ?? 0) + p);
  }
  return marginal;
}

// two tokens: alternating = ascending; three and four: ascending is periodic; five and six: lengths around the motif's
test.each([
  [2, 2],
  [2, 9],
  [3, 4],
  [3, 7],
  [4, 6],
  [5, 5],
  [6, 3],
])(
  "With %i tokens and length %i the floor equals the one of the whole distribution, sequence by sequence.",
  (dVocab, nCtx) => {
    const distribution = generatorDistribution(dVocab, nCtx);
    expect(distribution.size).toBe(dVocab ** nCtx);
    const floor = patternsFloor({ dVocab, nCtx });
    const entropies = Array.from({ length: nCtx }, (_, t) => entropy(prefixes(distribution, t + 1)));
    for (const [t, value] of floor.byPosition.entries())
      expect(Math.abs(value - (entropies[t + 1] - entropies[t]))).toBeLessThan(ROUNDING);
    const nPos = nCtx - 1;
    expect(Math.abs(floor.causal - (entropies[nPos] - entropies[0]) / nPos)).toBeLessThan(ROUNDING);
    expect(Math.abs(floor.leaky - (entropies[nPos] - entropies[nPos - 1]) / nPos)).toBeLessThan(ROUNDING);
    expect(Math.abs(floor.entropyOfFirst - Math.log(dVocab))).toBeLessThan(ROUNDING);
    expect(Math.abs(floor.entropyOfSequence - entropies[nPos])).toBeLessThan(ROUNDING);

    // the best predictor's loss on a sequence is (ln p(x_1) − ln p(x_1 … x_T)) / nPos: its spread, by definition
    let second = 0;
    for (const p of distribution.values()) {
      const loss = (-Math.log(dVocab) - Math.log(p)) / nPos;
      second += p * (loss - floor.causal) ** 2;
    }
    expect(Math.abs(floor.sequenceSd - Math.sqrt(second))).toBeLessThan(ROUNDING);
  },
);

test("The probability of every sequence and prefix equals the generator's, choice by choice.", () => {
  for (const [dVocab, nCtx] of [
    [3, 6],
    [5, 5],
  ]) {
    const distribution = generatorDistribution(dVocab, nCtx);
    for (let length = 1; length <= nCtx; length++)
      for (const [prefix, p] of prefixes(distribution, length))
        expect(Math.abs(patternsProbability(prefix.split(",").map(Number), dVocab) - p)).toBeLessThan(
          ROUNDING,
        );
  }
});

test("The floor stays finite where V^T is beyond the range of numbers, and nears ln V / 4 from above.", () => {
  // once the kind is known, only the random quarter costs anything: ln V each
  const { causal, byPosition } = patternsFloor({ dVocab: 50000, nCtx: 400 });
  const quarter = Math.log(50000) / 4;
  expect(Math.abs(byPosition[398] - quarter)).toBeLessThan(ROUNDING * 1000); // differences of entropies near 1000
  expect(causal).toBeGreaterThan(quarter);
  expect(causal).toBeLessThan(quarter * 1.05);
});
