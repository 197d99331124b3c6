import fc from "fast-check";
import { expect, test } from "vitest";
import { ArgumentError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import {
  additionPairs,
  batchRange,
  fixedBatches,
  freshBatches,
  heldOut,
  patterns,
  type Sequences,
  shuffledBatches,
  splitSequences,
  tasks,
  trainingSet,
} from "../../src/data/index.ts";
import { chiSquared, chiSquaredLimit } from "./chiSquared.ts";

const SEED = 20240607; // of fast-check

test("Five hundred sequences in batches of 32 are 15 full batches and one of 20, in every epoch.", () => {
  const sequences = trainingSet(patterns(), ["test", 1], 500);
  const source = fixedBatches(sequences, 32);
  expect(source.stepsPerEpoch).toBe(16);
  expect(source.batchSize).toBe(32);
  for (const epoch of [0, 1, 9]) {
    const counts = Array.from({ length: 16 }, (_, k) => source.batch(epoch * 16 + k).count);
    expect(counts).toEqual([...new Array<number>(15).fill(32), 20]);
  }
});

test("An epoch shows every sequence once and in order, whatever the sizes.", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 250 }),
      fc.integer({ min: 0, max: 5 }),
      (total, batchSize, epoch) => {
        const steps = Math.ceil(total / batchSize);
        const seen: number[] = [];
        for (let k = 0; k < steps; k++) {
          const { start, count } = batchRange(total, batchSize, epoch * steps + k);
          for (let n = 0; n < count; n++) seen.push(start + n);
        }
        expect(seen).toEqual(Array.from({ length: total }, (_, n) => n));
      },
    ),
    { seed: SEED },
  );
});

test("The batches of an epoch, joined, are the fixed set itself.", () => {
  const sequences = trainingSet(tasks.permuted({ dVocab: 5, nCtx: 4 }), ["test", 2], 50);
  const source = fixedBatches(sequences, 16);
  const batches = Array.from({ length: 4 }, (_, k) => source.batch(4 + k));
  expect(batches.flatMap(({ inputs }) => [...inputs])).toEqual([...sequences.inputs]);
  expect(batches.flatMap(({ targets }) => [...targets])).toEqual([...sequences.targets]);
  expect(fixedBatches(sequences, 64).batchSize).toBe(50);
  expect(fixedBatches(sequences, 64).stepsPerEpoch).toBe(1);
});

test("A fresh batch depends on its key and its step alone: asked in any order, by any source, it is the same.", () => {
  const forward = freshBatches(patterns(), ["test", 7], 32);
  const inOrder = Array.from({ length: 20 }, (_, step) => forward.batch(step));
  const resumed = freshBatches(patterns(), ["test", 7], 32);
  for (const step of [13, 19, 0, 13]) expect(resumed.batch(step)).toEqual(inOrder[step]);
  expect(forward.stepsPerEpoch).toBeUndefined();
  expect(new Set(inOrder.map(({ inputs }) => inputs.join())).size).toBe(20);
  expect(freshBatches(patterns(), ["test", 8], 32).batch(0)).not.toEqual(inOrder[0]);
});

test("Held-out sequences, training set and batches of one key are different draws.", () => {
  const task = tasks.random({ dVocab: 10, nCtx: 20 }); // 10^20 sequences: a chance repetition is out of the question
  const rows = ({ inputs, nPos, count }: ReturnType<typeof heldOut>) =>
    Array.from({ length: count }, (_, n) => inputs.slice(n * nPos, (n + 1) * nPos).join());
  const key = ["test", 3];
  const all = [
    ...rows(heldOut(task, key, 100)),
    ...rows(trainingSet(task, key, 100)),
    ...rows(freshBatches(task, key, 100).batch(0)),
  ];
  expect(new Set(all).size).toBe(300);
  expect(heldOut(task, key, 100)).toEqual(heldOut(task, key, 100));
});

