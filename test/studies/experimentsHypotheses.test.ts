import { expect, test } from "vitest";
import { presets } from "../../src/model/config.ts";
import {
  type HypothesesSite,
  measureHypotheses,
  summariseHypotheses,
  unitResponse,
} from "../../src/studies/experiments/hypotheses.ts";
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

test("a planted neuron is found in its cell and confirmed there, a silent one is not even tested", async () => {
  const network = plantedCell({ dVocab: 4, nCtx: 4, causal: true });
  const setup = setupOf(network.config, [7]);
  const models = await measureHypotheses(network, setup);
  const { numbers } = summariseHypotheses(models, [], setup);
  // 2 head dimensions, 3 neurons, 8 residual dimensions: Holm needs 13/0.05 permutations
  expect([numbers.hypotheses, numbers.cells, numbers.draws]).toEqual([13, 16, 260]);
  const names = numbers.results.map(({ name }) => name);
  // residual dimensions 0 to 3 are tokens; 4 to 7 are positions, the same for every token there
  expect(names).toEqual(["L0N0", "L0N1", "L0R0", "L0R1", "L0R2", "L0R3"]);
  const [planted] = numbers.results;
  expect([planted.token, planted.pos, planted.p]).toEqual([TOKEN, POS, 1 / 261]);
  expect([planted.selected.estimate, planted.tested.estimate]).toEqual([
    Number.POSITIVE_INFINITY,
    Number.POSITIVE_INFINITY,
  ]);
  expect(planted.holm).toBeLessThanOrEqual(0.05);
  const groups = Object.fromEntries(numbers.groups.map((group) => [group.kind, group]));
  expect(groups.head.testable.estimate).toBe(0);
  expect(groups.head.confirmedHolm.estimate).toBe(Number.NaN);
  expect(groups.neuron.testable.estimate).toBeCloseTo(2 / 3, 12);
  expect([groups.residual.testable.estimate, groups.residual.confirmedHolm.estimate]).toEqual([0.5, 1]);
});

test("one question has one answer a network, on the whole probe", async () => {
  const network = plantedCell({ dVocab: 4, nCtx: 4, causal: true });
  const setup = setupOf(network.config, [7]);
  const ask = async (unit: string, token: number, pos: number) =>
    (await unitResponse(network, setup, { unit, token, pos }))[0];
  expect(await ask("L0N0", TOKEN, POS)).toEqual({
    ...{ seed: 7, p: 1 / 100, draws: 99 },
    d: { estimate: Number.POSITIVE_INFINITY, low: Number.POSITIVE_INFINITY, high: Number.POSITIVE_INFINITY },
    having: { mean: 0.5, count: 20 },
    lacking: { mean: 0, count: 60 },
  });
  // at its position the other three tokens differ from the rest by not being it: 0 against 20 of 60 at 0.5
  const other = await ask("L0N0", TOKEN + 1, POS);
  expect([other.having.mean, other.lacking.mean]).toEqual([0, 0.5 / 3]);
  expect(other.d.estimate).toBeLessThan(0);
  expect(other.p).toBeLessThan(0.05);
  expect(await ask("L0N0", TOKEN, POS + 1)).toMatchObject({ p: 1, d: { estimate: Number.NaN } });
  await expect(async () => ask("L0N3", 0, 0)).rejects.toThrow(/L0N0 to L0N2/);
  await expect(async () => ask("L0N0", 4, 0)).rejects.toThrow(/token: must be a whole number, 0 to 3/);
  await expect(async () => ask("L0N0", 0, 4)).rejects.toThrow(/position: must be a whole number, 0 to 3/);
});

