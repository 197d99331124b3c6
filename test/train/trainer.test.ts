import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { ArgumentError } from "../../src/base/errors.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import { randomStream } from "../../src/base/random.ts";
import { sliceSequences } from "../../src/data/batches.ts";
import { additionPairs, modularAddition } from "../../src/data/modularAddition.ts";
import { patterns } from "../../src/data/patterns.ts";
import { scoredMean } from "../../src/data/scored.ts";
import type { Sequences } from "../../src/data/types.ts";
import type { Backend } from "../../src/graph/backend.ts";
import { presets } from "../../src/model/config.ts";
import { initialPopulation } from "../../src/model/init.ts";
import { type Optimizer, optimizers } from "../../src/train/optimizers.ts";
import { openTrainer } from "../../src/train/trainer.ts";

/** float64, sums over sequences in another order. */
const FLOAT64 = 1e-12;

const config = { ...presets.original, nLayers: 1, dMlp: 8 };
const [MODELS, BATCH, POS] = [3, 6, 7];
const sequences = patterns(config).sample(randomStream("trainer"), 150);
const cut = (start: number, count: number) => sliceSequences(sequences, { start, count });

interface Opening {
  optimizer?: Optimizer;
  batch?: number;
}

function opened(
  backend: Backend = wasmBackend(),
  { optimizer = optimizers.adam, batch = BATCH }: Opening = {},
) {
  const trainer = openTrainer(backend, { config, optimizer, models: MODELS, batch, nPos: POS });
  const streams = Array.from({ length: MODELS }, (_, i) => randomStream("trainer", i));
  trainer.writeWeights(initialPopulation(config, { scheme: "pytorch" }, streams));
  return trainer;
}

test("the loss by position over many sequences is the mean over each of them, whatever the blocks", async () => {
  const trainer = opened(referenceBackend);
  const whole = await trainer.evaluate([sequences]); // 64 + 64 + 22
  const total = new Float64Array(MODELS * POS);
  for (let n = 0; n < sequences.count; n++)
    (await trainer.evaluate([cut(n, 1)])).forEach((loss, i) => {
      total[i] += loss / sequences.count;
    });
  expect(whole).toHaveLength(MODELS * POS);
  whole.forEach((loss, i) => {
    expect(Math.abs(loss - total[i])).toBeLessThan(FLOAT64);
  });
});

test("the loss of a step is the mean over positions of the loss before it, and evaluation changes nothing", async () => {
  const trainer = opened(referenceBackend);
  const before = await trainer.readWeights();
  const byPosition = await trainer.evaluate([cut(0, BATCH)]);
  expect(await trainer.readWeights()).toEqual(before);
  const loss = await trainer.step([cut(0, BATCH)], 1, [1e-3]);
  loss.forEach((of, model) => {
    const mean =
      byPosition.subarray(model * POS, (model + 1) * POS).reduce((sum, each) => sum + each, 0) / POS;
    expect(Math.abs(of - mean)).toBeLessThan(FLOAT64);
  });
  expect(await trainer.readWeights()).not.toEqual(before);
});

test("a batch that all share is the same as one copy each, and a rate for all the same as one each, bit for bit", async () => {
  const [shared, own] = [opened(), opened()];
  const batch = cut(0, BATCH);
  for (let step = 1; step <= 3; step++)
    expect(await shared.step([batch], step, [0.01])).toEqual(
      await own.step([batch, batch, batch], step, [0.01, 0.01, 0.01]),
    );
  expect(await shared.readWeights()).toEqual(await own.readWeights());
});

test("a rate of 0 leaves a model as it was while the others move", async () => {
  const trainer = opened();
  const before = (await trainer.readWeights())["unembed.W_U"];
  await trainer.step([cut(0, BATCH)], 1, [0.01, 0, 0.01]);
  const after = (await trainer.readWeights())["unembed.W_U"];
  const size = after.length / MODELS;
  const moved = [0, 1, 2].map((model) => {
    const [from, to] = [model * size, (model + 1) * size];
    return after.subarray(from, to).some((weight, i) => weight !== before[from + i]);
  });
  expect(moved).toEqual([true, false, true]);
});

