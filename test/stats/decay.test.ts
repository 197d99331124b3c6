import fc from "fast-check";
import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import {
  monotoneAt,
  monotoneFit,
  stretchedExponential,
  stretchedExponentialAt,
} from "../../src/stats/index.ts";
import { expectClose, expectRelative } from "./close.ts";
import reference from "./fixtures/decay.json" with { type: "json" };

const MINIMUM = 1e-6; // two minimisers stop where the sum of squares is flat to rounding: √1e-15, a little wide
const SQUARES = 1e-11; // of the sum of squares itself, at either's minimum
const ROUNDING = 1e-12;
const RUNS = { seed: 1847, numRuns: 100 };

test("stretched exponentials agree with SciPy's least squares, also where noise leaves [0, 1]", () => {
  for (const { x, y, ...want } of reference.stretched) {
    const got = stretchedExponential(x, y);
    expectRelative(got.tau, want.tau, MINIMUM, "tau");
    expectRelative(got.beta, want.beta, MINIMUM, "beta");
    expectRelative(got.halfLife, want.halfLife, MINIMUM, "half-life");
    expectClose(got.r2, want.r2, SQUARES, "R²");
  }
});

test("a planted stretched exponential is found exactly, wherever its half-life lies", () => {
  const x = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
  fc.assert(
    fc.property(
      fc.double({ min: Math.log(2), max: Math.log(2000), noNaN: true }),
      fc.double({ min: 0.3, max: 3, noNaN: true }),
      (logTau, beta) => {
        const planted = { tau: Math.exp(logTau), beta };
        const got = stretchedExponential(
          x,
          x.map((each) => stretchedExponentialAt(planted, each)),
        );
        // of a curve that has hardly begun to fall only the points' own last digits tell
        const visible = 1 - stretchedExponentialAt(planted, 512) > 0.01;
        if (visible) expectRelative(got.tau, planted.tau, 1e-4, "tau");
        if (visible) expectRelative(got.beta, planted.beta, 1e-4, "beta");
        expect(stretchedExponentialAt(got, got.halfLife)).toBeCloseTo(0.5, 10);
      },
    ),
    RUNS,
  );
});

test("no nearby parameters fit better", () => {
  const stream = randomStream("decay", "nearby");
  const x = Array.from({ length: 40 }, (_, i) => i / 10);
  const y = x.map((each) => Math.exp(-(each ** 0.8)) + 0.1 * stream.normal());
  const squares = (tau: number, beta: number) =>
    x.reduce((all, each, i) => all + (y[i] - stretchedExponentialAt({ tau, beta }, each)) ** 2, 0);
  const { tau, beta } = stretchedExponential(x, y);
  for (const change of [0.999, 1.001]) {
    expect(squares(tau * change, beta)).toBeGreaterThan(squares(tau, beta));
    expect(squares(tau, beta * change)).toBeGreaterThan(squares(tau, beta));
  }
});

test("what does not fall has a time beyond every x, and what cannot be fitted is NaN", () => {
  const still = stretchedExponential([0, 1, 2, 4], [1, 1, 1, 1]);
  expect(still.tau).toBeGreaterThan(4);
  expect(still.r2).toBeNaN();
  for (const got of [
    stretchedExponential([0, 0], [1, 1]),
    stretchedExponential([1, 2], [1, Number.NaN]),
    stretchedExponential([1, Number.NaN], [1, 0.5]),
  ])
    expect([got.tau, got.beta, got.halfLife, got.r2]).toEqual(Array(4).fill(Number.NaN));
  expect(() => stretchedExponential([1], [1])).toThrow(/at least 2 points/);
  expect(() => stretchedExponential([1, -2], [1, 1])).toThrow(/x\[1\].*must not be negative.*-2/);
  expect(() => stretchedExponential([1, 2], [1])).toThrow(/2 and 1/);
});

test("monotone fits agree with scikit-learn's isotonic regression, at the knots, between and beyond them", () => {
  for (const { x, y, at, fitted } of reference.monotone) {
    const got = monotoneFit(x, y);
    for (const [i, where] of at.entries())
      expectClose(monotoneAt(got, where), fitted[i], ROUNDING, `${where}`);
  }
});

test("a curve that falls already is kept, a rising one becomes its mean, NaN makes all NaN", () => {
  expect([...monotoneFit([2, 1, 3], [5, 7, 5]).y]).toEqual([7, 5, 5]);
  expect([...monotoneFit([1, 2, 3], [1, 2, 6]).y]).toEqual([3, 3, 3]);
  expect(monotoneAt(monotoneFit([1, 2], [1, Number.NaN]), 1)).toBeNaN();
  expect(monotoneAt(monotoneFit([1, 2], [1, 0]), Number.NaN)).toBeNaN();
  expect(() => monotoneFit([], [])).toThrow(/at least 1 pairs/);
});
