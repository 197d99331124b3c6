import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import { renderFigureHtml } from "../../src/figures/index.ts";
import { armOfScale, type ScaleArm } from "../../src/studies/identityOrEffect/arms.ts";
import { identityOrEffect } from "../../src/studies/identityOrEffect/index.ts";
import { type CellTold, kinds, type ScaleTold } from "../../src/studies/identityOrEffect/measure.ts";
import { outcomeNames, scales } from "../../src/studies/identityOrEffect/plan.ts";
import { decide } from "../../src/studies/protocol/rule.ts";

const { plan, arms, measure, conclude } = identityOrEffect;
const SEEDS = [0, 1, 2, 3, 4, 5, 6, 7];
const SIZE = { seeds: SEEDS, quick: true };
const wiggle = (seed: number) => 0.01 * Math.sin(seed); // seeds differ, or no interval has a width

/** Networks of which the criterion, the r and the loss are told for every scale. */
function planted(
  of: (scale: number) => { maintained: number; r: number; trackedKept: number; loss: number },
): Map<string, readonly ScaleTold[]> {
  return new Map(
    scales.map((scale) => {
      const { maintained, r, trackedKept, loss } = of(scale);
      const told = SEEDS.map((seed): ScaleTold => {
        const cell = (layer: number, kind: (typeof kinds)[number]): CellTold => ({
          ...{ layer, kind, maintained, base: 0.5, strangerBase: 0.5, trackedKept, trackedR: r },
          ...{ r: r + wiggle(seed), stranger: 0, preferred: 0.1 },
        });
        return {
          ...{ loss: loss + wiggle(seed), displacement: 1, recovered: [1, 1], divergedAt: null },
          cells: [0, 1].flatMap((layer) => kinds.map((kind) => cell(layer, kind))),
          tracked: [],
        };
      });
      return [armOfScale(scale), told];
    }),
  );
}

const verdicts = (told: Map<string, readonly ScaleTold[]>) => {
  const { outcomes } = conclude(told, SIZE);
  return plan.rules.map((rule) => decide(rule, outcomes).verdict);
};

test("a criterion that stays while tuning goes is refuted as its measure, at equal loss only", () => {
  const gone = (scale: number) => ({
    maintained: 1,
    r: scale < 0.1 ? 0.2 : 0.8,
    trackedKept: scale < 0.1 ? 0 : 1,
  });
  expect(verdicts(planted((scale) => ({ ...gone(scale), loss: 1.5 })))).toEqual(["refuted", "supported"]);
  const apart = planted((scale) => ({ ...gone(scale), loss: scale < 0.1 ? 1.8 : 1.5 }));
  expect(verdicts(apart)).toEqual(["undecided", "undecided"]);
});

test("a criterion that says what tuning says is supported, and a scale that changes nothing is refuted", () => {
  const same = planted(() => ({ maintained: 0.9, r: 0.8, trackedKept: 0.9, loss: 1.5 }));
  expect(verdicts(same)).toEqual(["supported", "refuted"]);
  expect(conclude(same, SIZE).notes.join(" ")).not.toContain("errs the other way");
  const lost = planted(() => ({ maintained: 0.2, r: 0.8, trackedKept: 0.9, loss: 1.5 }));
  expect(conclude(lost, SIZE).notes.join(" ")).toContain("it says 0.20 and a share of 0.90");
});

test("differences between scales are paired by seed", () => {
  const { outcomes } = conclude(
    planted((scale) => ({ maintained: 1, r: scale, trackedKept: 1, loss: 1.5 })),
    SIZE,
  );
  const fall = outcomes.find(({ name }) => name === outcomeNames.fall);
  expect(fall?.estimate).toBeCloseTo(0.98, 12);
  expect((fall?.interval[1] ?? 1) - (fall?.interval[0] ?? 0)).toBeLessThan(1e-12); // the seeds' common part is gone
});

test("a network that diverged leaves its pair, and is counted", () => {
  const told = planted(() => ({ maintained: 1, r: 0.5, trackedKept: 1, loss: 1.5 }));
  const name = armOfScale(0.3);
  const broken = (told.get(name) as ScaleTold[]).map((of, at) => (at === 4 ? { ...of, divergedAt: 7 } : of));
  const { outcomes, notes } = conclude(new Map([...told, [name, broken]]), SIZE);
  const seedsOf = (outcome: string) => outcomes.find((each) => each.name === outcome)?.seeds;
  expect([seedsOf(outcomeNames.loss(0.3)), seedsOf(outcomeNames.loss(0.1))]).toEqual([7, 8]);
  expect(notes.join(" ")).toContain("1 of 32 networks diverged");
});

/** Arms of the quick study that are over in a moment. */
const tiny = (seeds: readonly number[]): ScaleArm[] =>
  arms({ seeds, quick: true }).map((arm) => ({
    ...arm,
    growth: { ...arm.growth, steps: 4 },
    ...{ blocks: 4, heldOut: 32 },
  }));

const context = { backend: wasmBackend(), progress: () => {} };

test("how seeds are cut into jobs changes no bit", async () => {
  const arm = tiny([3, 4, 5])[3];
  const whole = await measure(arm, [3, 4, 5], context);
  expect([...(await measure(arm, [3], context)), ...(await measure(arm, [4, 5], context))]).toEqual(whole);
});

test("without training every unit is itself, whatever the scale, and a stranger is not", async () => {
  for (const arm of tiny([0, 1])) {
    const still = { ...arm, growth: { ...arm.growth, steps: 0 } };
    for (const { cells, displacement, recovered, tracked } of await measure(still, [0, 1], context)) {
      expect([displacement, ...recovered]).toEqual([0, 1, 1]);
      for (const { maintained, trackedKept, trackedR, r, stranger, preferred } of cells) {
        expect([maintained, trackedKept, preferred]).toEqual([1, 1, 1]);
        expect(trackedR).toBeCloseTo(1, 9);
        expect(r).toBeCloseTo(1, 9);
        expect(Math.abs(stranger)).toBeLessThan(0.5); // 64 unrelated curves that share embeddings: SD 0.1
      }
      for (const { before, after } of tracked) expect(after).toEqual(before);
      expect(tracked.map(({ eta2 }) => eta2[0])).toEqual(
        tracked.map(({ eta2 }) => eta2[0]).toSorted((a, b) => b - a),
      );
    }
  }
});

test("a study of two seeds runs from end to end, with a decision for every rule and figures that draw", async () => {
  const seeds = [0, 1];
  const told = new Map(
    await inTurn(tiny(seeds), async (arm) => [arm.name, await measure(arm, seeds, context)]),
  );
  const { outcomes, figures, tables } = conclude(told, { seeds, quick: true });
  for (const rule of plan.rules) expect(decide(rule, outcomes).evidence).not.toBe("");
  expect(new Set(outcomes.map(({ name }) => name)).size).toBe(outcomes.length);
  for (const { columns, rows } of tables) for (const row of rows) expect(row).toHaveLength(columns.length);
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  for (const figure of figures) {
    const html = renderFigureHtml(figure, document as unknown as Document);
    expect(html).toContain("<svg");
    expect(html).not.toMatch(/NaN|undefined|Infinity/);
  }
});
