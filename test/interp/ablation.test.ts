import { expect, test } from "vitest";
import { inTurn } from "../../src/base/inTurn.ts";
import { randomStream } from "../../src/base/random.ts";
import { type AblationManner, ablate, taylorImportance } from "../../src/interp/ablation.ts";
import { edit } from "../../src/interp/edits.ts";
import { logitDifference, lossMetric } from "../../src/interp/metrics.ts";
import { openNetwork } from "../../src/interp/network.ts";
import { forward, runWithCache, runWithHooks } from "../../src/interp/run.ts";
import { meanOver, pick } from "../../src/interp/tensor.ts";
import { hook } from "../../src/model/hookPoints.ts";
import { tInterval } from "../../src/stats/intervals.ts";
import { backends, configNames, configs, networkOf, targets, tokens, weightsFor } from "./networks.ts";
import { previousTokenCopier, tokenNeuron } from "./planted.ts";

const metric = lossMetric(targets);
/** Float64, two sums of a few dozen terms in different orders. */
const ROUNDING = 1e-9;
/** Rows of noise, a multiple of the three sequences. */
const DRAWS = 300;
/** A few dozen float32 operations on numbers of order 1. */
const FLOAT32 = 1e-5;

test.each(configNames)("%s: packed ablations have the bits of ablations made one by one", async (name) => {
  const network = networkOf(name);
  const site = hook.mlpPost(1);
  const { cache, logits } = await runWithCache(network, tokens, { sites: [site] });
  const intact = metric.measure(logits).data;
  const options = { over: [site], by: ["unit"], metric, maxRows: 7 } as const;
  const edits = {
    zero: { kind: "zero" },
    mean: { kind: "mean", values: meanOver(cache.get(site), ["batch", "pos"]) },
  } as const;
  for (const how of ["zero", "mean"] as const) {
    const { ablated, impacts } = await ablate(network, tokens, { ...options, how });
    for (let unit = 0; unit < 5; unit++) {
      const run = await runWithHooks(network, tokens, { edits: [edit(site, { units: unit }, edits[how])] });
      const one = metric.measure(run.logits).data;
      expect(pick(ablated, { unit }).data).toEqual(Float64Array.from(one));
      expect(pick(impacts, { unit }).data).toEqual(Float64Array.from(one, (value, i) => value - intact[i]));
    }
  }
  // three rows in one cycle: each takes the activations of another, by one of two permutations
  const stream = () => randomStream("resample", 1);
  const { ablated } = await ablate(network, tokens, { ...options, how: "resample", stream: stream() });
  const cycles = [
    [1, 2, 0],
    [2, 0, 1],
  ];
  const matches = await inTurn(cycles, async (batch) => {
    const run = await runWithHooks(network, tokens, {
      edits: [edit(site, { units: 2 }, { kind: "fromCache", cache, batch })],
    });
    const one = metric.measure(run.logits).data;
    return pick(ablated, { unit: 2 }).data.every((value, i) => value === one[i]);
  });
  expect(matches.filter((same) => same)).toHaveLength(1);
  expect((await ablate(network, tokens, { ...options, how: "resample", stream: stream() })).ablated).toEqual(
    ablated,
  );
  network.close();
});

test("impacts carry t intervals over sequences, and over the models of a population", async () => {
  const network = networkOf("causal", { models: 3 });
  const result = await ablate(network, tokens, {
    over: [hook.z("all")],
    by: ["layer", "head"],
    how: "zero",
    metric,
    level: 0.8,
  });
  expect(result.impact.estimate.axes).toEqual(["model", "layer", "head"]);
  expect(result.acrossModels.estimate.axes).toEqual(["layer", "head"]);
  for (const [layer, head] of [
    [0, 1],
    [1, 0],
  ]) {
    const means = [0, 1, 2].map((model) => {
      const interval = tInterval(pick(result.impacts, { model, layer, head }).data, 0.8);
      const ends = [result.impact.estimate, result.impact.low, result.impact.high];
      expect(ends.map((end) => pick(end, { model, layer, head }).data[0])).toEqual([
        interval.estimate,
        interval.low,
        interval.high,
      ]);
      return interval.estimate;
    });
    expect(pick(result.acrossModels.high, { layer, head }).data[0]).toBe(tInterval(means, 0.8).high);
  }
  network.close();
});