test("batches that do not fit the population or the trainer are refused, and nothing has moved", async () => {
  const trainer = opened();
  const before = await trainer.readWeights();
  const short: Sequences = { count: BATCH, nPos: 3, inputs: new Int32Array(18), targets: new Int32Array(18) };
  const impossible: Sequences[][] = [
    [],
    [cut(0, BATCH), cut(0, BATCH)],
    [cut(0, BATCH), cut(0, BATCH), cut(0, 5)],
    [short],
    [cut(0, 0)],
    [cut(0, BATCH + 1)],
  ];
  for (const batches of impossible)
    await expect(async () => trainer.step(batches, 1, [0.01])).rejects.toThrow(ArgumentError);
  await expect(async () => trainer.step([cut(0, BATCH + 1)], 1, [0.01])).rejects.toThrow(
    /6 sequences at most.*got 7/,
  );
  await expect(async () => trainer.step([cut(0, BATCH)], 1, [0.01, 0.02])).rejects.toThrow(/"rate"/);
  expect(await trainer.readWeights()).toEqual(before);
});

/** The same sequences, of which only some positions count. */
const counting = (batch: Sequences, positions: readonly number[]): Sequences => ({
  ...batch,
  scored: Uint8Array.from({ length: POS }, (_, pos) => (positions.includes(pos) ? 1 : 0)),
});

const plainSgd: Optimizer = { name: "sgd", momentum: 0 };

/** What one step of plain descent changes, and the loss it reports. */
async function descent(batch: Sequences, backend = referenceBackend) {
  const trainer = opened(backend, { optimizer: plainSgd });
  const before = await trainer.readWeights();
  const loss = await trainer.step([batch], 1, [1]);
  const after = await trainer.readWeights();
  const change = Object.entries(after).flatMap(([name, values]) =>
    Array.from(values, (value, i) => value - before[name][i]),
  );
  return { loss, change };
}

test("the step of a batch is the mean of the steps on each of its positions alone, and so is the loss", async () => {
  const batch = cut(0, BATCH);
  const alone = await inTurn(
    Array.from({ length: POS }, (_, i) => i),
    async (_, pos) => descent(counting(batch, [pos])),
  );
  const mean = (pick: (of: (typeof alone)[number]) => number, positions: readonly number[]) =>
    positions.reduce((sum, pos) => sum + pick(alone[pos]), 0) / positions.length;
  for (const positions of [[0, 1, 2, 3, 4, 5, 6], [6], [2, 5]]) {
    const { loss, change } = await descent(positions.length === POS ? batch : counting(batch, positions));
    loss.forEach((of, model) => {
      expect(Math.abs(of - mean(({ loss }) => loss[model], positions))).toBeLessThan(FLOAT64);
    });
    let worst = 0;
    change.forEach((of, i) => {
      worst = Math.max(worst, Math.abs(of - mean(({ change }) => change[i], positions)));
    });
    expect(worst).toBeLessThan(FLOAT64);
    expect(Math.max(...change.map(Math.abs))).toBeGreaterThan(0.01);
  }
});

test("targets that do not count change no bit of a step, and the loss is the scored mean of the evaluation", async () => {
  const batch = counting(cut(0, BATCH), [3, 6]);
  const other = {
    ...batch,
    targets: batch.targets.map((token, cell) => (batch.scored?.[cell % POS] ? token : (token + 1) % 10)),
  };
  for (const backend of [referenceBackend, wasmBackend()])
    expect(await descent(other, backend)).toEqual(await descent(batch, backend));
  const trainer = opened(referenceBackend);
  const byPosition = await trainer.evaluate([batch]);
  (await trainer.step([batch], 1, [0.01])).forEach((loss, model) => {
    const row = byPosition.subarray(model * POS, (model + 1) * POS);
    expect(Math.abs(loss - scoredMean(row, batch.scored))).toBeLessThan(FLOAT64);
    expect(Math.abs(loss - (row[3] + row[6]) / 2)).toBeLessThan(FLOAT64);
  });
});

