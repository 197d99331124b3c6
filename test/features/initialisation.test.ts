import { expect, test } from "vitest";
import { ArgumentError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import { latinBlocks } from "../../src/data/probes.ts";
import { activationScale, HISTOGRAM_BINS } from "../../src/features/activationScale.ts";
import { attentionTally } from "../../src/features/attentionSpread.ts";
import { expectedScale } from "../../src/features/expectedScale.ts";
import {
  expectedMoments,
  lawMoments,
  lawP,
  nearestScheme,
  weightMoments,
} from "../../src/features/weightMoments.ts";
import { openNetwork } from "../../src/interp/network.ts";
import { runWithCache } from "../../src/interp/run.ts";
import { presets } from "../../src/model/config.ts";
import { type InitSchemeName, initialPopulation, initialWeights, initSchemes } from "../../src/model/init.ts";
import { backends, configs, weightsFor } from "../interp/networks.ts";

const schemes = Object.keys(initSchemes) as InitSchemeName[];

test("moments of entries are those of the definition", () => {
  const found = weightMoments("W", Float32Array.of(1, -3, 2, 4));
  expect(found).toMatchObject({ name: "W", entries: 4, mean: 1, meanSquare: 7.5, largest: 4 });
  expect(found.sd).toBeCloseTo(Math.sqrt(26 / 4), 12);
});

test("moments of laws are the closed forms, and the error of a mean square is that of a simulation", () => {
  expect(lawMoments({ kind: "uniform", bound: 0.25 }, 1).variance).toBeCloseTo(1 / 48, 15);
  expect(lawMoments({ kind: "normal", std: 0.02 }, 1).variance).toBeCloseTo(4e-4, 15);
  expect(lawMoments({ kind: "orthogonal" }, 64).variance).toBe(1 / 64);
  expect(lawMoments({ kind: "constant", value: 1 }, 1)).toMatchObject({ mean: 1, variance: 0 });
  const stream = randomStream("mean squares");
  const repetitions = 2000;
  for (const law of [{ kind: "uniform", bound: 2 } as const, { kind: "normal", std: 3 } as const]) {
    const { variance, meanSquareError } = lawMoments(law, 1);
    const draw = () =>
      law.kind === "uniform" ? law.bound * (2 * stream.uniform() - 1) : law.std * stream.normal();
    let squares = 0;
    for (let i = 0; i < repetitions; i++) {
      const { meanSquare } = weightMoments("W", Float64Array.from({ length: 20 }, draw));
      squares += (meanSquare / variance - 1) ** 2 / repetitions;
    }
    // a standard deviation from 2000 values is known to 1.6 %, more for the heavy tail of squares
    expect(Math.abs(Math.sqrt(squares) / meanSquareError(20) - 1)).toBeLessThan(0.07);
  }
});

test("weights of every scheme have its moments, and the nearest scheme is one of the same moments", () => {
  for (const scheme of schemes) {
    const config = { ...presets.gpt, dModel: 32, dHead: 16 };
    const weights = initialWeights(config, { scheme }, randomStream("schemes", scheme));
    const expected = expectedMoments(config, scheme);
    const squares = new Map<string, number>();
    let smallest = 1;
    for (const [name, values] of Object.entries(weights)) {
      const { meanSquare, entries } = weightMoments(name, values);
      squares.set(name, meanSquare);
      const law = expected.get(name);
      if (law !== undefined) smallest = Math.min(smallest, lawP(law, meanSquare, entries));
    }
    // about 15 drawn weights a scheme: the smallest of so many p values is below 1/1000 once in 70
    expect(smallest).toBeGreaterThan(1e-3);
    const nearest = nearestScheme(config, squares);
    const found = expectedMoments(config, nearest?.scheme ?? "pytorch");
    for (const [name, { variance }] of expected) {
      if (name.startsWith("embed") || name.startsWith("pos_embed")) continue;
      expect(found.get(name)?.variance).toBeCloseTo(variance, 12);
    }
  }
});

test("a weight of another scale has a p of nearly 0; weights that no scheme gives have no nearest scheme", () => {
  expect(lawP(lawMoments({ kind: "normal", std: 1 }, 1), 1.5, 1000)).toBeLessThan(1e-6);
  expect(lawP(lawMoments({ kind: "constant", value: 1 }, 1), 1.01, 16)).toBe(0);
  const none = new Map([...expectedMoments(presets.original, "pytorch").keys()].map((name) => [name, 0]));
  expect(nearestScheme(presets.original, none)).toBeUndefined();
});

test("the expected scale of every site is that of a population of random networks", async () => {
  const models = 60;
  const streams = Array.from({ length: models }, (_, model) => randomStream("scales", model));
  for (const name of ["original", "gpt", "original-minigpt"] as const) {
    const config = { ...presets[name], dMlp: 32 };
    const network = openNetwork(
      backends.wasm,
      config,
      initialPopulation(config, { scheme: "pytorch" }, streams),
    );
    const probe = latinBlocks({ dVocab: 10, nPos: 8, blocks: 2, stream: randomStream("scales") });
    const norms =
      name === "gpt"
        ? ["blocks.1.ln2.hook_normalized", "ln_final.hook_normalized"]
        : ["blocks.1.ln2.hook_normalized"];
    const sites = ["attn.hook_z", "hook_attn_out", "mlp.hook_pre", "mlp.hook_post", "hook_mlp_out"].map(
      (part) => `blocks.1.${part}` as "blocks.1.attn.hook_z",
    );
    const all = [
      ...sites,
      ...norms,
      "blocks.1.hook_resid_mid",
      "blocks.1.hook_resid_post",
      "unembed.hook_out",
    ] as "unembed.hook_out"[];
    const ratios = new Map<string, number[]>();
    for (const scales of await activationScale(network, probe, all)) {
      const squares = new Map(scales.map(({ site, rms }) => [site as string, rms * rms]));
      for (const { site, rms } of scales) {
        const expected = expectedScale(config, "pytorch", site, { squares, nPos: 8 });
        if (expected !== undefined) ratios.set(site, [...(ratios.get(site) ?? []), (rms * rms) / expected]);
      }
    }
    network.close();
    expect(ratios.size).toBeGreaterThanOrEqual(3);
    // a ratio's standard deviation over networks is at most 0.35: 0.15 are three errors of a mean of 60
    for (const list of ratios.values())
      expect(Math.abs(list.reduce((sum, ratio) => sum + ratio, 0) / models - 1)).toBeLessThan(0.15);
  }
});

test("scales of activations are those of the activations, and a closed rectifier is dead", async () => {
  const config = configs.original;
  const weights = weightsFor(config, 2);
  weights["blocks.0.mlp.b_in"][3] = -1e3; // of the first model only
  const network = openNetwork(backends.wasm, config, weights);
  const probe = latinBlocks({ dVocab: 7, nPos: 5, blocks: 40, stream: randomStream("activations") });
  const site = "blocks.0.mlp.hook_post";
  const scales = (await activationScale(network, probe, [site])).map(([scale]) => scale);
  const { cache } = await runWithCache(
    network,
    { data: probe.tokens, batch: probe.count, pos: 5 },
    { sites: [site] },
  );
  for (const [model, { units, mean, sd, rms, zero, nearZero, dead, histogram }] of scales.entries()) {
    const values = Array.from(cache.get(site, { model }).data);
    const of = (number: (value: number) => number) =>
      values.reduce((sum, value) => sum + number(value), 0) / values.length;
    const CLOSE = 10; // digits: the same sums in another order
    expect(units).toBe(config.dMlp);
    expect(mean).toBeCloseTo(
      of((value) => value),
      CLOSE,
    );
    expect(rms).toBeCloseTo(Math.sqrt(of((value) => value * value)), CLOSE);
    expect(sd).toBeCloseTo(Math.sqrt(of((value) => (value - mean) ** 2)), CLOSE);
    expect(zero).toBeCloseTo(
      of((value) => (value === 0 ? 1 : 0)),
      CLOSE,
    );
    expect(nearZero).toBeCloseTo(
      of((value) => (Math.abs(value) < 0.01 * rms ? 1 : 0)),
      CLOSE,
    );
    expect(histogram.length).toBe(HISTOGRAM_BINS);
    expect(histogram.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, CLOSE);
    // a fifth of a root mean square a bin: what is below 0 would be in the first 20
    expect(histogram.subarray(0, 20).every((share) => share === 0)).toBe(true);
    const columns = Array.from({ length: units }, (_, unit) => values.filter((_, at) => at % units === unit));
    expect(dead).toBe(columns.filter((column) => column.every((value) => value === column[0])).length);
  }
  expect(scales[0].dead).toBeGreaterThan(scales[1].dead);
  network.close();
});

test("uniform attention is uniform, at distance 0 and entropy 1, with a mask and without", () => {
  for (const causal of [true, false]) {
    const tally = attentionTally(4, { causal });
    const seen = (query: number) => (causal ? query + 1 : 4);
    const square = Float64Array.from({ length: 16 }, (_, at) =>
      at % 4 < seen(Math.floor(at / 4)) ? 1 / seen(Math.floor(at / 4)) : 0,
    );
    tally.add(square);
    tally.add(square);
    const { distance, distanceSd, fixed, entropy, deficit, secondOrder, kind, meanPattern } = tally.spread();
    for (const nothing of [distance, distanceSd, fixed, deficit, secondOrder])
      expect(nothing).toBeCloseTo(0, 12);
    expect(entropy).toBeCloseTo(1, 12);
    expect(kind).toBe("uniform");
    expect(Array.from(meanPattern)).toEqual(Array.from(square));
  }
});

test("attention to one key is positional where it is always the same key, contextual where the sequence decides", () => {
  const onKey = (key: number) => Float64Array.from({ length: 16 }, (_, at) => (at % 4 === key ? 1 : 0));
  const [same, other] = [attentionTally(4, { causal: false }), attentionTally(4, { causal: false })];
  for (let key = 0; key < 4; key++) {
    same.add(onKey(2));
    other.add(onKey(key));
  }
  // three quarters of the attention are where a quarter of it should be
  expect(same.spread()).toMatchObject({ distance: 0.75, fixed: 0.75, entropy: 0, kind: "positional" });
  expect(other.spread()).toMatchObject({ distance: 0.75, fixed: 0, entropy: 0, kind: "contextual" });
  expect(same.spread().deficit).toBeCloseTo(Math.log(4), 12);
  expect(same.spread().secondOrder).toBe(Number.POSITIVE_INFINITY);
});

test("for scores of small spread the deficit is half their variance", () => {
  const stream = randomStream("scores");
  const tally = attentionTally(6, { causal: true });
  for (let sequence = 0; sequence < 200; sequence++) {
    const square = new Float64Array(36);
    for (let query = 0; query < 6; query++) {
      const weights = Array.from({ length: query + 1 }, () => Math.exp(0.1 * stream.normal()));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      weights.forEach((weight, key) => {
        square[query * 6 + key] = weight / total;
      });
    }
    tally.add(square);
  }
  const { deficit, secondOrder } = tally.spread();
  const THIRD_ORDER = 0.02; // of the deficit, for scores of standard deviation 0.1
  expect(Math.abs(deficit / secondOrder - 1)).toBeLessThan(THIRD_ORDER);
});

test("attention of one position, or of no sequence, is refused", () => {
  expect(() => attentionTally(1, { causal: true })).toThrow(ArgumentError);
  expect(() => attentionTally(2, { causal: true }).spread()).toThrow(ArgumentError);
});
