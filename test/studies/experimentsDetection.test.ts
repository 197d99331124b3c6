import { expect, test } from "vitest";
import { presets } from "../../src/model/config.ts";
import { measureDetection, summariseDetection } from "../../src/studies/experiments/detection.ts";
import {
  bareConfigs,
  lastAlone,
  oneDiverged,
  POS,
  plantedCell,
  randomNetworks,
  setupOf,
  TOKEN,
  tiny,
} from "./plantedCell.ts";

const neuronsOf = <S extends { site: { kind: string } }>({ sites }: { sites: readonly S[] }): S => {
  const found = sites.find(({ site }) => site.kind === "neuron");
  if (found === undefined) throw new Error("no neurons");
  return found;
};

test("a planted neuron is found in its cell, exhaustively where that is possible and by sampling where not", async () => {
  for (const { sizes, exhaustive } of [
    { sizes: { dVocab: 4, nCtx: 4, causal: true }, exhaustive: true },
    { sizes: { dVocab: 10, nCtx: 8, causal: false }, exhaustive: false },
  ]) {
    const network = plantedCell(sizes);
    const setup = setupOf(network.config, [7], { blocks: 40 });
    const models = await measureDetection(network, setup);
    const { top, stability, largest } = neuronsOf(models[0]);
    expect(Array.from(top.found)).toEqual([10, 10, 0]);
    for (let rank = 0; rank < 10; rank++) {
      expect(top.pos[rank]).toBe(POS);
      expect(top.tokens[rank * sizes.nCtx + POS]).toBe(TOKEN);
      expect(top.activation[rank]).toBe(0.5);
      expect(top.source[rank]).toBe(exhaustive ? 0 : 1);
    }
    expect(stability.overlap[0]).toBe(exhaustive ? Number.NaN : 1);
    // share q of inputs at 0.5, the rest at 0: the largest is √((1 − q)/q) standard deviations above the mean
    const q = 1 / (sizes.dVocab * sizes.nCtx);
    expect(largest.sds[0]).toBeCloseTo(Math.sqrt((1 - q) / q), 9);
    const { numbers, verdict } = summariseDetection(models, [], setup);
    expect(numbers.search.exhaustivePositions).toEqual(exhaustive ? [0, 1, 2, 3] : []);
    expect(numbers.search.exhaustiveInputs).toBe(exhaustive ? 4 + 16 + 64 + 256 : 0);
    expect(verdict.holds).toBe(null);
    expect(verdict.evidence).toMatch(exhaustive ? /nothing here hangs on a sample/ : /one seed/);
    const [first] = numbers.examples.filter(({ kind }) => kind === "neuron");
    expect([first.name, first.inputs[0].pos, first.inputs[0].tokens[POS]]).toEqual(["L0N0", POS, TOKEN]);
  }
});

test("a network has the same bits alone as in a population, and its entry survives cloning", async () => {
  for (const config of [
    { ...presets.gpt, ...tiny, dVocab: 20 },
    { ...presets.original, ...tiny, dVocab: 20 },
  ]) {
    const seeds = [3, 4, 5];
    const all = await measureDetection(randomNetworks(config, seeds), setupOf(config, seeds));
    const [alone] = await measureDetection(lastAlone(config, seeds), setupOf(config, [5]));
    expect(alone).toEqual(all[2]);
    expect(structuredClone(alone)).toEqual(alone);
  }
});

test("units of random networks find their inputs again, beyond other units, and no more than random networks do", async () => {
  const config = { ...presets.original, ...tiny, dVocab: 20 }; // 20^4 sequences are too many to try
  const [seeds, others] = [
    [0, 1, 2, 3, 4],
    [5, 6, 7, 8, 9],
  ];
  const setup = setupOf(config, seeds);
  const models = await measureDetection(randomNetworks(config, seeds), setup);
  const nulls = await measureDetection(randomNetworks(config, others), setupOf(config, others));
  const section = summariseDetection(models, nulls, setup);
  expect(section.verdict.holds).toBe(true);
  // as much as between different units: refuted
  const common = models.map((model) => ({
    ...model,
    sites: model.sites.map(({ stability, ...site }) => ({
      ...site,
      stability: { ...stability, overlap: stability.overlap.map(() => stability.otherUnit.overlap) },
    })),
  }));
  expect(summariseDetection(common, [], setup).verdict.holds).toBe(false);
  expect(section.numbers.groups.map(({ kind, layer }) => `${layer} ${kind}`)).toEqual([
    "0 head",
    "0 neuron",
    "0 residual",
    "1 head",
    "1 neuron",
    "1 residual",
  ]);
  for (const { overlap } of section.numbers.groups)
    expect(overlap.observed.estimate).toBeGreaterThan(overlap.shuffled);
  // twelve tests between networks of one kind: none below 0.05/12 but by accident, and the streams are fixed
  for (const { overlap, largestSds } of section.null.networks)
    expect(Math.min(overlap.p, largestSds.p)).toBeGreaterThan(0.05 / 12);
  expect(section.null.normalMaximum.samples).toBe(20 * 20 * 4);
  expect(JSON.parse(JSON.stringify(section)).numbers.examples.length).toBe(6 * 4);
});

test.each(Object.keys(bareConfigs))(
  "%s: what there is is measured, and the rest is left out",
  async (name) => {
    const config = bareConfigs[name];
    const setup = setupOf(config, [0, 1], { blocks: 4 });
    const models = await measureDetection(randomNetworks(config, [0, 1]), setup);
    const { numbers, verdict } = summariseDetection(models, [], setup);
    expect(verdict.holds).toBe(null); // all of these inputs are few enough to be tried, or there is no unit
    expect(numbers.groups.length).toBe(models[0].sites.length);
    expect(numbers.search.sampledPositions).toEqual([]);
    expect(numbers.groups.length === 0).toBe(name === "no blocks");
  },
);

test("a network that diverged has no numbers, and the others keep theirs", async () => {
  const config = { ...presets.original, ...tiny, dVocab: 20 };
  const setup = setupOf(config, [0, 1], { draws: 19 });
  const models = await measureDetection(oneDiverged(config), setup);
  const { numbers } = summariseDetection(models, [], setup);
  expect(models[1].sites.every(({ top }) => top.found.every((found) => found === 0))).toBe(true);
  for (const { overlap, largestSds } of numbers.groups)
    expect([overlap.observed.estimate, largestSds.estimate].every(Number.isFinite)).toBe(true);
});
