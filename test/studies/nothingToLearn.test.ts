import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import { randomStream } from "../../src/base/random.ts";
import { renderPanel } from "../../src/figures/index.ts";
import { weightShapes } from "../../src/model/weights.ts";
import { conditions, type NothingToLearnArm } from "../../src/studies/nothingToLearn/arms.ts";
import { conclude, type NothingToLearnTold } from "../../src/studies/nothingToLearn/conclude.ts";
import { type CrossedTold, shareByInit, tuningShares } from "../../src/studies/nothingToLearn/crossed.ts";
import { nothingToLearn } from "../../src/studies/nothingToLearn/index.ts";
import type { LayerNumbers } from "../../src/studies/nothingToLearn/layerNumbers.ts";
import type { LayerPersistence } from "../../src/studies/nothingToLearn/layerPersistence.ts";
import type { ConditionTold, MatchedTold, TwinTold } from "../../src/studies/nothingToLearn/matched.ts";
import { alongPath } from "../../src/studies/nothingToLearn/tables.ts";
import type { Growth } from "../../src/studies/population/growth.ts";
import { decide } from "../../src/studies/protocol/rule.ts";
import { overlappingTexts } from "../figures/textOverlap.ts";

const SEEDS = Array.from({ length: 12 }, (_, seed) => seed);
const wiggle = (seed: number) => 0.002 * Math.sin(7 * seed); // seeds differ, or no interval has a width
/** Shares from 8 × 4 networks of 20 units with 20 cells: 400 tables average the noise of each. */
const SAMPLED = 0.04;

/** Trained tuning of 8 × 4 crossed networks with known standard deviations of the three components. */
function crossedOf(
  { init, data, rest }: { init: number; data: number; rest: number },
  [units, cells] = [20, 20],
): CrossedTold[] {
  const [inits, orders] = [8, 4];
  const points = units * cells;
  const draws = (...key: (string | number)[]) => {
    const stream = randomStream("crossed", ...key);
    return Float64Array.from({ length: points }, () => stream.normal());
  };
  return Array.from({ length: inits }, (_, a) => ({
    ...{ kind: "crossed", divergedAt: null, units },
    tuning: [0, 1].map((layer) =>
      Array.from({ length: orders }, (_, b) => {
        const [own, shared, noise] = [draws("I", layer, a), draws("D", layer, b), draws("R", layer, a, b)];
        return Float32Array.from(own, (x, i) => init * x + data * shared[i] + rest * noise[i]);
      }),
    ),
  }));
}

test("variance shares are those that were planted, and sum to 1", () => {
  const shares = tuningShares(crossedOf({ init: 2, data: 1, rest: 1 }), 0);
  expect(Math.abs(shares.init - 4 / 6)).toBeLessThan(SAMPLED);
  expect(Math.abs(shares.data - 1 / 6)).toBeLessThan(SAMPLED);
  expect(shares.init + shares.data + shares.rest).toBeCloseTo(1, 12);
  expect(tuningShares(crossedOf({ init: 1, data: 0, rest: 0 }), 1).init).toBeCloseTo(1, 6);
  expect(tuningShares(crossedOf({ init: 0, data: 1, rest: 0 }), 1).data).toBeCloseTo(1, 6);
});

test("pseudo-values average to the share less its bias, and need three initialisations", () => {
  const told = crossedOf({ init: 2, data: 1, rest: 1 });
  const whole = tuningShares(told, 0).init;
  const without = told.map((_, left) => tuningShares(told.toSpliced(left, 1), 0).init);
  const pseudo = shareByInit(told, 0).map(({ init }) => init);
  without.forEach((share, left) => {
    expect(pseudo[left]).toBeCloseTo(8 * whole - 7 * share, 10);
  });
  expect(shareByInit(told.slice(0, 2), 0)).toEqual([]);
});

test("a path is read off between its checkpoints, and not beyond its end", () => {
  const [r, distances] = [
    [1, 0.8, 0.4],
    [0, 1, 3],
  ];
  expect(alongPath(r, distances, 0)).toBe(1);
  expect(alongPath(r, distances, 0.5)).toBeCloseTo(0.9, 12);
  expect(alongPath(r, distances, 2)).toBeCloseTo(0.6, 12);
  expect(alongPath(r, distances, 3.1)).toBeNaN();
});

test("only the blocks are frozen where only embeddings are trained, and controls differ from the task in nothing else", () => {
  const [matched] = nothingToLearn.arms({ seeds: SEEDS, quick: false });
  if (matched.kind !== "matched") throw new Error("the first arm is the matched sets");
  const { task, random, permuted, frozen } = matched.growths;
  const trained = [...weightShapes(task.config).keys()].filter((name) => frozen.rateFactors?.[name] !== 0);
  expect(trained).toEqual(["embed.W_E", "pos_embed.W_pos", "unembed.W_U", "unembed.b_U"]);
  expect({ ...random, task: "patterns" }).toEqual(task);
  expect({ ...permuted, task: "patterns" }).toEqual(task);
});

const numbers: LayerNumbers = {
  ...{ linear: 0.3, alignment: 0.1, participation: 5, effective: 20, units: new Float64Array(4) },
  ...{ own: 0.8, previous: 0.1, first: 0.05, together: 0.05 },
};

interface Planted {
  task: number;
  random: number;
  permuted: number;
  /** r of the task at the controls' displacement. */
  scaled: number;
  otherInit: number;
  matchingGain: number;
}

