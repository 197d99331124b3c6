import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { randomStream } from "../../src/base/random.ts";
import { fixedBatches, trainingSet } from "../../src/data/batches.ts";
import { patterns } from "../../src/data/patterns.ts";
import { initialWeights } from "../../src/model/init.ts";
import { stackWeights, type Weights, weightShapes } from "../../src/model/weights.ts";
import { sha256OfBytes } from "../../src/record/sha256.ts";
import { finiteMean, type Grown, grow } from "../../src/train/grow.ts";
import { optimizers } from "../../src/train/optimizers.ts";
import { constantRate } from "../../src/train/schedules.ts";
import { openTrainer, type Trainer } from "../../src/train/trainer.ts";
import type { Check } from "../check.ts";
import { sampleConfig as config } from "../samplePopulation.ts";

/** Models side by side, updates of each, and the update after which one falls ill. */
const [population, steps, illAfter] = [64, 6, 2];
const nPos = config.nCtx - 1;
const task = patterns(config);
const optimizer = optimizers.adam;

/** What makes a model ill: its weights, or its optimiser's state, by place in the population; or its rate. */
interface Illness {
  readonly weights?: (values: Float32Array) => void;
  readonly moments?: (values: Float32Array) => void;
  readonly rate?: number;
  /** Updates after which it is known. */
  readonly seen: number;
}

/** Lost weights are seen in the loss of the next update; a lost update in the loss of the one after it. */
const illnesses: Readonly<Record<string, Illness>> = {
  "NaN among the weights": { weights: (values) => values.fill(Number.NaN, 0, 1), seen: illAfter },
  "weights that overflow": { weights: (values) => values.fill(1e38), seen: illAfter },
  "infinity in the optimiser's state": {
    moments: (values) => values.fill(Number.POSITIVE_INFINITY, 0, 1),
    seen: illAfter + 1,
  },
  "a learning rate of 1e30": { rate: 1e30, seen: illAfter + 1 },
};

/** Weights and moments of every model in the end, as a hash each, and what the loop says. */
interface Ended extends Grown {
  readonly hashes: readonly string[];
}

/** A model's part of arrays that hold all. */
function partsOf(all: Weights, models: number, model: number): Uint8Array {
  const parts = Object.values(all).map((values) => {
    const size = values.length / models;
    const part = values.subarray(model * size, (model + 1) * size);
    return new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
  });
  return new Uint8Array(Buffer.concat(parts));
}

/** An update that looks at all models at once, as one that took a norm over all of them would. */
function leaking(trainer: Trainer): Trainer {
  return {
    ...trainer,
    async steps(updates) {
      const losses: Float64Array[] = [];
      for (const update of updates) {
        losses.push(...(await trainer.steps([update])));
        const weights = await trainer.readWeights();
        for (const values of Object.values(weights)) {
          const none = 0 * Array.from(values).reduce((sum, value) => sum + value, 0);
          for (let i = 0; i < values.length; i++) values[i] += none;
        }
        trainer.writeWeights(weights);
      }
      return losses;
    },
  };
}

/** Trains the models of these seeds, of which one falls ill on the way. */
async function train(
  seeds: readonly number[],
  { place, illness, leaks }: { place?: number; illness?: Illness; leaks: boolean },
): Promise<Ended> {
  const opened = openTrainer(wasmBackend(), {
    ...{ config, optimizer, clip: 1, models: seeds.length, batch: 4, nPos },
  });
  const trainer = leaks ? leaking(opened) : opened;
  try {
    const initial = seeds.map((seed) =>
      initialWeights(config, { scheme: "pytorch" }, randomStream("sick", seed)),
    );
    trainer.writeWeights(stackWeights(config, initial));
    const sources = seeds.map((seed) => fixedBatches(trainingSet(task, ["sick", seed], 12), 4));
    const rates = seeds.map((seed) => 1e-3 * (1 + (seed % 7)));
    const advance = async (from: number, to: number, past?: Grown) => {
      const loop = grow(trainer, {
        sources,
        rates,
        schedule: constantRate,
        steps: to,
        from,
        past,
        checkpoints: [],
      });
      const end = await loop.next();
      if (!end.done) throw new Error("a loop without checkpoints stops at its end only");
      return end.value;
    };
    let grown = await advance(0, illAfter);
    if (illness !== undefined && place !== undefined) {
      const spoil = (all: Weights, how: (values: Float32Array) => void) => {
        for (const values of Object.values(all)) {
          const size = values.length / seeds.length;
          how((values as Float32Array).subarray(place * size, (place + 1) * size));
        }
      };
      if (illness.weights !== undefined) {
        const weights = await trainer.readWeights();
        spoil(weights, illness.weights);
        trainer.writeWeights(weights);
      }
      if (illness.moments !== undefined) {
        const moments = await trainer.readMoments();
        spoil(moments, illness.moments);
        trainer.writeMoments(moments);
      }
      if (illness.rate !== undefined) rates[place] = illness.rate;
    }
    grown = await advance(illAfter, steps, grown);
    const [weights, moments] = [await trainer.readWeights(), await trainer.readMoments()];
    const hashes = seeds.map((_, model) =>
      sha256OfBytes(
        new Uint8Array(
          Buffer.concat([partsOf(weights, seeds.length, model), partsOf(moments, seeds.length, model)]),
        ),
      ),
    );
    return { ...grown, hashes };
  } finally {
    trainer.session.close();
  }
}

