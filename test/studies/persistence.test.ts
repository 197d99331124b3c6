import { expect, test } from "vitest";
import {
  measurementRows,
  type PersistenceStudy,
  persistenceStudy,
} from "../../src/studies/persistence/study.ts";
import { inThisThread, smallSettings } from "./settings.ts";

/** The study without what depends on the clock. */
const numbersOf = ({ summaries, details, claims }: PersistenceStudy) => ({ summaries, details, claims });

test("the study's numbers do not depend on how its models are shared out", async () => {
  const whole = await persistenceStudy(smallSettings, inThisThread(64));
  for (const modelsPerJob of [1, 3, 4])
    expect(numbersOf(await persistenceStudy(smallSettings, inThisThread(modelsPerJob)))).toEqual(
      numbersOf(whole),
    );
});

test("a seed's weights are the same in a study of other seeds", async () => {
  const hashes = async (seeds: number[]) => {
    const { summaries } = await persistenceStudy({ ...smallSettings, seeds }, inThisThread(8));
    return new Map(summaries[0].models.map(({ seed, weights }) => [seed, weights]));
  };
  const [many, few] = [await hashes([0, 1, 2, 3, 4]), await hashes([3, 1])];
  for (const [seed, weights] of few) expect(many.get(seed)).toBe(weights);
  expect(new Set(many.values()).size).toBe(5);
});

test("presets share initialisations and data by seed: what they share before the first step is equal", async () => {
  const { details } = await persistenceStudy(
    { ...smallSettings, presets: ["original", "causal"], steps: 1 },
    inThisThread(8),
  );
  const [original, causal] = details.map(({ layers }) => layers[0].displacement);
  expect(Object.keys(original)).toEqual(Object.keys(causal));
  // a first step of Adam moves every entry by the rate: equal displacement of equal embeddings
  for (const [seed, moved] of original.W_E.entries()) expect(moved).toBeCloseTo(causal.W_E[seed], 3);
});

test("with a learning rate of nearly zero everything persists and the null stays", async () => {
  const { summaries } = await persistenceStudy({ ...smallSettings, lr: 1e-9 }, inThisThread(8));
  for (const { criterion, tuning, identityRecovery } of summaries[0].groups) {
    expect(criterion.maintained).toBe(1);
    expect(criterion.kappa).toBe(1);
    expect(tuning.r).toBeGreaterThan(1 - 1e-6);
    expect(tuning.preferred).toBeGreaterThan(0.99);
    expect(identityRecovery).toBe(1);
    expect(criterion.null).toBeLessThan(0.8);
    // five seeds, 64 units each, correlated within a seed: SD of a seed's mean is about 0.06
    expect(Math.abs(tuning.nullR)).toBeLessThan(0.15);
  }
});

test("a wild learning rate destroys what the criterion and the curves measure", async () => {
  const { summaries } = await persistenceStudy({ ...smallSettings, lr: 0.3, steps: 12 }, inThisThread(8));
  for (const { tuning, identityRecovery } of summaries[0].groups) {
    expect(tuning.r).toBeLessThan(0.5);
    expect(identityRecovery).toBeLessThan(0.5);
  }
});

test("models that all diverge are marked with their step, and the study still ends with every number undefined", async () => {
  const wild = { ...smallSettings, optimizer: "sgd", lr: 1e30, steps: 3 };
  const { summaries, claims } = await persistenceStudy(wild, inThisThread(8));
  for (const { divergedAt } of summaries[0].models) expect(divergedAt).toBe(1);
  for (const { tuning, criterion } of summaries[0].groups) {
    expect(tuning.r).toBeNaN();
    expect(criterion.ci).toEqual([Number.NaN, Number.NaN]);
  }
  for (const { verdict } of claims) expect(verdict).not.toBe("supported");
});

test("the unmasked original leaks and the masked one does not, with the numbers", async () => {
  const settings = {
    ...smallSettings,
    presets: ["original", "causal"],
    seeds: [0, 1],
    sequences: 500,
    stepsPerEpoch: 16,
    steps: 160,
  };
  const { summaries } = await persistenceStudy(settings, inThisThread(8));
  const [original, causal] = summaries.map(({ loss }) => loss);
  expect(original.leak).toBe(true);
  expect(original.leakAt[0].loss).toBeLessThan(original.leakAt[0].floor - 0.5);
  expect(causal).toMatchObject({ leak: false, leakAt: [] });
  expect(original.bayesFloor).toBeCloseTo(1.029524760073, 11);
});

test("every measured number of an arm becomes a row with its model, step, site and unit", async () => {
  const { analyses } = await persistenceStudy({ ...smallSettings, seeds: [7, 9] }, inThisThread(8));
  const [{ main }] = analyses;
  const rows = measurementRows("original", main, 0);
  // per layer: 16 of attention's z, 64 before and after the rectifier, 16 of the stream; 4 + 3 + 3 + 4 + 3 statistics
  expect(rows.filter(({ site }) => site !== "model").length).toBe(2 * 2 * (16 + 64 + 64 + 16) * 17);
  expect(rows.filter(({ statistic }) => statistic === "heldOutLoss.position").length).toBe(2 * 7);
  const shares = rows.filter(({ statistic }) => statistic === "heldOutAccuracy.position");
  expect(shares.length).toBe(2 * 7);
  expect(shares.every(({ value }) => value! >= 0 && value! <= 1)).toBe(true);
  expect(new Set(rows.map(({ seed }) => seed))).toEqual(new Set([7, 9]));
  expect(rows.every(({ step }) => step === 0)).toBe(true);
});

test("in float64 the reference backend finds the same", async () => {
  const settings = { ...smallSettings, seeds: [0, 1], steps: 2, sequences: 32, stepsPerEpoch: 1 };
  const [float32, float64] = [
    await persistenceStudy(settings, inThisThread(8)),
    await persistenceStudy(settings, inThisThread(8, "reference")),
  ].map(({ summaries }) => summaries[0]);
  /** Roundings of float32 through two steps, amplified by correlations of nearly flat curves. */
  const FLOAT32 = 1e-4;
  float32.groups.forEach((group, i) => {
    expect(Math.abs(group.tuning.r - float64.groups[i].tuning.r)).toBeLessThan(FLOAT32);
    expect(group.criterion.maintained).toBe(float64.groups[i].criterion.maintained);
  });
  expect(Math.abs(float32.loss.heldOut - float64.loss.heldOut)).toBeLessThan(FLOAT32);
});

test("where only an answer counts, the loss is that of the answer and its floor is 0", async () => {
  const { summaries, analyses } = await persistenceStudy(
    { ...smallSettings, presets: ["causal"], seeds: [0, 1], task: "sorting" },
    inThisThread(8),
  );
  const [{ loss }] = summaries;
  expect(loss).toMatchObject({ bayesFloor: 0, leak: false });
  const { heldOut } = analyses[0].main.checkpoints.at(-1)!;
  const answers = Array.from(heldOut).filter((_, i) => i % 7 >= 3); // positions 3 to 6 of both models
  expect(loss.heldOut).toBeCloseTo(
    answers.reduce((sum, nats) => sum + nats / 8, 0),
    12,
  );
});

test.each(["induction", "parentheses", "reversal"])("the task %s fits the presets", async (task) => {
  const { summaries } = await persistenceStudy(
    { ...smallSettings, presets: ["causal"], seeds: [0, 1], task, steps: 2 },
    inThisThread(8),
  );
  expect(summaries[0].loss.heldOut).toBeGreaterThan(summaries[0].loss.bayesFloor!);
  expect(summaries[0].loss.leak).toBe(false);
});
