/** How often the gate leaves out a checkpoint that is sound: in dozens of series, with several optimisers, not once. */
import { expect, test } from "vitest";
import { judgeSeries } from "../../../src/pretrained/series/index.ts";
import { optimizers } from "../../../src/train/optimizers.ts";
import { grownSeries, seriesOf, sound, steps } from "./grown.ts";

const shortAdam = { ...optimizers.adam, beta2: 0.95 };
const decaying = (weightDecay: number) => ({ ...optimizers.adamw, weightDecay });
const plainDescent = { ...optimizers.sgd, momentum: 0 };
/** Rates from a twentieth of the usual one to ten times it, and decay that shrinks the weights. */
const settings = [
  { name: "Adam, 0.0001", optimizer: optimizers.adam, rate: 1e-4 },
  { name: "Adam, 0.002", optimizer: optimizers.adam, rate: 2e-3 },
  { name: "Adam, 0.02", optimizer: optimizers.adam, rate: 2e-2 },
  { name: "Adam of a short memory, 0.005", optimizer: shortAdam, rate: 5e-3, task: "induction" },
  { name: "AdamW, 0.001", optimizer: decaying(0.1), rate: 1e-3, task: "induction" },
  { name: "AdamW of a large decay, 0.003", optimizer: decaying(1), rate: 3e-3 },
  { name: "descent with momentum, 0.1", optimizer: optimizers.sgd, rate: 0.1 },
  { name: "plain descent, 0.3", optimizer: plainDescent, rate: 0.3, task: "induction" },
];
const seeds = [10, 11, 12, 13, 14, 15];

test.each(settings)("six sound series have no faults: $name", async (setting) => {
  const grown = await grownSeries(seeds, setting);
  for (const model of seeds.keys()) {
    const result = await judgeSeries(seriesOf(sound(grown, model)));
    expect(
      result.checkpoints.flatMap(({ step, faults }) => faults.map((fault) => ({ step, ...fault }))),
    ).toEqual([]);
    expect(result.sound).toEqual(steps);
    expect(result.initialised).toBe(true);
  }
});
