/** What the guided tour says: numbers of a real population beside the study's own, and sentences for every outcome. */
import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { tuningCorrelation, unitMeans } from "../../src/features/index.ts";
import { neighbourModel } from "../../src/features/pairing.ts";
import { presets } from "../../src/model/config.ts";
import { tInterval } from "../../src/stats/intervals.ts";
import { cellsAt } from "../../src/studies/persistence/cells.ts";
import { siteOfLayer } from "../../src/studies/persistence/spec.ts";
import { openPopulation } from "../../src/studies/population/openPopulation.ts";
import { armOf, defaultSettings, type RunSettings } from "../../studio/src/state/runSettings.ts";
import {
  distanceAt,
  floorOf,
  followedUnit,
  hasHeads,
  hasNeurons,
  initialSelectivity,
  layerTuning,
  leaksAt,
  lossAt,
  predictsNext,
  runNumbers,
  strongestLook,
  type TouredRun,
  taskExamples,
} from "../../studio/src/views/tour/tourNumbers.ts";
import {
  ablationSentence,
  comparisonSentence,
  criterionSentence,
  featureSentence,
  leakSentence,
  lookSentence,
  lossSentence,
  persistenceSentence,
  selectivitySentence,
} from "../../studio/src/views/tour/tourText.ts";

/** Sums in another order, of numbers of order 1. */
const ROUNDING = 1e-12;

/** A small run, trained to its end. */
async function trained(part: Partial<RunSettings>): Promise<TouredRun & { last: TouredRun["first"] }> {
  const { spec: arm, models } = armOf({ ...defaultSettings, seeds: 4, sequences: 64, steps: 8, ...part });
  const population = openPopulation(arm, models, wasmBackend());
  try {
    const first = { step: 0, ...(await population.look()) };
    for await (const _ of population.grow({ checkpoints: [], reportEvery: 1 }));
    const shown = { step: arm.steps, ...(await population.look()) };
    const divergedAt = models.map(() => null);
    return { arm, config: arm.config, models, divergedAt, first, shown, last: shown };
  } finally {
    population.close();
  }
}

test("a layer's r and its null are those of the study's own functions, over seeds", async () => {
  const run = await trained({});
  const { arm, models, first, shown } = run;
  if (first === undefined || shown === undefined) throw new Error("not looked at");
  const [before, after] = [first, shown].map((at) => cellsAt(at, siteOfLayer(1), arm));
  for (const kind of ["all", "token"] as const) {
    const tuning = layerTuning(run, { layer: 1, kind });
    const options = kind === "all" ? {} : { kind };
    const r = tuningCorrelation(before, after, options);
    const other = tuningCorrelation(before, after, { ...options, partner: neighbourModel(models.length) });
    const own = tInterval([...unitMeans(r, models.length).mean]);
    expect(tuning?.finding.own.estimate).toBeCloseTo(own.estimate, 12);
    expect(tuning?.finding.own.low).toBeCloseTo(own.low, 12);
    const nullMean = tInterval([...unitMeans(other, models.length).mean]).estimate;
    expect(tuning?.finding.null.estimate).toBeCloseTo(nullMean, 12);
    expect(runNumbers(run, { layer: 1, kind })?.finding).toEqual(tuning?.finding);
  }
  // a layer that there is not is the last one, as in the view
  expect(layerTuning(run, { layer: 7, kind: "all" })?.layer).toBe(1);
});

