import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import { renderPanel } from "../../src/figures/index.ts";
import { feed } from "../../src/studies/population/growth.ts";
import { decide } from "../../src/studies/protocol/rule.ts";
import { tokenOrPosition } from "../../src/studies/tokenOrPosition/index.ts";
import {
  contrast,
  type FactorTold,
  type TokenOrPositionTold,
} from "../../src/studies/tokenOrPosition/measure.ts";
import { overlappingTexts } from "../figures/textOverlap.ts";

const SEEDS = Array.from({ length: 12 }, (_, seed) => seed);
const size = { seeds: SEEDS, quick: true };
const wiggle = (seed: number) => 0.002 * Math.sin(7 * seed); // seeds differ, or no interval has a width

const factor = ({ r, raw, kappa, growth }: Record<"r" | "raw" | "kappa" | "growth", number>): FactorTold => ({
  ...{ r: [1, r], nullR: 0, raw, kappa, before: 0.02, after: 0.02 * Math.exp(growth) },
});
const even = { r: 0.8, raw: 0.6, kappa: 0.6, growth: 0.1 };

type Sides = { token?: Partial<typeof even>; position?: Partial<typeof even> };

function plantedTold({ token = {}, position = {} }: Sides): Map<string, TokenOrPositionTold[]> {
  const networks = SEEDS.map((seed): TokenOrPositionTold => {
    const noise = wiggle(seed);
    const noisy = (values: typeof even) => ({
      ...{ r: values.r + noise, raw: values.raw + 0.2 * ((seed % 3) - 1) },
      ...{ kappa: values.kappa + noise, growth: values.growth + noise },
    });
    const layer = {
      token: factor(noisy({ ...even, ...token })),
      position: factor({ ...even, ...position }),
    };
    return { divergedAt: null, steps: [0, 100], loss: 1.5, layers: [layer, layer] };
  });
  return new Map(tokenOrPosition.arms(size).map(({ name }) => [name, networks]));
}

function verdictsOf(sides: Sides) {
  const { outcomes } = tokenOrPosition.conclude(plantedTold(sides), size);
  return tokenOrPosition.plan.rules.map((rule) => decide(rule, outcomes).verdict);
}

test("every arm sees as many trained positions as tokens, each equally often", () => {
  for (const { growth } of tokenOrPosition.arms({ seeds: SEEDS, quick: false })) {
    const { inputs, nPos, count } = feed(growth, 0).batch(0);
    expect(nPos).toBe(growth.config.dVocab);
    expect(count).toBe(32); // gradient terms of every position row
    const seen = new Float64Array(growth.config.dVocab);
    for (let step = 0; step < 50; step++)
      for (const token of feed(growth, 0).batch(step).inputs) seen[token] += 1 / 50;
    // a token row receives 32 on average: patterns repeat tokens, so allow a few standard errors of about 1
    for (const terms of seen) expect(Math.abs(terms - inputs.length / seen.length)).toBeLessThan(5);
  }
});

test("contrasts are token less position, in each measure's own way", () => {
  const layer = {
    token: factor({ r: 0.9, raw: 1, kappa: 0.5, growth: 0.4 }),
    position: factor({ r: 0.7, raw: 0.8, kappa: 0.6, growth: 0.1 }),
  };
  expect(contrast(layer, "raw")).toBe(1); // of five neurons
  expect(contrast(layer, "kappa")).toBeCloseTo(-0.1, 12);
  expect(contrast(layer, "r")).toBeCloseTo(0.2, 12);
  expect(contrast(layer, "variance")).toBeCloseTo(0.3, 12);
  const vanished = { ...layer, token: { ...layer.token, after: -1e-6 } };
  expect(contrast(vanished, "variance")).toBeNaN();
});

test("tokens ahead by every measure support one direction and refute the other, and exchanging them exchanges it", () => {
  const ahead = { r: 0.9, raw: 0.8, kappa: 0.8, growth: 0.5 };
  expect(verdictsOf({ token: ahead })).toEqual(["supported", "refuted", "refuted"]);
  expect(verdictsOf({ position: ahead })).toEqual(["refuted", "supported", "refuted"]);
});

test("measures that disagree refute both directions", () => {
  expect(verdictsOf({ token: { growth: 0.5 }, position: { r: 0.9 } }).slice(0, 2)).toEqual([
    "refuted",
    "refuted",
  ]);
});

test("no difference refutes no direction and makes r equivalent; a small difference of r does, too", () => {
  expect(verdictsOf({})).toEqual(["undecided", "undecided", "supported"]);
  expect(verdictsOf({ token: { r: 0.81 } })[2]).toBe("supported");
});

test("diverged networks are left out and counted", () => {
  const told = plantedTold({});
  const own = told.get("learned") ?? [];
  const { outcomes, notes } = tokenOrPosition.conclude(
    new Map([...told, ["learned", own.with(2, { ...own[2], divergedAt: 5 })]]),
    size,
  );
  expect(outcomes[0].seeds).toBe(SEEDS.length - 1);
  expect(notes.some((note) => note.startsWith("1 networks diverged"))).toBe(true);
});

test("seeds tell the same alone and together, and all of it is concluded and drawn", async () => {
  const seeds = [0, 1, 2];
  const context = { backend: wasmBackend(), progress: () => {} };
  const told = new Map(
    await inTurn(tokenOrPosition.arms({ seeds, quick: true }), async (arm) => {
      const tiny = { ...arm, blocks: 6, growth: { ...arm.growth, steps: 4, checkpoints: [0, 2, 4] } };
      const together = await tokenOrPosition.measure(tiny, seeds, context);
      expect(await tokenOrPosition.measure(tiny, [1], context)).toEqual([together[1]]);
      return [arm.name, together] as const;
    }),
  );
  for (const { layers } of told.get("learned") ?? [])
    for (const { token, position } of layers)
      for (const { r } of [token, position]) expect(r[0]).toBeCloseTo(1, 6); // step 0 is the initialisation
  const { outcomes, figures, tables } = tokenOrPosition.conclude(told, { seeds, quick: true });
  expect(outcomes.length).toBeLessThanOrEqual(12);
  for (const rule of tokenOrPosition.plan.rules) decide(rule, outcomes);
  for (const { columns, rows } of tables) for (const row of rows) expect(row.length).toBe(columns.length);
  const { document } = parseHTML("<html><body></body></html>");
  for (const { title, panels } of figures) {
    expect(title).toMatch(/\d/);
    for (const panel of panels) {
      const svg = renderPanel(panel, document);
      expect(svg).not.toMatch(/NaN|undefined|Infinity/);
      const { body } = parseHTML(`<html><body>${svg}</body></html>`).document;
      expect(overlappingTexts(body.children[0])).toEqual([]);
    }
  }
});
