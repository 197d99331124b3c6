/** A model that diverges is marked with the step at which it was seen to, and no other model changes by a bit. */
import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import type { BatchSource } from "../../src/data/batches.ts";
import { presets } from "../../src/model/config.ts";
import type { Weights } from "../../src/model/weights.ts";
import { finiteMean, type GrowOptions, grow } from "../../src/train/grow.ts";
import { optimizers } from "../../src/train/optimizers.ts";
import { constantRate } from "../../src/train/schedules.ts";
import type { Trainer, Update } from "../../src/train/trainer.ts";
import { lossesOf, type Member, train } from "./population.ts";

const STEPS = 4;
const POPULATION = 5;
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

const set = (name: string, at: number, value: number): Member["spoil"] => {
  return (weights) => {
    weights[name][at] = value;
  };
};

/** What a sick model is given, and after how many updates its loss is known to be lost. */
const illnesses: Record<string, { member: Omit<Member, "seed">; from: number }> = {
  "a NaN among its weights": { member: { spoil: set("blocks.0.mlp.W_in", 5, nan) }, from: 0 },
  "+∞ in its unembedding": { member: { spoil: set("unembed.b_U", 3, inf) }, from: 0 },
  "−∞ in a query": { member: { spoil: set("blocks.1.attn.W_Q", 0, -inf) }, from: 0 },
  "weights of 1e38": {
    member: {
      spoil: (weights) => {
        for (const values of Object.values(weights)) values.fill(1e38);
      },
    },
    from: 0,
  },
  "a learning rate of 1e30": { member: { rate: 1e30 }, from: 1 },
};

const healthy = (place: number): Member => ({ seed: place, rate: 1e-3 * (place + 1) });
const members = (place: number, sick: Omit<Member, "seed">): Member[] =>
  Array.from({ length: POPULATION }, (_, i) => (i === place ? { ...healthy(i), ...sick } : healthy(i)));

test.each(Object.entries(illnesses))(
  "a model with %s is marked, and the others do not change",
  async (_, { member, from }) => {
    const options = { steps: STEPS, clip: 1, optimizer: optimizers.adam };
    const sound = await train(members(-1, {}), options);
    expect(sound.divergedAt).toEqual(new Array(POPULATION).fill(null));
    for (let place = 0; place < POPULATION; place++) {
      const { hashes, divergedAt, losses } = await train(members(place, member), options);
      expect(divergedAt[place]).toBe(from);
      for (let other = 0; other < POPULATION; other++) {
        if (other === place) continue;
        expect(divergedAt[other]).toBeNull();
        expect(hashes[other], `model ${other} beside a sick model ${place}`).toBe(sound.hashes[other]);
        expect(lossesOf({ losses, divergedAt }, other)).toEqual(lossesOf(sound, other));
      }
    }
  },
);

test("a sick model is marked at the same step on the reference backend", async () => {
  const config = { ...presets.original, nLayers: 1, dMlp: 8 };
  for (const backend of [wasmBackend(), referenceBackend]) {
    const run = await train(members(1, { spoil: set("blocks.0.mlp.W_in", 5, nan) }), {
      backend,
      config,
      steps: 2,
    });
    expect(run.divergedAt).toEqual([null, 0, null, null, null]);
  }
});

/** A trainer that tells what it is told to: [step][model] losses, and weights at the end. */
function scripted(
  losses: readonly (readonly number[])[],
  weights: Weights,
  stepsAtOnce = 1,
): { trainer: Trainer; rates: number[][] } {
  const rates: number[][] = [];
  const trainer = {
    session: { models: losses[0]?.length ?? 2 },
    stepsAtOnce,
    steps: (updates: readonly Update[]) => {
      rates.push(...updates.map((update) => [...update.rates]));
      return updates.map(({ step }) => Float64Array.from(losses[step - 1]));
    },
    readWeights: () => weights,
  };
  return { trainer: trainer as unknown as Trainer, rates };
}

const fine: Weights = { W: Float32Array.of(1, 2, 3, 4) };
const source = {
  batch: () => ({ count: 1, nPos: 1, inputs: new Int32Array(1), targets: new Int32Array(1) }),
};

/** Runs a loop to its end: its stops and what it returns. */
async function run(trainer: Trainer, options: Partial<GrowOptions> & { steps: number }) {
  const sources = [source as unknown as BatchSource];
  const loop = grow(trainer, { sources, rates: [0.1], schedule: constantRate, checkpoints: [], ...options });
  const stops = [];
  let next = await loop.next();
  for (; !next.done; next = await loop.next()) stops.push(next.value);
  return { stops, ...next.value };
}

test("a loss that is lost in the update k + 1 marks step k, once, and recovery does not take it back", async () => {
  const losses = [
    [1, 1],
    [1, nan],
    [inf, 1],
    [nan, nan],
  ];
  for (const atOnce of [1, 3, 4])
    expect((await run(scripted(losses, fine, atOnce).trainer, { steps: 4 })).divergedAt).toEqual([2, 1]);
});

test("weights that are lost in the last update mark the last step, by their model", async () => {
  const { trainer } = scripted([[1, 1, 1]], {
    a: Float32Array.of(1, 2, 3),
    b: Float32Array.of(1, 2, 3, 4, -inf, 6),
  });
  expect((await run(trainer, { steps: 1 })).divergedAt).toEqual([null, null, 1]);
  const untrained = scripted([], { W: Float32Array.of(1, nan) }).trainer;
  expect(await run(untrained, { steps: 0 })).toEqual({ stops: [], losses: [], divergedAt: [null, 0] });
});

test("the loop stops before the first update, at every checkpoint and report, with the mean of the finite losses", async () => {
  const losses = [
    [1, 3],
    [2, nan],
    [inf, nan],
    [4, 6],
  ];
  const { stops } = await run(scripted(losses, fine).trainer, {
    steps: 4,
    checkpoints: [0, 4, 2],
    reportEvery: 1,
  });
  const told = (at: number) => Float64Array.from(losses[at]);
  expect(stops).toEqual([
    { kind: "checkpoint", step: 0, loss: nan, losses: new Float64Array(0) },
    { kind: "progress", step: 1, loss: 2, losses: told(0) },
    { kind: "checkpoint", step: 2, loss: 2, losses: told(1) },
    { kind: "progress", step: 3, loss: nan, losses: told(2) },
    { kind: "checkpoint", step: 4, loss: 5, losses: told(3) },
  ]);
  expect(finiteMean([])).toBeNaN();
});

test("every model's rate is multiplied by the schedule", async () => {
  const { trainer, rates } = scripted(new Array(4).fill([1, 1]), fine, 3);
  await run(trainer, { steps: 4, rates: [1, 10], schedule: { warmup: 2, decay: "linear", final: 0.5 } });
  expect(rates).toEqual([
    [0.5, 5],
    [1, 10],
    [0.75, 7.5],
    [0.5, 5],
  ]);
});

test("checkpoints outside the run and impossible numbers of steps are refused", async () => {
  const { trainer } = scripted([[1, 1]], fine);
  for (const checkpoint of [-1, 5, 1.5, nan])
    await expect(async () => run(trainer, { steps: 4, checkpoints: [checkpoint] })).rejects.toThrow(
      /checkpoints.*0 and 4/,
    );
  for (const steps of [-1, 0.5, nan])
    await expect(async () => run(trainer, { steps })).rejects.toThrow(/steps/);
});
