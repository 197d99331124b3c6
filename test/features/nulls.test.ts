import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { originalEta2 } from "../../src/features/criterion.ts";
import { labelPermutation } from "../../src/features/labelPermutation.ts";
import { randomProjectionNull } from "../../src/features/randomProjectionNull.ts";
import { chi2Sf } from "../../src/stats/distributions.ts";
import { kolmogorovSmirnov } from "../../src/stats/kolmogorovSmirnov.ts";
import { quantile } from "../../src/stats/quantile.ts";

const seedSizes = { dModel: 16, dVocab: 10, nPos: 8 };
const mean = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b) / values.length;

test("the random-projection null has the distribution that an independent simulation gave", () => {
  const draws = 5000;
  const { token, position, dead } = randomProjectionNull({
    ...seedSizes,
    draws,
    stream: randomStream("projection"),
  });
  expect(dead).toBeLessThan(20); // a rectifier that never opens: about one in two thousand
  // SD 0.18: standard error of the mean 0.0025; of the 5 % and 95 % quantiles about 0.005, of the median 0.003
  const [MEAN, QUANTILE] = [0.01, 0.02];
  const wanted = [
    { values: token, mean: 0.4225, low: 0.136, middle: 0.412, high: 0.739, above: 0.9935 },
    { values: position, mean: 0.4007, low: 0.12, middle: 0.387, high: 0.721, above: 0.9927 },
  ];
  for (const { values, mean: centre, low, middle, high, above } of wanted) {
    expect(Math.abs(mean(values) - centre)).toBeLessThan(MEAN);
    expect(Math.abs(quantile(values, 0.05) - low)).toBeLessThan(QUANTILE);
    expect(Math.abs(quantile(values, 0.5) - middle)).toBeLessThan(QUANTILE);
    expect(Math.abs(quantile(values, 0.95) - high)).toBeLessThan(QUANTILE);
    // binomial standard error 0.001, and the other simulation had one of its own
    expect(Math.abs(mean(values.map((value) => (value > 0.05 ? 1 : 0))) - above)).toBeLessThan(0.006);
  }
});

test("without norm and nonlinearity it is the ratio of chi-squared variables", () => {
  const { token } = randomProjectionNull({
    ...{ ...seedSizes, actFn: "none", norm: false },
    draws: 5000,
    stream: randomStream("linear projection"),
  });
  // X₉/10 against X₇/8: mean 0.5135, quantiles 0.237, 0.513, 0.791
  expect(Math.abs(mean(token) - 0.5135)).toBeLessThan(0.01);
  expect(Math.abs(quantile(token, 0.05) - 0.237)).toBeLessThan(0.02);
  expect(Math.abs(quantile(token, 0.5) - 0.513)).toBeLessThan(0.02);
  expect(Math.abs(quantile(token, 0.95) - 0.791)).toBeLessThan(0.02);
});

test("with fixed waves in one dimension the position's share is that of a constant against a chi-squared variable", () => {
  const { position } = randomProjectionNull({
    ...{ dModel: 1, dVocab: 10, nPos: 8, actFn: "none", norm: false, positions: "sinusoidal" },
    draws: 4000,
    stream: randomStream("waves"),
  });
  const waves = Array.from({ length: 8 }, (_, pos) => Math.sin(pos)); // the wave of a single dimension
  const spread = mean(waves.map((wave) => (wave - mean(waves)) ** 2));
  // weight and its sign cancel: P(share < s) = P( X_9/10 > spread (1 − s)/s )
  const distribution = (share: number) => chi2Sf((10 * spread * (1 - share)) / share, 9);
  expect(kolmogorovSmirnov(position, { distribution }).p).toBeGreaterThan(0.01);
});

test("linear shares do not depend on the scale of embeddings or weights; an embedding of zero leaves dead units", () => {
  const linear = { ...seedSizes, actFn: "none", norm: false, draws: 20 } as const;
  const one = randomProjectionNull({ ...linear, stream: randomStream("scale") });
  const other = randomProjectionNull({
    ...{ ...linear, embeddingSd: 0.02, weightBound: 3 },
    stream: randomStream("scale"),
  });
  one.token.forEach((value, i) => {
    expect(other.token[i]).toBeCloseTo(value, 10);
  });
  const still = randomProjectionNull({
    ...seedSizes,
    embeddingSd: 0,
    draws: 3,
    units: 4,
    stream: randomStream("z"),
  });
  expect([still.dead, still.token.length]).toEqual([12, 0]);
});

test("p-values of label permutation are uniform where labels mean nothing", () => {
  const units = 400;
  const stream = randomStream("label permutation");
  const samples = 40;
  const activations = Float64Array.from({ length: samples * units }, () => stream.normal() ** 3);
  const labels = Array.from({ length: samples }, (_, i) => i % 4);
  const { p, chance } = labelPermutation(activations, labels, { permutations: 199, stream });
  const sorted = [...p].sort((a, b) => a - b);
  const distance = Math.max(
    ...sorted.map((value, i) => Math.max((i + 1) / units - value, value - i / units)),
  );
  expect(distance).toBeLessThan(1.95 / Math.sqrt(units) + 1 / 200); // Kolmogorov–Smirnov at 0.001, and the grid of p
  expect(mean(chance)).toBeCloseTo(3 / 39, 2);
});

test("a label that decides the activation has the smallest possible p, and eta² is the one-way share", () => {
  const stream = randomStream("tuned");
  const labels = Array.from({ length: 60 }, () => stream.integer(3));
  const activations = labels.flatMap((label) => [label + 0.1 * stream.normal(), stream.normal(), 4]);
  const { eta2, p } = labelPermutation(activations, labels, { permutations: 99, stream });
  const oneWay = originalEta2(activations, labels);
  expect(p[0]).toBe(1 / 100);
  expect(eta2[0]).toBeCloseTo(oneWay[0], 12);
  expect(eta2[1]).toBeCloseTo(oneWay[1], 12);
  expect([eta2[2], p[2]]).toEqual([Number.NaN, Number.NaN]);
});

test("an activation with two values ties with most permutations, and ties count against it", () => {
  const labels = [0, 0, 1, 1];
  // of the six ways to split, two separate the ones: p tends to 1/3
  const { p } = labelPermutation([1, 1, 0, 0], labels, { permutations: 3000, stream: randomStream("ties") });
  expect(Math.abs(p[0] - 1 / 3)).toBeLessThan(0.03); // binomial standard error 0.0086
  expect(() => labelPermutation([1, 2], [5, 5], { stream: randomStream("x") })).toThrow(
    /two different labels/,
  );
});
