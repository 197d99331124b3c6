import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ArgumentError, NameError, ShapeError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import {
  type PatternKind,
  patternKinds,
  patternOf,
  patterns,
  patternsFloor,
  patternsProbability,
  permutedTargets,
  type Sequences,
  shifted,
  type Task,
  taskNamed,
  tasks,
  uniformRandom,
} from "../../src/data/index.ts";
import { chiSquared, chiSquaredLimit } from "./chiSquared.ts";
import { generatorDistribution } from "./generatorDistribution.ts";

const ROUNDING = 1e-12;
const original: { sequences: number[][] } = JSON.parse(
  readFileSync(new URL("fixtures/originalTrainingData.json", import.meta.url), "utf8"),
);

/** Sequence n as text, inputs and last target together. */
const wholeSequence = ({ inputs, targets, nPos }: Sequences, n: number) =>
  [...inputs.subarray(n * nPos, (n + 1) * nPos), targets[(n + 1) * nPos - 1]].join();

test("The original's own training data are as likely under the mixture as its sequences should be.", () => {
  const { sequences } = original;
  expect(sequences).toHaveLength(500);
  const floor = patternsFloor({ dVocab: 10, nCtx: 8 });
  const surprisals = sequences.map((tokens) => -Math.log(patternsProbability(tokens, 10)));
  const mean = surprisals.reduce((a, b) => a + b) / 500;
  const z = (mean - floor.entropyOfSequence) / ((floor.sequenceSd * 7) / Math.sqrt(500));
  expect(Math.abs(z)).toBeLessThan(4); // 6e-5 by chance
});

test("Sampled sequences occur as often as the generator's choices say (chi-squared over all 81).", () => {
  const count = 20000;
  const sample = patterns({ dVocab: 3, nCtx: 4 }).sample(randomStream("test", "frequencies"), count);
  const seen = new Map<string, number>();
  for (let n = 0; n < count; n++) {
    const word = wholeSequence(sample, n);
    seen.set(word, (seen.get(word) ?? 0) + 1);
  }
  const expected = [...generatorDistribution(3, 4)];
  const statistic = chiSquared(
    expected.map(([word]) => seen.get(word) ?? 0),
    expected.map(([, p]) => p * count),
  );
  expect(statistic).toBeLessThan(chiSquaredLimit[80]);
});

// at one position a sorted answer or a parenthesis is not uniform: tasksExact.test.ts
test.each(["patterns", "random", "permuted", "induction", "reversal"])(
  "Task %s: every token is equally frequent at each position, as its marginal says.",
  (name) => {
    const task = taskNamed(name);
    const count = 5000;
    const { inputs, targets, nPos } = task.sample(randomStream("test", name), count);
    const marginal = task.targetMarginal()!;
    expect(marginal).toHaveLength(10);
    for (const tokens of [inputs, targets])
      for (let pos = 0; pos < nPos; pos++) {
        const observed = new Array<number>(10).fill(0);
        for (let n = 0; n < count; n++) observed[tokens[n * nPos + pos]]++;
        const statistic = chiSquared(
          observed,
          marginal.map((p) => p * count),
        );
        expect(statistic).toBeLessThan(chiSquaredLimit[9]);
      }
  },
);

test("Each kind of pattern has the structure of its name, and only alternating forbids equal neighbours.", () => {
  const stream = randomStream("test", "kinds");
  const draw = (kind: PatternKind) => [...patternOf(kind, stream, { dVocab: 10, nCtx: 8 })];
  let constant = 0;
  for (let k = 0; k < 300; k++) {
    const ascending = draw("ascending");
    expect(ascending).toEqual(ascending.map((_, i) => (ascending[0] + i) % 10));
    const alternating = draw("alternating");
    expect(alternating[0]).not.toBe(alternating[1]);
    expect(alternating).toEqual(alternating.map((_, i) => alternating[i % 2]));
    const repeating = draw("repeating");
    expect([2, 3, 4].some((length) => repeating.every((token, i) => token === repeating[i % length]))).toBe(
      true,
    );
    if (new Set(repeating).size === 1) constant++;
    for (const token of draw("random")) expect(token >= 0 && token < 10).toBe(true);
  }
  expect(constant).toBeGreaterThan(0); // 3.7 % of repeating sequences: a motif is drawn with replacement
  expect(patternKinds).toHaveLength(4);
});

test("Equal streams give equal samples and other streams give others, for every task.", () => {
  for (const name of Object.keys(tasks)) {
    const task = taskNamed(name, { dVocab: 6, nCtx: 4 });
    expect([task.name, task.dVocab, task.nCtx]).toEqual([name, 6, 4]);
    const draw = (seed: number) => task.sample(randomStream("test", seed), 40);
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(draw(1)).toMatchObject({ count: 40, nPos: 3 });
    expect(draw(1).inputs).toHaveLength(120);
    expect(draw(1).targets).toHaveLength(120);
  }
});

