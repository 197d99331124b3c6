import { expect, test } from "vitest";
import { ArgumentError } from "../../src/base/errors.ts";
import {
  heldOut,
  honestFloor,
  leakAlarm,
  leakTolerance,
  patterns,
  patternsProbability,
  type Sequences,
  tasks,
} from "../../src/data/index.ts";

const task = patterns();
const floor = task.bayesFloor()!;

/** Loss of the best causal predictor on these very sequences, mean over targets: (ln p(x_1) − ln p(x)) / nPos. */
function bestLoss({ inputs, targets, count, nPos }: Sequences): number {
  let sum = 0;
  for (let n = 0; n < count; n++) {
    const tokens = [...inputs.subarray(n * nPos, (n + 1) * nPos), targets[(n + 1) * nPos - 1]];
    sum += Math.log(1 / 10) - Math.log(patternsProbability(tokens, 10));
  }
  return sum / (count * nPos);
}

/** Loss of a model that copies its right neighbour and predicts the last target as well as can be. */
function copyingLoss({ inputs, targets, count, nPos }: Sequences): number {
  let sum = 0;
  for (let n = 0; n < count; n++) {
    const seen = [...inputs.subarray(n * nPos, (n + 1) * nPos)];
    const whole = [...seen, targets[(n + 1) * nPos - 1]];
    sum += Math.log(patternsProbability(seen, 10)) - Math.log(patternsProbability(whole, 10));
  }
  return sum / (count * nPos);
}

test("The floor of a masked model is the causal one, of an unmasked one the leaky one.", () => {
  expect(honestFloor(floor, { causal: true })).toBe(floor.causal);
  expect(honestFloor(floor, { causal: false })).toBe(floor.leaky);
});

test("The best causal predictor reaches the floor and seldom sets off the alarm.", () => {
  const alpha = 0.1;
  const sets = 400;
  const count = 64;
  const tolerance = leakTolerance(floor, count, { alpha });
  let alarms = 0;
  let sum = 0;
  for (let k = 0; k < sets; k++) {
    const loss = bestLoss(heldOut(task, ["test", k], count));
    if (leakAlarm({ loss, floor, tolerance }).leaks) alarms++;
    sum += loss;
  }
  const standardError = floor.sequenceSd / Math.sqrt(sets * count);
  expect(Math.abs(sum / sets - floor.causal)).toBeLessThan(4 * standardError);
  // the optimal model has no luck of its own, so alpha / 2: 20 of 400, with a standard deviation of 4.4
  expect(alarms).toBeLessThan(20 + 4 * 4.4);
});

test("A model that copies its right neighbour reaches the leaky floor and sets off the alarm.", () => {
  const sequences = heldOut(task, ["test", "copy"], 2000);
  const loss = copyingLoss(sequences);
  expect(Math.abs(loss - floor.leaky)).toBeLessThan(0.02); // 0.95 nats a sequence / 7 / √2000 = 0.003 is one error
  const { leaks, message } = leakAlarm({ loss, floor, tolerance: leakTolerance(floor, 2000) });
  expect(leaks).toBe(true);
  expect(message).toContain("below the causal floor of 1.0295 nats");
  expect(message).toContain("A view of all inputs allows 0.0825 nats.");
});

test("The alarm tells the original's stored run, with its numbers, from an honest one.", () => {
  const stored = leakAlarm({ loss: 0.3335, floor, tolerance: 0.01, measuredOn: "training" });
  expect(stored.leaks).toBe(true);
  expect(stored.message).toMatch(/^loss 0\.3335 nats is 0\.6960 nats below the causal floor of 1\.0295 nats/);
  expect(stored.message).toContain("memorised");
  const masked = leakAlarm({ loss: 1.85, floor, tolerance: 0.01 });
  expect(masked).toEqual({
    leaks: false,
    message: "loss 1.8500 nats is not below the causal floor of 1.0295 nats (tolerance 0.0100 nats).",
  });
});

test("A loss within the tolerance is no alarm, and one below every floor is named so.", () => {
  const at = (loss: number) => leakAlarm({ loss, floor, tolerance: 0.05 });
  expect(at(floor.causal - 0.049).leaks).toBe(false);
  expect(at(floor.causal - 0.051).leaks).toBe(true);
  expect(at(0.002).message).toContain("even below the 0.0825 nats");
  expect(at(Number.NaN)).toMatchObject({ leaks: false });
  expect(at(Number.NaN).message).toContain("cannot be compared");
});

test("The tolerance shrinks with the sequences and knows the task: uniform tokens have no luck of the sample.", () => {
  expect(leakTolerance(floor, 400)).toBeLessThan(leakTolerance(floor, 100));
  const uniform = tasks.random().bayesFloor()!;
  expect(leakTolerance(uniform, 100, { alpha: 0.02 })).toBeCloseTo(Math.log(100) / 700, 12);
  // z of 0.975 is 1.959963984540
  const expected = (1.95996398454 * floor.sequenceSd) / 10 + Math.log(40) / 700;
  expect(leakTolerance(floor, 100, { alpha: 0.05 })).toBeCloseTo(expected, 11);
});

test("Impossible tolerances are refused.", () => {
  expect(() => leakAlarm({ loss: 1, floor, tolerance: -1 })).toThrow(ArgumentError);
  expect(() => leakTolerance(floor, 0)).toThrow(ArgumentError);
  expect(() => leakTolerance(floor, 10, { alpha: 0 })).toThrow(ArgumentError);
  expect(() => leakTolerance(floor, 10, { alpha: 1 })).toThrow(ArgumentError);
});
