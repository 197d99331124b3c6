/** Masks, values under masks, overlaps and units: each against a count by hand or a law that is known. */
import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { ArgumentError, NameError } from "../../src/base/errors.ts";
import { type RandomStream, randomStream } from "../../src/base/random.ts";
import { patterns } from "../../src/data/patterns.ts";
import { applyMasks, largest, lotteryMasks, matrixNames } from "../../src/features/lotteryMasks.ts";
import { maskOverlap } from "../../src/features/maskOverlap.ts";
import { permutedValues, signedConstants, withSignsOf } from "../../src/features/ticketValues.ts";
import { unitFitness } from "../../src/features/unitFitness.ts";
import { keptWeights, unitMasks } from "../../src/features/unitMasks.ts";
import { openNetwork } from "../../src/interp/network.ts";
import { forward, runWithCache } from "../../src/interp/run.ts";
import { presets } from "../../src/model/config.ts";
import { initialPopulation } from "../../src/model/init.ts";
import { parameterCount, type Weights, weightShapes } from "../../src/model/weights.ts";

/** float64, sums of a few thousand terms in another order. */
const FLOAT64 = 1e-10;
/** Central differences of a loss: the step squared, and rounding over the step. */
const DIFFERENCES = 1e-6;

const config = { ...presets.causal, nLayers: 2, dModel: 4, nHeads: 2, dHead: 2, dMlp: 6 };
const MODELS = 3;
const population = (name: string) =>
  initialPopulation(
    config,
    { scheme: "pytorch" },
    Array.from({ length: MODELS }, (_, i) => randomStream("lottery", name, i)),
  );
const initial = population("before");
const final = population("after");
const streams = (purpose: string): RandomStream[] =>
  Array.from({ length: MODELS }, (_, i) => randomStream("lottery", purpose, i));
const each = (of: Weights, name: string, model: number) => {
  const size = of[name].length / MODELS;
  return Array.from(of[name].subarray(model * size, (model + 1) * size));
};
const total = (values: ArrayLike<number>) => Array.from(values).reduce((sum, x) => sum + x, 0);

test("all matrices are 6,592 of the 7,018 weights of the base network, and those of the blocks all but three of them", () => {
  const names = matrixNames(presets.causal, "all");
  const shapes = weightShapes(presets.causal);
  const entries = names.map((name) => (shapes.get(name) ?? []).reduce((a, b) => a * b, 1));
  // embedding 160, positions 128, twice (4 · 256 + 2 · 1024), unembedding 160
  expect(total(entries)).toBe(160 + 128 + 2 * (4 * 256 + 2 * 1024) + 160);
  expect(names.some((name) => /\.(b|w|b_.*)$/.test(name))).toBe(false);
  expect(parameterCount(presets.causal) - total(entries)).toBe(426);
  expect(names.filter((name) => !matrixNames(presets.causal).includes(name))).toEqual([
    "embed.W_E",
    "pos_embed.W_pos",
    "unembed.W_U",
  ]);
});

test("each criterion keeps the same number in every tensor, and no entry outside beats one inside", () => {
  const score = {
    "large final": (_: number, after: number) => Math.abs(after),
    "large final same sign": (before: number, after: number) => (before > 0 ? after : -after),
    "initial magnitude": (before: number) => Math.abs(before),
    movement: (before: number, after: number) => Math.abs(after - before),
  } as const;
  for (const criterion of ["large final", "large final same sign", "initial magnitude", "movement"] as const)
    for (const keep of [0.5, 0.2, 0.05]) {
      const masks = lotteryMasks(config, criterion, { initial, final }, { keep });
      expect(Object.keys(masks)).toEqual(matrixNames(config));
      for (const name of Object.keys(masks))
        for (let model = 0; model < MODELS; model++) {
          const mask = each(masks, name, model);
          const after = each(final, name, model);
          const scores = each(initial, name, model).map((before, i) => score[criterion](before, after[i]));
          expect(total(mask)).toBe(Math.max(1, Math.round(keep * mask.length)));
          const worstInside = Math.min(...scores.filter((_, i) => mask[i] === 1));
          const bestOutside = Math.max(...scores.filter((_, i) => mask[i] === 0));
          expect(worstInside).toBeGreaterThanOrEqual(bestOutside);
        }
    }
});

