import { expect, test } from "vitest";
import type { MinimalPair } from "../../../src/data/text/minimalPairs.ts";
import { tInterval, wilson } from "../../../src/stats/index.ts";
import { pairReport, shorterOutcomes } from "../../../src/studies/pairs/index.ts";

const pair = (uid: string, field: string): MinimalPair => ({
  ...{ where: "a.jsonl, line 1", good: "a", bad: "b", uid, field },
  ...{ term: null, pairId: null, wholeSentence: true },
});
/** Six pairs of three paradigms in two fields, not in order. */
const pairs = [
  ...[pair("x", "syntax"), pair("y", "syntax"), pair("x", "syntax")],
  ...[pair("z", "semantics"), pair("x", "syntax"), pair("x", "syntax")],
];
const one = Int8Array.of(1, -1, 1, 0, 1, 0);
const other = Int8Array.of(-1, 1, 1, 1, 1, 1);
const shorter = Int8Array.of(1, 0, 1, 0, -1, 0);
const both = Int8Array.of(...one, ...other);

test("one network: shares with ties counted half, Wilson's interval by paradigm, every paradigm alike in the macro mean", () => {
  const report = pairReport({
    ...{ pairs, outcomes: { sum: one, perToken: other }, shorter },
    fresh: null,
    leftOut: [pair("y", "syntax"), pair("gone", "syntax")],
  });
  expect(report.uids.map(({ uid, pairs: n, leftOut }) => [uid, n, leftOut])).toEqual([
    ["x", 4, 0],
    ["y", 1, 1],
    ["z", 1, 0],
  ]);
  const [x, y, z] = report.uids;
  expect(x.accuracy.sum.estimate).toBe(3.5 / 4);
  expect(x.ties.sum).toEqual([1]);
  expect(x.accuracy.perToken.estimate).toBe(3 / 4);
  const { low, high } = wilson(3.5, 4);
  expect(x.accuracy.sum).toMatchObject({ interval: [low, high], over: "pairs", null: null });
  expect([y.accuracy.sum.estimate, z.accuracy.sum.estimate]).toEqual([0, 0.5]);
  expect(x.shorter).toBe(2.5 / 4);
  const [syntax, semantics] = report.fields;
  expect(syntax).toMatchObject({ field: "syntax", pairs: 5, uids: 2 });
  expect(syntax.share.sum.estimate).toBe(3.5 / 5);
  expect(syntax.macro.sum).toMatchObject({ estimate: (3.5 / 4 + 0) / 2, interval: null, over: null });
  expect(semantics.share.sum.estimate).toBe(0.5);
  expect(report.all.macro.sum.estimate).toBeCloseTo((3.5 / 4 + 0 + 0.5) / 3, 12);
  expect(report.all.share.sum.estimate).toBe(4 / 6);
});

test("one network against fresh ones: p counts the draws that are as accurate, the network itself among them", () => {
  const draws = Int8Array.of(...one, ...other, ...one.map((value) => -value));
  const { uids, all } = pairReport({
    ...{ pairs, outcomes: { sum: one, perToken: one }, fresh: { sum: draws, perToken: draws } },
    ...{ shorter, leftOut: [] },
  });
  // accuracies of the draws on x: 3.5/4 (a tie counts), 3/4, 0.5/4
  expect(uids[0].accuracy.sum.null).toMatchObject({
    ...{ accuracies: [0.875, 0.75, 0.125], range: [0.125, 0.875], p: 2 / 4, difference: null },
  });
  const macros = [(0.875 + 0 + 0.5) / 3, (0.75 + 1 + 1) / 3, (0.125 + 1 + 0.5) / 3];
  all.macro.sum.null?.accuracies.forEach((value, i) => {
    expect(value).toBeCloseTo(macros[i], 12);
  });
  expect(all.macro.sum.null?.p).toBe(4 / 4);
});

test("several networks: t intervals over networks, and their mean less that of the fresh ones with Welch's", () => {
  const fresh = Int8Array.of(...one.map((value) => -value), ...other.map((value) => -value));
  const { uids, all } = pairReport({
    ...{ pairs, outcomes: { sum: both, perToken: both }, fresh: { sum: fresh, perToken: fresh } },
    ...{ shorter, leftOut: [] },
  });
  const { accuracy, ties } = uids[0];
  const { low, high } = tInterval([0.875, 0.75]);
  expect(accuracy.sum).toMatchObject({
    networks: [0.875, 0.75],
    estimate: 0.8125,
    interval: [low, high],
    over: "seeds",
  });
  expect(ties.sum).toEqual([1, 0]);
  expect(all.macro.sum.over).toBe("seeds");
  // the fresh ones are mirror images, 0.125 and 0.25: equal variances of 2 · 0.0625², so Welch's t is Student's, of 2 df
  const half = 4.302652729911275 * Math.sqrt(2 * 0.0625 ** 2);
  const { p, difference } = accuracy.sum.null ?? {};
  expect(p).toBeNull();
  expect(difference?.estimate).toBeCloseTo(0.625, 12);
  expect(difference?.low).toBeCloseTo(0.625 - half, 10);
  expect(difference?.high).toBeCloseTo(0.625 + half, 10);
});

test("the rule of fewer tokens prefers the shorter sentence and ties where both are equally long", () => {
  const good = [[1, 2], [1, 2, 3], [1]];
  const bad = [[1, 2, 3], [1, 2], [2]];
  expect(shorterOutcomes({ good, bad })).toEqual(Int8Array.of(1, -1, 0));
});
