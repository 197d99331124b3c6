/** What the figures of the views are given, from what was seen. */
import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { attentionPatterns } from "../../src/figures/experiments/attentionPatterns.ts";
import { unitNetwork } from "../../src/figures/experiments/unitNetwork.ts";
import type { Tensor } from "../../src/interp/index.ts";
import { patternScores } from "../../src/interp/index.ts";
import {
  coursesData,
  kindCounts,
  kindRows,
  patternsData,
} from "../../studio/src/views/attention/attentionData.ts";
import {
  compositionData,
  countedSeeds,
  countRows,
  networkData,
  pairMapData,
  pairRows,
  tuningOf,
  unitCells,
} from "../../studio/src/views/circuits/circuitsData.ts";
import {
  distributionData,
  lengthsData,
  lensData,
  lensOverSeeds,
  lensProbabilities,
  likeliest,
  overSeeds,
  soundModels,
} from "../../studio/src/views/stream/streamData.ts";
import type { AttentionSeen } from "../../studio/src/workers/looks/attention.ts";
import type { HeadKinds } from "../../studio/src/workers/looks/headKinds.ts";
import { planeNull, principalPlane, relativeMove } from "../../studio/src/workers/looks/principalPlane.ts";
import type { UnitPairsSeen } from "../../studio/src/workers/looks/unitPairs.ts";

const subject = { name: "original at step 8", seeds: 2, time: "now" } as const;
/** Sums of doubles in another order. */
const EQUAL = 12;

/** Attention of two models with one layer of two heads on three tokens: [previous or first key, uniform]. */
function seenAttention(models: readonly number[]): AttentionSeen {
  const previous = [1, 0, 0, 1, 0, 0, 0, 1, 0];
  const uniform = [1, 0, 0, 1 / 2, 1 / 2, 0, 1 / 3, 1 / 3, 1 / 3];
  const data = Float64Array.from(models.flatMap(() => [...previous, ...uniform]));
  const pattern: Tensor = {
    axes: ["model", "head", "queryPos", "keyPos"],
    shape: [models.length, 2, 3, 3],
    data,
  };
  const batched: Tensor = {
    axes: ["model", "batch", "head", "queryPos", "keyPos"],
    shape: [models.length, 1, 2, 3, 3],
    data,
  };
  const tokens = { data: Int32Array.from([0, 1, 2]), batch: 1, pos: 3 };
  return { models, patterns: [pattern], scores: patternScores([batched], tokens, { causal: true }) };
}

const kinds: HeadKinds = {
  ...{ draws: 479, needed: 479, models: [0, 2], chosen: null },
  bands: [
    [{ previous: { low: -0.1, middle: 0, high: 0.1 } }, { previous: { low: -0.2, middle: 0, high: 0.2 } }],
  ],
  kinds: ["previous", "abstain", "previous", "first"],
};

test("patterns are those of the seed that is asked for, with its own classes; none of one that diverged", () => {
  const seen = { now: seenAttention([0, 2]), before: seenAttention([0, 1, 2]), kinds };
  const rest = { subject, causal: true, probe: "the sequence 0 1 2", labels: undefined };
  const data = patternsData(seen, { ...rest, model: 2 });
  expect(data?.heads.map(({ kind }) => kind)).toEqual(["previous", "first"]);
  expect(Array.from(data?.heads[0].pattern ?? [])).toEqual([1, 0, 0, 1, 0, 0, 0, 1, 0]);
  expect(data?.heads[1].before).toEqual(data?.heads[1].pattern);
  expect(data === null ? "" : attentionPatterns(data).title).toContain(
    "No head differs from its initialisation.",
  );
  expect(patternsData(seen, { ...rest, model: 1 })).toBe(null);
});

test("courses have a line a seed, a gap where it diverged, classes without those that abstain", () => {
  const history = [
    { step: 0, seen: seenAttention([0, 1, 2]) },
    { step: 8, seen: seenAttention([0, 2]) },
  ];
  const data = coursesData(history, kinds, subject);
  expect(data.steps).toEqual([0, 8]);
  // a pure previous-token head has 1, and what nothing on these tokens has is left out
  expect(Object.keys(data.heads[0].scores)).toEqual(["previous", "first", "self", "uniformity"]);
  expect(data.heads[0].scores.previous.networks).toEqual([
    [1, 1],
    [1, 1],
  ]);
  expect(data.heads.map((head) => head.kinds)).toEqual([{ previous: 2 }, { first: 1 }]);
  expect(data.heads[1].scores.previous.null?.high).toBe(0.2);
  const gone = coursesData([{ step: 0, seen: seenAttention([2]) }, history[1]], null, subject);
  // without the whole null nobody has a class
  expect(gone.heads[0].kinds).toBeUndefined();
  expect(coursesData(history, { ...kinds, kinds: [] }, subject).heads[0].kinds).toBeUndefined();
  expect(gone.heads[0].scores.previous.networks).toEqual([
    [Number.NaN, 1],
    [1, 1],
  ]);
  expect(coursesData([], null, subject).heads).toEqual([]);
});

