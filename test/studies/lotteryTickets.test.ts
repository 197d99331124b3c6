import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { heldOut } from "../../src/data/batches.ts";
import { patterns } from "../../src/data/patterns.ts";
import { renderFigureHtml, renderPanel } from "../../src/figures/index.ts";
import { presets } from "../../src/model/config.ts";
import { lotteryTickets } from "../../src/studies/lotteryTickets/index.ts";
import { aurocOf } from "../../src/studies/lotteryTickets/keptUnits.ts";
import {
  learnedArms,
  learnedKeeps,
  learnedLabels,
  type SeedLearned,
} from "../../src/studies/lotteryTickets/learned.ts";
import type { LayerUnits, SeedTickets } from "../../src/studies/lotteryTickets/measure.ts";
import { outcomeNames } from "../../src/studies/lotteryTickets/plan.ts";
import { armLabels, keeps, mainKeep, ticketName, tickets } from "../../src/studies/lotteryTickets/tickets.ts";
import { growNetworks, lossesOf } from "../../src/studies/population/growth.ts";
import { decide } from "../../src/studies/protocol/rule.ts";
import { overlappingTexts } from "../figures/textOverlap.ts";

/** Sums of a dozen numbers near 1. */
const FLOAT64 = 1e-12;

const { plan, conclude, measure } = lotteryTickets;
const SEEDS = Array.from({ length: 12 }, (_, seed) => seed);
const UNITS = presets.causal.dMlp;
const size = { seeds: SEEDS, quick: true };
const wiggle = (seed: number) => 0.004 * Math.sin(seed); // seeds differ, or no interval has a width

/** Units of which every third keeps 8 weights, the others 6; their persistence is `above` higher where they keep 8. */
function plantedUnits(seed: number, above: number): LayerUnits {
  const isKept = (unit: number) => unit % 3 === 0;
  const mixed = (salt: number) =>
    Float64Array.from({ length: UNITS }, (_, unit) => ((unit * 37 + seed * 11 + salt * 5) % 64) / 64);
  return {
    persistence: mixed(0).map((r, unit) => r + (isKept(unit) ? above : 0)),
    ...{ selectivity: mixed(1), fitness: mixed(2), importance: mixed(3), fanIn: mixed(4) },
    kept: Float64Array.from({ length: UNITS }, (_, unit) => (isKept(unit) ? 8 : 6)),
  };
}

/** Losses of 2.4 under every mask but those that are given one, and overlaps 0.05 beyond chance. */
function plantedLearned(seed: number, losses: Readonly<Record<string, number>>): SeedLearned {
  const at = (arm: string) => learnedKeeps.map((keep) => ticketName(arm, keep));
  const overlap = {
    jaccard: 0.16 + wiggle(seed),
    expectedJaccard: 0.11,
    share: 0.28,
    shareByMagnitude: 0.24,
  };
  return {
    losses: Object.fromEntries(
      Object.keys(learnedLabels)
        .flatMap(at)
        .map((name, i) => [name, (losses[name] ?? 2.4) + wiggle(seed + i)]),
    ),
    matricesTrained: 1.55 + wiggle(seed),
    maskTrained: 1.5 + wiggle(seed + 3),
    probability: Object.fromEntries(at("bernoulli").map((name) => [name, 0.5 + wiggle(seed)])),
    overlaps: Object.fromEntries(learnedArms.flatMap(({ arm }) => at(arm)).map((name) => [name, overlap])),
    kept: Object.fromEntries(
      learnedArms.map(({ arm }) => [arm, [plantedUnits(seed, 0).kept, plantedUnits(seed + 1, 0).kept]]),
    ),
  };
}

/** Told entries with a loss of 1.5 for every network but those that are given one. */
function planted(losses: Readonly<Record<string, number>>, above = 0): SeedTickets[] {
  const names = ["dense", "untrained", ...tickets.map(({ name }) => name)];
  const kinds = ["large final", "random"];
  return SEEDS.map((seed) => ({
    losses: Object.fromEntries(names.map((name, i) => [name, (losses[name] ?? 1.5) + wiggle(seed + i)])),
    supermasks: Object.fromEntries(
      kinds.flatMap((kind) => keeps.map((keep) => [ticketName(kind, keep), 2.4])),
    ),
    overlaps: [
      {
        name: "blocks.0.mlp.W_in",
        entries: 1024,
        share: { "initial magnitude": 0.5, movement: 0.4, random: 0.2 },
        expectedShare: 0.2,
        jaccard: { "initial magnitude": 0.3, movement: 0.25, random: 0.1 },
        expectedJaccard: 0.11,
      },
    ],
    units: [plantedUnits(seed, above), plantedUnits(seed + 1, above)],
    learned: plantedLearned(seed, losses),
  }));
}

