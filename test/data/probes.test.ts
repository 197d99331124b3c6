import fc from "fast-check";
import { expect, test } from "vitest";
import { ArgumentError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import { exhaustive, latinBlocks, onDistribution, type Probe, patterns } from "../../src/data/index.ts";
import { chiSquared, chiSquaredLimit } from "./chiSquared.ts";

const SEED = 20240608; // of fast-check

/** How often each token stands at each position among the sequences chosen, [pos × token]. */
function cellCounts({ tokens, count, nPos, dVocab }: Probe, chosen: (n: number) => boolean): number[] {
  const counts = new Array<number>(nPos * dVocab).fill(0);
  for (let n = 0; n < count; n++)
    if (chosen(n)) for (let pos = 0; pos < nPos; pos++) counts[pos * dVocab + tokens[n * nPos + pos]]++;
  return counts;
}

test("Every Latin block holds each token exactly once at each position, and halves are alternate blocks.", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 12 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 6 }),
      (dVocab, nPos, blocks) => {
        const probe = latinBlocks({
          dVocab,
          nPos,
          blocks,
          stream: randomStream("test", dVocab, nPos, blocks),
        });
        expect(probe).toMatchObject({ count: dVocab * blocks, nPos, dVocab, design: "latin" });
        expect(probe.tokens).toHaveLength(dVocab * blocks * nPos);
        for (let block = 0; block < blocks; block++) {
          const inBlock = (n: number) => Math.floor(n / dVocab) === block;
          expect(cellCounts(probe, inBlock).every((k) => k === 1)).toBe(true);
          for (let n = block * dVocab; n < (block + 1) * dVocab; n++) expect(probe.half[n]).toBe(block % 2);
        }
      },
    ),
    { seed: SEED },
  );
});

test("Across Latin blocks the tokens at two positions are independent (chi-squared, 10 by 10).", () => {
  const { tokens, count, nPos } = latinBlocks({
    dVocab: 10,
    nPos: 3,
    blocks: 500,
    stream: randomStream("test", "pairs"),
  });
  const table = new Array<number>(100).fill(0);
  for (let n = 0; n < count; n++) table[tokens[n * nPos] * 10 + tokens[n * nPos + 2]]++;
  // A block adds a random permutation matrix, whose covariance is 1/(V − 1) on the 81 dimensions that its fixed
  // margins leave. 500 blocks over an expected 50: Pearson's statistic is 10/9 of a chi-squared.
  expect(chiSquared(table, new Array<number>(100).fill(50))).toBeLessThan(chiSquaredLimit[81] * (10 / 9));
});

test("Latin blocks are a function of their stream.", () => {
  const make = (seed: number) =>
    latinBlocks({ dVocab: 10, nPos: 7, blocks: 100, stream: randomStream("test", seed) });
  expect(make(1)).toEqual(make(1));
  expect(make(1).tokens).not.toEqual(make(2).tokens);
  expect(make(1).count).toBe(1000);
});

test.each([
  [10, 3],
  [6, 4],
  [5, 5],
  [4, 6],
  [2, 16],
  [3, 1],
])("The exhaustive probe of %i tokens at %i positions holds every sequence once.", (dVocab, nPos) => {
  const { tokens, count } = exhaustive({ dVocab, nPos });
  expect(count).toBe(dVocab ** nPos);
  const words = new Set<string>();
  for (let n = 0; n < count; n++) words.add(tokens.subarray(n * nPos, (n + 1) * nPos).join());
  expect(words.size).toBe(count);
  expect(tokens.every((token) => token >= 0 && token < dVocab)).toBe(true);
});

test("Both halves of an exhaustive probe are balanced by themselves, for even and odd vocabularies.", () => {
  for (const [dVocab, nPos] of [
    [10, 3],
    [5, 4],
    [4, 2],
    [3, 2],
    [2, 5],
  ]) {
    const probe = exhaustive({ dVocab, nPos });
    const sizes = [0, 1].map((half) => {
      const counts = cellCounts(probe, (n) => probe.half[n] === half);
      expect(new Set(counts).size).toBe(1);
      return counts[0];
    });
    expect(sizes[0] / sizes[1]).toBeCloseTo(dVocab % 2 === 0 ? 1 : (dVocab + 1) / (dVocab - 1), 12);
  }
});

test("Too large an exhaustive probe is refused with the number and the way out.", () => {
  expect(() => exhaustive({ dVocab: 10, nPos: 5 })).toThrow(ArgumentError);
  expect(() => exhaustive({ dVocab: 10, nPos: 5 })).toThrow(
    "exhaustive probe: at most 65536 sequences; got 10^5 = 100000. Use fewer tokens or positions",
  );
  expect(() => exhaustive({ dVocab: 10, nPos: 1000 })).toThrow(ArgumentError);
  expect(() => exhaustive({ dVocab: Number.NaN, nPos: 2 })).toThrow(ArgumentError);
  expect(() => latinBlocks({ dVocab: 10, nPos: 7, blocks: 0, stream: randomStream("test") })).toThrow(
    ArgumentError,
  );
});

test("The on-distribution probe is the task's inputs at the trained length, in two alternate halves.", () => {
  const task = patterns();
  const probe = onDistribution(task, { count: 50, stream: randomStream("test", "d3") });
  expect(probe).toMatchObject({ count: 50, nPos: 7, dVocab: 10, design: "task" });
  expect(probe.tokens).toEqual(task.sample(randomStream("test", "d3"), 50).inputs);
  expect([...probe.half].filter((half) => half === 1)).toHaveLength(25);
});