test("the table of classes counts seeds, the most frequent first", () => {
  expect(kindCounts(kinds, 2)).toEqual([
    [["previous", 2]],
    [
      ["abstain", 1],
      ["first", 1],
    ],
  ]);
  expect(kindRows(kinds, { ...kinds, kinds: [] }, { model: 2, layers: 1, heads: 2 })).toEqual([
    { head: "L0H0", before: "–", now: "previous 2", chosen: "previous" },
    { head: "L0H1", before: "–", now: "abstain 1, first 1", chosen: "first" },
  ]);
});

test("a lens over seeds is the mean of their probabilities, without those that diverged", () => {
  // [model 3, site 1, pos 2, dVocab 2]
  const probabilities = Float64Array.from([
    0.2,
    0.8,
    0.5,
    0.5,
    0.6,
    0.4,
    0.1,
    0.9,
    ...new Array(4).fill(Number.NaN),
  ]);
  const seen = { norm: "recomputed", sites: ["blocks.0.hook_resid_post"], probabilities } as const;
  expect(soundModels(seen, 3)).toEqual([0, 1]);
  const mean = lensProbabilities(seen, 3, null);
  for (const [i, value] of [0.4, 0.6, 0.3, 0.7].entries()) expect(mean[i]).toBeCloseTo(value, EQUAL);
  expect([...lensProbabilities(seen, 3, 1)]).toEqual([0.6, 0.4, 0.1, 0.9]);
  const sizes = { models: 3, nPos: 2, dVocab: 2 };
  expect(lensOverSeeds(seen, sizes, { position: 1, token: 0 })).toEqual(overSeeds([0.5, 0.1]));
  expect(likeliest([0.5, 0.5, Number.NaN, Number.NaN], 2)).toEqual([0, -1]);
  const rest = { subject, lens: "logit lens", tokens: [1, 0], sites: seen.sites, dVocab: 2 };
  const table = lensData(mean, rest);
  expect([table.top, table.targets]).toEqual([
    [1, 1],
    [0, -1],
  ]);
  const at = distributionData({ now: mean, before: mean }, { ...rest, position: 1 });
  expect(at.target).toBe(undefined); // the sequence ends there
  expect(at.probability).toEqual([...mean.subarray(2)]);
  expect(distributionData({ now: mean, before: mean }, { ...rest, position: 0 }).target).toBe(0);
});

test("intervals over seeds leave out what is no number, and have no ends of a single seed", () => {
  expect(overSeeds([1, Number.NaN])).toEqual({ estimate: 1, low: Number.NaN, high: Number.NaN });
  const { estimate, low, high } = overSeeds([1, 3, Number.NaN]);
  expect(estimate).toBe(2);
  expect(high - estimate).toBeCloseTo(12.7062, 3); // t of one degree of freedom, times a standard error of 1
  expect(low + high).toBeCloseTo(4, EQUAL);
  const data = lengthsData(
    { now: { sites: ["a"], lengths: [[1], [Number.NaN]] }, before: { sites: ["a"], lengths: [[2], [4]] } },
    { subject, probe: "two" },
  );
  expect(data.sites[0].networks).toEqual([1]);
  expect(data.sites[0].before.estimate).toBe(3);
});

test("the plane of vectors that lie in one holds all of their variance, and keeps their distances", () => {
  // (±2, 0, 0) and (0, ±1, 0) moved by (0, 0, 0): a cross in a plane
  const cross = [2, 0, 0, -2, 0, 0, 0, 1, 0, 0, -1, 0];
  const { before, now, share } = principalPlane(cross, cross, 3);
  expect(share).toBeCloseTo(1, EQUAL);
  expect(before).toEqual(now);
  [
    [2, 0],
    [-2, 0],
    [0, 1],
    [0, -1],
  ].forEach(([x, y], i) => {
    expect(Math.abs(before[i][0])).toBeCloseTo(Math.abs(x), EQUAL);
    expect(Math.abs(before[i][1])).toBeCloseTo(Math.abs(y), EQUAL);
  });
  expect(relativeMove(cross, cross, 3)).toBe(0);
  const apart = cross.map((value) => 2 * value);
  expect(relativeMove(cross, apart, 3)).toBeCloseTo(1, EQUAL); // each moved by its own distance from the mean, 0
  const line = principalPlane([1, 2], [3, 4], 1);
  expect([line.share, line.before.map(([, y]) => y)]).toEqual([1, [0, 0]]);
  const none = principalPlane([1, Number.NaN], [1, 1], 1);
  expect([none.share, none.now[0]]).toEqual([Number.NaN, [Number.NaN, Number.NaN]]);
});

test("random tables of few dimensions leave little outside of the plane, of many much", () => {
  const share = (dModel: number) =>
    planeNull({ rows: 10, dModel, moved: 0.1 }, { draws: 19, stream: randomStream("test", "plane") });
  const [few, many] = [share(3), share(64)];
  expect(few[0]).toBeGreaterThan(many[18]);
  expect([...few]).toEqual([...few].sort((a, b) => a - b));
  // 9 degrees of freedom in 64 dimensions: about 2 of 9, and more for the largest of them
  expect(many[9]).toBeGreaterThan(2 / 9);
  expect(many[9]).toBeLessThan(0.5);
});

