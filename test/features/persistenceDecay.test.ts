import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import {
  curveByRate,
  curveFamilies,
  type DecayPoints,
  oneCurve,
  whenReached,
} from "../../src/features/persistenceDecay.ts";
import { mean } from "../../src/stats/index.ts";

const EXACT = 1e-9;
const rates = [1e-4, 1e-3, 1e-2];
const seeds = [0, 1, 2, 3, 4, 5];
const amounts = Array.from({ length: 12 }, (_, i) => 0.05 * 1.5 ** i);

/** Points of networks whose κ is told for an amount and a rate. */
function planted(kappaOf: (x: number, rate: number) => number): DecayPoints {
  const points = seeds.flatMap((seed) =>
    rates.flatMap((rate) => amounts.map((x) => ({ x, kappa: kappaOf(x, rate), seed, rate }))),
  );
  return {
    x: points.map(({ x }) => x),
    kappa: points.map(({ kappa }) => kappa),
    seed: points.map(({ seed }) => seed),
    rate: points.map(({ rate }) => rate),
  };
}

const curve = (x: number) => Math.exp(-((x / 0.6) ** 0.8));

test("where the amount is all that matters, one curve explains everything and the rate nothing", () => {
  const points = planted((x) => curve(x));
  for (const family of Object.values(curveFamilies)) {
    const { r2, rateSlope, seeds: judged } = oneCurve(points, family);
    expect(judged).toEqual(seeds);
    for (const value of [...r2, ...curveByRate(points, family)]) expect(value).toBeGreaterThan(1 - EXACT);
    for (const value of rateSlope) expect(Math.abs(value)).toBeLessThan(EXACT);
  }
});

test("what the rate adds at equal amount is found as it was planted, per factor of ten", () => {
  const perDecade = -0.06;
  const points = planted((x, rate) => 0.2 + curve(x) / 2 + perDecade * (Math.log10(rate) + 3));
  const { r2, rateSlope } = oneCurve(points, curveFamilies.monotone);
  // an additive shift that is balanced over the amounts is no part of any one curve
  for (const value of rateSlope) expect(value).toBeCloseTo(perDecade, 9);
  for (const value of curveByRate(points, curveFamilies.monotone)) expect(value).toBeGreaterThan(1 - EXACT);
  for (const value of r2) expect(value).toBeLessThan(0.97);
});

test("an amount that says nothing predicts left-out seeds no better than the mean", () => {
  const stream = randomStream("persistence decay", "noise");
  const points = planted(() => 0.5 + 0.1 * stream.normal());
  const { r2 } = oneCurve(points, curveFamilies.monotone);
  expect(mean(r2)).toBeLessThan(0.05); // in sample a falling curve through noise would explain a little
});

test("the curve of a left-out seed has not seen it", () => {
  const points = planted((x) => curve(x));
  const strange = Array.from(points.kappa, (kappa, i) => (points.seed[i] === 3 ? 1 - kappa : kappa));
  const { r2 } = oneCurve({ ...points, kappa: strange }, curveFamilies.monotone);
  const own = Array.from(strange).filter((_, i) => points.seed[i] === 3);
  const others = planted((x) => curve(x)).kappa;
  const centre = mean(Array.from(others).filter((_, i) => points.seed[i] !== 3));
  const rest = own.reduce((all, kappa) => all + (kappa - (1 - kappa)) ** 2, 0); // the others' curve is 1 − κ there
  const total = own.reduce((all, kappa) => all + (kappa - centre) ** 2, 0);
  expect(r2[3]).toBeCloseTo(1 - rest / total, 9);
});

test("networks without numbers are left out, amounts below 0 count as 0, one seed alone predicts nobody", () => {
  const points = planted((x) => curve(x));
  const broken = Array.from(points.kappa, (kappa, i) => (points.seed[i] === 2 ? Number.NaN : kappa));
  const { seeds: judged, r2 } = oneCurve({ ...points, kappa: broken }, curveFamilies.stretched);
  expect(judged).toEqual([0, 1, 3, 4, 5]);
  expect(r2[4]).toBeGreaterThan(1 - EXACT);
  const below = { x: [-1, 1, 0, 1], kappa: [1, 0.4, 1, 0.4], seed: [0, 0, 1, 1], rate: [1, 2, 1, 2] };
  expect([...oneCurve(below, curveFamilies.monotone).r2]).toEqual([1, 1]);
  const alone = { x: [0, 1], kappa: [1, 0.4], seed: [7, 7], rate: [1, 2] };
  const nobody = oneCurve(alone, curveFamilies.stretched);
  expect([...nobody.r2, ...nobody.rateSlope]).toEqual([Number.NaN, Number.NaN]);
  expect([...curveByRate(alone, curveFamilies.stretched)]).toEqual([Number.NaN]);
  expect(() => oneCurve({ ...alone, rate: [1] }, curveFamilies.stretched)).toThrow(/2 and 1/);
});

test("a course is read where another first reaches a level", () => {
  expect(whenReached([0, 0.5, 1], [1, 0.8, 0.4], 0.75)).toBeCloseTo(0.6, 12);
  expect(whenReached([0, 0.9, 0.5, 1], [1, 0.5, 0.4, 0.3], 0.9)).toBe(0.5);
  expect(whenReached([1, 2], [7, 8], 0.5)).toBe(7);
  expect(whenReached([0, 0.5], [1, 0.8], 0.9)).toBeNaN();
  expect(() => whenReached([0], [], 0.5)).toThrow(/1 and 0/);
});
