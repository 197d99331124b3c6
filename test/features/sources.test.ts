import { expect, test } from "vitest";
import { ShapeError } from "../../src/base/errors.ts";
import { type RandomStream, randomStream } from "../../src/base/random.ts";
import { latinBlocks } from "../../src/data/probes.ts";
import {
  crossCosines,
  embeddingSums,
  rowCosineMatrix,
  rowCosines,
} from "../../src/features/embeddingGeometry.ts";
import { frozenNorms } from "../../src/features/frozenNorms.ts";
import {
  conditionNumber,
  edelmanCdf,
  shuffledSpectra,
  singularValues,
  stableRank,
  weightMatrix,
} from "../../src/features/singularValues.ts";
import { openNetwork } from "../../src/interp/network.ts";
import { runWithCache } from "../../src/interp/run.ts";
import { logGamma } from "../../src/stats/gamma.ts";
import { median } from "../../src/stats/quantile.ts";
import { backends, configs, weightsFor } from "../interp/networks.ts";

const normals = (stream: RandomStream, count: number) =>
  Float64Array.from({ length: count }, () => stream.normal());

test("singular values of a scaled permutation are its entries, largest first", () => {
  const values = [0, 3, 0, 0, 0, -2, 5, 0, 0];
  const found = singularValues({ rows: 3, columns: 3, values });
  [5, 3, 2].forEach((value, i) => {
    expect(found[i]).toBeCloseTo(value, 12);
  });
  expect(conditionNumber(found)).toBeCloseTo(2.5, 12);
  expect(stableRank(found)).toBeCloseTo(38 / 25, 12);
});

test("a matrix and its transpose have one spectrum, whose squares sum to those of the entries", () => {
  const values = normals(randomStream("transpose"), 15);
  const turned = Float64Array.from({ length: 15 }, (_, at) => values[(at % 3) * 5 + Math.floor(at / 3)]);
  const [wide, tall] = [
    singularValues({ rows: 3, columns: 5, values }),
    singularValues({ rows: 5, columns: 3, values: turned }),
  ];
  expect(wide.length).toBe(3);
  wide.forEach((value, i) => {
    expect(tall[i]).toBeCloseTo(value, 12);
  });
  const squares = (list: Float64Array) => list.reduce((sum, value) => sum + value * value, 0);
  expect(squares(wide)).toBeCloseTo(squares(values), 10);
  expect(singularValues({ rows: 1, columns: 2, values: [1, Number.NaN] })[0]).toBeNaN();
});

test("condition numbers of normal matrices have Edelman's distribution", () => {
  const [n, draws] = [48, 250];
  const stream = randomStream("edelman");
  const ratios = Float64Array.from({ length: draws }, () => {
    const spectrum = singularValues({ rows: n, columns: n, values: normals(stream, n * n) });
    return conditionNumber(spectrum) / n;
  }).sort();
  // largest distance of both distributions: 1 % critical value 1.63/√250 of Kolmogorov and Smirnov
  const distance = ratios.reduce(
    (most, ratio, i) =>
      Math.max(most, Math.abs(edelmanCdf(ratio) - i / draws), Math.abs(edelmanCdf(ratio) - (i + 1) / draws)),
    0,
  );
  expect(distance).toBeLessThan(1.63 / Math.sqrt(draws));
  expect(edelmanCdf(0)).toBe(0);
  expect(edelmanCdf(3.672)).toBeCloseTo(0.5, 3);
});

test("the ratio 44.8 of a 16 × 16 uniform matrix is below the median of its entries in another order", () => {
  const stream = randomStream("seed study");
  const values = Float64Array.from({ length: 256 }, () => (2 * stream.uniform() - 1) / 4);
  const ratios = shuffledSpectra({ rows: 16, columns: 16, values }, { draws: 400, stream }).map(
    conditionNumber,
  );
  // an independent simulation gave median 50.1 and P(> 44.8) = 0.55; three errors of 400 draws are 0.075
  expect(Math.abs(median(ratios) - 50.1)).toBeLessThan(8);
  expect(Math.abs(ratios.filter((ratio) => ratio > 44.8).length / 400 - 0.55)).toBeLessThan(0.075);
});

test("weights of heads become one matrix from inputs to outputs", () => {
  const values = Array.from({ length: 12 }, (_, i) => i);
  // [head 2, dModel 3, dHead 2]: head 0 gives columns 0 and 1
  expect(weightMatrix("blocks.0.attn.W_Q", [2, 3, 2], values)).toEqual({
    ...{ rows: 3, columns: 4 },
    values: Float64Array.of(0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11),
  });
  expect(weightMatrix("blocks.0.attn.W_O", [2, 2, 3], values)).toEqual({ rows: 4, columns: 3, values });
  expect(() => weightMatrix("unembed.b_U", [10], values)).toThrow(ShapeError);
});