test("positions that all count are trained as without a mask, bit for bit", async () => {
  const all = counting(cut(0, BATCH), [0, 1, 2, 3, 4, 5, 6]);
  expect(await descent(all, wasmBackend())).toEqual(await descent(cut(0, BATCH), wasmBackend()));
});

test("batches in which different positions count are refused", async () => {
  const trainer = opened();
  const [last, first, none] = [[6], [0], []].map((positions) => counting(cut(0, BATCH), positions));
  await expect(async () => trainer.step([last, first, last], 1, [0.01])).rejects.toThrow(
    "batch: the same positions must count for all models; got 6 and 0 and 6.",
  );
  await expect(async () => trainer.step([last, cut(0, BATCH), last], 1, [0.01])).rejects.toThrow(
    ArgumentError,
  );
  await expect(async () => trainer.step([none], 1, [0.01])).rejects.toThrow("at least one of them 1");
});

test("accuracy is the share of rows whose target has the largest logit, and 1/10 of them where all are equal", async () => {
  const trainer = opened();
  const shares = await trainer.accuracy([sequences]); // 64 + 64 + 22
  expect(shares).toHaveLength(MODELS * POS);
  const total = new Float64Array(MODELS * POS);
  for (let n = 0; n < sequences.count; n++)
    (await trainer.accuracy([cut(n, 1)])).forEach((right, i) => {
      expect([0, 1]).toContain(right);
      total[i] += right / sequences.count;
    });
  shares.forEach((share, i) => {
    expect(Math.abs(share - total[i])).toBeLessThan(FLOAT64);
  });
  const weights = await trainer.readWeights();
  const zero = (from: number, to: number, value: number) => {
    for (const name of ["unembed.W_U", "unembed.b_U"]) {
      const size = weights[name].length / MODELS;
      weights[name].fill(value, from * size, to * size);
    }
  };
  zero(0, 2, 0);
  zero(2, 3, Number.NaN);
  // the first model always says 4
  weights["unembed.b_U"][4] = 1;
  trainer.writeWeights(weights);
  const batch = cut(0, 50);
  const fours = (pos: number) =>
    batch.targets.filter((token, cell) => cell % POS === pos && token === 4).length;
  const now = await trainer.accuracy([batch, batch, batch]);
  for (let pos = 0; pos < POS; pos++) {
    expect(Math.abs(now[pos] - fours(pos) / 50)).toBeLessThan(FLOAT64);
    expect(Math.abs(now[POS + pos] - 0.1)).toBeLessThan(FLOAT64);
    expect(now[2 * POS + pos]).toBeNaN();
  }
});

test("a network that sees both summands learns to add, and its accuracy nears its ceiling as its loss does its floor", async () => {
  const modulus = 5;
  const size = { dVocab: modulus + 1, nCtx: 4 };
  const adder = { ...presets.causal, ...size, nLayers: 1, dMlp: 32 };
  const task = modularAddition(size);
  const trainer = openTrainer(wasmBackend(), {
    config: adder,
    optimizer: optimizers.adam,
    models: 1,
    batch: modulus * modulus,
    nPos: 3,
  });
  trainer.writeWeights(initialPopulation(adder, { scheme: "pytorch" }, [randomStream("adder")]));
  const pairs = additionPairs(modulus);
  let loss = Number.NaN;
  for (let step = 1; step <= 400; step++) [loss] = await trainer.step([pairs], step, [0.01]);
  expect(loss).toBeLessThan(0.05);
  expect(loss).toBeGreaterThan(task.bayesFloor()!.causal);
  const [, , right] = await trainer.accuracy([pairs]);
  expect(right).toBe(task.accuracyCeiling()![2]);
});
