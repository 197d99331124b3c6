import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { classTransitions, transitionCounts } from "../../src/features/classTransitions.ts";
import { type UnitClass, unitClasses, varianceComponents } from "../../src/features/varianceComponents.ts";
import { plantedCurves, smallProbe, type Unit } from "./planted.ts";

/** The n-fold repetition of a class. */
const many = (n: number, name: UnitClass) => Array.from({ length: n }, () => name);

test("counts stand in the row of the class before and the column of the class after", () => {
  const before: UnitClass[] = [...many(3, "token"), "position", "dead"];
  const after: UnitClass[] = ["token", "token", "mixed", "context", "dead"];
  // token, position, interaction, context, mixed, dead
  expect(transitionCounts(before, after).map((row) => [...row])).toEqual([
    [2, 0, 0, 0, 1, 0],
    [0, 0, 0, 1, 0, 0],
    [0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 1],
  ]);
});

test("a table of two classes has the kappa, Rand index, V, drift and entropy that are worked out by hand", () => {
  // 20 stay token, 5 go to position, 10 come from it, 15 stay: p_o = 0.7, p_e = 0.5·0.6 + 0.5·0.4 = 0.5
  const before = [...many(25, "token"), ...many(25, "position")];
  const after = [...many(20, "token"), ...many(5, "position"), ...many(10, "token"), ...many(15, "position")];
  const { kappa, adjustedRand, cramersV, drift, entropy, probability } = classTransitions(
    transitionCounts(before, after),
  );
  expect(kappa.estimate).toBeCloseTo(0.4, 12);
  // phi of a 2 × 2 table: (20·15 − 5·10)/√(25·25·30·20)
  expect(cramersV.estimate).toBeCloseTo(250 / Math.sqrt(25 * 25 * 30 * 20), 12);
  // McNemar without correction: (5 − 10)²/(5 + 10)
  expect(drift.chi2).toBeCloseTo(25 / 15, 12);
  expect(drift.df).toBe(1);
  expect([...probability[0]].slice(0, 2)).toEqual([0.8, 0.2]);
  expect(entropy[0]).toBeCloseTo(-(0.8 * Math.log(0.8) + 0.2 * Math.log(0.2)), 12);
  expect(entropy[2]).toBeNaN();
  // pairs together: 190 + 10 + 45 + 105 = 350; rows 600, columns 435 + 190 = 625, of 1225
  const expected = (600 * 625) / 1225;
  expect(adjustedRand).toBeCloseTo((350 - expected) / ((600 + 625) / 2 - expected), 12);
});

test("units of unrelated networks agree in class by chance alone, whatever the class sizes are", () => {
  const stream = randomStream("unrelated classes");
  const names: UnitClass[] = ["token", "token", "token", "position", "mixed", "context"];
  const draw = () => Array.from({ length: 64 }, () => names[stream.integer(names.length)]);
  const kappas = Array.from(
    { length: 300 },
    () => classTransitions(transitionCounts(draw(), draw())).kappa.estimate,
  );
  // SD of one kappa of 64 units about 0.085, standard error of the mean 0.005
  expect(Math.abs(kappas.reduce((a, b) => a + b) / kappas.length)).toBeLessThan(0.015);
});

test("a lower threshold turns mixed units into classes, and zero leaves only the largest share", () => {
  const probe = smallProbe(randomStream("thresholds"), { dVocab: 4, nPos: 4 });
  const wave = [1, -1, 1, -1];
  // mean squares 0.45, 0.35 and 0.2 of token, position and interaction
  const unit: Unit = ({ token, pos }) =>
    Math.sqrt(0.45) * wave[token] + Math.sqrt(0.35) * wave[pos] + Math.sqrt(0.2) * wave[token] * wave[pos];
  const components = varianceComponents(plantedCurves(probe, [[unit]]));
  const classes = [0.6, 0.5, 0.4, 0].map((threshold) => unitClasses(components, threshold)[0]);
  expect(classes).toEqual(["mixed", "mixed", "token", "token"]);
});
