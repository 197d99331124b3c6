import { expect, test } from "vitest";
import { spreadWindows, windowBatches, windowCount } from "../../../src/data/text/windows.ts";
import { chiSquared, chiSquaredLimit } from "../chiSquared.ts";

/** Runs whose tokens say where they are: run · 1000 + place. */
const runOf = (run: number, length: number) => Int32Array.from({ length }, (_, at) => 1000 * run + at);
const runs = [runOf(0, 9), runOf(1, 3), runOf(2, 12)];
const options = { nCtx: 4, batchSize: 8, key: ["windows", 1] };

test("a window is a slice of one run: inputs its beginning, targets the tokens after each", () => {
  const { batch } = windowBatches(runs, options);
  for (let step = 0; step < 20; step++) {
    const { count, nPos, inputs, targets } = batch(step);
    expect([count, nPos]).toEqual([8, 4]);
    for (let n = 0; n < count; n++) {
      const first = inputs[n * 4];
      const [run, start] = [Math.floor(first / 1000), first % 1000];
      expect(Array.from(inputs.subarray(n * 4, n * 4 + 4))).toEqual(
        Array.from(runs[run].slice(start, start + 4)),
      );
      expect(Array.from(targets.subarray(n * 4, n * 4 + 4))).toEqual(
        Array.from(runs[run].slice(start + 1, start + 5)),
      );
    }
  }
});

test("every window is drawn, each as often as the others", () => {
  // starts 0 … 4 of the first run, none of the second, 0 … 7 of the third, and one more for the 13 degrees of freedom
  const longer = [runOf(0, 10), runOf(1, 3), runOf(2, 12)];
  expect(windowCount(longer, 4)).toBe(6 + 8);
  const { batch } = windowBatches(longer, { ...options, batchSize: 2800 });
  const counts = new Map<number, number>();
  const { inputs } = batch(0);
  for (let n = 0; n < 2800; n++) counts.set(inputs[n * 4], (counts.get(inputs[n * 4]) ?? 0) + 1);
  expect(counts.size).toBe(14);
  expect(chiSquared([...counts.values()], new Array(14).fill(200))).toBeLessThan(chiSquaredLimit[13]);
});

test("a batch is a function of key and step alone", () => {
  const one = windowBatches(runs, options);
  const two = windowBatches(runs, options);
  two.batch(0);
  expect(two.batch(7)).toEqual(one.batch(7));
  expect(one.batch(8).inputs).not.toEqual(one.batch(7).inputs);
  expect(windowBatches(runs, { ...options, key: ["windows", 2] }).batch(7).inputs).not.toEqual(
    one.batch(7).inputs,
  );
});

test("spread windows lie side by side: no target twice", () => {
  const all = spreadWindows(runs, { nCtx: 4, most: 100 });
  expect(all.count).toBe(2 + 2); // (9 − 1) / 4 and (12 − 1) / 4, rounded down
  expect(new Set(all.targets).size).toBe(all.targets.length);
  const some = spreadWindows(runs, { nCtx: 4, most: 2 });
  expect([some.inputs[0], some.inputs[4]]).toEqual([0, 2000]);
});

test("a text without a window is refused with what it has", () => {
  expect(() => windowBatches([runOf(0, 4)], options)).toThrow(
    "text: needs a stretch of 5 tokens, a window; got 4 tokens at most.",
  );
  expect(() => spreadWindows([], { nCtx: 4, most: 3 })).toThrow("got 0 tokens at most");
});
