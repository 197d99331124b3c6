/** Updates handed to a backend several at a time: where the loop stops, and that no bit of the training changes. */
import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { randomStream } from "../../src/base/random.ts";
import { fixedBatches, trainingSet } from "../../src/data/batches.ts";
import { patterns } from "../../src/data/patterns.ts";
import type { Backend } from "../../src/graph/backend.ts";
import { presets } from "../../src/model/config.ts";
import { initialPopulation } from "../../src/model/init.ts";
import { type Due, type GrowOptions, grow, type Stop } from "../../src/train/grow.ts";
import { optimizers } from "../../src/train/optimizers.ts";
import { constantRate } from "../../src/train/schedules.ts";
import { openTrainer, type Trainer, type TrainerOptions } from "../../src/train/trainer.ts";
import { train } from "./population.ts";

/** `wasm` that wants some updates at once, and counts the calls of every turn. */
function wanting(stepsAtOnce: number): { backend: Backend; turns: number[] } {
  const turns: number[] = [];
  const wasm = wasmBackend();
  const open: Backend["open"] = (options) => {
    const session = wasm.open(options);
    const runInTurn: typeof session.runInTurn = (calls) => {
      turns.push(calls.length);
      return session.runInTurn(calls);
    };
    return { ...session, runInTurn };
  };
  return { backend: { ...wasm, stepsAtOnce, open }, turns };
}

const members = [0, 1, 2, 3, 4].map((seed) => ({ seed }));

test("updates made several at a time leave the losses, weights and marks of updates made one by one", async () => {
  // 20 sequences in batches of 8: every third batch is a short one, a program of its own
  const single = await train(members, { steps: 11 });
  for (const [atOnce, expected] of [
    [4, [4, 4, 3]],
    [11, [11]],
    [64, [11]],
  ] as const) {
    const { backend, turns } = wanting(atOnce);
    expect(await train(members, { steps: 11, backend })).toEqual(single);
    expect(turns).toEqual(expected);
  }
});

const config = { ...presets.original, nLayers: 1 };
const nPos = config.nCtx - 1;

function opened(backend: Backend, options: Partial<TrainerOptions> = {}): Trainer {
  const { adam } = optimizers;
  const trainer = openTrainer(backend, { config, optimizer: adam, models: 2, batch: 4, nPos, ...options });
  const seeds = [randomStream("at once", 0), randomStream("at once", 1)];
  trainer.writeWeights(initialPopulation(config, { scheme: "pytorch" }, seeds));
  return trainer;
}

const source = (batch: number) =>
  fixedBatches(trainingSet(patterns(config), ["at once", "data"], 512), batch);

test("batches that are cut into blocks are made several at a time too, to the bit", async () => {
  const batch = 400; // two blocks and an update
  const updates = [1, 2, 3].map((step) => ({ batches: [source(batch).batch(0)], step, rates: [1e-3, 2e-3] }));
  const { backend, turns } = wanting(8);
  const [together, apart] = [opened(backend, { batch }), opened(wasmBackend(), { batch })];
  const losses = await together.steps(updates);
  expect(turns).toEqual([turns[0]]);
  expect(turns[0]).toBeGreaterThan(2 * updates.length);
  for (const [i, { batches, step, rates }] of updates.entries())
    expect(await apart.step(batches, step, rates)).toEqual(losses[i]);
  expect(await together.readWeights()).toEqual(await apart.readWeights());
  expect(await together.readMoments()).toEqual(await apart.readMoments());
});

test("where one of several updates is refused, none is made", async () => {
  const trainer = opened(wanting(8).backend);
  const before = await trainer.readWeights();
  const good = { batches: [source(4).batch(0)], step: 1, rates: [1e-3] };
  const large = { ...good, batches: [source(5).batch(0)], step: 2 };
  await expect(trainer.steps([good, large])).rejects.toThrow(/may hold 4 sequences at most.*got 5/);
  expect(await trainer.readWeights()).toEqual(before);
  expect(await trainer.steps([])).toEqual([]);
});