function plantedTold(planted: Planted): Map<string, NothingToLearnTold[]> {
  const persistenceOf = (r: number): LayerPersistence => {
    const similarity = { cka: r, debiasedCka: r, procrustes: r, rsa: r };
    return {
      ...{ r: [1, r], token: r, position: r, similarity, normalised: similarity },
      ...{ recovered: 1, gain: 1 },
      ...{ beyondStranger: 0.4, beyondRotation: 0.3, beyondShuffle: 0.5, qualityOfKept: 0 },
    };
  };
  const matched = SEEDS.map((seed): MatchedTold => {
    const noise = wiggle(seed);
    const conditionOf = (r: number): ConditionTold => ({
      ...{ loss: 1.5, lossBefore: 2.4, displacement: [0, 0.3] },
      ...{ persistence: [persistenceOf(r), persistenceOf(r - 0.1)], numbers: [numbers, numbers] },
    });
    const twin = (r: number, gain: number): TwinTold => ({
      ...{ r: [r, r], matchingGain: [gain, gain], ckaGain: [0, 0] },
    });
    const scaled = [planted.scaled + noise, planted.scaled - 0.1 + noise];
    return {
      ...{ kind: "matched", divergedAt: null, steps: [0, 100], initial: [numbers, numbers] },
      of: {
        task: conditionOf(planted.task + noise),
        random: conditionOf(planted.random),
        permuted: conditionOf(planted.permuted),
        frozen: conditionOf(0.99),
      },
      scaled: { random: scaled, permuted: scaled },
      noise: { task: [0.8, 0.7], random: scaled, permuted: scaled },
      otherData: twin(0.9 + noise, Number.NaN),
      otherInit: twin(planted.otherInit + noise, planted.matchingGain + noise),
    };
  });
  return new Map<string, NothingToLearnTold[]>([
    ["matched sets", matched],
    ["crossed", crossedOf({ init: 3, data: 0.3, rest: 0.5 }, [4, 5])],
  ]);
}

function verdictsOf(planted: Planted) {
  const { outcomes } = conclude(plantedTold(planted));
  return nothingToLearn.plan.rules.map((rule) => decide(rule, outcomes).verdict);
}

const original: Planted = {
  ...{ task: 0.7, random: 0.85, permuted: 0.86, scaled: 0.84 },
  ...{ otherInit: 0.01, matchingGain: 0.02 },
};

test("more is left with nothing to learn, and as much at equal displacement: both forms of C6 and of C7 are refuted", () => {
  expect(verdictsOf(original)).toEqual(["refuted", "refuted", "refuted", "refuted", "supported"]);
});

test("an advantage at equal displacement over both controls supports the second form of C6, whatever equal steps say", () => {
  expect(verdictsOf({ ...original, scaled: 0.95 }).slice(0, 2)).toEqual(["refuted", "supported"]);
  expect(verdictsOf({ ...original, scaled: 0.95, permuted: 0.96 })[1]).toBe("undecided");
});

test("where the task keeps more at equal steps, the first form of C6 is supported", () => {
  expect(verdictsOf({ ...original, task: 0.88 })[0]).toBe("supported");
});

test("units that come to be alike support C7, by index or by matching", () => {
  expect(verdictsOf({ ...original, otherInit: 0.7 })[2]).toBe("supported");
  expect(verdictsOf({ ...original, otherInit: 0.2 })[2]).toBe("undecided");
  expect(verdictsOf({ ...original, matchingGain: 0.3 })[3]).toBe("supported");
});

test("sets with a diverged network are left out and counted", () => {
  const told = plantedTold(original);
  const sets = told.get("matched sets") ?? [];
  const hurt = { ...sets[3], divergedAt: 7 };
  const { outcomes, notes } = conclude(told.set("matched sets", sets.with(3, hurt)));
  expect(outcomes.find(({ name }) => name === "equal steps random L0")?.seeds).toBe(SEEDS.length - 1);
  expect(notes.some((note) => note.includes("1 of 20 sets"))).toBe(true);
});

/** The quick arms, still smaller: few neurons, few steps, small probes. */
function tinyArms(seeds: readonly number[]): NothingToLearnArm[] {
  const tiny = (growth: Growth): Growth => ({
    ...{ ...growth, steps: 3, checkpoints: growth.checkpoints.length === 0 ? [] : [0, 1, 3] },
    config: { ...growth.config, dMlp: 12 },
  });
  return nothingToLearn.arms({ seeds, quick: true }).map((arm) => {
    if (arm.kind === "crossed") return { ...arm, blocks: 4, growth: tiny(arm.growth) };
    const { task, random, permuted } = arm.growths;
    const frozen = tiny(arm.growths.frozen);
    const growths = { task: tiny(task), random: tiny(random), permuted: tiny(permuted), frozen };
    return { ...arm, growths, blocks: 4, samples: 12 };
  });
}

const context = { backend: wasmBackend(), progress: () => {} };

test("seeds tell the same alone and together, and all of it is concluded and drawn", async () => {
  const seeds = [0, 1, 2];
  const told = new Map(
    await inTurn(tinyArms(seeds), async (arm) => {
      const together = await nothingToLearn.measure(arm, seeds, context);
      expect(await nothingToLearn.measure(arm, [1], context)).toEqual([together[1]]);
      return [arm.name, together] as const;
    }),
  );
  const [first] = told.get("matched sets") as MatchedTold[];
  for (const condition of conditions)
    for (const { r } of first.of[condition].persistence) {
      expect(r[0]).toBeCloseTo(1, 6); // step 0 is the initialisation
      expect(r[2]).toBeLessThan(1);
    }
  const { outcomes, figures, tables } = nothingToLearn.conclude(told, { seeds, quick: true });
  expect(outcomes.length).toBeLessThanOrEqual(12);
  for (const { estimate } of outcomes) expect(estimate).not.toBeNaN();
  for (const rule of nothingToLearn.plan.rules) decide(rule, outcomes);
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
