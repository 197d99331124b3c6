/** Learned masks: gradients against differences of the relaxed loss, a mask that is known, and streams that are a model's own. */
import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { ArgumentError, NameError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import { fixedBatches } from "../../src/data/batches.ts";
import { patterns } from "../../src/data/patterns.ts";
import type { Sequences } from "../../src/data/types.ts";
import { learnMasks, type MaskRule, maskRules, openMaskLearner } from "../../src/features/learnedMasks.ts";
import { applyMasks, largest, lotteryMasks, matrixNames } from "../../src/features/lotteryMasks.ts";
import { maskOverlap, shareByMagnitude } from "../../src/features/maskOverlap.ts";
import { signedConstants } from "../../src/features/ticketValues.ts";
import { input } from "../../src/graph/build.ts";
import { makeGraph } from "../../src/graph/graph.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { initialPopulation } from "../../src/model/init.ts";
import { forward } from "../../src/model/transformer.ts";
import { type Weights, weightNodes, weightShapes, weightsOfModel } from "../../src/model/weights.ts";
import { optimizers } from "../../src/train/optimizers.ts";
import { openTrainer } from "../../src/train/trainer.ts";

/** float64, sums of a few hundred terms in another order. */
const FLOAT64 = 1e-12;
/** Central differences of a loss in float64: the step squared times its third derivative, and rounding over the step. */
const DIFFERENCES = 1e-7;
const STEP = 1e-5;

const MODELS = 2;
const NAME = "blocks.0.mlp.W_in";
const small: ModelConfig = { ...presets.causal, nLayers: 1, dModel: 4, nHeads: 2, dHead: 2, dMlp: 6 };
const streams = (purpose: string, models = MODELS) =>
  Array.from({ length: models }, (_, i) => randomStream("learned", purpose, i));
const population = (config: ModelConfig, models = MODELS) =>
  initialPopulation(config, { scheme: "pytorch" }, streams("init", models));
const batch = patterns(small).sample(randomStream("learned", "batch"), 6);
/** Only every other position counts. */
const half: Sequences = { ...batch, scored: Uint8Array.from({ length: batch.nPos }, (_, pos) => pos % 2) };
const plain = { ...optimizers.sgd, momentum: 0 };

/** Mean loss over the positions that count of the two networks as they are, nats, by the trainer's own graph. */
async function lossOf(weights: Weights, sequences: Sequences): Promise<number[]> {
  const { nPos, count, scored } = sequences;
  const trainer = openTrainer(referenceBackend, {
    ...{ config: small, optimizer: plain, models: MODELS, nPos, batch: count },
  });
  trainer.writeWeights(weights);
  const byPosition = await trainer.evaluate([sequences]);
  trainer.session.close();
  const counting = Array.from({ length: nPos }, (_, pos) => pos).filter((pos) => scored?.[pos] !== 0);
  return Array.from(
    { length: MODELS },
    (_, model) =>
      counting.reduce((total, pos) => total + byPosition[model * nPos + pos], 0) / counting.length,
  );
}

test.each(maskRules)(
  "%s moves every score along the slope of the relaxed loss, kept or not",
  async (rule) => {
    const [weights, keep, rate] = [population(small), 0.4, 0.7];
    const learner = openMaskLearner(
      referenceBackend,
      small,
      weights,
      { rule, keep, names: [NAME], streams: streams("scores"), optimizer: plain },
      half,
    );
    const before = (await learner.scores())[NAME];
    const size = before.length / MODELS;
    // what the first step runs: the largest scores, or entries whose draw lies below their probability
    const drawn = streams("scores").map((stream) => stream.child(NAME));
    const mask =
      rule === "edge-popup"
        ? (await learner.masks())[NAME]
        : before.map((_, i) => ((drawn[Math.floor(i / size)].uint32() + 0.5) * 2 ** -32 < keep ? 1 : 0));
    const slope = rule === "edge-popup" ? 1 : keep * (1 - keep);
    const relaxed = (masks: ArrayLike<number>) => ({
      ...weights,
      [NAME]: Float64Array.from(weights[NAME], (w, i) => w * masks[i]),
    });
    const loss = await learner.step([half], 1, [rate]);
    (await lossOf(relaxed(mask), half)).forEach((of, model) => {
      expect(Math.abs(loss[model] - of)).toBeLessThan(FLOAT64);
    });
    const after = (await learner.scores())[NAME];
    learner.close();
    let moved = 0;
    for (let at = 0; at < size; at += 3) {
      const nudged = (by: number) =>
        relaxed(Float64Array.from(mask, (m, i) => m + (i % size === at ? by : 0))); // both models at once
      const [up, down] = [await lossOf(nudged(STEP), half), await lossOf(nudged(-STEP), half)];
      for (let model = 0; model < MODELS; model++) {
        const i = model * size + at;
        const expected = (-rate * slope * (up[model] - down[model])) / (2 * STEP);
        expect(Math.abs(after[i] - before[i] - expected)).toBeLessThan(DIFFERENCES);
        if (mask[i] === 0 && Math.abs(expected) > 1e-4) moved++;
      }
    }
    expect(moved).toBeGreaterThan(2); // entries outside the mask learn too
  },
);

const wide: ModelConfig = { ...presets.causal, nLayers: 1, dModel: 8, nHeads: 2, dHead: 4, dMlp: 8 };
/** Logits are linear in its entries, so that the relaxed problem is convex: descent cannot end beside the truth. */
const planted = ["unembed.W_U"];

/** Networks with equal weights at the end, half of which are the truth, and answers drawn from the true network's own softmax. */
async function plantedProblem(sequences: number) {
  const { nCtx, dVocab } = wide;
  const weights: Weights = signedConstants(population(wide), { names: planted, models: MODELS });
  const truth = lotteryMasks(
    wide,
    "random",
    { initial: weights, final: weights },
    { keep: 0.5, names: planted, streams: streams("truth") },
  );
  const backend = wasmBackend();
  const session = backend.open({ models: MODELS, states: Object.fromEntries(weightShapes(wide)) });
  for (const [name, values] of Object.entries(applyMasks(weights, truth))) session.write(name, values);
  const nPos = nCtx - 1;
  const tokens = input("tokens", [sequences, nPos], "int32");
  const program = session.compile(
    makeGraph({ outputs: { logits: forward(wide, weightNodes(wide), tokens) } }),
  );
  const stream = randomStream("learned", "sequences");
  const inputs = Int32Array.from({ length: sequences * nPos }, () => stream.integer(dVocab));
  const { logits } = await program.run({ tokens: inputs });
  session.close();
  const sets = Array.from({ length: MODELS }, (_, model): Sequences => {
    const targets = inputs.map((_, i) => {
      const row = logits.subarray((model * inputs.length + i) * dVocab).subarray(0, dVocab);
      const odds = Array.from(row, (x) => Math.exp(x - Math.max(...row)));
      let left = stream.uniform() * odds.reduce((total, x) => total + x);
      const answer = odds.findIndex((x) => {
        left -= x;
        return left < 0;
      });
      return answer < 0 ? dVocab - 1 : answer;
    });
    return { count: sequences, nPos, inputs, targets };
  });
  return { backend, weights, truth, sources: sets.map((set) => fixedBatches(set, 64)) };
}

const rates: Readonly<Record<MaskRule, number>> = { "edge-popup": 0.02, bernoulli: 0.1 };

test("where half of the weights made the answers, both rules find which half", async () => {
  const { backend, weights, truth, sources } = await plantedProblem(1024);
  for (const rule of maskRules) {
    const { masks, losses } = await learnMasks(backend, wide, weights, {
      ...{ rule, keep: 0.5, names: planted, streams: streams("scores"), sources },
      ...{ steps: 400, rate: rates[rule], schedule: { warmup: 0, decay: "cosine", final: 0 } },
    });
    for (const [, { share, expectedShare }] of maskOverlap(truth, masks, MODELS))
      share.forEach((of, model) => {
        expect(expectedShare[model]).toBe(0.5);
        expect(of, rule).toBeGreaterThan(0.9);
      });
    const over = (from: number, to: number) =>
      losses.slice(from, to).reduce((total, of) => total + of[0], 0) / (to - from);
    expect(over(380, 400)).toBeLessThan(over(0, 5));
  }
});

test.each(maskRules)(
  "%s learns the same bits whoever is beside a model, and leaves the weights alone",
  async (rule) => {
    const models = 3;
    const weights = population(small, models);
    const copies = structuredClone(weights);
    const sources = Array.from({ length: models }, (_, i) =>
      fixedBatches(patterns(small).sample(randomStream("learned", "set", i), 24), 8),
    );
    const options = { rule, keep: 0.3, steps: 7, rate: 0.3 };
    const all = await learnMasks(wasmBackend(), small, weights, {
      ...{ ...options, sources, streams: streams("scores", models) },
    });
    const alone = await learnMasks(wasmBackend(), small, weightsOfModel(small, weights, 1), {
      ...{ ...options, sources: [sources[1]], streams: [streams("scores", models)[1]] },
    });
    expect(weights).toEqual(copies);
    expect(Object.keys(all.masks)).toEqual(matrixNames(small));
    expect(alone.losses.map(([loss]) => loss)).toEqual(all.losses.map((of) => of[1]));
    for (const kind of ["masks", "scores"] as const)
      for (const [name, of] of Object.entries(all[kind])) {
        const size = of.length / models;
        expect(alone[kind][name]).toEqual(of.slice(size, 2 * size));
      }
    for (const mask of Object.values(all.masks)) {
      const size = mask.length / models;
      for (let model = 0; model < models; model++) {
        const kept = Array.from(mask.subarray(model * size, (model + 1) * size)).reduce((a, b) => a + b);
        expect(kept).toBe(Math.round(0.3 * size));
      }
    }
  },
);

test("Bernoulli probabilities are the share before the first step, and all scores of a share of one half are 0", async () => {
  for (const keep of [0.5, 0.2]) {
    const options = { rule: "bernoulli", keep, streams: streams("scores") } as const;
    const learner = openMaskLearner(referenceBackend, small, population(small), options, batch);
    for (const scores of Object.values(await learner.scores()))
      for (const s of scores) expect(Math.abs(1 / (1 + Math.exp(-s)) - keep)).toBeLessThan(FLOAT64);
    learner.close();
  }
});

test("shares, rules, weights, streams and batches that do not fit are told", async () => {
  const open = (options: object) =>
    openMaskLearner(
      referenceBackend,
      small,
      population(small),
      { rule: "edge-popup", keep: 0.5, streams: streams("scores"), ...options },
      batch,
    );
  expect(() => open({ rule: "edge-popp" })).toThrow(NameError);
  expect(() => open({ names: ["blocks.0.mlp.W_inn"] })).toThrow(NameError);
  for (const keep of [0, 1, Number.NaN]) expect(() => open({ keep })).toThrow(ArgumentError);
  expect(() => open({ streams: streams("scores", 1) })).toThrow(ArgumentError);
  const learner = open({});
  const short = patterns(small).sample(randomStream("learned", "short"), 5);
  await expect(learner.step([short], 1, [1])).rejects.toThrow(ArgumentError);
  await expect(learner.step([batch, batch, batch], 1, [1])).rejects.toThrow(ArgumentError);
  learner.close();
});

test("the largest are those that a full sort puts first, with ties, NaN and entries that are not allowed", () => {
  const stream = randomStream("learned", "largest");
  for (let round = 0; round < 300; round++) {
    const size = 1 + stream.integer(40);
    const scores = Array.from({ length: size }, () =>
      stream.integer(9) === 0
        ? [Number.NaN, -Infinity, Infinity, 0][stream.integer(4)]
        : stream.integer(12) - 6,
    );
    const allowed = round % 2 === 0 ? undefined : scores.map(() => (stream.integer(4) === 0 ? 0 : 1));
    const usable = scores.map((_, at) => at).filter((at) => allowed?.[at] !== 0);
    const count = 1 + stream.integer(size);
    if (usable.length < count) {
      expect(() => largest(scores, count / size, allowed)).toThrow(ArgumentError);
      continue;
    }
    const worth = (at: number) => (Number.isNaN(scores[at]) ? -Infinity : scores[at]);
    const first = usable
      .sort((a, b) => (worth(a) === worth(b) ? a - b : worth(b) - worth(a)))
      .slice(0, count);
    const expected = scores.map((_, at) => (first.includes(at) ? 1 : 0));
    expect([...largest(scores, count / size, allowed)]).toEqual(expected);
  }
});

test("by magnitude, one group is plain chance and a group an entry is the overlap itself; between them, a count by hand", () => {
  const values = population(small);
  const mask = (purpose: string) =>
    lotteryMasks(
      small,
      "random",
      { initial: values, final: values },
      { keep: 0.4, streams: streams(purpose) },
    );
  const [a, b] = [mask("a"), mask("b")];
  const overlap = maskOverlap(a, b, MODELS);
  const one = shareByMagnitude(a, b, values, { models: MODELS, groups: 1 });
  const own = shareByMagnitude(a, b, values, { models: MODELS, groups: 1000 });
  for (const [name, { share, expectedShare }] of overlap)
    for (let model = 0; model < MODELS; model++) {
      expect(Math.abs((one.get(name)?.[model] ?? 0) - expectedShare[model])).toBeLessThan(FLOAT64);
      expect(Math.abs((own.get(name)?.[model] ?? 0) - share[model])).toBeLessThan(FLOAT64);
    }
  const of = (...entries: number[]) => ({ w: Float64Array.from(entries) });
  // halves by |value|: entries 0, 2 and 4 are small, 1, 3 and 5 large; kept 1 and 2 of the first mask, 0 and 2 of the other
  const [by] = shareByMagnitude(of(1, 1, 0, 0, 0, 1), of(0, 1, 0, 1, 0, 0), of(0.1, 3, -0.2, -4, 0.3, 5), {
    models: 1,
    groups: 2,
  }).values();
  expect(Math.abs(by[0] - ((1 * 0) / 3 + (2 * 2) / 3) / 3)).toBeLessThan(FLOAT64);
  expect(() => shareByMagnitude(a, {}, values, { models: MODELS })).toThrow(NameError);
});
