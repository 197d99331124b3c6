import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import { randomStream } from "../../src/base/random.ts";
import { patternsFloor } from "../../src/data/patternsFloor.ts";
import { renderFigureHtml } from "../../src/figures/index.ts";
import { armOfRate, type DoseArm } from "../../src/studies/doseResponse/arms.ts";
import { doseResponse } from "../../src/studies/doseResponse/index.ts";
import type { DoseTold, LayerCourse } from "../../src/studies/doseResponse/measure.ts";
import { layers, outcomeNames, rates } from "../../src/studies/doseResponse/plan.ts";
import { decide } from "../../src/studies/protocol/rule.ts";

const { plan, arms, measure, conclude } = doseResponse;
const SEEDS = [0, 1, 2, 3, 4, 5];
const SIZE = { seeds: SEEDS, quick: true };
const steps = [0, 1, 4, 16, 64, 256, 1024, 4096];
const NOISE = 0.003; // so that seeds differ and intervals have a width

/** Displacement grows with rate × steps; progress with steps to the power of the rate's own, so neither tells the other. */
const displacementOf = (rate: number, step: number) => (30 * rate * step) ** 0.5 / 3;
const progressOf = (rate: number, step: number) =>
  1 - Math.exp(-((rate * step) ** 0.6) * (0.001 / rate) ** 0.2 * 2);

/** Networks whose κ follows what is told. */
function planted(
  kappaOf: (displacement: number, progress: number) => number,
): Map<string, readonly DoseTold[]> {
  const stream = randomStream("dose response", "planted");
  return new Map(
    rates.map((rate) => {
      const told = SEEDS.map((): DoseTold => {
        const displacement = Float64Array.from(steps, (step) => displacementOf(rate, step));
        const progress = Float64Array.from(steps, (step) => progressOf(rate, step));
        const course = () => new Float64Array(steps.length);
        const layer = (): LayerCourse => ({
          r: displacement.map((x, c) => (c === 0 ? 1 : kappaOf(x, progress[c]) + NOISE * stream.normal())),
          ...{ displacement, own: displacement.map((x) => 0.8 * x), rPre: course(), chance: course() },
          ...{ stranger: course(), recovered: course(), fanInCosine: course(), rank: course() },
        });
        return {
          ...{ steps, progress, loss: progress.map((p) => 2.3 - 1.3 * p), divergedAt: null },
          ...{ network: displacement, logits: course(), kl: course(), layers: layers.map(layer) },
        };
      });
      return [armOfRate(rate), told];
    }),
  );
}

const lazy = planted((displacement) => Math.exp(-((displacement / 0.5) ** 1.2)));
const task = planted((_, progress) => Math.exp(-((progress / 0.6) ** 1.5)));
const verdicts = (told: Map<string, readonly DoseTold[]>) => {
  const { outcomes } = conclude(told, SIZE);
  return Object.fromEntries(plan.rules.map((rule) => [rule.about, decide(rule, outcomes).verdict]));
};

test("persistence planted on one curve of displacement supports the lazy account", () => {
  expect(verdicts(lazy)).toMatchObject({ "H lazy": "supported", "H displacement alone": "supported" });
  expect(verdicts(lazy)["H progress alone"]).toBe("refuted");
});

test("persistence planted on one curve of progress refutes it", () => {
  expect(verdicts(task)).toMatchObject({ "H lazy": "refuted", "H progress alone": "supported" });
  expect(verdicts(task)["H displacement alone"]).toBe("refuted");
});

test("the claim is judged by the r at nine tenths of what can be learned", () => {
  const at = (told: Map<string, readonly DoseTold[]>) =>
    conclude(told, SIZE).outcomes.find(({ name }) => name === outcomeNames.atLearned(1));
  // between the checkpoints around progress 0.9 the curve of progress is nearly straight
  expect(at(task)?.estimate).toBeCloseTo(Math.exp(-((0.9 / 0.6) ** 1.5)), 1);
  expect(verdicts(task).C5).toBe("refuted");
  expect(verdicts(planted((x) => 0.6 + 0.4 * Math.exp(-x))).C5).toBe("supported");
});

test("half-lives are those of the planted curve, and networks that diverged are left out and counted", () => {
  const fading = new Map(
    [...lazy].map(([name, told]) => [
      name,
      told.map((of) => ({
        ...of,
        layers: of.layers.map((layer) => ({
          ...layer,
          r: Float64Array.from(steps, (step) => Math.exp(-((step / 300) ** 0.7))),
        })),
      })),
    ]),
  );
  const one = armOfRate(0.001);
  const broken = (fading.get(one) as DoseTold[]).map((of, at) => (at === 2 ? { ...of, divergedAt: 64 } : of));
  const { outcomes, notes } = conclude(new Map([...fading, [one, broken]]), SIZE);
  const half = outcomes.find(({ name }) => name === outcomeNames.halfLife(0));
  expect(half?.estimate).toBeCloseTo(300 * Math.LN2 ** (1 / 0.7), 4);
  expect(half?.seeds).toBe(5);
  expect(notes.join(" ")).toContain("1 of 30 networks diverged");
});

/** An arm of the quick study that is over in a moment. */
function tiny(seeds: readonly number[]): DoseArm[] {
  return arms({ seeds, quick: true }).map((arm) => ({
    ...arm,
    growth: { ...arm.growth, steps: 4, checkpoints: [0, 2, 4] },
    ...{ blocks: 4, heldOut: 32 },
  }));
}

const context = { backend: wasmBackend(), progress: () => {} };

test("how seeds are cut into jobs changes no bit, and nothing has moved before the first step", async () => {
  const arm = tiny([3, 4, 5])[2];
  const whole = await measure(arm, [3, 4, 5], context);
  expect([...(await measure(arm, [3], context)), ...(await measure(arm, [4, 5], context))]).toEqual(whole);
  for (const { loss, progress, network, logits, kl, layers: told, divergedAt } of whole) {
    expect(divergedAt).toBeNull();
    expect([progress[0], network[0], logits[0], kl[0]]).toEqual([0, 0, 0, 0]);
    expect(loss[0]).toBeGreaterThan(patternsFloor({ dVocab: 10, nCtx: 8 }).causal);
    for (const { r, recovered, displacement, own, fanInCosine, rank } of told) {
      expect(r[0]).toBeCloseTo(1, 12);
      expect([recovered[0], displacement[0], own[0]]).toEqual([1, 0, 0]);
      expect(fanInCosine[0]).toBeCloseTo(1, 12);
      expect(rank[0]).toBeNaN();
      expect(own[2]).toBeGreaterThan(own[1]);
      expect(rank[2]).toBeGreaterThan(1);
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