const concluded = (told: readonly SeedTickets[]) => conclude(new Map([["tickets", told]]), size);
const verdicts = (told: readonly SeedTickets[]) => {
  const { outcomes } = concluded(told);
  return Object.fromEntries(plan.rules.map((rule) => [rule.about, decide(rule, outcomes).verdict]));
};

test("every subnetwork has a name of its own and a label, and every share has its own and new values", () => {
  const names = tickets.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { arm } of tickets) expect(armLabels[arm]).toMatch(/\w/);
  expect(new Set(Object.values(armLabels)).size).toBe(Object.keys(armLabels).length);
  for (const keep of keeps)
    for (const arm of ["rewind", "re-init"]) expect(names).toContain(ticketName(arm, keep));
});

test("a ticket that wins by 0.2 and lies on persistent units confirms both, one that does not refutes both", () => {
  const winning = planted(
    { [ticketName("rewind", mainKeep)]: 1.3, [ticketName("signs", mainKeep)]: 1.31 },
    0.6,
  );
  expect(verdicts(winning)).toMatchObject({ H: "supported", C6: "supported", H3: "supported" });
  const nothing = planted({});
  expect(verdicts(nothing)).toMatchObject({ H: "refuted", H2: "refuted", H3: "supported" });
  const againstPersistence = planted({ [ticketName("rewind", mainKeep)]: 1.3 }, -0.6);
  expect(verdicts(againstPersistence)).toMatchObject({ C6: "refuted", H3: "refuted" });
  const persistent = planted({ [ticketName("units persistence", mainKeep)]: 1.4 });
  expect(verdicts(persistent).H2).toBe("supported");
});

test("outcomes are paired differences of the planted losses, two families of twelve, and p is not smaller than alone", () => {
  const told = planted({ [ticketName("rewind", 0.1)]: 1.2 });
  const { outcomes } = concluded(told);
  expect(outcomes).toHaveLength(24);
  expect(new Set(outcomes.map(({ name }) => name)).size).toBe(24);
  const found = outcomes.find(({ name }) => name === outcomeNames.reinit(0.1));
  const byHand = told.map(
    ({ losses }) => losses[ticketName("rewind", 0.1)] - losses[ticketName("re-init", 0.1)],
  );
  expect(
    Math.abs((found?.estimate ?? 0) - byHand.reduce((total, x) => total + x) / byHand.length),
  ).toBeLessThan(FLOAT64);
  expect(found?.seeds).toBe(SEEDS.length);
  expect(found?.p).toBeLessThan(1e-6);
  expect(outcomes.slice(0, 12).filter(({ p }) => p === 1).length).toBeGreaterThan(5); // planted to be nothing
});

test("what is planted of learned masks is what their outcomes say, and it leaves those of tickets as they are", () => {
  const before = concluded(planted({})).outcomes;
  const told = planted({ [ticketName("edge-popup", mainKeep)]: 2.1 });
  const { outcomes } = concluded(told);
  expect(outcomes.slice(0, 12)).toEqual(before.slice(0, 12));
  const by = (name: string) => outcomes.find((of) => of.name === name);
  const gained = by(outcomeNames.learned("edge-popup", "random", mainKeep));
  expect(Math.abs((gained?.estimate ?? 0) + 0.3)).toBeLessThan(0.01); // seeds wiggle by 0.004
  expect(gained?.p).toBeLessThan(1e-6);
  expect(Math.abs(by(outcomeNames.learned("bernoulli", "random", mainKeep))?.estimate ?? 1)).toBeLessThan(
    0.01,
  );
  expect(Math.abs((by(outcomeNames.learnedJaccard)?.estimate ?? 0) - 0.05)).toBeLessThan(0.005);
  // the planted learned masks keep the units that the planted tickets keep
  expect(by(outcomeNames.learnedAuroc)?.estimate).toBe(by(outcomeNames.auroc)?.estimate);
});

test("a diverged network leaves its seed out of the contrasts that need it, and the notes count it", () => {
  const told = planted({});
  const name = ticketName("re-init", mainKeep);
  const lost = [{ ...told[0], losses: { ...told[0].losses, [name]: Number.NaN } }, ...told.slice(1)];
  const { outcomes, notes } = concluded(lost);
  const seedsOf = (outcome: string) => outcomes.find((of) => of.name === outcome)?.seeds;
  expect(seedsOf(outcomeNames.reinit(mainKeep))).toBe(SEEDS.length - 1);
  expect(seedsOf(outcomeNames.random)).toBe(SEEDS.length);
  expect(notes.join(" ")).toContain(
    `Of ${12 * (tickets.length + 2)} trained and untrained networks 1 diverged`,
  );
});

