import fc from "fast-check";
import { expect, test } from "vitest";
import { ArgumentError } from "../../src/base/errors.ts";
import {
  batchRange,
  fixedBatches,
  freshBatches,
  heldOut,
  patterns,
  tasks,
  trainingSet,
} from "../../src/data/index.ts";

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