test("masks of one network do not depend on those beside it, and random ones only on its stream", () => {
  const alone = (of: Weights, model: number): Weights =>
    Object.fromEntries(Object.keys(of).map((name) => [name, Float32Array.from(each(of, name, model))]));
  for (const criterion of ["large final", "random"] as const) {
    const together = lotteryMasks(
      config,
      criterion,
      { initial, final },
      { keep: 0.2, streams: streams("r") },
    );
    const second = lotteryMasks(
      config,
      criterion,
      { initial: alone(initial, 1), final: alone(final, 1) },
      { keep: 0.2, streams: [streams("r")[1]] },
    );
    for (const name of matrixNames(config)) expect(each(together, name, 1)).toEqual([...second[name]]);
  }
});

test("a smaller random mask lies within a larger one, and random masks are uniform over the entries", () => {
  const at = (keep: number) =>
    lotteryMasks(config, "random", { initial, final }, { keep, streams: streams("r") });
  const [large, small] = [at(0.5), at(0.2)];
  for (const name of matrixNames(config))
    small[name].forEach((one, i) => {
      expect(large[name][i]).toBeGreaterThanOrEqual(one);
    });
  const draws = 600;
  const counts = new Float64Array(24); // blocks.0.mlp.W_in, 4 × 6
  for (let draw = 0; draw < draws; draw++) {
    const own = Array.from({ length: MODELS }, (_, i) => randomStream("uniform", draw, i));
    const mask = lotteryMasks(
      config,
      "random",
      { initial, final },
      { keep: 0.25, names: ["blocks.0.mlp.W_in"], streams: own },
    );
    mask["blocks.0.mlp.W_in"].forEach((one, i) => {
      counts[i % 24] += one;
    });
  }
  // each count is binomial(1800, 1/4): standard deviation 18.4; 24 of them stay within 4
  for (const count of counts) expect(Math.abs(count - 450)).toBeLessThan(4 * 18.4);
});

test("within earlier masks nothing comes back, the share is of all entries, and more than is left is refused", () => {
  const first = lotteryMasks(config, "initial magnitude", { initial, final }, { keep: 0.5 });
  const second = lotteryMasks(config, "large final", { initial, final }, { keep: 0.25, within: first });
  for (const name of Object.keys(first)) {
    second[name].forEach((one, i) => {
      expect(first[name][i]).toBeGreaterThanOrEqual(one);
    });
    for (let model = 0; model < MODELS; model++) {
      const { length } = each(first, name, model);
      expect(total(each(second, name, model))).toBe(Math.max(1, Math.round(length / 4)));
    }
  }
  expect(() => lotteryMasks(config, "movement", { initial, final }, { keep: 0.6, within: first })).toThrow(
    "cannot be larger than the share that earlier masks left",
  );
});

test("of equal scores the earlier stays, NaN goes first, and at least one entry is kept", () => {
  expect([...largest([1, 3, 3, 3, 2], 0.4)]).toEqual([0, 1, 1, 0, 0]);
  expect([...largest([Number.NaN, -5, -7, Number.NaN], 0.5)]).toEqual([0, 1, 1, 0]);
  expect([...largest([1, 2, 3], 0.01)]).toEqual([0, 0, 1]);
  expect([...largest([1, 2, 3], 1)]).toEqual([1, 1, 1]);
  for (const keep of [0, -1, 1.1, Number.NaN]) expect(() => largest([1], keep)).toThrow(ArgumentError);
});

test("impossible masks are refused by name", () => {
  const both = { initial, final };
  expect(() => lotteryMasks(config, "large finale" as "movement", both, { keep: 0.2 })).toThrow(NameError);
  expect(() => lotteryMasks(config, "movement", both, { keep: 0.2, names: ["embed.W_U"] })).toThrow(
    NameError,
  );
  expect(() => lotteryMasks(config, "random", both, { keep: 0.2 })).toThrow(
    "needs one stream a model; got 0 for 3",
  );
  const one = initialPopulation(config, { scheme: "pytorch" }, [randomStream("one")]);
  expect(() => lotteryMasks(config, "movement", { initial, final: one }, { keep: 0.2 })).toThrow(
    ArgumentError,
  );
  expect(() => applyMasks(initial, { "embed.W_F": new Float32Array(1) })).toThrow(NameError);
});

test("a masked network has zeros outside, the same bits inside, and its biases untouched", () => {
  const masks = lotteryMasks(config, "large final", { initial, final }, { keep: 0.2 });
  const ticket = applyMasks(initial, masks);
  for (const name of weightShapes(config).keys())
    ticket[name].forEach((value, i) => {
      expect(value).toBe(masks[name] === undefined || masks[name][i] === 1 ? initial[name][i] : 0);
    });
});