test("a planted head and a planted neuron are what ablation finds, and all that it finds", async () => {
  const copier = previousTokenCopier();
  const previous = { over: [hook.z("all")], by: ["layer", "head"], metric: logitDifference(1, 2) } as const;
  const probe = [
    [3, 0, 1, 2],
    [0, 2, 1, 1],
    [2, 2, 1, 0],
  ];
  const heads = await ablate(copier, probe, { ...previous, how: "zero" });
  expect(heads.impact.estimate.data[1]).toBeCloseTo(-1, 5);
  expect([0, 2, 3].map((i) => heads.impact.estimate.data[i])).toEqual([0, 0, 0]);
  copier.close();

  const mlps = tokenNeuron();
  const manners: AblationManner[] = ["zero", "mean", "random", "resample"];
  for (const how of manners) {
    const options = {
      over: [hook.mlpPost("all")],
      by: ["layer", "unit"],
      metric: logitDifference(2, 0),
      how,
    } as const;
    const rows = [
      [0, 3, 2, 1],
      [0, 3, 2, 0],
    ];
    const found = await ablate(mlps, rows, { ...options, stream: randomStream("planted", how) });
    const linear = await taylorImportance(mlps, rows, { ...options, stream: randomStream("planted", how) });
    found.impacts.data.forEach((value, i) => {
      if (Math.floor(i / 2) !== 5 + 3) expect(value).toBe(0);
      expect(Math.abs(value - linear.impacts.data[i])).toBeLessThan(FLOAT32); // the last MLP is linear in the logits
    });
    // the neuron says 2 at the one token 1, three times as loud: 6; its mean over 8 positions is 1/4
    const own = Array.from(found.impacts.data.slice(16, 18));
    if (how === "zero") expect(own).toEqual([-6, 0]);
    if (how === "mean") expect(own).toEqual([-6 + 3 / 4, 3 / 4]);
    if (how === "resample") expect(own).toEqual([-6, 6]);
    if (how === "random") expect(own.every((value) => value !== 0)).toBe(true);
  }
  mlps.close();
});

test("random ablation draws with the mean and the spread of the reference, by position where asked", async () => {
  const network = networkOf("plain", { backend: "reference", models: 1 });
  const site = hook.mlpPost(1);
  const probe = Array.from({ length: DRAWS }, (_, row) => tokens[row % 3]);
  // the last MLP is linear in the logits, so the logit's mean and spread are those of the draws through one weight
  const { cache } = await runWithCache(network, tokens, { sites: [site] });
  const at = logitDifference(1, 4);
  const options = { over: [site], by: ["unit"], metric: at, reference: tokens, byPosition: true } as const;
  const stream = randomStream("noise");
  const random = await ablate(network, probe, { ...options, how: "random", stream });
  const mean = await ablate(network, probe, { ...options, how: "mean" });
  const zero = await ablate(network, probe, { ...options, how: "zero" });
  const own = cache.get(site, { model: 0, pos: 4 }).data; // [batch 3, dMlp 5]
  let compared = 0;
  for (let unit = 0; unit < 5; unit++) {
    const values = [0, 1, 2].map((row) => own[row * 5 + unit]);
    const centre = (values[0] + values[1] + values[2]) / 3;
    const spread = Math.sqrt(values.reduce((total, x) => total + (x - centre) ** 2, 0) / 3);
    const of = ({ ablated }: typeof zero) => Array.from(pick(ablated, { model: 0, unit }).data);
    const [noisy, fixed, silent] = [of(random), of(mean), of(zero)];
    const loud = values.findIndex((x) => x > 0);
    if (loud < 0) continue; // dead at this position
    compared++;
    const intact = zero.intact.data[loud];
    const slope = (intact - silent[loud]) / values[loud];
    expect(Math.abs(fixed[loud] - silent[loud] - slope * centre)).toBeLessThan(ROUNDING);
    const draws = noisy.map((value, i) => (value - silent[i]) / slope);
    const average = draws.reduce((a, b) => a + b) / draws.length;
    const deviation = Math.sqrt(draws.reduce((total, x) => total + (x - average) ** 2, 0) / draws.length);
    // four standard errors
    expect(Math.abs(average - centre)).toBeLessThanOrEqual((4 * spread) / Math.sqrt(DRAWS) + ROUNDING);
    expect(Math.abs(deviation - spread)).toBeLessThanOrEqual((4 * spread) / Math.sqrt(2 * DRAWS) + ROUNDING);
  }
  expect(compared).toBeGreaterThan(2);
  network.close();
});

