import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { latinBlocks } from "../../src/data/probes.ts";
import { strengthRegression } from "../../src/features/strengthRegression.ts";
import { plantedCurves, type Unit } from "./planted.ts";

/** Shares of deterministic units are exact but for rounding. */
const EXACT = 1e-9;

const probe = latinBlocks({ dVocab: 4, nPos: 4, blocks: 4, stream: randomStream("strength probe") });
const [first, second] = [
  [1, 1, -1, -1],
  [1, -1, 1, -1],
];

/** A unit with a token share of exactly `share`; `turned` is the correlation of its token curve with the first wave. */
const unitOf =
  (share: number, turned = 1): Unit =>
  ({ token, pos }) =>
    Math.sqrt(share) * (turned * first[token] + Math.sqrt(1 - turned ** 2) * second[token]) +
    Math.sqrt(1 - share) * first[pos];

const shares = Array.from({ length: 20 }, (_, i) => 0.1 + 0.04 * ((7 * i) % 20));

test("where every share shrinks along one line the strongest do what the others predict", () => {
  const before = plantedCurves(probe, [shares.map((share) => unitOf(share))]);
  const after = plantedCurves(probe, [shares.map((share) => unitOf(0.2 + 0.5 * share, 0.2 + 0.8 * share))]);
  const found = strengthRegression(before, after).token;
  expect(Math.abs(found.difference[0])).toBeLessThan(EXACT);
  // shares from 0.1 to 0.86 by 0.04: the top five from 0.7 to 0.86
  expect(found.topBefore[0]).toBeCloseTo(0.78, 9);
  expect(found.topAfter[0]).toBeCloseTo(0.59, 9);
  expect(found.allBefore[0]).toBeCloseTo(0.48, 9);
  expect(found.allAfter[0]).toBeCloseTo(0.44, 9);
  expect(found.spearman[0]).toBeCloseTo(1, 12);
  expect(found.oldham[0]).toBeCloseTo(-1, 9);
  expect(found.blomqvist[0]).toBeCloseTo(-0.5, 9);
  expect(found.reliability[0]).toBeCloseTo(1, 9);
  expect(found.excluded[0]).toBe(0);
});

test("what the strongest keep beyond the line is the difference", () => {
  const before = plantedCurves(probe, [shares.map((share) => unitOf(share))]);
  const kept = (share: number) => 0.2 + 0.5 * share + (share > 0.69 ? 0.1 : 0);
  const after = plantedCurves(probe, [shares.map((share) => unitOf(kept(share), 0.3))]);
  const { difference } = strengthRegression(before, after).token;
  expect(difference[0]).toBeCloseTo(0.1, 9);
});

test("strongest units of unrelated networks fall to the mean, and the line foresees it", () => {
  const stream = randomStream("regression to the mean");
  const models = 40;
  const population = () =>
    Array.from({ length: models }, () =>
      Array.from({ length: 24 }, () => unitOf(0.1 + 0.8 * stream.uniform(), 2 * stream.uniform() - 1)),
    );
  const found = strengthRegression(
    plantedCurves(probe, population()),
    plantedCurves(probe, population()),
  ).token;
  const mean = (values: Float64Array) => values.reduce((a, b) => a + b) / models;
  expect(mean(found.topBefore) - mean(found.topAfter)).toBeGreaterThan(0.25);
  // SD of a model's difference about 0.18, of its correlation 0.21: standard errors 0.03
  expect(Math.abs(mean(found.difference))).toBeLessThan(0.1);
  expect(Math.abs(mean(found.spearman))).toBeLessThan(0.1);
});

test("flat units are left out and counted, and too few units leave no number", () => {
  const before = plantedCurves(probe, [[...shares.map((share) => unitOf(share)), () => 1]]);
  const after = plantedCurves(probe, [[...shares.map((share) => unitOf(share, 0.5)), () => 1]]);
  expect(strengthRegression(before, after).token.excluded[0]).toBe(1);
  expect(strengthRegression(before, after, { top: 18 }).token.difference[0]).toBeNaN();
});
