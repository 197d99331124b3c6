import fc from "fast-check";
import { expect, test } from "vitest";
import {
  betaInc,
  betaQuantile,
  chi2LogSf,
  chi2Sf,
  erfc,
  fLogSf,
  fSf,
  logBeta,
  logBetaInc,
  logErfc,
  logGamma,
  logGammaIncUpper,
  normalCdf,
  normalLogSf,
  normalQuantile,
  normalSf,
  tQuantile,
  tSf,
} from "../../src/stats/index.ts";
import { expectClose, expectRelative } from "./close.ts";
import reference from "./fixtures/distributions.json" with { type: "json" };

const PROBABILITY = 1e-10; // relative, for probabilities that a double can hold
const LOG10 = 1e-9; // absolute on log10 p: nine digits of a p-value of 1e-2163 need 1e-12 of its logarithm
const FUNCTION = 1e-14; // ln Γ and ln B: a few roundings of numbers of their own size
const SMALLEST_EXACT = 1e-290; // below, doubles soon become subnormal and lose digits by themselves
const RUNS = { seed: 20240229, numRuns: 300 };

test("the F survival function agrees with 60-digit values, and its logarithm far below the smallest double", () => {
  for (const { f, d1, d2, sf, log10 } of reference.fSf) {
    const what = `F=${f} on (${d1}, ${d2})`;
    expectClose(
      fLogSf(Number(f), d1, d2) / Math.LN10,
      Number(log10),
      LOG10 / Math.max(1, Math.abs(Number(log10))),
      what,
    );
    if (Number(sf) > SMALLEST_EXACT) expectRelative(fSf(Number(f), d1, d2), Number(sf), PROBABILITY, what);
  }
  expect(fSf(5000, 9, 3990)).toBe(0);
  expectClose(fLogSf(5000, 9, 3990) / Math.LN10, -2162.46661046185, 1e-12);
});

test("an eta² of a typical selective neuron gives the F and the log p of its 60-digit value", () => {
  for (const { eta2, n, k, f, log10 } of reference.fOfEta2) {
    const share = Number(eta2);
    const ratio = share / (k - 1) / ((1 - share) / (n - k));
    expectRelative(ratio, Number(f), 1e-13);
    expect(Math.abs(fLogSf(ratio, k - 1, n - k) / Math.LN10 - Number(log10))).toBeLessThan(LOG10);
  }
});

test("the incomplete beta function agrees with 60-digit values", () => {
  for (const { x, a, b, ln } of reference.betaInc)
    expectClose(logBetaInc(Number(x), Number(a), Number(b)), Number(ln), 1e-12, `I_${x}(${a}, ${b})`);
});

test("ln Γ and ln B keep their digits for small, large and very unequal arguments", () => {
  for (const { x, value } of reference.logGamma) expectClose(logGamma(Number(x)), Number(value), FUNCTION, x);
  for (const { a, b, value } of reference.logBeta) {
    expectClose(logBeta(Number(a), Number(b)), Number(value), FUNCTION, `B(${a}, ${b})`);
    expect(logBeta(Number(b), Number(a))).toBe(logBeta(Number(a), Number(b)));
  }
});

test("erfc and the normal tails agree with 60-digit values", () => {
  for (const { x, value } of reference.erfc) expectRelative(erfc(Number(x)), Number(value), 1e-12, x);
  for (const { z, ln } of reference.normalSf) expectClose(normalLogSf(Number(z)), Number(ln), 1e-13, z);
  expectRelative(normalSf(8), 6.22096057427178e-16, PROBABILITY);
  expect(normalCdf(-8)).toBe(normalSf(8));
  for (const [p, z] of [
    [0.975, 1.95996398454005],
    [0.995, 2.5758293035489],
    [0.9, 1.2815515655446],
    [1e-6, -4.7534243088229], // not 0.999999: as a double that is off by 3e-17, and z then by 6e-12
  ])
    expectClose(normalQuantile(p), z, 1e-13);
});

test("Student's t tails and quantiles agree with 60-digit values", () => {
  for (const { t, df, value } of reference.tSf)
    expectRelative(tSf(Number(t), df), Number(value), PROBABILITY, `t=${t}, df=${df}`);
  for (const { p, df, value } of reference.tQuantile)
    expectRelative(tQuantile(Number(p), df), Number(value), PROBABILITY, `p=${p}, df=${df}`);
});

test("chi-squared tails agree with 60-digit values, also below the smallest double", () => {
  for (const { x, df, ln } of reference.chi2)
    expectClose(chi2LogSf(Number(x), df), Number(ln), 1e-12, `χ²=${x}, df=${df}`);
  expectRelative(chi2Sf(3.841458820694124, 1), 0.05, PROBABILITY);
});

test("beta quantiles agree with 60-digit values", () => {
  for (const { p, a, b, value } of reference.betaQuantile)
    expectRelative(
      betaQuantile(Number(p), Number(a), Number(b)),
      Number(value),
      PROBABILITY,
      `${p} ${a} ${b}`,
    );
});