test("signed constants have the signs of the weights and, tensor by tensor, their mean square", () => {
  const names = matrixNames(config);
  const constants = signedConstants(initial, { names, models: MODELS });
  for (const name of weightShapes(config).keys())
    for (let model = 0; model < MODELS; model++) {
      const [own, now] = [each(initial, name, model), each(constants, name, model)];
      if (!names.includes(name)) expect(now).toEqual(own);
      else {
        expect(now.map(Math.sign)).toEqual(own.map(Math.sign));
        expect(new Set(now.map(Math.abs)).size).toBe(1);
        const square = total(own.map((x) => x * x)) / own.length;
        expect(Math.abs(now[0] ** 2 / square - 1)).toBeLessThan(1e-6); // stored as float32
      }
    }
});

test("magnitudes with other signs are |w| sign(s), and exchanging keeps the set of values of every tensor", () => {
  const names = matrixNames(config);
  const mixed = withSignsOf(final, initial, { names });
  const masks = lotteryMasks(config, "large final", { initial, final }, { keep: 0.5 });
  const sorted = (values: number[]) => [...values].sort((a, b) => a - b);
  for (const signs of ["move", "stay"] as const) {
    const moved = permutedValues(initial, masks, { streams: streams("exchange"), signs });
    for (const name of names)
      for (let model = 0; model < MODELS; model++) {
        const mask = each(masks, name, model);
        const kept = (of: Weights) => each(of, name, model).filter((_, i) => mask[i] === 1);
        const left = (of: Weights) => each(of, name, model).filter((_, i) => mask[i] === 0);
        expect(left(moved)).toEqual(left(initial));
        if (signs === "move") expect(sorted(kept(moved))).toEqual(sorted(kept(initial)));
        else {
          expect(kept(moved).map(Math.sign)).toEqual(kept(initial).map(Math.sign));
          expect(sorted(kept(moved).map(Math.abs))).toEqual(sorted(kept(initial).map(Math.abs)));
        }
      }
    expect(moved["blocks.0.mlp.W_in"]).not.toEqual(initial["blocks.0.mlp.W_in"]);
    expect(moved["blocks.0.mlp.b_in"]).toEqual(initial["blocks.0.mlp.b_in"]);
  }
  for (const name of names)
    mixed[name].forEach((value, i) => {
      expect(value).toBe(Math.abs(final[name][i]) * Math.sign(initial[name][i]));
    });
  expect(() => withSignsOf(final, initial, { names: ["embed.W_F"] })).toThrow(NameError);
});

test("overlap is counted tensor by tensor, and random masks meet the hypergeometric expectation on the mean", () => {
  const first = { a: Float32Array.of(1, 1, 0, 0, 0, 0, 1, 1, 1, 0) };
  const second = { a: Float32Array.of(1, 0, 1, 0, 0, 1, 1, 0, 0, 0) };
  const { share, expectedShare, jaccard } = maskOverlap(first, second, 2).get("a")!;
  expect([...share]).toEqual([1 / 2, 1 / 3]);
  expect([...expectedShare].map((x) => Number(x.toFixed(12)))).toEqual([2 / 5, 2 / 5]);
  expect([...jaccard]).toEqual([1 / 3, 1 / 4]);
  const trials = 400;
  let [difference, squares] = [0, 0];
  for (let trial = 0; trial < trials; trial++) {
    const draw = (purpose: string) => ({
      a: largest(
        Array.from({ length: 50 }, (_, i) => randomStream("overlap", purpose, trial, i).uniform()),
        0.2,
      ),
    });
    const found = maskOverlap(draw("first"), draw("second"), 1).get("a")!;
    const by = found.jaccard[0] - found.expectedJaccard[0];
    difference += by / trials;
    squares += by ** 2 / trials;
  }
  expect(Math.abs(difference)).toBeLessThan(4 * Math.sqrt(squares / trials));
  expect(() => maskOverlap(first, {}, 2)).toThrow(NameError);
  expect(() => maskOverlap(first, { a: new Float32Array(4) }, 2)).toThrow(ArgumentError);
});