test("what is stacked at once stays within bounds, however many models there are", () => {
  const wish = (models: number, stepsAtOnce?: number) => {
    const open = () => ({ models }) as never;
    const backend = { name: "wish", precision: "float32", stepsAtOnce, open } as const;
    return openTrainer(backend, { config, optimizer: optimizers.adam, models, batch: 32, nPos }).stepsAtOnce;
  };
  expect(wish(2)).toBe(1);
  expect(wish(2, 64)).toBe(64);
  const bounded = wish(8192, 64);
  expect(bounded * 8192 * 32 * nPos).toBeLessThanOrEqual(2 ** 23);
  expect(bounded).toBeGreaterThan(1);
  expect(wish(2 ** 20, 64)).toBe(1);
});

/** Every stop of a loop, each with the weights that the trainer holds there, and what the loop leaves behind. */
async function stopsOf(trainer: Trainer, options: Partial<GrowOptions> & { steps: number }) {
  const loop = grow(trainer, {
    ...{ sources: [source(4)], rates: [1e-3], schedule: constantRate, checkpoints: [] },
    ...options,
  });
  const stops: (Stop & { weights: unknown })[] = [];
  let next = await loop.next();
  for (; !next.done; next = await loop.next())
    stops.push({ ...next.value, weights: await trainer.readWeights() });
  return { stops, grown: next.value };
}

test("the loop stops at the same checkpoints and reports with the same weights, however many updates are made at once", async () => {
  const options = { steps: 13, checkpoints: [0, 1, 2, 7], reportEvery: 4 };
  const single = await stopsOf(opened(wasmBackend()), options);
  const { backend, turns } = wanting(3);
  expect(await stopsOf(opened(backend), options)).toEqual(single);
  // 1 | 2 | 3 4 | 5 6 7 | 8 | 9 10 11 | 12 | 13: those of one update are no turn
  expect(turns).toEqual([2, 3, 3]);
  expect(single.stops.map(({ step }) => step)).toEqual([0, 1, 2, 4, 7, 8, 12]);
});

test("the loop stops where it is told to on the way, and tells every loss before it does", async () => {
  const single = await stopsOf(opened(wasmBackend()), { steps: 9, reportEvery: 1 });
  for (const [atOnce, expected] of [
    [1, []],
    [4, [4, 2, 3]],
  ] as const) {
    const { backend, turns } = wanting(atOnce);
    const goals = [6, 9];
    const told: Float64Array[] = [];
    const seen: number[] = [];
    const loop = grow(opened(backend), {
      ...{ sources: [source(4)], rates: [1e-3], schedule: constantRate, checkpoints: [], steps: 9 },
      until: () => goals[0],
      onLoss: (losses) => told.push(losses),
    });
    let next = await loop.next();
    for (; !next.done; next = await loop.next()) {
      seen.push(next.value.step);
      expect(told).toHaveLength(next.value.step);
      goals.shift();
    }
    expect(seen).toEqual([6, 9]);
    expect(told).toEqual(single.grown.losses);
    expect(turns).toEqual(expected);
  }
});

test("between updates made at once nobody is asked, and a state told after them is gone on from to the bit", async () => {
  const whole = await stopsOf(opened(wasmBackend()), { steps: 10, checkpoints: [5] });
  const { backend } = wanting(4);
  const answers: Due[] = ["go", "go", "save", "go"];
  const trainer = opened(backend);
  const first = await stopsOf(trainer, { steps: 10, checkpoints: [5], due: () => answers.shift() ?? "stop" });
  expect(first.grown).toEqual(whole.grown); // asked after 4, 5, 9 and 10
  expect(answers).toEqual([]);
  expect(first.stops.map(({ kind, step }) => [kind, step])).toEqual([
    ["checkpoint", 5],
    ["state", 9],
  ]);
  const halfway = opened(backend);
  const stopped = await stopsOf(halfway, { steps: 10, due: () => "stop" });
  expect(stopped.grown).toMatchObject({ stopped: true });
  const [state] = stopped.stops;
  expect(state).toMatchObject({ kind: "state", step: 4 });
  const rest = opened(backend);
  rest.writeWeights(await halfway.readWeights());
  rest.writeMoments(await halfway.readMoments());
  const past = state.kind === "state" ? state.past : undefined;
  const end = await stopsOf(rest, { steps: 10, from: 4, past });
  expect(end.grown).toEqual(whole.grown);
  expect(await rest.readWeights()).toEqual(await trainer.readWeights());
});
