/** Oracles: told sets that were planted, displacements by hand, and one network alone against several together. */
import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { randomStream } from "../../src/base/random.ts";
import { presets } from "../../src/model/config.ts";
import { arms, type HierarchyArm } from "../../src/studies/layerHierarchy/arms.ts";
import { layerHierarchy } from "../../src/studies/layerHierarchy/index.ts";
import type { HierarchyTold } from "../../src/studies/layerHierarchy/measure.ts";
import { plan } from "../../src/studies/layerHierarchy/plan.ts";
import { fanInDisplacement, layerRates, ofDepth } from "../../src/studies/layerHierarchy/rates.ts";
import { decide, namesIn } from "../../src/studies/protocol/rule.ts";

const range = (length: number) => Array.from({ length }, (_, i) => i);
const names = arms({ seeds: [], quick: true }).map(({ name }) => name);

/** How much a layer loses by itself and by what is upstream. */
type Loss = (layer: number, arm: string) => { own: number; upstream: number };

function planted(loss: Loss): Map<string, HierarchyTold[]> {
  return new Map(
    names.map((arm) => {
      const depth = Number(/depth (\d)/.exec(arm)?.[1] ?? 2);
      const told = range(6).map((seed): HierarchyTold => {
        const stream = randomStream("planted hierarchy", seed, arm);
        return {
          ...{ seed, divergedAt: null, loss: 1.3 },
          layers: range(depth).map((layer) => {
            const lost = loss(layer, arm);
            const both = 1 - lost.own - lost.upstream + 0.005 * stream.normal();
            return {
              ...{ z: Math.atanh(both), both, own: 1 - lost.own, upstream: 1 - lost.upstream, lost },
              ...{ stranger: 0.01 * stream.normal(), displacement: 0.6, dead: 0 },
            };
          }),
        };
      });
      return [arm, told] as const;
    }),
  );
}

const verdicts = (loss: Loss) => {
  const { outcomes } = layerHierarchy.conclude(planted(loss), { seeds: range(6), quick: true });
  return plan.rules.map((rule) => decide(rule, outcomes).verdict);
};

const isFrozen = (arm: string) => arm.endsWith("frozen");

test("layers that lose alike by themselves and inherit the rest support C3, and deeper ones do not learn more", () => {
  const inherited: Loss = (layer, arm) => ({ own: 0.2, upstream: isFrozen(arm) ? 0 : 0.05 + 0.15 * layer });
  expect(verdicts(inherited)).toEqual(["supported", "supported", "refuted"]);
});

test("layers that lose more by themselves the deeper they are refute that it is inherited", () => {
  const learnt: Loss = (layer, arm) => ({ own: 0.1 + 0.18 * layer, upstream: isFrozen(arm) ? 0 : 0.1 });
  expect(verdicts(learnt)).toEqual(["refuted", "supported", "supported"]);
});

test("layers that lose alike leave nothing to explain, and deeper ones that keep more refute the claim", () => {
  expect(verdicts(() => ({ own: 0.2, upstream: 0.1 }))).toEqual(["undecided", "undecided", "undecided"]);
  const reversed: Loss = (layer) => ({ own: 0.4 - 0.08 * layer, upstream: 0.1 });
  expect(verdicts(reversed).slice(0, 2)).toEqual(["refuted", "refuted"]);
});

test("rules name outcomes that there are, at most twelve of them", () => {
  const { outcomes } = layerHierarchy.conclude(
    planted(() => ({ own: 0.2, upstream: 0.1 })),
    { seeds: range(6), quick: true },
  );
  const known = outcomes.map(({ name }) => name);
  expect(known.length).toBe(12);
  for (const { supportedIf, refutedIf } of plan.rules)
    for (const name of [...namesIn(supportedIf), ...namesIn(refutedIf)]) expect(known).toContain(name);
});

test("a diverged network is left out of pairs and means", () => {
  const told = planted((layer) => ({ own: 0.2, upstream: 0.1 * layer }));
  const [first, ...others] = told.get("layer 0 frozen") ?? [];
  told.set("layer 0 frozen", [{ ...first, divergedAt: 3 }, ...others]);
  const { outcomes, notes } = layerHierarchy.conclude(told, { seeds: range(6), quick: true });
  expect(outcomes.find(({ name }) => name === "frozen")?.seeds).toBe(5);
  expect(outcomes.find(({ name }) => name === "difference")?.seeds).toBe(6);
  expect(notes.some((note) => note.startsWith("1 of 54 networks diverged"))).toBe(true);
});

test("displacement is the mean over fan-ins of how far each went, of its length", () => {
  const config = { ...ofDepth(1), dModel: 2, nHeads: 1, dHead: 2, dMlp: 2 };
  // fan-ins are columns: (3, 4) of length 5 and (0, 2) of length 2; a second model that stays
  const name = "blocks.0.mlp.W_in";
  const before = { [name]: Float32Array.of(3, 0, 4, 2, 1, 1, 1, 1) };
  const after = { [name]: Float32Array.of(6, 0, 8, 3, 1, 1, 1, 1) };
  const [[moved, still]] = fanInDisplacement(config, before, after).map((models) => [...models]);
  expect(moved).toBeCloseTo((5 / 5 + 1 / 2) / 2, 12);
  expect(still).toBe(0);
});

test("rates by layer reach all weights of the blocks and no others", () => {
  const rates = layerRates(ofDepth(2), [0.5, 0.25]);
  expect(rates["blocks.0.attn.W_Q"]).toBe(0.5);
  expect(rates["blocks.1.ln2.b"]).toBe(0.25);
  expect(Object.keys(rates).every((name) => name.startsWith("blocks."))).toBe(true);
  expect(Object.keys(rates).length).toBe(32);
});

test("a network tells the same alone as beside another, and frozen parts keep everything", async () => {
  const quick = arms({ seeds: [0, 1], quick: true }).find(
    ({ name }) => name === "layer 0 frozen",
  ) as HierarchyArm;
  const config = { ...presets.causal, nHeads: 2, dModel: 4, dHead: 2, dMlp: 8, dVocab: 4, nCtx: 5 };
  const small = { ...quick, blocks: 4, growth: { ...quick.growth, config, batch: 4, steps: 5 } };
  const context = { backend: wasmBackend(), progress: () => {} };
  const both = await layerHierarchy.measure(small, [0, 1], context);
  expect((await layerHierarchy.measure(small, [1], context))[0]).toEqual(both[1]);
  for (const { layers } of both) {
    expect(layers[0].both).toBeCloseTo(1, 6); // layer 0 and the embeddings stayed as they were
    expect(layers[0].displacement).toBe(0);
    expect(layers[1].displacement).toBeGreaterThan(0);
    expect(layers[1].lost.upstream).toBeCloseTo(0, 6);
  }
});
