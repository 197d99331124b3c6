import { expect, test } from "vitest";
import { weightDisplacement } from "../../src/features/displacement.ts";

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