test("loss, distance and selectivity are means over seeds of what each network has", async () => {
  const run = await trained({});
  const { first, shown, models } = run;
  if (first === undefined || shown === undefined) throw new Error("not looked at");
  const nPos = 7;
  const losses = models.map((_, model) => {
    let sum = 0;
    for (let pos = 0; pos < nPos; pos++) sum += shown.heldOut[model * nPos + pos];
    return sum / nPos;
  });
  expect(Math.abs(lossAt(run, shown).estimate - tInterval(losses).estimate)).toBeLessThan(ROUNDING);
  const distances = models.map((_, model) => {
    let [moved, length] = [0, 0];
    for (const [name, start] of Object.entries(first.weights)) {
      const size = start.length / models.length;
      for (let at = model * size; at < (model + 1) * size; at++) {
        moved += (shown.weights[name][at] - start[at]) ** 2;
        length += start[at] ** 2;
      }
    }
    return Math.sqrt(moved / length);
  });
  expect(distanceAt(run, shown).estimate).toBeCloseTo(tInterval(distances).estimate, 9);
  expect(distanceAt(run, first).estimate).toBe(0);
  const { eta2 } = first.sites[siteOfLayer(0)];
  const own = initialSelectivity(run, 0, "token")?.estimate;
  const alive = models.map((_, model) => {
    const values = [...eta2.token.subarray(model * 64, (model + 1) * 64)].filter(Number.isFinite);
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  });
  expect(own).toBeCloseTo(tInterval(alive).estimate, 12);
});

test("an unmasked run leaks once it is trained, a masked one does not", async () => {
  const leaky = await trained({ steps: 64, sequences: 500, lr: 0.01 });
  const masked = await trained({ steps: 64, sequences: 500, lr: 0.01, preset: "causal" });
  const leaks = leaksAt(leaky, leaky.shown as NonNullable<typeof leaky.shown>);
  expect(leaks[0].pos).toBe(0);
  // H(x2 | x1) of the four patterns, from the exact floor by position
  expect(leaks[0].loss).toBeLessThan(floorOf(leaky.arm)?.byPosition[0] ?? 0);
  expect(leaksAt(leaky, leaky.first as NonNullable<typeof leaky.first>)).toEqual([]);
  expect(leaksAt(masked, masked.shown as NonNullable<typeof masked.shown>)).toEqual([]);
});

test("examples are sequences of the task, the same for the same draw", () => {
  const { spec: arm } = armOf(defaultSettings);
  const [ascending, repeating, alternating, random] = taskExamples(arm, 3);
  expect([ascending, repeating, alternating, random].map(({ kind }) => kind)).toEqual([
    ...["ascending", "repeating", "alternating", "random"],
  ]);
  expect(ascending.tokens.every((token, i) => i === 0 || token === (ascending.tokens[i - 1] + 1) % 10)).toBe(
    true,
  );
  expect([2, 3, 4].some((n) => repeating.tokens.every((token, i) => token === repeating.tokens[i % n]))).toBe(
    true,
  );
  expect(new Set(alternating.tokens).size).toBe(2);
  expect(taskExamples(arm, 3)).toEqual(taskExamples(arm, 3));
  expect(taskExamples(arm, 4)).not.toEqual(taskExamples(arm, 3));
  const reversal = taskExamples(armOf({ ...defaultSettings, task: "reversal" }).spec, 0);
  for (const { tokens, targets } of reversal) {
    expect(tokens.slice(4)).toEqual(tokens.slice(0, 4).reverse());
    expect(targets).toBeNull();
  }
  const permuted = armOf({ ...defaultSettings, task: "permuted" }).spec;
  expect(predictsNext(arm)).toBe(true);
  expect(predictsNext(permuted)).toBe(false);
});

test("the unit that is followed is the chosen one, or the most selective of its network", () => {
  const selectivity = { token: Float64Array.of(0.9, 0.1, 0.2, Number.NaN, 0.3, 0.8) };
  const look = { selectivity, units: 3 } as unknown as Parameters<typeof followedUnit>[0];
  expect(followedUnit(look, { model: 1, kind: "token", unit: null })).toBe(2);
  expect(followedUnit(look, { model: 0, kind: "token", unit: null })).toBe(0);
  expect(followedUnit(look, { model: 0, kind: "token", unit: 1 })).toBe(1);
  expect(followedUnit(look, { model: 0, kind: "token", unit: 64 })).toBe(0);
});

