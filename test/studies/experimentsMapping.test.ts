import { expect, test } from "vitest";
import { presets } from "../../src/model/config.ts";
import {
  type MappingModel,
  measureMapping,
  summariseMapping,
} from "../../src/studies/experiments/mapping.ts";
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

test("a neuron planted in one cell has the map and the shares of one cell", async () => {
  const network = plantedCell({ dVocab: 4, nCtx: 4, causal: true });
  const setup = setupOf(network.config, [7]);
  const models = await measureMapping(network, setup);
  const { numbers, verdict } = summariseMapping(models, [], setup);
  const [planted, table, silent] = numbers.units.filter(({ kind }) => kind === "neuron");
  // an indicator of one cell of V × T: V − 1, T − 1 and (V − 1)(T − 1) parts of VT − 1
  const wanted = { token: 3 / 15, position: 3 / 15, interaction: 9 / 15, context: 0 };
  for (const source of ["token", "position", "interaction", "context"] as const)
    expect(planted.shares[source]).toBeCloseTo(wanted[source], 12);
  expect(planted).toMatchObject({ name: "L0N0", class: "interaction", token: TOKEN, position: POS });
  expect(planted.tokenCurve).toEqual([0, 0.125, 0, 0]);
  expect(table.shares.context).toBe(0);
  expect(silent).toMatchObject({ class: "dead", token: -1, position: -1 });
  const map = numbers.maps.find(({ name }) => name === "L0N0");
  expect(map?.cellMeans).toEqual(
    Array.from({ length: 16 }, (_, cell) => (cell === TOKEN * 4 + POS ? 0.5 : 0)),
  );
  expect(map?.chance).toBeLessThan(0.5);
  const group = numbers.groups.find(({ kind }) => kind === "neuron");
  expect([group?.classes.interaction.estimate, group?.classes.dead.estimate]).toEqual([
    1 + (table.class === "interaction" ? 1 : 0),
    1,
  ]);
  expect(group?.preferenceKept.token.estimate).toBe(1);
  expect(group?.beyondPermuted.token.estimate).toBe(1); // 64 activations of which four are not 0, all of one token
  expect(verdict).toMatchObject({ holds: null, evidence: "One seed has no interval." });
});

test("neurons of random networks are as selective as random projections, and nearly deaf to context", async () => {
  const seeds = Array.from({ length: 12 }, (_, seed) => seed);
  const setup = setupOf(presets.original, seeds);
  const models = await measureMapping(randomNetworks(presets.original, seeds), setup);
  const section = summariseMapping(models, [], setup);
  const [, neurons] = section.numbers.groups;
  expect([neurons.kind, neurons.layer]).toEqual(["neuron", 0]);
  for (const kind of ["token", "position"] as const) {
    // means of networks differ by 0.04 (standard deviation): standard error of twelve 0.012, of the null 0.004
    expect(Math.abs(neurons.beyondProjection?.[kind].estimate ?? Number.NaN)).toBeLessThan(0.05);
    expect(section.null.permuted[1][kind]).toBeLessThan(0.04); // 9/319 and 7/319
    expect(neurons.beyondPermuted[kind].estimate).toBeGreaterThan(0.9);
    expect(neurons.preferenceKept[kind].estimate).toBeGreaterThan(0.9);
  }
  // an independent simulation gave 0.018; the mean amount of context beside all amounts
  expect(neurons.shares.context.estimate).toBeGreaterThan(0.01);
  expect(neurons.shares.context.estimate).toBeLessThan(0.03);
  expect(section.null.projection.neuron?.token.mean).toBeCloseTo(0.4225, 1);
  expect(section.null.projection.head).toBe(null);
  const counts = Object.values(neurons.classes).reduce((sum, { estimate }) => sum + estimate, 0);
  expect(counts).toBeCloseTo(64, 9);
  expect(neurons.preferred.token.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
  expect(section.verdict.holds).not.toBe(true);
});

test("the verdict follows its rule", async () => {
  const config = { ...presets.original, ...tiny };
  const seeds = [0, 1, 2, 3];
  const setup = setupOf(config, seeds, { draws: 9 });
  const models = await measureMapping(randomNetworks(config, seeds), setup);
  /** The same models, with one share of variance for all units but for a little between seeds. */
  const having = (share: number): MappingModel[] =>
    models.map((model, index) => ({
      ...model,
      sites: model.sites.map((site) => {
        const all = new Float64Array(site.site.units).fill(share + index / 1000);
        return { ...site, eta2: { ...site.eta2, token: all, position: all } };
      }),
    }));
  expect(summariseMapping(having(0.9), [], setup).verdict.holds).toBe(true);
  expect(summariseMapping(having(0.1), [], setup).verdict.holds).toBe(false);
});

test("a network has the same bits alone as in a population, and its entry survives cloning", async () => {
  const config = { ...presets.gpt, ...tiny };
  const seeds = [3, 4, 5];
  const all = await measureMapping(randomNetworks(config, seeds), setupOf(config, seeds));
  const [alone] = await measureMapping(lastAlone(config, seeds), setupOf(config, [5]));
  expect(alone).toEqual(all[2]);
  expect(structuredClone(alone)).toEqual(alone);
});

test.each(Object.keys(bareConfigs))("%s: what there is is mapped, and the rest is left out", async (name) => {
  const config = bareConfigs[name];
  const setup = setupOf(config, [0, 1, 2], { draws: 9 });
  const models = await measureMapping(randomNetworks(config, [0, 1, 2]), setup);
  const { numbers, verdict, null: none } = summariseMapping(models, models, setup);
  const empty = name === "no blocks" || name === "one position";
  expect(numbers.groups.length).toBe(models[0].sites.length);
  expect(numbers.groups.length === 0).toBe(empty);
  if (name === "no positions") expect([verdict.holds, none.projection.neuron]).toEqual([null, null]);
  if (name === "no norm, no biases") expect(none.projection.neuron).toBe(null);
  if (empty) expect(verdict.holds).toBe(null);
  for (const { shares } of none.networks) expect(shares.token.p).toBe(1);
});

test("a network that diverged has no numbers, and the others keep theirs", async () => {
  const config = { ...presets.original, ...tiny };
  const setup = setupOf(config, [0, 1], { draws: 19 });
  const models = await measureMapping(oneDiverged(config), setup);
  const summarise = (of: typeof models) => summariseMapping(of, [], setup);
  const { numbers } = summarise(models);
  for (const { classes, shares } of numbers.groups) {
    expect(classes.dead.estimate).toBeGreaterThan(0);
    expect(Number.isFinite(shares.token.estimate)).toBe(true);
  }
  expect(summarise([models[1]]).numbers.units.every((unit) => unit.class === "dead")).toBe(true);
});
