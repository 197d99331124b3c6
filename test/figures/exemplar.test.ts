/** Oracle: cells that were planted. */
import { expect, test } from "vitest";
import { otherUnitNull, unitTunings } from "../../src/figures/exemplar.ts";

const probe = { dVocab: 3, nPos: 2 };
/** Cell means of a unit with the given token and position curves. */
const additive = (mean: number, token: readonly number[], position: readonly number[]) =>
  token.flatMap((alpha) => position.map((beta) => mean + alpha + beta));

/** Rounding of a handful of sums of small numbers. */
const tolerance = 1e-12;

test("curves, correlations and order are those that were planted", () => {
  const kept = additive(2, [1, 0, -1], [0.5, -0.5]);
  const flipped = additive(1, [2, -1, -1], [0, 0]);
  const silent = additive(0, [0, 0, 0], [0, 0]);
  const tunings = unitTunings(
    {
      seed: 1,
      units: 3,
      before: [...silent, ...flipped, ...kept],
      after: [...silent, ...flipped.map((value) => -value), ...kept.map((value) => 3 * value + 1)],
    },
    probe,
  );
  expect(tunings.map(({ unit }) => unit)).toEqual([2, 1, 0]);
  expect(tunings[0].r).toBeCloseTo(1, 12);
  expect(tunings[1].r).toBeCloseTo(-1, 12);
  expect(tunings[2].r).toBeNaN();
  expect(tunings[2].scale).toBe(0);
  tunings[0].then.token.forEach((value, i) => {
    expect(Math.abs(value - [1, 0, -1][i])).toBeLessThan(tolerance);
  });
  tunings[0].then.position.forEach((value, i) => {
    expect(Math.abs(value - [0.5, -0.5][i])).toBeLessThan(tolerance);
  });
  expect(Math.abs(tunings[0].scale - 3)).toBeLessThan(tolerance);
});

test("the null pairs different units only", () => {
  const a = additive(0, [1, 0, -1], [0, 0]);
  const b = additive(0, [0, 0, 0], [1, -1]);
  const both = { seed: 1, units: 2, before: [...a, ...b], after: [...a, ...b] };
  // token tuning and position tuning are orthogonal on the balanced cells, though each unit keeps its own exactly
  expect(otherUnitNull(both, probe)).toEqual({ low: 0, median: 0, high: 0 });
  expect(otherUnitNull({ seed: 1, units: 1, before: a, after: a }, probe).median).toBeNaN();
});