test("a head's clearest preference exceeds uniform attention most, and a query without a choice has none", () => {
  const pattern = [1, 0, 0, 0.55, 0.45, 0, 0.2, 0.2, 0.6];
  expect(strongestLook(pattern, { nPos: 3, causal: true })).toEqual({
    ...{ query: 2, key: 2, weight: 0.6, uniform: 1 / 3 },
  });
  expect(strongestLook(pattern, { nPos: 3, causal: false })).toMatchObject({ query: 0, key: 0 });
  expect(strongestLook([1], { nPos: 1, causal: true })).toBeNull();
});

test("networks without MLP or attention are known as such", () => {
  const { causal } = presets;
  expect([hasNeurons(causal), hasHeads(causal)]).toEqual([true, true]);
  expect(hasNeurons({ ...causal, attnOnly: true })).toBe(false);
  expect(hasHeads({ ...causal, mlpOnly: true })).toBe(false);
  expect(hasHeads({ ...causal, nLayers: 0 })).toBe(false);
});

const interval = (estimate: number, half = 0.01) => ({
  estimate,
  low: estimate - half,
  high: estimate + half,
});
const none = { estimate: Number.NaN, low: Number.NaN, high: Number.NaN };

test("the loss is told with its beginning and its floor, where there are any", () => {
  const start = interval(2.46);
  expect(lossSentence(start, { step: 0, start, floor: 1.03, seeds: 16 })).toBe(
    "At step 0 the loss on unseen sequences is 2.46 [2.45, 2.47] nats, mean over 16 seeds. The floor is 1.03.",
  );
  expect(lossSentence(interval(1.07), { step: 160, start, floor: null, seeds: 16 })).toBe(
    "At step 160 the loss on unseen sequences is 1.07 [1.06, 1.08] nats, mean over 16 seeds; before the first step it was 2.46.",
  );
  expect(lossSentence(none, { step: 9, start, floor: 1, seeds: 2 })).toContain("all diverged");
});

test("selectivity is called that of random projection only where it is", () => {
  const of = (projected: number | null) =>
    selectivitySentence(interval(0.4), projected, { layer: 0, factor: "token" });
  expect(of(0.42)).toContain("that is what random projection gives");
  expect(of(0.5)).toContain("less than random projection");
  expect(selectivitySentence(interval(0.4, 0.2), 0.3, { layer: 0, factor: "token" })).toContain(
    "do not tell the two apart",
  );
  expect(of(0.3)).toContain("more than random projection");
  expect(of(null)).toContain("no random-projection null");
});

test("persistence is claimed only where the own beginning tells more than a stranger's", () => {
  const say = (own: typeof none, other: typeof none, step = 8) =>
    persistenceSentence({ own, null: other, seeds: 4, excluded: 0 }, { layer: 1, what: "tuning", step });
  expect(say(interval(0.8), interval(0))).toBe(
    "Layer 1, step 8, tuning: r 0.80 [0.79, 0.81] with the own beginning, 0.00 [−0.01, 0.01] with that of another network (4 seeds). The own beginning tells more than a stranger's: some of what was there at random is still there.",
  );
  expect(say(interval(0.01), interval(0))).toContain("do not show that the own beginning tells more");
  expect(say(none, none)).toContain("no unit of layer 1 has any tuning");
  expect(say({ ...none, estimate: 0.8 }, none)).not.toContain("chance");
  expect(say(interval(1), interval(0), 0)).toContain("r is 1");
});

test("the criterion's count stands beside what any unit would reach", () => {
  const one = { excess: { ...none, estimate: 0.15 }, networks: 1 };
  const high = { selective: 50, survived: 45, chance: 0.75, ...one };
  expect(criterionSentence(high, 8)).toBe(
    "By the earlier study's thresholds 45 of 50 selective units survived, 90 %. Any unit of the same trained layer would pass in 75 %. Only what is between the two can be persistence.",
  );
  expect(criterionSentence({ ...high, excess: interval(0.15), networks: 4 }, 8)).toContain(
    "Over 4 seeds it is beyond that by 0.15 [0.14, 0.16] of the units.",
  );
  expect(criterionSentence({ ...high, survived: 20, chance: 0.5 }, 8)).toContain("no higher than that");
  const nothing = { ...high, selective: 0, survived: 0, chance: Number.NaN };
  expect(criterionSentence(nothing, 8)).toContain("no unit was selective");
  expect(criterionSentence({ ...nothing, networks: 0 }, 8)).toContain("diverged");
  expect(criterionSentence(high, 0)).toBe("");
});

