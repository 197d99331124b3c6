/** Four seeds of one model, trained side by side from the same kind of start on data of their own. */
import {
  constantRate,
  fixedBatches,
  grow,
  heldOut,
  initialPopulation,
  logSpaced,
  openTrainer,
  optimizers,
  presets,
  randomStream,
  tasks,
  trainingSet,
  wasmBackend,
} from "palimpsest";
import { lossByPosition } from "palimpsest/figures";

const config = presets.causal;
const task = tasks.patterns();
const seeds = [0, 1, 2, 3];
const nPos = config.nCtx - 1; // inputs are a sequence without its last token

const trainer = openTrainer(wasmBackend(), {
  config,
  optimizer: optimizers.adam,
  models: seeds.length,
  batch: 32,
  nPos,
});
const streams = seeds.map((seed) => randomStream("example", seed, "init"));
trainer.writeWeights(initialPopulation(config, { scheme: "pytorch" }, streams));

const sources = seeds.map((seed) => fixedBatches(trainingSet(task, ["example", seed, "data"], 500), 32));
const unseen = heldOut(task, ["example"], 256);
const steps = 160;
const options = { sources, rates: [1e-3], schedule: constantRate, steps, checkpoints: logSpaced(steps) };

/** Held-out loss at every checkpoint, mean over positions, [checkpoint][model] in nats. */
export const losses: number[][] = [];
for await (const { kind, step } of grow(trainer, options)) {
  if (kind !== "checkpoint") continue;
  const byPosition = await trainer.evaluate([unseen]); // [model, pos]
  losses.push(
    seeds.map(
      (_, model) => byPosition.subarray(model * nPos, (model + 1) * nPos).reduce((a, b) => a + b) / nPos,
    ),
  );
  console.log(`step ${step}: ${losses[losses.length - 1].map((loss) => loss.toFixed(3)).join(" ")}`);
}

/** What no model can expect to stay below without seeing its targets, nats. */
export const floor = task.bayesFloor()!.causal;
console.log(`exact Bayes floor: ${floor.toFixed(3)}`);

const byPosition = await trainer.evaluate([unseen]);
/** Loss by position beside the floor: where a network is below it, it sees what it should predict. */
export const figure = lossByPosition([
  {
    summary: { preset: "causal", seeds, models: seeds.map(() => ({ divergedAt: null })) },
    config,
    loss: {
      heldOutByPosition: seeds.map((_, model) => byPosition.subarray(model * nPos, (model + 1) * nPos)),
      floor: task.bayesFloor() ?? null,
    },
  },
]);
trainer.session.close();