test("cosines of axes are 0, of opposed vectors −1, and zero vectors have none", () => {
  const values = [2, 0, 0, 3, -1, 0, 0, 0];
  expect(rowCosines({ values: values.slice(0, 6), dModel: 2 })).toEqual({
    ...{ smallest: -1, largest: 0, meanAbsolute: 1 / 3 },
  });
  expect(rowCosineMatrix({ values, dModel: 2 })[3]).toEqual([Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
  expect(rowCosines({ values: [1, 2], dModel: 2 }).largest).toBeNaN();
  expect(
    Array.from(crossCosines({ values: [1, 1], dModel: 2 }, { values: [3, 0, 0, 1], dModel: 2 }))[0],
  ).toBeCloseTo(Math.SQRT1_2, 12);
});

test("the mean |cosine| of normal vectors is Γ(d/2) / (√π Γ((d+1)/2))", () => {
  const [rows, dModel] = [120, 16];
  const { meanAbsolute, smallest, largest } = rowCosines({
    ...{ values: normals(randomStream("cosines"), rows * dModel), dModel },
  });
  const expected = Math.exp(logGamma(dModel / 2) - logGamma((dModel + 1) / 2)) / Math.sqrt(Math.PI);
  // 7140 pairs of standard deviation 0.15, nearly independent: four errors
  expect(Math.abs(meanAbsolute - expected)).toBeLessThan(0.007);
  expect(largest).toBeGreaterThan(0.7);
  expect(smallest).toBeLessThan(-0.7);
});

test("norms, angles and shares of sums follow from the embeddings", () => {
  // position vectors orthogonal to token vectors: |x|² = |e|² + |p|²
  const tokens = { values: [3, 0, 0, 0, 5, 0, 0, 0], dModel: 4 };
  const positions = { values: [0, 0, 4, 0, 0, 0, 0, 12], dModel: 4 };
  const { norms, cosines, largestCosine } = embeddingSums(tokens, positions, 1e-5);
  expect(norms[0]).toBeCloseTo(5, 12);
  expect(norms[3]).toBeCloseTo(13, 12);
  expect(Array.from(cosines)).toEqual([0, 0, 0, 0]);
  expect(largestCosine).toBe(0);
});

test("without positions to speak of, all is the token; the norm alone makes an interaction", () => {
  const stream = randomStream("sums");
  const tokens = { values: normals(stream, 6 * 8), dModel: 8 };
  const still = { values: new Float64Array(5 * 8), dModel: 8 };
  expect(embeddingSums(tokens, still, 1e-5).shares.token).toBeCloseTo(1, 12);
  const moving = { values: normals(stream, 5 * 8), dModel: 8 };
  const { shares } = embeddingSums(tokens, moving, 1e-5);
  expect(shares.token + shares.position + shares.interaction).toBeCloseTo(1, 12);
  expect(shares.interaction).toBeGreaterThan(0.005);
  // an eps that drowns the variance makes the norm a constant factor, and sums additive again
  expect(embeddingSums(tokens, moving, 1e9).shares.interaction).toBeLessThan(1e-8);
});

test("with frozen norms a unit reads the centred stream over the mean scale", async () => {
  const config = { ...configs.gpt, mlpOnly: true, nLayers: 1 };
  const weights = weightsFor(config, 2);
  const network = openNetwork(backends.reference, config, weights);
  const probe = latinBlocks({ dVocab: 7, nPos: 5, blocks: 2, stream: randomStream("frozen") });
  const site = "blocks.0.mlp.hook_pre";
  const found = (await frozenNorms(network, probe, [site]))?.get(site);
  const tokens = { data: probe.tokens, batch: probe.count, pos: 5 };
  const { cache } = await runWithCache(network, tokens, {
    sites: [site, "blocks.0.hook_resid_pre", "blocks.0.ln2.hook_scale"],
  });
  expect(Array.from(found?.intact ?? [])).toEqual(Array.from(cache.get(site).data, Math.fround));
  const { dModel, dMlp } = config;
  const rows = probe.count * 5;
  for (const model of [0, 1]) {
    const scales = Float64Array.from(cache.get("blocks.0.ln2.hook_scale", { model }).data);
    const scale = scales.reduce((sum, value) => sum + value, 0) / rows;
    const stream = Float64Array.from(cache.get("blocks.0.hook_resid_pre", { model }).data);
    const of = (name: string, size: number) => weights[name].subarray(model * size, (model + 1) * size);
    const [w, b] = [of("blocks.0.ln2.w", dModel), of("blocks.0.ln2.b", dModel)];
    const [wIn, bIn] = [of("blocks.0.mlp.W_in", dModel * dMlp), of("blocks.0.mlp.b_in", dMlp)];
    for (const row of [0, 17, rows - 1])
      for (let unit = 0; unit < dMlp; unit++) {
        const x = stream.subarray(row * dModel, (row + 1) * dModel);
        const mean = x.reduce((sum, value) => sum + value, 0) / dModel;
        let z = bIn[unit];
        for (let i = 0; i < dModel; i++) z += wIn[i * dMlp + unit] * (w[i] * ((x[i] - mean) / scale) + b[i]);
        expect(found?.frozen[(model * rows + row) * dMlp + unit]).toBeCloseTo(z, 5); // float32 results
      }
  }
  network.close();
});

test("a model without norms has none to freeze", async () => {
  const network = openNetwork(backends.reference, configs.plain, weightsFor(configs.plain, 1));
  const probe = latinBlocks({ dVocab: 7, nPos: 5, blocks: 2, stream: randomStream("frozen") });
  expect(await frozenNorms(network, probe, ["blocks.0.mlp.hook_pre"])).toBeUndefined();
  network.close();
});
