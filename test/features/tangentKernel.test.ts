/** Oracles: central differences in float64, motions in which the network is linear by construction, and features in full. */
import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { ArgumentError, ShapeError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import { patterns } from "../../src/data/patterns.ts";
import { targetAlignment } from "../../src/features/featureQuality.ts";
import { displacementOf } from "../../src/features/matchedNoise.ts";
import { openOutputGradients } from "../../src/features/outputGradients.ts";
import {
  kernelMovement,
  linearisation,
  sampleKernel,
  tangentKernel,
} from "../../src/features/tangentKernel.ts";
import { tangentQuality } from "../../src/features/tangentQuality.ts";
import type { Backend } from "../../src/graph/backend.ts";
import { presets } from "../../src/model/config.ts";
import { initialPopulation } from "../../src/model/init.ts";
import { type Weights, weightsOfModel } from "../../src/model/weights.ts";
import { linearCka } from "../../src/stats/similarity.ts";

/** Central differences with a step of 1e-4 of functions with third derivatives of order 1. */
const DIFFERENCES = 1e-6;
/** Float64 sums of a few thousand terms of order 1. */
const FLOAT64 = 1e-11;
/** The same in float32. */
const FLOAT32 = 1e-4;

const config = { ...presets.causal, nLayers: 1, dModel: 8, dHead: 4, dMlp: 8 };
const float64 = (weights: Weights): Weights =>
  Object.fromEntries(Object.entries(weights).map(([name, values]) => [name, Float64Array.from(values)]));
const networks = float64(
  initialPopulation(
    config,
    { scheme: "pytorch" },
    ["a", "b"].map((name) => randomStream("tangent", name)),
  ),
);
const start = weightsOfModel(config, networks, 0);
const drawn = patterns(config).sample(randomStream("tangent", "data"), 6);
const sequences = { tokens: drawn.inputs, count: drawn.count, nPos: drawn.nPos };
/** An odd number, with one that stands there twice. */
const outputs = [
  { sequence: 0, pos: 6, token: 3 },
  { sequence: 1, pos: 0, token: 9 },
  { sequence: 2, pos: 3, token: 0 },
  { sequence: 5, pos: 4, token: 3 },
  { sequence: 0, pos: 6, token: 3 },
];

async function rowsAt(weights: Weights, backend: Backend = referenceBackend, of = outputs) {
  const program = openOutputGradients(backend, config, sequences, of);
  try {
    return await program.at(weights);
  } finally {
    program.close();
  }
}

/** The network with random motion of some weights. */
function moved(size: number, which: (name: string) => boolean = () => true): Weights {
  const stream = randomStream("tangent", "motion");
  return Object.fromEntries(
    Object.entries(start).map(([name, values]) => [
      name,
      values.map((value) => value + size * stream.normal() * (which(name) ? 1 : 0)),
    ]),
  );
}

test("rows are the central differences of single logits in every weight, and float32 agrees", async () => {
  const { values, gradients } = await rowsAt(start);
  const program = openOutputGradients(referenceBackend, config, sequences, outputs);
  const STEP = 1e-4;
  let largest = 0;
  for (const [name, rows] of Object.entries(gradients)) {
    const size = rows.length / outputs.length;
    // every seventh entry is one of each row and column of every matrix
    for (let at = 0; at < size; at += 7) {
      const [up, down] = [STEP, -STEP].map((step) => ({
        ...start,
        [name]: start[name].map((value, i) => (i === at ? value + step : value)),
      }));
      const [high, low] = [await program.at(up), await program.at(down)];
      for (let r = 0; r < outputs.length; r++) {
        const slope = (high.values[r] - low.values[r]) / (2 * STEP);
        expect(Math.abs(rows[r * size + at] - slope)).toBeLessThan(DIFFERENCES);
        largest = Math.max(largest, Math.abs(slope));
      }
    }
  }
  program.close();
  expect(largest).toBeGreaterThan(0.5);
  const fast = await rowsAt(start, wasmBackend());
  values.forEach((value, r) => {
    expect(Math.abs(fast.values[r] - value)).toBeLessThan(FLOAT32);
  });
  for (const [name, rows] of Object.entries(gradients))
    rows.forEach((value, i) => {
      expect(Math.abs(fast.gradients[name][i] - value)).toBeLessThan(FLOAT32);
    });
});

test("the kernel is the product of all rows, of all weights or of some", async () => {
  const rows = await rowsAt(start);
  const product = (names: readonly string[], r: number, s: number) =>
    names.reduce((total, name) => {
      const size = rows.gradients[name].length / outputs.length;
      for (let i = 0; i < size; i++)
        total += rows.gradients[name][r * size + i] * rows.gradients[name][s * size + i];
      return total;
    }, 0);
  const all = Object.keys(rows.gradients);
  for (const names of [all, all.filter((name) => name.includes(".mlp."))]) {
    const kernel = tangentKernel(rows, { only: (name) => names.includes(name) });
    expect(kernel).toHaveLength(outputs.length);
    kernel.forEach((row, r) => {
      row.forEach((value, s) => {
        expect(Math.abs(value - product(names, r, s))).toBeLessThan(FLOAT64);
        expect(value).toBe(kernel[s][r]);
      });
    });
    expect(kernel[4][1]).toBeCloseTo(kernel[0][1], 10); // the same output twice
  }
});

test("a network that is linear in what moved is its linearisation, and its kernel stays where only a bias moved", async () => {
  const before = await rowsAt(start);
  const readout = moved(0.5, (name) => name.startsWith("unembed."));
  const after = await rowsAt(readout);
  const { error, predicted } = linearisation(before, displacementOf(start, readout), after.values);
  expect(error).toBeLessThan(FLOAT64);
  predicted.forEach((value, r) => {
    expect(Math.abs(value - after.values[r])).toBeLessThan(FLOAT64);
  });
  const bias = moved(0.5, (name) => name === "unembed.b_U");
  const [first, last] = [before, await rowsAt(bias)].map((rows) => tangentKernel(rows));
  expect(Math.abs(kernelMovement(first, last))).toBeLessThan(FLOAT64);
  expect(last).toEqual(first);
});

test("elsewhere the error shrinks in proportion to the motion, and is NaN without any", async () => {
  const before = await rowsAt(start);
  const errorOf = async (size: number) => {
    const end = moved(size);
    return linearisation(before, displacementOf(start, end), (await rowsAt(end)).values).error;
  };
  const [half, whole] = [await errorOf(5e-4), await errorOf(1e-3)];
  expect(whole).toBeGreaterThan(1e-4);
  // what is missed is quadratic in the motion up to a cubic term a thousandth as large
  expect(Math.abs(whole / half - 2)).toBeLessThan(0.02);
  expect(await errorOf(0)).toBeNaN();
  expect(await errorOf(1)).toBeGreaterThan(0.3);
});

test("the motion of the kernel is that of its features, whatever the scale", async () => {
  const [before, after] = [await rowsAt(start), await rowsAt(moved(0.3))];
  const features = ({ gradients }: typeof before) =>
    outputs.map((_, r) =>
      Object.values(gradients).flatMap((rows) => {
        const size = rows.length / outputs.length;
        return [...rows.subarray(r * size, (r + 1) * size)];
      }),
    );
  const [first, last] = [tangentKernel(before), tangentKernel(after)];
  const expected = 1 - linearCka(features(before), features(after));
  expect(Math.abs(kernelMovement(first, last) - expected)).toBeLessThan(FLOAT64);
  expect(expected).toBeGreaterThan(0.01);
  const tenfold = first.map((row) => row.map((value) => 10 * value));
  expect(Math.abs(kernelMovement(first, tenfold))).toBeLessThan(FLOAT64);
});

test("the kernel between samples and its alignment are those of all gradients of a sample side by side", async () => {
  const tiny = { ...config, dModel: 2, dHead: 1, dMlp: 2 };
  const { dVocab } = tiny;
  const population = float64(
    initialPopulation(
      tiny,
      { scheme: "pytorch" },
      ["a", "b"].map((name) => randomStream("tangent", "tiny", name)),
    ),
  );
  const samples = Array.from({ length: drawn.count }, (_, n) => ({ sequence: n, pos: (5 * n) % drawn.nPos }));
  const all = samples.flatMap((place) => Array.from({ length: dVocab }, (_, token) => ({ ...place, token })));
  const found = await tangentQuality(referenceBackend, tiny, population, drawn, samples);
  expect(found).toHaveLength(2);
  const labels = samples.map(({ sequence, pos }) => drawn.targets[sequence * drawn.nPos + pos]);
  expect(new Set(labels).size).toBeGreaterThan(1);
  const program = openOutputGradients(referenceBackend, tiny, sequences, all);
  for (const [model, quality] of found.entries()) {
    const rows = await program.at(weightsOfModel(tiny, population, model));
    const features = samples.map((_, n) =>
      Object.values(rows.gradients).flatMap((of) => {
        const size = of.length / samples.length;
        return [...of.subarray(n * size, (n + 1) * size)];
      }),
    );
    const kernel = sampleKernel(tangentKernel(rows), dVocab);
    const product = features[0].reduce((total, value, i) => total + value * features[1][i], 0);
    expect(Math.abs(kernel[0][1] - product)).toBeLessThan(FLOAT64);
    const expected = targetAlignment({ features, labels }, dVocab);
    expect(Math.abs(quality.cka - expected.cka)).toBeLessThan(FLOAT64);
    expect(Math.abs(quality.debiased - expected.debiased)).toBeLessThan(FLOAT64);
  }
  program.close();
});

test("outputs that are not there, populations, and motions that do not fit are refused", async () => {
  const open = (output: Partial<(typeof outputs)[0]>) => () =>
    openOutputGradients(referenceBackend, config, sequences, [{ ...outputs[0], ...output }]);
  expect(open({ sequence: 6 })).toThrow("output 0, sequence: must be a whole number, 0 to 5; got 6");
  expect(open({ pos: 7 })).toThrow(ArgumentError);
  expect(open({ token: -1 })).toThrow(ArgumentError);
  expect(() => openOutputGradients(referenceBackend, config, sequences, [])).toThrow(ArgumentError);
  await expect(rowsAt(networks)).rejects.toThrow("one network; got 2 networks");
  const rows = await rowsAt(start);
  expect(() => linearisation(rows, {}, rows.values)).toThrow(ArgumentError);
  expect(() => linearisation(rows, start, [1])).toThrow(ArgumentError);
  expect(() => sampleKernel(tangentKernel(rows), 2)).toThrow(ShapeError);
});