test("Targets of next-token tasks are the inputs one place on.", () => {
  const { inputs, targets, count, nPos } = shifted([5, 0, 5, 0, 4, 3, 7, 7], 4);
  expect([count, nPos]).toEqual([2, 3]);
  expect([...inputs]).toEqual([5, 0, 5, 4, 3, 7]);
  expect([...targets]).toEqual([0, 5, 0, 3, 7, 7]);
  expect(() => shifted([1, 2, 3], 2)).toThrow(ShapeError);
  expect(() => shifted([], 2)).toThrow(ShapeError);
});

test("Uniform tokens cost ln V everywhere, and a seventh of it where only the last target is hidden.", () => {
  const floor = uniformRandom().bayesFloor()!;
  expect(floor.byPosition).toHaveLength(7);
  for (const value of floor.byPosition) expect(Math.abs(value - Math.log(10))).toBeLessThan(ROUNDING);
  expect(Math.abs(floor.causal - Math.log(10))).toBeLessThan(ROUNDING);
  expect(Math.abs(floor.leaky - Math.log(10) / 7)).toBeLessThan(ROUNDING);
  expect(Math.abs(floor.entropyOfSequence - 8 * Math.log(10))).toBeLessThan(ROUNDING);
  expect(floor.sequenceSd).toBe(0);
});

/** A task whose tokens say which sequence they stand in, with an uneven marginal it claims. */
const labelled = (nCtx: number): Task => ({
  ...uniformRandom({ dVocab: 4, nCtx }),
  sample: (_, count) =>
    shifted(
      Int32Array.from({ length: count * nCtx }, (_, i) => Math.floor(i / nCtx)),
      nCtx,
    ),
  targetMarginal: () => [0.5, 0.25, 0.25, 0],
});

test("Permuting targets keeps the inputs and the target counts, and no target stays in its sequence.", () => {
  for (const [count, nCtx] of [
    [2, 2],
    [2, 9],
    [3, 4],
    [32, 8],
  ])
    for (let seed = 0; seed < 20; seed++) {
      const before = labelled(nCtx).sample(randomStream("test"), count);
      const after = permutedTargets(labelled(nCtx)).sample(randomStream("test", seed), count);
      expect(after.inputs).toEqual(before.inputs);
      expect([...after.targets].sort((a, b) => a - b)).toEqual([...before.targets]);
      expect(after.targets.some((sequence, cell) => sequence === Math.floor(cell / before.nPos))).toBe(false);
    }
});

test("Permuted targets are independent of the input beside them (chi-squared, 10 by 10).", () => {
  const count = 8000;
  const { inputs, targets, nPos } = tasks.permuted().sample(randomStream("test", "independence"), count);
  const table = new Array<number>(100).fill(0);
  for (let n = 0; n < count; n++) table[inputs[n * nPos + 3] * 10 + targets[n * nPos + 3]]++;
  const row = (r: number) => table.slice(r * 10, r * 10 + 10).reduce((a, b) => a + b);
  const column = (c: number) => table.reduce((sum, k, i) => (i % 10 === c ? sum + k : sum), 0);
  const expected = table.map((_, i) => (row(Math.floor(i / 10)) * column(i % 10)) / count);
  expect(chiSquared(table, expected)).toBeLessThan(chiSquaredLimit[81]);
});

test("The floor of permuted targets is the entropy of their marginal, with or without a mask.", () => {
  const floor = permutedTargets(labelled(8)).bayesFloor()!;
  const nats = 1.5 * Math.LN2; // 1/2, 1/4, 1/4
  for (const value of [...floor.byPosition, floor.causal, floor.leaky])
    expect(Math.abs(value - nats)).toBeLessThan(ROUNDING);
  // −ln m is ln 2 or 2 ln 2 with equal probability: standard deviation ½ ln 2, over 7 positions
  expect(Math.abs(floor.sequenceSd - Math.LN2 / 2 / Math.sqrt(7))).toBeLessThan(ROUNDING);
  const unknown: Task = { ...patterns(), targetMarginal: () => undefined };
  expect(permutedTargets(unknown).bayesFloor()).toBeUndefined();
});

test("A wrong name or size says what was wrong.", () => {
  expect(() => taskNamed("patern")).toThrow(NameError);
  expect(() => taskNamed("patern")).toThrow(
    'task: no such name among patterns, random, permuted, induction, parentheses, reversal, sorting, modularAddition; got "patern". Nearest: "patterns".',
  );
  expect(() => taskNamed("constructor")).toThrow(NameError);
  expect(() => patterns({ dVocab: 1 })).toThrow(ArgumentError);
  expect(() => uniformRandom({ nCtx: 1 })).toThrow(ArgumentError);
  expect(() => patterns().sample(randomStream("test"), 0)).toThrow(ArgumentError);
  expect(() => tasks.permuted().sample(randomStream("test"), 1)).toThrow(ArgumentError);
});