test("masked units say nothing whatever the input, the others answer as before, and kept weights are all or none", async () => {
  const scores = [0, 1].map((layer) =>
    Float64Array.from({ length: MODELS * 6 }, (_, at) => randomStream("units", layer, at).uniform()),
  );
  scores[0][4] = Number.NaN; // a dead unit goes first
  const masks = unitMasks(config, scores, 0.5);
  const network = openNetwork(referenceBackend, config, initial);
  const sites = ["blocks.0.mlp.hook_post", "blocks.1.mlp.hook_post"] as const;
  const tokens = [[3, 1, 4, 1, 5, 9, 2]];
  const before = (await runWithCache(network, tokens, { sites })).cache.get(sites[0]).data;
  network.writeWeights(applyMasks(initial, masks));
  const { cache } = await runWithCache(network, tokens, { sites });
  network.close();
  sites.forEach((site, layer) => {
    const own = keptWeights(config, masks, layer);
    const activations = cache.get(site).data; // [model, batch, pos, unit]
    for (let model = 0; model < MODELS; model++) {
      const ofModel = Array.from(scores[layer].subarray(model * 6, (model + 1) * 6));
      const best = ofModel
        .map((score, unit) => ({ score: Number.isNaN(score) ? -1 : score, unit }))
        .sort((a, b) => b.score - a.score)
        .slice(0, 3)
        .map(({ unit }) => unit);
      for (let unit = 0; unit < 6; unit++) {
        expect(own[model * 6 + unit]).toBe(best.includes(unit) ? 8 : 0);
        for (let pos = 0; pos < 7; pos++) {
          const at = (model * 7 + pos) * 6 + unit;
          if (!best.includes(unit)) expect(activations[at]).toBe(0);
          else if (layer === 0) expect(activations[at]).toBe(before[at]);
        }
      }
    }
  });
  expect(() => unitMasks(config, [scores[0]], 0.5)).toThrow("need scores [model, 6] for each of 2 layers");
});

test("kept weights of a unit are those of its column of W_in and its row of W_out", () => {
  const masks = lotteryMasks(config, "large final", { initial, final }, { keep: 0.4 });
  for (const layer of [0, 1]) {
    const counts = keptWeights(config, masks, layer);
    const model = 2;
    const [into, outOf] = ["W_in", "W_out"].map((leaf) => each(masks, `blocks.${layer}.mlp.${leaf}`, model));
    for (let unit = 0; unit < 6; unit++) {
      const column = [0, 1, 2, 3].map((row) => into[row * 6 + unit]);
      expect(counts[model * 6 + unit]).toBe(total(column) + total(outOf.slice(unit * 4, unit * 4 + 4)));
    }
  }
});

test("fitness is the steepest fall of the loss in a readout of the standardised unit, and ignores the unit's scale", async () => {
  const network = openNetwork(referenceBackend, config, initial);
  const sequences = patterns(config).sample(randomStream("fitness"), 30);
  const site = "blocks.1.mlp.hook_post";
  const fitness = (await unitFitness(network, sequences, [site])).get(site)!;
  const tokens = { data: sequences.inputs, batch: 30, pos: 7 };
  const logits = (await forward(network, tokens)).data;
  const activations = (await runWithCache(network, tokens, { sites: [site] })).cache.get(site).data;
  const rows = 30 * 7;
  let compared = 0;
  for (const [model, unit] of [
    [0, 0],
    [1, 3],
    [2, 5],
  ]) {
    const values = Array.from({ length: rows }, (_, row) => activations[(model * rows + row) * 6 + unit]);
    const mean = total(values) / rows;
    const sd = Math.sqrt(total(values.map((x) => (x - mean) ** 2)) / rows);
    if (sd === 0) continue;
    const lossWith = (token: number, weight: number) => {
      let loss = 0;
      for (let row = 0; row < rows; row++) {
        const own = Array.from(logits.subarray((model * rows + row) * 10, (model * rows + row + 1) * 10));
        own[token] += (weight * (values[row] - mean)) / sd;
        loss += Math.log(total(own.map(Math.exp))) - own[sequences.targets[row]];
      }
      return loss / rows;
    };
    const slopes = Array.from(
      { length: 10 },
      (_, token) => (lossWith(token, 1e-4) - lossWith(token, -1e-4)) / 2e-4,
    );
    expect(Math.abs(fitness[model * 6 + unit] - Math.hypot(...slopes))).toBeLessThan(DIFFERENCES);
    compared++;
  }
  expect(compared).toBeGreaterThan(1);
  // twice the fan-in and bias, half the fan-out: the same function, and the same fitness
  const scaled = Object.fromEntries(
    Object.entries(initial).map(([name, of]) => {
      const factor = /mlp\.(W|b)_in$/.test(name) ? 2 : /mlp\.W_out$/.test(name) ? 0.5 : 1;
      return [name, of.map((x) => x * factor)];
    }),
  );
  network.writeWeights(scaled);
  (await unitFitness(network, sequences, [site])).get(site)!.forEach((again, i) => {
    if (Number.isNaN(fitness[i])) expect(again).toBeNaN();
    else expect(Math.abs(again - fitness[i])).toBeLessThan(FLOAT64);
  });
  await expect(async () =>
    unitFitness(network, { ...sequences, scored: Uint8Array.of(0, 0, 0, 0, 0, 0, 1) }, [site]),
  ).rejects.toThrow(ArgumentError);
  network.close();
});
