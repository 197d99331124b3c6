import { expect, test, vi } from "vitest";
import { uniformNumbers } from "../../examples/fromScratch/random.ts";
import {
  reversalAccuracy,
  reversalBatch,
  reversalConfig,
  trainReversal,
  writeReversed,
} from "../../examples/fromScratch/reverse.ts";

// training takes a second or two; on a busy machine it may take longer than the default of five without being wrong
vi.setConfig({ testTimeout: 60_000 });

test("the batch is letters, separator and reversed letters, judged on the reversed half", () => {
  const config = reversalConfig(4, 6);
  const { inputs, targets, lossMask } = reversalBatch(config, 20, uniformNumbers(5));
  for (let s = 0; s < 20; s++) {
    const whole = [...inputs[s], targets[s][7]];
    expect(whole.slice(0, 4)).toEqual(whole.slice(5).toReversed());
    expect(whole[4]).toBe(6);
    expect(targets[s].slice(0, 7)).toEqual(inputs[s].slice(1));
    // what is judged is exactly the second half: the letters after the separator
    expect(targets[s].filter((_, pos) => lossMask[s][pos])).toEqual(whole.slice(5));
  }
});

test("an untrained model is right by chance, and a short training reverses sequences it has not seen", () => {
  const nLetters = 4;
  const untrained = trainReversal({ steps: 0, seed: 7, nLetters });
  expect(reversalAccuracy(untrained.config, untrained.weights, 100, 8)).toBeLessThan(0.3);

  const { config, weights, losses } = trainReversal({ steps: 50, seed: 7, nLetters });
  // guessing among 12 letters costs ln 12 = 2.48 nats
  expect(losses[0]).toBeGreaterThan(2);
  expect(losses[49]).toBeLessThan(0.5);
  expect(reversalAccuracy(config, weights, 100, 8)).toBeGreaterThan(0.95);
  expect(writeReversed(config, weights, [3, 1, 4, 1])).toEqual([1, 4, 1, 3]);
});

test("parameter-free attention learns to reverse as well", () => {
  const { config, weights, losses } = trainReversal({
    steps: 150,
    seed: 7,
    nLetters: 2,
    alphabet: 5,
    batchSize: 16,
    attention: "parameterFree",
  });
  expect(losses[149]).toBeLessThan(losses[0] / 4);
  expect(reversalAccuracy(config, weights, 100, 8)).toBeGreaterThan(0.9);
});

test("the same options give the same losses, every one of them reported", () => {
  const reported: number[] = [];
  const options = { steps: 3, seed: 11, nLetters: 2, batchSize: 4 };
  const first = trainReversal({ ...options, onStep: ({ step, loss }) => (reported[step - 1] = loss) });
  expect(reported).toEqual(first.losses);
  expect(trainReversal(options)).toEqual(first);
  expect(trainReversal({ ...options, seed: 12 }).losses).not.toEqual(first.losses);
});

test("uniform numbers are those of the published generator", () => {
  // the first three 32-bit outputs for seed 1 of the same generator written with C's uint32_t
  const draw = uniformNumbers(1);
  expect([draw(), draw(), draw()].map((value) => value * 2 ** 32)).toEqual([
    2693262067, 11749833, 2265367787,
  ]);
});