test("AUROC is the share of pairs in which the kept unit scores higher, dead units left out, mean of the layers", () => {
  const told = planted({});
  const [first] = told;
  first.units[0].persistence[0] = Number.NaN;
  const byHand = first.units.map(({ persistence, kept }) => {
    let [won, pairs] = [0, 0];
    for (let i = 0; i < UNITS; i++)
      for (let j = 0; j < UNITS; j++) {
        if (kept[i] !== 8 || kept[j] !== 6 || Number.isNaN(persistence[i] + persistence[j])) continue;
        pairs++;
        if (persistence[i] > persistence[j]) won++;
        else if (persistence[i] === persistence[j]) won += 0.5;
      }
    return won / pairs;
  });
  expect(Math.abs(aurocOf(told, "persistence")[0] - (byHand[0] + byHand[1]) / 2)).toBeLessThan(FLOAT64);
  const all: SeedTickets = {
    ...first,
    units: first.units.map((layer) => ({ ...layer, kept: new Float64Array(UNITS).fill(8) })),
  };
  expect(aurocOf([all], "persistence")[0]).toBeNaN();
});

test("the steps from new values to own ones add up", () => {
  const told = planted({ [ticketName("exchanged", mainKeep)]: 1.4, [ticketName("rewind", mainKeep)]: 1.25 });
  const table = concluded(told).tables.find(({ title }) => title.startsWith("What the advantage"));
  const saved = (table?.rows ?? []).map(([, text]) => Number.parseFloat(String(text).replace("−", "-")));
  expect(Math.abs(saved.slice(0, -1).reduce((total, x) => total + x, 0) - (saved.at(-1) ?? 0))).toBeLessThan(
    0.003,
  );
});

test("figures say their numbers, draw their nulls, and have no number that is none", () => {
  const { document } = parseHTML("<html><body></body></html>");
  const { figures } = concluded(
    planted({ [ticketName("rewind", mainKeep)]: 1.3, dense: 1.2, untrained: 2.5 }),
  );
  expect(figures.map(({ name }) => name)).toEqual([
    "lottery-ticket-losses",
    "lottery-ticket-parts",
    "lottery-ticket-units",
    "lottery-ticket-learned",
  ]);
  expect(figures[0].title).toContain("worth 0.20 nats");
  for (const figure of figures) {
    const html = renderFigureHtml(figure, document);
    expect(html.match(/.{0,40}(NaN|Infinity|undefined|\[object).{0,20}/g)).toBeNull();
    for (const panel of figure.panels) {
      const { body } = parseHTML(`<html><body>${renderPanel(panel, document)}</body></html>`).document;
      expect(overlappingTexts(body.children[0])).toEqual([]);
    }
  }
});

const [quickArm] = lotteryTickets.arms(size);
const tiny = {
  ...quickArm,
  growth: { ...quickArm.growth, steps: 4, checkpoints: [1] },
  ...{ earlyStep: 1, probeBlocks: 4, heldOut: 40, unitSequences: 8 },
};
const context = { backend: wasmBackend(), progress: () => {} };

test("a seed tells the same bits whoever is beside it, and what it tells hangs together", async () => {
  const together = await measure(tiny, [3, 8], context);
  expect(await measure(tiny, [8], context)).toEqual(together.slice(1));
  const task = patterns(presets.causal);
  const alone = (await growNetworks(context.backend, tiny.growth, [{ init: 8, data: 8 }])).weights;
  const [loss] = await lossesOf(
    context.backend,
    presets.causal,
    alone,
    heldOut(task, [plan.name, "held out"], 40),
  );
  expect(together[1].losses.dense).toBe(loss);
  const kept = Math.round(mainKeep * 1024); // of each W_in and W_out
  for (const { losses, supermasks, overlaps, units, learned } of together) {
    for (const value of [...Object.values(losses), ...Object.values(supermasks)])
      expect(Number.isFinite(value)).toBe(true);
    expect(new Set(Object.keys(losses))).toEqual(
      new Set(["untrained", "dense", ...tickets.map(({ name }) => name)]),
    );
    // the same random masks of the same networks, found twice
    for (const keep of learnedKeeps)
      expect(learned.losses[ticketName("random", keep)]).toBe(supermasks[ticketName("random", keep)]);
    for (const value of [...Object.values(learned.losses), learned.matricesTrained, learned.maskTrained])
      expect(Number.isFinite(value)).toBe(true);
    for (const layer of [
      ...units,
      ...Object.values(learned.kept)
        .flat()
        .map((of) => ({ kept: of })),
    ])
      expect(layer.kept.reduce((total, x) => total + x, 0)).toBe(2 * kept);
    expect(overlaps).toHaveLength(12); // six matrices a block
    for (const { share, expectedShare } of overlaps) {
      expect(Math.abs(expectedShare - mainKeep)).toBeLessThan(0.005);
      expect(share["initial magnitude"]).toBeGreaterThan(0.8); // four steps move weights by 0.004 at most
    }
  }
  const { outcomes, figures } = concluded(together);
  expect(outcomes.every(({ estimate }) => Number.isFinite(estimate))).toBe(true);
  expect(figures).toHaveLength(4);
});