test("by gradient, importance is exact for the last MLP and finite at hidden scores", async () => {
  const network = networkOf("plain", { backend: "reference" });
  const linear = logitDifference([1, 2, 3], 0);
  const groups = [
    [0, 1],
    [2, 3, 4],
  ];
  for (const how of ["zero", "mean"] as const) {
    const options = { over: [hook.mlpPost(1)], by: ["pos"], groups, how, metric: linear } as const;
    const [exact, found] = [
      await ablate(network, tokens, options),
      await taylorImportance(network, tokens, options),
    ];
    expect(found.impacts.axes).toEqual(["model", "pos", "group", "batch"]);
    expect(found.intact).toEqual(exact.intact);
    found.impacts.data.forEach((value, i) => {
      expect(Math.abs(value - exact.impacts.data[i])).toBeLessThan(ROUNDING);
    });
  }
  const options = { over: [hook.attnScores(0)], by: ["head"], metric: linear } as const;
  for (const how of ["mean", "random", "resample"] as const) {
    const scores = { ...options, how, stream: randomStream("scores") };
    expect((await taylorImportance(network, tokens, scores)).impacts.data.every(Number.isFinite)).toBe(true);
    expect((await ablate(network, tokens, scores)).impacts.data.every(Number.isFinite)).toBe(true);
  }
  network.close();
});

test("embeddings are ablated too, in a model without blocks as well", async () => {
  const config = { ...configs.plain, nLayers: 0 };
  const network = openNetwork(backends.wasm, config, weightsFor(config, 1));
  const { impacts } = await ablate(network, tokens, { over: [hook.embed], by: ["pos"], how: "zero", metric });
  expect(impacts.shape).toEqual([1, 5, 3]);
  expect(impacts.data.every((value) => value !== 0)).toBe(true);
  network.close();
});

test("ablation leaves the network as it was, and refuses what it cannot do", async () => {
  const network = networkOf("gpt");
  const before = await forward(network, tokens);
  const options = { over: [hook.mlpPost(0)], by: [], metric } as const;
  await ablate(network, tokens, { ...options, how: "zero" });
  expect(await forward(network, tokens)).toEqual(before);
  await expect(async () => ablate(network, tokens, { ...options, how: "random" })).rejects.toThrow(
    "needs a random stream",
  );
  const stream = randomStream("alone");
  await expect(async () =>
    ablate(network, [tokens[0]], { ...options, how: "resample", stream }),
  ).rejects.toThrow("needs at least two sequences");
  await expect(async () =>
    ablate(network, tokens, { ...options, how: "zeros" as AblationManner }),
  ).rejects.toThrow('Nearest: "zero".');
  await expect(async () =>
    ablate(network, tokens, { ...options, how: "mean", reference: [[1, 2]] }),
  ).rejects.toThrow("sequences must be as long as the probe's; got 2 and 5");
  network.close();
});
