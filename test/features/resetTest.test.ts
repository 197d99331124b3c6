/** Oracles: weights that were counted, distances that were planted, and the index by hand. */

import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import { randomStream } from "../../src/base/random.ts";
import { taskNamed } from "../../src/data/registry.ts";
import {
  fanIns,
  functionalPersistence,
  resetCosts,
  weightGroups,
  withPart,
  withPartNear,
} from "../../src/features/resetTest.ts";
import { openVariantLosses } from "../../src/features/variantLosses.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { initialWeights } from "../../src/model/init.ts";
import { parameterCount, type Weights, weightShapes } from "../../src/model/weights.ts";
import { lossesOf } from "../../src/studies/population/growth.ts";

const config: ModelConfig = { ...presets.causal, dModel: 6, dHead: 3, dMlp: 5, dVocab: 4, nCtx: 5 };
const draw = (name: string) => initialWeights(config, { scheme: "pytorch" }, randomStream("reset", name));
const [trained, initial] = [draw("trained"), draw("initial")];
/** Entries in which two networks differ, by weight. */
const changesOf = (a: Weights, b: Weights) =>
  Object.fromEntries(
    Object.keys(a)
      .map((name) => [name, [...a[name].keys()].filter((at) => a[name][at] !== b[name][at])] as const)
      .filter(([, places]) => places.length > 0),
  );
/** Losses of about 1.5 in float64, and weights that are rounded to float32 once. */
const [EXACT, ROUNDED] = [1e-12, 1e-6];

test("the groups hold every weight but the layer norms, once", () => {
  const held = weightGroups(config).flatMap(({ entries }) =>
    Object.entries(entries).flatMap(([name, places]) => [...places].map((at) => `${name} ${at}`)),
  );
  const norms = [...weightShapes(config).keys()].filter((name) => /\.ln\d\./.test(name)).length;
  expect(new Set(held).size).toBe(held.length);
  expect(held.length).toBe(parameterCount(config) - norms * config.dModel);
  expect(held.some((name) => name.includes(".ln"))).toBe(false);
  expect(weightGroups(config).map(({ name }) => name)).toEqual([
    ...["token embedding", "position embedding", "L0 attention", "L0 MLP in", "L0 MLP out"],
    ...["L1 attention", "L1 MLP in", "L1 MLP out", "unembedding"],
  ]);
  const bare = { ...config, attnOnly: true, tiedUnembed: true, biases: false, positions: "none" } as const;
  expect(weightGroups(bare).map(({ name }) => name)).toEqual([
    ...["token embedding", "L0 attention", "L1 attention"],
  ]);
});

test("a unit's fan-in is what its activation depends on in its own layer, and nothing else", () => {
  const parts = fanIns(config, 1);
  expect(parts.map(({ name }) => name)).toEqual(["L1N0", "L1N1", "L1N2", "L1N3", "L1N4"]);
  expect(changesOf(trained, withPart(trained, parts[3], initial))).toEqual({
    "blocks.1.mlp.W_in": [3, 8, 13, 18, 23, 28],
    "blocks.1.mlp.b_in": [3],
  });
  expect(Object.keys(fanIns({ ...config, biases: false }, 0)[0].entries)).toEqual(["blocks.0.mlp.W_in"]);
});

test("a part moves as far as the source is, in each weight, and not where it never moved", () => {
  const [part] = weightGroups(config).slice(1); // positions
  const source = { ...initial, "pos_embed.W_pos": initial["pos_embed.W_pos"].slice() };
  source["pos_embed.W_pos"].set(trained["pos_embed.W_pos"].subarray(24), 24); // the last row was never trained
  const near = withPartNear(trained, part, source, randomStream("reset", "direction"));
  expect(changesOf(trained, near)).toEqual({ "pos_embed.W_pos": Array.from({ length: 24 }, (_, at) => at) });
  const distance = (to: Weights) =>
    Math.hypot(...to["pos_embed.W_pos"].map((x, at) => x - trained["pos_embed.W_pos"][at]));
  expect(Math.abs(distance(near) / distance(source) - 1)).toBeLessThan(ROUNDED);
  const again = withPartNear(trained, part, source, randomStream("reset", "direction"));
  expect(again).toEqual(near);
  const still = withPartNear(trained, part, trained, randomStream("reset", "direction"));
  expect(still).toEqual(trained);
});

test("costs are differences of the trainer's losses", async () => {
  const set = taskNamed("patterns", { dVocab: 4, nCtx: 5 }).sample(randomStream("reset", "sequences"), 12);
  const backend = referenceBackend;
  const fresh = [draw("a"), draw("b")];
  const parts = [weightGroups(config)[3], fanIns(config, 0)[2]];
  const meter = openVariantLosses(backend, config, {
    ...{ sets: [set], lanes: 2, stream: randomStream("reset", "partners") },
  });
  const stream = randomStream("reset", "near");
  const costs = await resetCosts(meter, { trained, initial, fresh, near: 1, parts, stream });
  meter.close();
  const lossOf = async (weights: Weights) => (await lossesOf(backend, config, weights, set))[0];
  const base = await lossOf(trained);
  expect(Math.abs(costs.loss - base)).toBeLessThan(EXACT);
  for (const [at, part] of parts.entries()) {
    const expected = await inTurn(
      [initial, ...fresh],
      async (source) => (await lossOf(withPart(trained, part, source))) - base,
    );
    const told = [costs.own[at], ...costs.fresh[at]];
    for (const [i, cost] of expected.entries()) expect(Math.abs(told[i] - cost)).toBeLessThan(EXACT);
    const near = (await lossOf(withPartNear(trained, part, initial, stream.child(part.name, 0)))) - base;
    expect(Math.abs(costs.near[at][0] - near)).toBeLessThan(EXACT);
  }
});

test("a network that was never trained is its own beginning: resetting costs nothing and the index is 1", async () => {
  const set = taskNamed("patterns", { dVocab: 4, nCtx: 5 }).sample(randomStream("reset", "sequences"), 12);
  const meter = openVariantLosses(referenceBackend, config, {
    ...{ sets: [set], lanes: 2, stream: randomStream("reset", "partners") },
  });
  const { own, near } = await resetCosts(meter, {
    ...{ trained, initial: trained, fresh: [initial], near: 1, parts: weightGroups(config) },
    stream: randomStream("reset", "near"),
  });
  meter.close();
  expect([...own, ...near.map(([cost]) => cost)].every((cost) => cost === 0)).toBe(true);
});

test("the index is 1 for no cost, 0 for the cost of the others, and undefined where those cost nothing", () => {
  expect(functionalPersistence(0, [0.2, 0.4])).toBe(1);
  expect(functionalPersistence(0.3, [0.25, 0.35])).toBeCloseTo(0, 12);
  expect(functionalPersistence(0.6, [0.3])).toBeCloseTo(-1, 12);
  expect(functionalPersistence(0.1, [0.1, -0.1])).toBeNaN();
});