const cells = 4; // 2 tokens at 2 positions
const site = (units: number, first: number) => ({
  units,
  cellMean: Float32Array.from({ length: 2 * units * cells }, (_, i) => first + i),
});

test("units of all layers stand one after the other, of wide layers every k-th", () => {
  const sites = { "blocks.0.mlp.hook_post": site(2, 0), "blocks.1.mlp.hook_post": site(1, 100) };
  const own = unitCells(sites, { layers: 2, model: 1, cells });
  expect(own?.units.map(({ name }) => name)).toEqual(["L0N0", "L0N1", "L1N0"]);
  expect([...(own?.cells ?? [])]).toEqual([8, 9, 10, 11, 12, 13, 14, 15, 104, 105, 106, 107]);
  expect(unitCells({}, { layers: 2, model: 0, cells })).toBe(null);
  const wide = unitCells({ "blocks.0.mlp.hook_post": site(1024, 0) }, { layers: 1, model: 0, cells });
  expect(wide?.units.length).toBe(256);
  expect(wide?.units[255].unit).toBe(1020);
});

const pair = { a: 0, b: 1, r: 0.9, nEff: 12, p: 0.01 };
const pairsSeen: UnitPairsSeen = {
  ...{ pairs: 3, draws: 99, beyond: [pair], together: [pair], against: [], count: 1, opposed: 0 },
  ...{ strong: 2, expected: { mean: 0.5, low: 0, high: 2 }, nEff: 11 },
};

test("pairs are told with what they were before, and counted over seeds", () => {
  const own = (values: number[]) => ({
    units: [0, 1].map((unit) => ({ layer: 0, unit, name: `L0N${unit}` })),
    cells: Float32Array.from(values),
  });
  const now = own([0, 1, 2, 3, 0, 1, 2, 3]);
  const before = own([0, 1, 2, 3, 3, 2, 1, 0]);
  const [row] = pairRows([pair], { now, before, nPos: 2 });
  expect(row.before).toBeCloseTo(-1, EQUAL);
  // tokens −1 and 1, positions −1/2 and 1/2 about the mean: over the largest
  expect(row.tuning[0]).toEqual([-1, 1, -0.5, 0.5]);
  expect(tuningOf([5, 5, 5, 5], 2)).toEqual([0, 0, 0, 0]);
  const network = networkData(pairsSeen, { units: now.units, subject, before: { ...pairsSeen, count: 7 } });
  expect(network.threshold).toBe(0.9);
  // the network before training is no null: it stands apart from what chance gives
  expect(network.expected).toEqual([]);
  expect(network.beyond).toMatchObject({ pairs: 1, opposed: 0, before: 7 });
  const { title } = unitNetwork(
    networkData({ ...pairsSeen, count: 500 }, { units: now.units, subject, before: null }),
  );
  expect(title).toContain("500 of 3 pairs of units are beyond chance, 500 correlated and 0 opposed.");
  const rows = countRows([
    { now: pairsSeen, before: { ...pairsSeen, count: 3 } },
    { now: { ...pairsSeen, count: 5 }, before: pairsSeen },
  ]);
  expect(rows.map(({ now: of }) => of.estimate)).toEqual([3, 0, 2]);
  expect(rows[0].before.estimate).toBe(2);
  expect(rows[2].expected?.estimate).toBe(0.5);
  // a seed that diverged has no pair, which is not a count of 0
  const lost = { ...pairsSeen, count: 0, strong: 0, nEff: Number.NaN };
  const counted = [
    { now: pairsSeen, before: pairsSeen },
    { now: lost, before: pairsSeen },
  ];
  expect(countRows(counted)[0].now.estimate).toBe(1);
  expect(countedSeeds(counted)).toBe(1);
});

test("the null of kept pairs is the middle of the other networks'", () => {
  const data = pairMapData(
    { counts: new Float64Array(4), kept: [0.5, 0.7], others: [-0.1, Number.NaN, 0.1] },
    subject,
  );
  expect(data.kept.estimate).toBeCloseTo(0.6, EQUAL);
  expect(data.null.low).toBeGreaterThanOrEqual(-0.1);
  expect(data.null.high).toBeLessThanOrEqual(0.1);
});

test("composition of a seed stands beside its own before training, whatever diverged", () => {
  const cell = (scores: number[]) => ({
    ...{ pair: "L0H0>L1H0", kind: "q" as const, scores, p: scores.map(() => 0.2) },
    null: { low: 0, middle: 0.2, high: 0.4 },
  });
  const seen = (models: number[], scores: number[]) => ({
    ...{ models, draws: 199, atRandom: 0.25, cells: [cell(scores)] },
  });
  const both = { now: seen([0, 2], [0.1, 0.3]), before: seen([0, 1, 2], [0.4, 0.5, 0.6]) };
  const data = compositionData(both, { model: 2, subject });
  expect(data?.pairs[0]).toMatchObject({ score: 0.3, before: 0.6, networks: [0.1, 0.3], p: 0.2 });
  expect(compositionData(both, { model: 1, subject })).toBe(null);
});
