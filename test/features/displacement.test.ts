import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import {
  displacementRank,
  networkDisplacement,
  pooledDisplacement,
  unitDisplacement,
  weightDisplacement,
} from "../../src/features/displacement.ts";
import { functionDisplacement } from "../../src/features/functionDisplacement.ts";

const ROUNDING = 12; // decimals: sums of a few dozen doubles

test("each weight of each model has its own relative displacement, cosine and sign flips", () => {
  const before = { W: [3, 4, 0, 0, 1, 0, 0, 1], b: [0, 0, 2, 2] };
  const after = { W: [3, 4, 0, 0, 0, 1, 0, -1], b: [1, 1, -2, 2] };
  const { W, b } = Object.fromEntries(weightDisplacement(before, after, 2));
  expect([...W.relative]).toEqual([0, Math.sqrt(6 / 2)]);
  expect([...W.cosine]).toEqual([1, -1 / (Math.sqrt(2) * Math.sqrt(2))]);
  expect([...W.signFlips]).toEqual([0, 1 / 4]);
  expect([...b.relative]).toEqual([Number.NaN, Math.sqrt(16 / 8)]);
  expect([...b.cosine]).toEqual([Number.NaN, 0]);
  expect([...b.signFlips]).toEqual([0, 1 / 2]);
});

test("weights that are missing or do not fit are named", () => {
  expect(() => weightDisplacement({ W: [1] }, { V: [1] }, 1)).toThrow(/displacement of "W".*only V after/);
  expect(() => weightDisplacement({ W: [1, 2] }, { W: [1] }, 1)).toThrow(/2 and 1/);
  expect(() => weightDisplacement({ W: [1, 2, 3] }, { W: [1, 2, 3] }, 2)).toThrow(/3 values for 2 models/);
});

test("pooled displacements weigh every tensor alike, the network's weighs every entry alike", () => {
  const before = { W: [3, 4, 0, 2], V: [1, 1], b: [0, 0] };
  const after = { W: [3, 4, 2, 2], V: [2, 1], b: [3, 0] }; // W moves by 0/5 and 2/2, V by 1/1 and 0, b from 0
  const moved = weightDisplacement(before, after, 2);
  expect([...pooledDisplacement(moved, ["W", "V"])]).toEqual([Math.sqrt(0.5), Math.sqrt(0.5)]);
  expect([...networkDisplacement(before, after, 2)]).toEqual([Math.sqrt(10 / 26), Math.sqrt(4 / 5)]);
  expect(() => pooledDisplacement(moved, ["W", "X"])).toThrow(/W, V, b.*"X"/);
  expect(() => pooledDisplacement(moved, [])).toThrow(/at least 1/);
});

test("a unit's own vector is followed along any axis", () => {
  const W = [1, 0, 0, 2, 0, 1]; // [input 3, unit 2]: units (1, 0, 0) and (0, 2, 1)
  const turned = [0, 0, 1, 4, 0, 2]; // unit 0 turned by 90°, unit 1 doubled
  const [before, after] = [
    [...W, ...W],
    [...W, ...turned],
  ];
  const fanIn = unitDisplacement(before, after, { shape: [3, 2], axis: 1 });
  expect([...fanIn.cosine].map((value) => Number(value.toFixed(ROUNDING)))).toEqual([1, 1, 0, 1]);
  expect([...fanIn.relative].map((value) => Number(value.toFixed(ROUNDING)))).toEqual([
    ...[0, 0, Number(Math.SQRT2.toFixed(ROUNDING)), 1],
  ]);
  const fanOut = unitDisplacement([1, 0, 0, 2, 0, 0], [2, 0, 0, 2, 1, 1], { shape: [3, 2], axis: 0 });
  expect(fanOut.units).toBe(3);
  expect([...fanOut.relative]).toEqual([1, 0, Number.NaN]);
  const heads = unitDisplacement([1, 0, 0, 1, 2, 0, 0, 0], [1, 0, 0, 1, 0, 2, 0, 0], {
    ...{ shape: [2, 2, 2], axis: 0 },
  });
  expect([...heads.cosine].map((value) => Number(value.toFixed(ROUNDING)))).toEqual([1, 0]);
  expect(() => unitDisplacement([1, 2], [1, 2], { shape: [2], axis: 1 })).toThrow(/axis.*0 to 0; got 1/);
  expect(() => unitDisplacement([1, 2, 3], [1, 2, 3], { shape: [2], axis: 0 })).toThrow(/3 values/);
});