test("with labels permuted five per cent of the tests reject, and effects vanish on the other half", async () => {
  const config = { ...presets.original, ...tiny };
  const seeds = Array.from({ length: 10 }, (_, seed) => seed);
  const setup = setupOf(config, seeds);
  const section = summariseHypotheses(
    await measureHypotheses(randomNetworks(config, seeds), setup),
    [],
    setup,
  );
  const { rejected, selectedD, testedD, d } = section.null.permuted;
  // 20 repetitions of 34 tests in 10 networks; the units of a network share labels. Standard error about 0.005
  expect(Math.abs(rejected.estimate - 0.05)).toBeLessThan(0.02);
  expect(rejected.low).toBeLessThan(0.05);
  expect(selectedD.estimate).toBeGreaterThan(0.4); // the largest of 16 differences between 10 and 30 sequences
  expect(Math.abs(testedD.estimate)).toBeLessThan(0.05);
  expect(d.low).toBeLessThan(-0.4);
  expect(d.high).toBeGreaterThan(0.4);
  // and with their own labels nearly all units respond, as functions of their input do
  expect(section.numbers.confirmed.estimate).toBeGreaterThan(0.8);
  expect(section.verdict.holds).toBe(true);
  for (const { selectedD: found, testedD: again } of section.numbers.groups)
    expect(again.estimate).toBeLessThan(found.estimate * 1.2);
});

test("the verdict follows its rule", async () => {
  const config = { ...presets.causal, ...tiny };
  const seeds = [0, 1, 2, 3];
  const setup = setupOf(config, seeds);
  const models = await measureHypotheses(randomNetworks(config, seeds), setup);
  const holds = (change: (site: HypothesesSite, seed: number) => Partial<HypothesesSite>) =>
    summariseHypotheses(
      models.map((model) => ({
        ...model,
        sites: model.sites.map((site) => ({ ...site, ...change(site, model.seed) })),
      })),
      [],
      setup,
    ).verdict.holds;
  const confirmed = ({ holm, selected }: HypothesesSite) => ({ holm: holm.map(() => 0), tested: selected });
  expect(holds(confirmed)).toBe(true);
  expect(holds(({ holm }) => ({ holm: holm.map(() => 1) }))).toBe(false);
  const lax = ({ permuted }: HypothesesSite) => ({
    permuted: { ...permuted, rejected: 0.2 * permuted.tests },
  });
  expect(holds((site) => ({ ...confirmed(site), ...lax(site) }))).toBe(null);
  // confirmed in half of the seeds: nobody knows
  expect(holds(({ holm, selected }, seed) => ({ tested: selected, holm: holm.map(() => seed % 2) }))).toBe(
    null,
  );
});

test("a network has the same bits alone as in a population, and its entry survives cloning", async () => {
  const config = { ...presets.gpt, ...tiny };
  const seeds = [3, 4, 5];
  const all = await measureHypotheses(randomNetworks(config, seeds), setupOf(config, seeds));
  const [alone] = await measureHypotheses(lastAlone(config, seeds), setupOf(config, [5]));
  expect(alone).toEqual(all[2]);
  expect(structuredClone(alone)).toEqual(alone);
});

test.each(Object.keys(bareConfigs))("%s: what there is is tested, and the rest is left out", async (name) => {
  const config = bareConfigs[name];
  const setup = setupOf(config, [0, 1, 2]);
  const models = await measureHypotheses(randomNetworks(config, [0, 1, 2]), setup);
  const section = summariseHypotheses(models, models, setup);
  expect(section.numbers.groups.length).toBe(models[0].sites.length);
  expect(section.numbers.confirmed.estimate > 0).toBe(name !== "no blocks");
  if (name === "no blocks") expect(section.verdict.holds).toBe(null);
  for (const { confirmed } of section.null.networks) if (confirmed.networks > 0) expect(confirmed.p).toBe(1);
});

test("a network that diverged has no numbers, and the others keep theirs", async () => {
  const config = { ...presets.original, ...tiny };
  const setup = setupOf(config, [0, 1], { draws: 19 });
  const models = await measureHypotheses(oneDiverged(config), setup);
  const summarise = (of: typeof models) => summariseHypotheses(of, [], setup);
  const { numbers } = summarise(models);
  expect(models[1].sites.every(({ p }) => p.every(Number.isNaN))).toBe(true);
  expect(numbers.confirmed.estimate).toBe(summarise([models[0]]).numbers.confirmed.estimate);
});
