import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { ArgumentError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import { sliceSequences } from "../../src/data/batches.ts";
import { patterns } from "../../src/data/patterns.ts";
import type { Sequences } from "../../src/data/types.ts";
import type { Backend } from "../../src/graph/backend.ts";
import { presets } from "../../src/model/config.ts";
import { initialPopulation } from "../../src/model/init.ts";
import { optimizers } from "../../src/train/optimizers.ts";
import { openTrainer } from "../../src/train/trainer.ts";

/** float64, sums over sequences in another order. */
const FLOAT64 = 1e-12;

const config = { ...presets.original, nLayers: 1, dMlp: 8 };
const [MODELS, BATCH, POS] = [3, 6, 7];
const sequences = patterns(config).sample(randomStream("trainer"), 150);
const cut = (start: number, count: number) => sliceSequences(sequences, { start, count });

function opened(backend: Backend = wasmBackend()) {
  const trainer = openTrainer(backend, {
    config,
    optimizer: optimizers.adam,
    models: MODELS,
    batch: BATCH,
    nPos: POS,
  });
  const streams = Array.from({ length: MODELS }, (_, i) => randomStream("trainer", i));
  trainer.writeWeights(initialPopulation(config, { scheme: "pytorch" }, streams));
  return trainer;
}

test("the loss by position over many sequences is the mean over each of them, whatever the blocks", () => {
  const trainer = opened(referenceBackend);
  const whole = trainer.evaluate([sequences]); // 64 + 64 + 22
  const total = new Float64Array(MODELS * POS);
  for (let n = 0; n < sequences.count; n++)
    trainer.evaluate([cut(n, 1)]).forEach((loss, i) => {
      total[i] += loss / sequences.count;
    });
  expect(whole).toHaveLength(MODELS * POS);
  whole.forEach((loss, i) => {
    expect(Math.abs(loss - total[i])).toBeLessThan(FLOAT64);
  });
});

test("the loss of a step is the mean over positions of the loss before it, and evaluation changes nothing", () => {
  const trainer = opened(referenceBackend);
  const before = trainer.readWeights();
  const byPosition = trainer.evaluate([cut(0, BATCH)]);
  expect(trainer.readWeights()).toEqual(before);
  const loss = trainer.step([cut(0, BATCH)], 1, [1e-3]);
  loss.forEach((of, model) => {
    const mean =
      byPosition.subarray(model * POS, (model + 1) * POS).reduce((sum, each) => sum + each, 0) / POS;
    expect(Math.abs(of - mean)).toBeLessThan(FLOAT64);
  });
  expect(trainer.readWeights()).not.toEqual(before);
});

test("a batch that all share is the same as one copy each, and a rate for all the same as one each, bit for bit", () => {
  const [shared, own] = [opened(), opened()];
  const batch = cut(0, BATCH);
  for (let step = 1; step <= 3; step++)
    expect(shared.step([batch], step, [0.01])).toEqual(
      own.step([batch, batch, batch], step, [0.01, 0.01, 0.01]),
    );
  expect(shared.readWeights()).toEqual(own.readWeights());
});

test("a rate of 0 leaves a model as it was while the others move", () => {
  const trainer = opened();
  const before = trainer.readWeights()["unembed.W_U"];
  trainer.step([cut(0, BATCH)], 1, [0.01, 0, 0.01]);
  const after = trainer.readWeights()["unembed.W_U"];
  const size = after.length / MODELS;
  const moved = [0, 1, 2].map((model) => {
    const [from, to] = [model * size, (model + 1) * size];
    return after.subarray(from, to).some((weight, i) => weight !== before[from + i]);
  });
  expect(moved).toEqual([true, false, true]);
});

test("batches that do not fit the population or the trainer are refused, and nothing has moved", () => {
  const trainer = opened();
  const before = trainer.readWeights();
  const short: Sequences = { count: BATCH, nPos: 3, inputs: new Int32Array(18), targets: new Int32Array(18) };
  const impossible: Sequences[][] = [
    [],
    [cut(0, BATCH), cut(0, BATCH)],
    [cut(0, BATCH), cut(0, BATCH), cut(0, 5)],
    [short],
    [cut(0, 0)],
    [cut(0, BATCH + 1)],
  ];
  for (const batches of impossible) expect(() => trainer.step(batches, 1, [0.01])).toThrow(ArgumentError);
  expect(() => trainer.step([cut(0, BATCH + 1)], 1, [0.01])).toThrow(/6 sequences at most.*got 7/);
  expect(() => trainer.step([cut(0, BATCH)], 1, [0.01, 0.02])).toThrow(/"rate"/);
  expect(trainer.readWeights()).toEqual(before);
});
