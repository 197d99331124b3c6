import { expect, test } from "vitest";
import { ArgumentError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import { inputAlignment } from "../../src/features/inputAlignment.ts";
import type { CellMeans } from "../../src/features/unitCurves.ts";

/** Sums of a few thousand products, float64. */
const FLOAT64 = 1e-12;

const [D_MODEL, UNITS, V, T] = [4, 3, 5, 2];
/** Inputs of one model whose dimensions vary by given amounts, independently of one another. */
function inputs(amounts: readonly number[], models = 1): CellMeans {
  // orthogonal contrasts over 10 cells: sums over cells are 0, products of two vanish
  const contrast = (dim: number) =>
    Array.from({ length: V * T }, (_, cell) =>
      Math.cos((2 * Math.PI * (dim + 1) * (cell + 0.5)) / (2 * V * T)),
    );
  const one = amounts.flatMap((amount, dim) => contrast(2 * dim + 1).map((value) => 7 + amount * value));
  return {
    site: "planted",
    models,
    units: D_MODEL,
    dVocab: V,
    nPos: T,
    cellMean: Float64Array.from(Array.from({ length: models }, () => one).flat()),
  };
}

test("a change along the only axis that varies has the most alignment there is, one beside it none", () => {
  const means = inputs([0, 2, 0, 0]);
  const along = Float64Array.from({ length: D_MODEL * UNITS }, (_, at) =>
    Math.floor(at / UNITS) === 1 ? 0.3 : 0,
  );
  const beside = Float64Array.from({ length: D_MODEL * UNITS }, (_, at) =>
    Math.floor(at / UNITS) === 2 ? 0.3 : 0,
  );
  expect(inputAlignment(means, along, UNITS)[0]).toBeCloseTo(D_MODEL, 12);
  expect(inputAlignment(means, beside, UNITS)[0]).toBeCloseTo(0, 12);
});

test("inputs that vary alike in all directions make every change equally aligned, and random changes average to 1", () => {
  const stream = randomStream("input alignment");
  const draw = () => Float64Array.from({ length: D_MODEL * UNITS }, () => stream.normal());
  for (let i = 0; i < 5; i++)
    expect(Math.abs(inputAlignment(inputs([3, 3, 3, 3]), draw(), UNITS)[0] - 1)).toBeLessThan(FLOAT64);
  const uneven = inputs([3, 1, 0.5, 0]);
  const found = Array.from({ length: 400 }, () => inputAlignment(uneven, draw(), UNITS)[0]);
  // standard deviation about 0.7 a draw, so 0.035 of the mean
  expect(Math.abs(found.reduce((sum, value) => sum + value, 0) / found.length - 1)).toBeLessThan(4 * 0.035);
});

test("neither the size of the change nor a constant in the input counts, and models do not mix", () => {
  const stream = randomStream("input alignment", "two");
  const change = Float64Array.from({ length: 2 * D_MODEL * UNITS }, () => stream.normal());
  const two = inputAlignment(inputs([3, 1, 0.5, 0], 2), change, UNITS);
  const [first, second] = [change.subarray(0, D_MODEL * UNITS), change.subarray(D_MODEL * UNITS)];
  expect(two[0]).toBe(inputAlignment(inputs([3, 1, 0.5, 0]), first, UNITS)[0]);
  expect(two[1]).toBeCloseTo(
    inputAlignment(
      inputs([6, 2, 1, 0]),
      second.map((value) => 5 * value),
      UNITS,
    )[0],
    12,
  );
});

test("nothing that moves, or nothing that varies, has no alignment; sizes that differ are refused", () => {
  const change = new Float64Array(D_MODEL * UNITS);
  expect(inputAlignment(inputs([1, 1, 1, 1]), change, UNITS)[0]).toBeNaN();
  expect(inputAlignment(inputs([0, 0, 0, 0]), change.fill(1), UNITS)[0]).toBeNaN();
  expect(() => inputAlignment(inputs([1, 1, 1, 1]), change, UNITS + 1)).toThrow(ArgumentError);
});
