import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import {
  conditionalLogit,
  crossTabulate,
  mean,
  mutualInformation,
  tInterval,
} from "../../src/stats/index.ts";
import { expectClose } from "./close.ts";
import reference from "./fixtures/choices.json" with { type: "json" };

const CLOSED_FORM = 1e-12;
/** The reference searches without derivatives: its coefficients are where 13 digits of the likelihood end. */
const SEARCHED = 1e-6;
/** Its errors are central differences of step 1e-4. */
const DIFFERENCES = 1e-5;

test("a conditional logit finds the likelihood's maximum where a search without derivatives finds it", () => {
  for (const {
    coefficients,
    standardErrors,
    logLikelihood,
    nullLogLikelihood,
    hitRate,
    ...choices
  } of reference.logit) {
    const got = conditionalLogit(choices);
    expect(got.converged).toBe(true);
    coefficients.forEach((want, i) => {
      expectClose(got.coefficients[i], want, SEARCHED, `coefficient ${i}`);
      expectClose(got.standardErrors[i], standardErrors[i], DIFFERENCES, `error ${i}`);
    });
    expectClose(got.logLikelihood, logLikelihood, CLOSED_FORM);
    expectClose(got.nullLogLikelihood, nullLogLikelihood, CLOSED_FORM);
    expectClose(got.hitRate, hitRate, CLOSED_FORM);
    expectClose(got.pseudoR2, 1 - logLikelihood / nullLogLikelihood, CLOSED_FORM);
  }
});

test("two alternatives and one difference are a logistic regression without intercept, solved by hand", () => {
  // three of four choices take the alternative that is 1 higher: β = ln 3, and its error is 1/√(4 · 3/4 · 1/4)
  const got = conditionalLogit({
    predictors: [1, 0, 1, 0, 1, 0, 1, 0],
    chosen: [0, 0, 0, 1],
    alternatives: 2,
  });
  expectClose(got.coefficients[0], Math.log(3), CLOSED_FORM);
  expectClose(got.standardErrors[0], 2 / Math.sqrt(3), 1e-9);
  expect(got.hitRate).toBe(0.75);
});

test("what is the same for all alternatives of a choice changes nothing", () => {
  const [{ predictors, chosen, alternatives, coefficients }] = reference.logit;
  const shifted = predictors.map((value, i) => value + Math.floor(i / (alternatives * coefficients.length)));
  const got = conditionalLogit({ predictors: shifted, chosen, alternatives });
  coefficients.forEach((want, i) => {
    expectClose(got.coefficients[i], want, SEARCHED);
  });
});

test("predictors that separate, or do not vary, have no estimate", () => {
  const separating = conditionalLogit({ predictors: [1, 0, 1, 0, 2, 0], chosen: [0, 0, 0], alternatives: 2 });
  const flat = conditionalLogit({ predictors: [1, 1, 2, 2], chosen: [0, 1], alternatives: 2 });
  const none = conditionalLogit({ predictors: [], chosen: [], alternatives: 3 });
  for (const { converged, coefficients } of [separating, flat, none]) {
    expect(converged).toBe(false);
    expect(Array.from(coefficients).every(Number.isNaN)).toBe(true);
  }
});

test("a conditional logit refuses predictors that do not fit and alternatives that do not exist", () => {
  expect(() => conditionalLogit({ predictors: [1, 2, 3], chosen: [0], alternatives: 2 })).toThrow(
    /3 numbers/,
  );
  expect(() => conditionalLogit({ predictors: [1, 2], chosen: [2], alternatives: 2 })).toThrow(/0 to 1/);
  expect(() => conditionalLogit({ predictors: [1, Number.NaN], chosen: [0], alternatives: 2 })).toThrow(
    /finite/,
  );
});

test("mutual information and its expected value under shuffling agree with scikit-learn", () => {
  for (const { table, estimate, expected } of reference.information) {
    const got = mutualInformation(table);
    expectClose(got.estimate, estimate, CLOSED_FORM);
    expectClose(got.expected, expected, 1e-11); // nine logarithms of factorials of 128
    expectClose(got.excess, estimate - expected, 1e-11);
  }
});

test("mutual information of known tables: all, nothing, one bit", () => {
  expectClose(
    mutualInformation([
      [5, 0],
      [0, 5],
    ]).estimate,
    Math.LN2,
    CLOSED_FORM,
  );
  expectClose(
    mutualInformation([
      [4, 4],
      [2, 2],
    ]).estimate,
    0,
    CLOSED_FORM,
  );
  expect(mutualInformation([[7]])).toEqual({ estimate: 0, expected: 0, excess: 0, entropies: [0, 0] });
  expect(mutualInformation([[0]]).estimate).toBeNaN();
  const { entropies } = mutualInformation([
    [2, 2],
    [1, 3],
  ]);
  expectClose(entropies[0], Math.LN2, CLOSED_FORM);
});

test("the expected information is the mean over shuffles", () => {
  const stream = randomStream("information", 1);
  const first = Array.from({ length: 40 }, () => stream.integer(5));
  const second = Array.from({ length: 40 }, () => stream.integer(4));
  const draws = Array.from({ length: 2000 }, () => {
    const order = stream.permutation(40);
    return mutualInformation(
      crossTabulate(
        first,
        Array.from(order, (i) => second[i]),
        5,
      ),
    ).estimate;
  });
  const { expected } = mutualInformation(crossTabulate(first, second, 5));
  const { low, high } = tInterval(draws, 0.999);
  expect(expected).toBeGreaterThan(low);
  expect(expected).toBeLessThan(high);
  expect(mean(draws)).toBeGreaterThan(0.1); // far above 0 by chance alone
});