/** Cases of the short form, spread over places and kinds; and how many are also run with the sick model left out. */
const sampled = 40;
/** Cases that show that a leak is found out. */
const weakened = 4;
const leftOut = { short: 4, long: population };

const shapes = weightShapes(config).size;

/** D1: a model that diverges. */
export const sickModel: Check = {
  id: "D1",
  promise:
    "A model whose numbers go wrong changes no bit of another's, is marked with the update at which it was seen, and is left out of means.",
  weakenings: ["model-lanes"],
  async run(form, { seed, say, without }) {
    const leaks = without !== undefined;
    const seeds = Array.from({ length: population }, (_, model) => model);
    const kinds = Object.keys(illnesses);
    const all = seeds.flatMap((place) => kinds.map((kind) => ({ place, kind })));
    const order = randomStream("sick models", seed).permutation(all.length);
    const cases = form === "long" ? all : [...order.slice(0, leaks ? weakened : sampled)].map((i) => all[i]);
    const sound = await train(seeds, { leaks });
    const failures: string[] = [];
    if (sound.divergedAt.some((step) => step !== null)) failures.push("a sound population diverged");
    let compared = 0;
    const compare = (what: string, found: Ended, models: readonly number[], ill: number | undefined) => {
      models.forEach((model, place) => {
        if (model === ill) return;
        compared++;
        if (found.hashes[place] !== sound.hashes[model]) failures.push(`${what}: model ${model} is another`);
        if (found.divergedAt[place] !== null) failures.push(`${what}: model ${model} is marked`);
        if (found.losses.some((ofStep, step) => ofStep[place] !== sound.losses[step][model]))
          failures.push(`${what}: model ${model} has other losses`);
      });
    };
    for (const [k, { place, kind }] of cases.entries()) {
      const what = `model ${place} with ${kind}`;
      const illness = illnesses[kind];
      const found = await train(seeds, { place, illness, leaks });
      compare(what, found, seeds, place);
      if (found.divergedAt[place] !== illness.seen)
        failures.push(`${what} is marked at ${found.divergedAt[place]}, not ${illness.seen}`);
      const last = found.losses.at(-1)!;
      const mean = finiteMean(last.filter((_, model) => model !== place));
      if (!(finiteMean(last) === mean)) failures.push(`${what}: it counts in the mean loss`);
      if ((k + 1) % 32 === 0) say(`${k + 1} of ${cases.length}`);
    }
    const left = [...order]
      .map((i) => all[i].place)
      .filter((place, i, places) => places.indexOf(place) === i);
    for (const place of left.slice(0, leftOut[form])) {
      const others = seeds.filter((model) => model !== place);
      compare(`without model ${place}`, await train(others, { leaks }), others, undefined);
    }
    return {
      figure: `${failures.length} differing results in ${compared} comparisons: ${cases.length} sick models of ${population}, and ${leftOut[form]} left out`,
      count: cases.length,
      coverage: {
        models: new Set(cases.map(({ place }) => place)).size,
        kinds: new Set(cases.map(({ kind }) => kind)).size,
        comparisons: compared,
        tensors: shapes,
        "left out": leftOut[form],
      },
      failures,
    };
  },
};
