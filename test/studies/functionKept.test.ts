/** Oracles: told sets that were planted, so that the verdict is known, and one network alone against several together. */
import { describe, expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { randomStream } from "../../src/base/random.ts";
import { presets } from "../../src/model/config.ts";
import { arms, type FunctionArm } from "../../src/studies/functionKept/arms.ts";
import { functionKept } from "../../src/studies/functionKept/index.ts";
import type { FunctionTold, LayerTold } from "../../src/studies/functionKept/measure.ts";
import { freshIndex, importanceByRank, layerNumbers } from "../../src/studies/functionKept/numbers.ts";
import { plan } from "../../src/studies/functionKept/plan.ts";
import { decide, namesIn } from "../../src/studies/protocol/rule.ts";

const UNITS = 24;
const range = (length: number) => Array.from({ length }, (_, i) => i);

/** A layer whose important units are the persistent (1), the changed (−1), or any (0). */
function plantedLayer(seed: number, layer: number, relation: number, nearness: number): LayerTold {
  const stream = randomStream("planted function", seed, layer);
  const r = Float64Array.from({ length: UNITS }, () => 0.2 + 0.7 * stream.uniform());
  const cost = r.map((value) => 0.01 + relation * 0.01 * (value - 0.55) + 0.0005 * stream.normal());
  const group = (sign: number) => 0.08 + sign * relation * 0.03 + 0.002 * stream.normal();
  const resets = {
    ...{ loss: 1.3, own: cost.map((nats) => nats / 4) },
    fresh: range(UNITS).map(() => Float64Array.of(0.01, 0.012)),
    near: range(UNITS).map(() => Float64Array.of(0.01 * (1 - nearness))),
  };
  return {
    ...{ r, variance: Float64Array.from({ length: UNITS }, () => stream.uniform()) },
    ...{ importance: [cost, cost], meanAblation: cost, taylor: cost, taylorBefore: cost, fanIn: resets },
    groups: {
      ...{ persistent: group(1), changed: group(-1), persistentMean: group(1), changedMean: group(-1) },
      ...{ persistentOfAll: group(1), changedOfAll: group(-1), random: Float64Array.of(0.08, 0.081) },
      ...{ r: [0.8, 0.3], varianceRatio: 1 },
    },
  };
}

const groupNames = ["token embedding", "L0 MLP in", "L1 MLP in"];
function planted(relations: readonly [number, number], { own = 0.2, near = 0.1 } = {}): FunctionTold[] {
  return range(8).map((seed) => {
    const jitter = 0.02 * randomStream("planted reset", seed).normal();
    return {
      ...{ seed, divergedAt: null, loss: { before: 2.4, after: 1.3 }, groupNames },
      groupResets: {
        ...{ loss: 1.3, own: Float64Array.of(0.01, own + jitter, own + jitter) },
        fresh: groupNames.map(() => Float64Array.of(0.5, 0.55)),
        near: groupNames.map(() => Float64Array.of(near)),
      },
      layers: relations.map((relation, layer) => plantedLayer(seed, layer, relation, 0.5)),
    };
  });
}

const conclude = (masked: FunctionTold[]) =>
  functionKept.conclude(
    new Map([
      ["masked", masked],
      ["unmasked", planted([0, 0])],
    ]),
    { seeds: range(8), quick: true },
  );
const verdicts = (masked: FunctionTold[]) => {
  const { outcomes } = conclude(masked);
  return plan.rules.map((rule) => decide(rule, outcomes).verdict);
};

describe("the rules on planted networks", () => {
  test("important units that persist support C6, important units that changed refute it", () => {
    expect(verdicts(planted([1, 1]))[0]).toBe("supported");
    expect(verdicts(planted([-1, -1]))[0]).toBe("refuted");
  });

  test("layers that disagree, or no relation at all, leave C6 undecided", () => {
    expect(verdicts(planted([1, -1]))[0]).toBe("undecided");
    expect(verdicts(planted([0.2, -1]))[0]).toBe("undecided");
    expect(verdicts(planted([0, 0]))[0]).toBe("undecided");
  });

  test("an own beginning is judged against fresh ones and against equally distant ones", () => {
    expect(verdicts(planted([0, 0], { own: 0.2, near: 0.1 })).slice(1)).toEqual(["supported", "refuted"]);
    expect(verdicts(planted([0, 0], { own: 0.2, near: 0.4 })).slice(1)).toEqual(["supported", "supported"]);
    expect(verdicts(planted([0, 0], { own: 0.7, near: 0.1 })).slice(1)).toEqual(["refuted", "refuted"]);
  });

  test("rules name outcomes that there are, at most twelve of them", () => {
    const { outcomes } = conclude(planted([1, 1]));
    const names = outcomes.map(({ name }) => name);
    expect(names.length).toBe(12);
    for (const { supportedIf, refutedIf } of plan.rules)
      for (const name of [...namesIn(supportedIf), ...namesIn(refutedIf)]) expect(names).toContain(name);
  });

  test("a network that diverged is left out and counted", () => {
    const all = planted([1, 1]);
    const lost = { ...all[7], divergedAt: 12, layers: [], groupNames: [] };
    const { outcomes, notes } = conclude([...all.slice(0, 7), lost]);
    expect(outcomes.every(({ seeds }) => seeds === 7)).toBe(true);
    expect(notes[0]).toContain("1 of 8 networks diverged");
  });
});

test("numbers of a planted layer are those that were planted", () => {
  const layer = plantedLayer(1, 0, 1, 0.5);
  const told = layerNumbers({ ...layer, r: layer.r.map((r, unit) => (unit === 3 ? Number.NaN : r)) });
  expect(told.dead).toBe(1);
  expect(told.advantage).toBeGreaterThan(0);
  expect(told.spearman).toBeGreaterThan(0.8);
  expect(told.reliability).toBeCloseTo(1, 12);
  expect(told.groups).toBeCloseTo(layer.groups.persistent - layer.groups.changed, 12);
  expect(told.unitNear).toBeCloseTo(1 - 0.005 / 0.011, 12);
  expect(told.wins).toBe(1); // own costs a quarter of about 0.01, fresh ones 0.01 and 0.012
});

test("importance by rank is the mean over each part of the ranks", () => {
  expect([...importanceByRank([5, 1, 3, 7], [0.9, 0.1, 0.2, 0.8], 2)]).toEqual([2, 6]);
  expect([...importanceByRank([5, 1, 3], [0.9, 0.1, 0.2], 3)]).toEqual([1, 3, 5]);
});

test("a fresh draw is judged by the others", () => {
  expect(freshIndex(Float64Array.of(0.1, 0.2, 0.2), 0)).toBeCloseTo(0.5, 12);
});

test("a network tells the same alone as beside another, every part of it", async () => {
  const [quick] = arms({ seeds: [0, 1], quick: true });
  const size = { nHeads: 2, dModel: 4, dHead: 2, dMlp: 24, dVocab: 4, nCtx: 5 };
  const small: FunctionArm = {
    ...{ ...quick, blocks: 4, unseen: 6 },
    growth: { ...quick.growth, config: { ...presets.causal, ...size }, batch: 4, steps: 3 },
  };
  const context = { backend: wasmBackend(), progress: () => {} };
  const both = await functionKept.measure(small, [0, 1], context);
  expect((await functionKept.measure(small, [1], context))[0]).toEqual(both[1]);
  expect(both[1].layers.length).toBe(2);
  expect(both[1].groupNames.length).toBe(both[1].groupResets.own.length);
  expect(both[0]).not.toEqual(both[1]);
});