test("a branch is said to have lost, kept or gained, by its numbers", () => {
  const run = (r: number) => ({ name: "run 2", step: 16, r });
  const before = { name: "run 1", step: 8, r: 0.85 };
  expect(comparisonSentence(before, run(0.43))).toBe(
    "Here r fell from 0.85 (run 1, step 8) to 0.43 (run 2, step 16).",
  );
  expect(comparisonSentence(before, run(0.9))).toContain("r rose from");
  expect(comparisonSentence(before, run(0.851))).toContain("r is the same");
  expect(comparisonSentence(before, run(Number.NaN))).toContain("diverged");
});

test("ablation is told with its interval, and as no effect where that holds 0", () => {
  const effect = (over: typeof none) => ({ bySeed: new Float64Array(4), over, size: null, seeds: 4 });
  const say = (over: typeof none) =>
    ablationSentence(effect(over), { what: "L0H1 set to its mean", tokens: 6 });
  expect(say(interval(0.2))).toBe(
    "With L0H1 set to its mean the loss of this sequence (6 tokens to predict) rises by 0.200 nats, mean over 4 seeds, 95 % interval [0.190, 0.210].",
  );
  expect(say(interval(-0.2))).toContain("falls by 0.200");
  expect(say(interval(0.001))).toContain("cannot be told from none");
  expect(say({ ...none, estimate: 0.2 })).toContain("rises by 0.200 nats, mean over 4 seeds. One seed alone");
  expect(say(interval(0))).toContain("stays as it is");
  expect(say(none)).toContain("diverged");
});

test("heads, features and leaks are told for what they are", () => {
  const at = { head: "L0H1", seed: 3, step: 8, tokens: [5, 6, 7] };
  expect(lookSentence({ query: 2, key: 0, weight: 0.6, uniform: 1 / 3 }, at)).toBe(
    "At step 8, in seed 3, L0H1 has its clearest preference at position 2 (token 7): 60 % of the attention from there goes to position 0 (token 5), where looking everywhere alike would give 33 %.",
  );
  expect(lookSentence({ query: 2, key: 2, weight: 0.6, uniform: 1 / 3 }, at)).toContain("goes to itself");
  expect(lookSentence(null, at)).toContain("no position has a choice");
  const unit = { name: "L0N3", seed: 0, r: 0.9, what: "tuning", beside: { low: -0.4, high: 0.5 } };
  expect(featureSentence({ ...unit, step: 8, token: [4, 5], position: [0, 1] })).toBe(
    "Before training, L0N3 of seed 0 was most active for token 4 and at position 0; at step 8 it is most active for token 5 and at position 1. Its tuning now correlates with that of then with r 0.90; with units of other networks' beginnings r is mostly in [−0.40, 0.50].",
  );
  expect(featureSentence({ ...unit, r: Number.NaN, step: 8, token: [4, -1], position: [0, -1] })).toContain(
    "its activity does not vary.",
  );
  expect(featureSentence({ ...unit, step: 0, token: [4, 4], position: [0, 0] })).toContain("Press Play");
  const leak = { pos: 0, loss: 0.9, floor: 2.1 };
  expect(leakSentence([leak, { ...leak, pos: 2 }], { step: 8, blind: false, hasFloor: true })).toBe(
    "Alarm at positions 0 and 2. At position 0 the networks lose 0.90 nats, where the best predictor that sees only what came before loses 2.10 on the same sequences.",
  );
  expect(leakSentence([], { step: 8, blind: true, hasFloor: true })).toContain("No alarm");
  expect(leakSentence([], { step: 8, blind: false, hasFloor: true })).toContain("so far");
  expect(leakSentence([], { step: 8, blind: true, hasFloor: false })).toContain("there can be no alarm");
});