test("the rank of a displacement counts the directions that were written", () => {
  const stream = randomStream("displacement", "rank");
  const [rows, columns] = [16, 64];
  const start = Float64Array.from({ length: rows * columns }, () => stream.normal());
  const plus = (of: (row: number, column: number) => number) =>
    start.map((value, at) => value + of(Math.floor(at / columns), at % columns));
  const rank = (after: ArrayLike<number>) => displacementRank("W_in", start, after, [rows, columns])[0];
  expect(rank(plus((row, column) => row - 7 + 0 * column))).toBeCloseTo(1, 6);
  expect(rank(plus((row, column) => (row === column ? 2 : 0)))).toBeCloseTo(16, 6);
  // 3 and 1 of the weight: p = 3/4, 1/4, so exp(H) = 4 / 3^(3/4)
  expect(rank(plus((row, column) => (row === column && row < 2 ? 3 - 2 * row : 0)))).toBeCloseTo(
    4 / 3 ** 0.75,
    6,
  );
  const isotropic = rank(plus(() => stream.normal()));
  expect(isotropic).toBeGreaterThan(15);
  expect(isotropic).toBeLessThan(15.6);
  expect(rank(start)).toBeNaN();
  expect(rank(plus(() => Number.NaN))).toBeNaN();
  // two heads [2, dModel 2, dHead 1] of which one moved are one direction
  expect(displacementRank("W_Q", [0, 0, 0, 0], [1, 2, 0, 0], [2, 2, 1])[0]).toBeCloseTo(1, ROUNDING);
  expect(() => displacementRank("b", [0, 0], [0, 1], [2])).toThrow(/two axes or three/);
});

test("answers move by the norm of their logits and by the divergence of their probabilities", () => {
  const logits = (p: readonly number[]) => p.map(Math.log);
  // model 0: (1/2, 1/2) → (1/4, 3/4) and no change; model 1: a constant added, which no probability sees
  const before = [...logits([0.5, 0.5]), 1, 2, 3, 4, 5, 6];
  const after = [...logits([0.25, 0.75]), 1, 2, 13, 14, 5, 6];
  const { relative, kl } = functionDisplacement(before, after, { models: 2, dVocab: 2 });
  const klByHand = 0.5 * Math.log(0.5 / 0.25) + 0.5 * Math.log(0.5 / 0.75);
  expect(kl[0]).toBeCloseTo(klByHand / 2, ROUNDING);
  expect(kl[1]).toBeCloseTo(0, ROUNDING);
  const moved = Math.log(2) ** 2 + Math.log(1.5) ** 2;
  expect(relative[0]).toBeCloseTo(Math.sqrt(moved / (2 * Math.log(2) ** 2 + 5)), ROUNDING);
  expect(relative[1]).toBeCloseTo(Math.sqrt(200 / (9 + 16 + 25 + 36)), ROUNDING);
  const far = functionDisplacement([800, 0], [0, 800], { models: 1, dVocab: 2 });
  expect(far.kl[0]).toBe(800);
  expect(functionDisplacement([0, 0], [1, 0], { models: 1, dVocab: 2 }).relative[0]).toBe(
    Number.POSITIVE_INFINITY,
  );
  expect(() => functionDisplacement([1, 2, 3], [1, 2, 3], { models: 1, dVocab: 2 })).toThrow(/3 values/);
  expect(() => functionDisplacement([1], [1, 2], { models: 1, dVocab: 1 })).toThrow(/1 and 2/);
});