test("Impossible steps and sizes are refused.", () => {
  const sequences = trainingSet(patterns(), ["test", 4], 10);
  expect(() => fixedBatches(sequences, 0)).toThrow(ArgumentError);
  expect(() => fixedBatches(sequences, 4).batch(-1)).toThrow(ArgumentError);
  expect(() => freshBatches(patterns(), ["test"], 2.5)).toThrow(ArgumentError);
  expect(() => freshBatches(patterns(), ["test"], 4).batch(Number.NaN)).toThrow(
    "step: must be a whole number",
  );
});

test("A shuffled epoch shows every pair once, each epoch in another order, and any step alone gives the same batch.", () => {
  const pairs = additionPairs(7);
  expect(pairs).toMatchObject({ count: 49, nPos: 3, scored: Uint8Array.of(0, 0, 1) });
  const source = shuffledBatches(pairs, ["test", 5], 20);
  expect([source.batchSize, source.stepsPerEpoch]).toEqual([20, 3]);
  const steps = Array.from({ length: 6 }, (_, step) => source.batch(step));
  expect(steps.map(({ count }) => count)).toEqual([20, 20, 9, 20, 20, 9]);
  const rowsOf = (batches: readonly Sequences[]) =>
    batches.flatMap(({ inputs, targets, count }) =>
      Array.from({ length: count }, (_, n) => [...inputs.slice(n * 3, n * 3 + 3), targets[n * 3 + 2]].join()),
    );
  const [first, second] = [rowsOf(steps.slice(0, 3)), rowsOf(steps.slice(3))];
  const all = Array.from({ length: 49 }, (_, i) => [Math.floor(i / 7), i % 7]);
  const right = all.map(([a, b]) => [a, b, 7, (a + b) % 7].join());
  expect(rowsOf([pairs])).toEqual(right);
  for (const epoch of [first, second]) expect(epoch.toSorted()).toEqual(right.toSorted());
  expect(first).not.toEqual(second);
  for (const step of [4, 1, 5, 0])
    expect(shuffledBatches(pairs, ["test", 5], 20).batch(step)).toEqual(steps[step]);
  expect(steps[0].scored).toEqual(pairs.scored);
  expect(fixedBatches(pairs, 20).batch(0).scored).toEqual(pairs.scored);
});

test("A split holds every sequence once, in the shares asked for, and depends on its stream alone.", () => {
  const pairs = additionPairs(5);
  const split = (seed: number) =>
    splitSequences(pairs, { trainShare: 0.3, stream: randomStream("split", seed) });
  const { train, test: rest } = split(1);
  expect([train.count, rest.count]).toEqual([8, 17]); // 0.3 · 25 = 7.5, rounded
  const codes = ({ inputs, count }: Sequences) =>
    Array.from({ length: count }, (_, n) => inputs[n * 3] * 5 + inputs[n * 3 + 1]);
  expect([...codes(train), ...codes(rest)].sort((a, b) => a - b)).toEqual(
    Array.from({ length: 25 }, (_, i) => i),
  );
  for (const part of [train, rest]) {
    expect(part.scored).toEqual(Uint8Array.of(0, 0, 1));
    for (let n = 0; n < part.count; n++)
      expect(part.targets[n * 3 + 2]).toBe((part.inputs[n * 3] + part.inputs[n * 3 + 1]) % 5);
  }
  expect(split(1)).toEqual({ train, test: rest });
  expect(split(2).train).not.toEqual(train);
  for (const trainShare of [0, 0.01, 0.99, 1, Number.NaN])
    expect(() => splitSequences(pairs, { trainShare, stream: randomStream("split") })).toThrow(ArgumentError);
});

test("A pair is as likely to be trained on as any other (chi-squared over nine pairs).", () => {
  const observed = new Array<number>(9).fill(0);
  const draws = 3000;
  for (let seed = 0; seed < draws; seed++) {
    const { train } = splitSequences(additionPairs(3), {
      trainShare: 2 / 9,
      stream: randomStream("share", seed),
    });
    for (let n = 0; n < 2; n++) observed[train.inputs[n * 3] * 3 + train.inputs[n * 3 + 1]]++;
  }
  // counts of two draws without replacement vary less than multinomial ones: the limit holds a fortiori
  expect(chiSquared(observed, new Array<number>(9).fill((draws * 2) / 9))).toBeLessThan(chiSquaredLimit[8]);
});
