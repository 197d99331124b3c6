/** Oracles: sums by hand, and a search through all groups. */
import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import {
  matchedGroups,
  pathImportance,
  weightedPersistence,
  withMeanUnits,
} from "../../src/features/importance.ts";
import { presets } from "../../src/model/config.ts";
import { initialWeights } from "../../src/model/init.ts";

test("persistence is weighted by importance over the units that have both", () => {
  expect(weightedPersistence([1, 3], [1, 0])).toEqual({ weighted: 0.25, unweighted: 0.5 });
  expect(weightedPersistence([1, 3, 9], [1, 0, Number.NaN])).toEqual({ weighted: 0.25, unweighted: 0.5 });
  expect(weightedPersistence([2, -1], [1, 0.5])).toEqual({ weighted: 1.5, unweighted: 0.75 });
  expect(weightedPersistence([1, -1], [1, 0]).weighted).toBeNaN();
  expect(weightedPersistence([], [])).toEqual({ weighted: Number.NaN, unweighted: Number.NaN });
  expect(() => weightedPersistence([1], [1, 2])).toThrow("equal length");
});

test("importance that has nothing to do with persistence changes no mean over all its arrangements", () => {
  const persistence = [0.9, 0.5, 0.1];
  const importance = [1, 2, 6];
  const orders = [
    ...[
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
    ],
    ...[
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ],
  ];
  const differences = orders.map((order) => {
    const { weighted, unweighted } = weightedPersistence(
      order.map((unit) => importance[unit]),
      persistence,
    );
    return weighted - unweighted;
  });
  expect(Math.abs(differences.reduce((sum, x) => sum + x, 0))).toBeLessThan(1e-12); // rounding
});

test("each stratum of the matched quantity gives its highest and its lowest unit", () => {
  const stream = randomStream("matched groups");
  const score = Float64Array.from({ length: 11 }, () => stream.normal());
  const matched = Float64Array.from({ length: 11 }, () => stream.normal());
  score[4] = Number.NaN;
  const { strata, highest, lowest } = matchedGroups(score, matched, 3);
  expect(strata.map(({ length }) => length)).toEqual([3, 4, 3]);
  const sorted = [...strata].flat().sort((a, b) => a - b);
  expect(sorted).toEqual([0, 1, 2, 3, 5, 6, 7, 8, 9, 10]);
  for (const [at, stratum] of strata.entries()) {
    for (const unit of stratum) {
      expect(score[unit]).toBeLessThanOrEqual(score[highest[at]]);
      expect(score[unit]).toBeGreaterThanOrEqual(score[lowest[at]]);
      for (const later of strata[at + 1] ?? []) expect(matched[unit]).toBeLessThan(matched[later]);
    }
    expect(stratum).toContain(highest[at]);
    expect(stratum).toContain(lowest[at]);
  }
});

test("matching takes a planted confounder away", () => {
  // score follows the matched quantity with a small part of its own
  const matched = Array.from({ length: 64 }, (_, unit) => unit);
  const score = matched.map((amount, unit) => amount + (unit % 2) * 0.1);
  const { highest, lowest } = matchedGroups(score, matched, 8);
  const mean = (units: readonly number[]) =>
    units.reduce((sum, unit) => sum + matched[unit], 0) / units.length;
  expect(mean(highest) - mean(lowest)).toBe(7); // within strata of 8; the extremes of all would be 56 apart
});

test("equal scores give different units, and too few units none", () => {
  expect(matchedGroups([1, 1], [1, 1], 1)).toEqual({ strata: [[0, 1]], highest: [0], lowest: [1] });
  expect(() => matchedGroups([1, 2, Number.NaN], [1, 2, 3], 2)).toThrow("need 4 units at least; got 2");
});

test("a network without biases has no place for the mean", () => {
  const config = { ...presets.causal, biases: false };
  const weights = initialWeights(config, { scheme: "pytorch" }, randomStream("mean units"));
  expect(() => withMeanUnits(config, weights, { layer: 0, units: [0] }, [])).toThrow("without biases");
});

test("path importance adds up a unit's importance at all checkpoints, and is undefined where one is", () => {
  const path = pathImportance([
    [1, 0.5, -1],
    [2, Number.NaN, 1],
    [4, 0.5, 3],
  ]);
  expect([...path]).toEqual([7, Number.NaN, 3]);
  expect(() => pathImportance([])).toThrow("at least 1");
  expect(() => pathImportance([[1], [1, 2]])).toThrow("equal length");
});