test("quantiles invert their distributions everywhere", () => {
  const shape = fc.double({ min: 0.3, max: 500, noNaN: true });
  const probability = fc.double({ min: 1e-12, max: 1 - 1e-12, noNaN: true });
  fc.assert(
    fc.property(probability, shape, shape, (p, a, b) => {
      const x = betaQuantile(p, a, b);
      // near x = 1 the spacing of doubles, not the solver, limits how well p can be met
      fc.pre(x < 1 - 1e-6);
      expectRelative(betaInc(x, a, b), p, 1e-8);
    }),
    RUNS,
  );
  fc.assert(
    fc.property(probability, shape, (p, df) => {
      expectRelative(p < 0.5 ? tSf(-tQuantile(p, df), df) : 1 - tSf(tQuantile(p, df), df), p, 1e-9);
    }),
    RUNS,
  );
});

test("survival probabilities fall as the statistic grows, and complements add up to one", () => {
  const statistic = fc.double({ min: 0, max: 50, noNaN: true });
  const df = fc.integer({ min: 1, max: 3000 });
  fc.assert(
    fc.property(statistic, statistic, df, df, (f, g, d1, d2) => {
      const [low, high] = [Math.min(f, g), Math.max(f, g)];
      expect(fLogSf(low, d1, d2)).toBeGreaterThanOrEqual(fLogSf(high, d1, d2) - 1e-12);
      if (f > 0) expectClose(fSf(f, d1, d2) + fSf(1 / f, d2, d1), 1, 1e-12);
      expectClose(tSf(f, d1) + tSf(-f, d1), 1, 1e-15);
      expectClose(2 * tSf(f, d1), fSf(f * f, 1, d1), 1e-13);
    }),
    RUNS,
  );
});

test("closed forms hold: F on (2, 2m), χ² on 2 degrees of freedom, Cauchy's distribution", () => {
  for (const f of [0.01, 0.7, 1, 3, 40]) {
    expectClose(fLogSf(f, 2, 18), -9 * Math.log1p(f / 9), 1e-13);
    expectClose(chi2LogSf(f, 2), -f / 2, 1e-13);
    expectRelative(tSf(f, 1), Math.atan2(1, f) / Math.PI, 1e-13);
  }
});

test("the ends of every distribution are what the docstrings say", () => {
  expect([fLogSf(0, 3, 4), fLogSf(-1, 3, 4), fLogSf(Number.POSITIVE_INFINITY, 3, 4)]).toEqual([
    0,
    0,
    Number.NEGATIVE_INFINITY,
  ]);
  expect(fLogSf(Number.NaN, 3, 4)).toBeNaN();
  expect([tSf(Number.POSITIVE_INFINITY, 3), tSf(Number.NEGATIVE_INFINITY, 3), tSf(0, 3)]).toEqual([
    0, 1, 0.5,
  ]);
  expect(tSf(Number.NaN, 3)).toBeNaN();
  expect(tSf(1.5, Number.POSITIVE_INFINITY)).toBe(normalSf(1.5));
  expect(tQuantile(0.9, Number.POSITIVE_INFINITY)).toBe(normalQuantile(0.9));
  expect([tQuantile(0, 3), tQuantile(0.5, 3), tQuantile(1, 3)]).toEqual([
    Number.NEGATIVE_INFINITY,
    0,
    Number.POSITIVE_INFINITY,
  ]);
  expect([betaInc(0, 2, 3), betaInc(1, 2, 3), betaQuantile(0, 2, 3), betaQuantile(1, 2, 3)]).toEqual([
    0, 1, 0, 1,
  ]);
  expect(betaInc(Number.NaN, 2, 3)).toBeNaN();
  expectRelative(betaQuantile(1e-3, 1e-3, 1), Math.exp(-700), 1e-12); // truly 1e-3000
  expect([chi2Sf(0, 2), chi2Sf(-1, 2), chi2Sf(Number.POSITIVE_INFINITY, 2)]).toEqual([1, 1, 0]);
  expect(logGammaIncUpper(2, Number.NaN)).toBeNaN();
  expect([erfc(Number.NEGATIVE_INFINITY), erfc(0), erfc(Number.POSITIVE_INFINITY)]).toEqual([2, 1, 0]);
  expect(logErfc(Number.NEGATIVE_INFINITY)).toBe(Math.LN2);
  expect([logGamma(0), logBeta(0, 2)]).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
  expect([logGamma(-1), logBeta(-1, 2), logBeta(Number.NaN, 2)]).toEqual([
    Number.NaN,
    Number.NaN,
    Number.NaN,
  ]);
});

test("impossible parameters are refused with the value that was given", () => {
  expect(() => fSf(1, 0, 3)).toThrow("F distribution, d1: must be positive and finite; got 0.");
  expect(() => fSf(1, 2, Number.POSITIVE_INFINITY)).toThrow("got Infinity");
  expect(() => tSf(1, -2)).toThrow("t distribution, df");
  expect(() => chi2Sf(1, Number.NaN)).toThrow("got NaN");
  expect(() => betaInc(1.5, 1, 1)).toThrow("incomplete beta, x: must be a finite number, 0 to 1; got 1.5.");
  expect(() => tQuantile(-0.1, 3)).toThrow("t quantile, p");
});
