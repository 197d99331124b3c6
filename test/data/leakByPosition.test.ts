import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { heldOut } from "../../src/data/batches.ts";
import { leaksByPosition } from "../../src/data/leakByPosition.ts";
import { patternsFloor } from "../../src/data/patternsFloor.ts";
import { tasks } from "../../src/data/registry.ts";

test("on many sequences the best predictor's loss is the exact floor of every position", () => {
  const task = tasks.patterns();
  const sequences = heldOut(task, ["test"], 20_000);
  const loss = task.bayesLoss(sequences) as Float64Array;
  const { byPosition } = patternsFloor({ dVocab: 10, nCtx: 8 });
  // −ln p is below 5 nats, its standard deviation below 1.5: five standard errors
  for (const [pos, floor] of byPosition.entries())
    expect(Math.abs(loss[pos] - floor)).toBeLessThan((5 * 1.5) / Math.sqrt(20_000));
});

test("the best predictor of the controls is uniform", () => {
  for (const name of ["random", "permuted"] as const) {
    const task = tasks[name]();
    const loss = task.bayesLoss(heldOut(task, ["test"], 50)) as Float64Array;
    for (const nats of loss) expect(nats).toBeCloseTo(Math.log(10), 12);
  }
});

test("an honest predictor never sets off the alarm, a little sight of the target does", () => {
  const task = tasks.random();
  const count = 512;
  const stream = randomStream("honest");
  let alarms = 0;
  for (let trial = 0; trial < 200; trial++) {
    const { targets, nPos } = task.sample(randomStream("leak", trial), count);
    const floors = new Float64Array(nPos).fill(Math.log(10));
    // a predictor that believes in random frequencies: it codes the sample sometimes better, sometimes worse
    const weights = Array.from({ length: 10 }, () => Math.exp(0.3 * stream.normal()));
    const total = weights.reduce((a, b) => a + b);
    const losses = new Float64Array(nPos);
    targets.forEach((token, cell) => {
      losses[cell % nPos] -= Math.log(weights[token] / total) / count;
    });
    if (leaksByPosition(losses, floors, count).length > 0) alarms++;
  }
  expect(alarms).toBe(0);
  const floors = [2.3, 2.3, 2.3];
  const tolerance = Math.log(3e6) / count;
  expect(leaksByPosition([2.3, 2.3 - 1.01 * tolerance, 2.3 - 0.99 * tolerance], floors, count)).toEqual([
    { pos: 1, loss: 2.3 - 1.01 * tolerance, floor: 2.3 },
  ]);
});

test("a loss that is not a number leaks nothing, and lists of different length are refused", () => {
  expect(leaksByPosition([Number.NaN], [2], 10)).toEqual([]);
  expect(() => leaksByPosition([1, 2], [2], 10)).toThrow(/equal length/);
});
