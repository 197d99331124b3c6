import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { identityRecovery } from "../../src/features/identityRecovery.ts";
import { neighbourModel } from "../../src/features/pairing.ts";
import { persistence, reliability, tuningCorrelation } from "../../src/features/persistence.ts";
import { unitMeans } from "../../src/features/unitMeans.ts";
import { concordance, pearson } from "../../src/stats/correlation.ts";
import { plantedCurves, randomLookUp, smallProbe, type Unit } from "./planted.ts";

const probe = smallProbe(randomStream("persistence"));
const units = 12;
const layer = (label: string): Unit[] => {
  const stream = randomStream("persistence", label);
  return Array.from({ length: units }, () => randomLookUp(stream, 5, 4));
};
/** Correlations of 20 cells in float64. */
const ROUNDING = 1e-12;

test("a copy persists perfectly: r, gain and concordance 1, every unit recovered", () => {
  const curves = plantedCurves(probe, [layer("a"), layer("b")]);
  const { r, rho, gain, concordance: ccc, corrected, preferred } = persistence(curves, curves);
  for (const values of [r.all, r.token, r.position, r.interaction, rho, gain, ccc, corrected.all])
    for (const value of values) expect(Math.abs(value - 1)).toBeLessThan(ROUNDING);
  expect(new Set([...preferred.token, ...preferred.position])).toEqual(new Set([1]));
  const { recovered, matchedMean, compared } = identityRecovery(curves, curves);
  expect([...recovered]).toEqual([1, 1]);
  expect([...compared]).toEqual([units, units]);
  for (const mean of matchedMean) expect(Math.abs(mean - 1)).toBeLessThan(ROUNDING);
});

test("permuted units are matched perfectly and recovered nowhere", () => {
  const own = layer("a");
  const rotated = [...own.slice(1), own[0]];
  const [before, after] = [plantedCurves(probe, [own]), plantedCurves(probe, [rotated])];
  const { recovered, matchedMean, shuffledMean } = identityRecovery(before, after);
  expect(recovered[0]).toBe(0);
  expect(matchedMean[0]).toBeCloseTo(1, 12);
  expect(Math.abs(shuffledMean[0])).toBeLessThan(0.5);
});

test("the mean over all pairs is what random relabellings give on average", () => {
  const [before, after] = [plantedCurves(probe, [layer("a")]), plantedCurves(probe, [layer("b")])];
  const cells = (curves: typeof before, unit: number) => curves.cellMean.subarray(unit * 20, (unit + 1) * 20);
  let total = 0;
  for (let i = 0; i < units; i++)
    for (let j = 0; j < units; j++) total += pearson(cells(before, i), cells(after, j));
  expect(identityRecovery(before, after).shuffledMean[0]).toBeCloseTo(total / units ** 2, 12);
});

test("scaling and shifting a unit leaves r at 1 and shows in gain and concordance", () => {
  const own = layer("a");
  const changed = own.map(
    (unit): Unit =>
      (at) =>
        -2.5 * unit(at) + 7,
  );
  const [before, after] = [plantedCurves(probe, [own]), plantedCurves(probe, [changed])];
  const { r, rho, gain, concordance: ccc } = persistence(before, after);
  for (let unit = 0; unit < units; unit++) {
    expect(r.all[unit]).toBeCloseTo(-1, 12);
    expect(rho[unit]).toBeCloseTo(-1, 12);
    expect(gain[unit]).toBeCloseTo(-2.5, 12);
    const cells = before.cellMean.subarray(unit * 20, (unit + 1) * 20);
    expect(ccc[unit]).toBeCloseTo(
      concordance(
        cells,
        cells.map((value) => -2.5 * value + 7),
      ),
      12,
    );
  }
});

test("token and position curves are compared separately", () => {
  const token = [3, 1, 4, 1, 5];
  const position = [2, 7, 1, 8];
  const before: Unit = ({ token: t, pos }) => token[t] + position[pos];
  const after: Unit = ({ token: t, pos }) => token[t] - position[pos];
  const { r, preferred } = persistence(plantedCurves(probe, [[before]]), plantedCurves(probe, [[after]]));
  expect(r.token[0]).toBeCloseTo(1, 12);
  expect(r.position[0]).toBeCloseTo(-1, 12);
  expect([preferred.token[0], preferred.position[0]]).toEqual([1, 0]);
  // over all cells the two variances weigh against each other: (2.56 − 9.25) / (2.56 + 9.25)
  expect(r.all[0]).toBeCloseTo((2.56 - 9.25) / (2.56 + 9.25), 12);
});

test("unrelated units have r 0, preferences at chance and recovery of one in n, within Monte Carlo error", () => {
  const models = 150;
  const population = (label: string) =>
    plantedCurves(
      probe,
      Array.from({ length: models }, (_, model) => layer(`${label} ${model}`)),
    );
  const [before, after] = [population("first"), population("second")];
  const { r, rho, preferred } = persistence(before, after);
  // r of 20 independent cells has variance 1/19; of 5 tokens 1/4; a match of 5 tokens 0.2 · 0.8; 1,800 units each
  const n = models * units;
  const within = (values: ArrayLike<number>, truth: number, sd: number, count: number) => {
    const mean = Array.from(values).reduce((a, b) => a + b) / values.length;
    expect(Math.abs(mean - truth)).toBeLessThan((3.5 * sd) / Math.sqrt(count));
  };
  within(r.all, 0, Math.sqrt(1 / 19), n);
  within(rho, 0, Math.sqrt(1 / 19), n);
  within(r.token, 0, 1 / 2, n);
  within(preferred.token, 0.2, 0.4, n);
  // fixed points of a random matching: mean 1 and variance 1 a model, of 12 units
  within(identityRecovery(before, after).recovered, 1 / units, 1 / units, models);
  // and the neighbours of one population are unrelated too
  within(tuningCorrelation(before, before, { partner: neighbourModel(models) }), 0, Math.sqrt(1 / 19), n / 2);
});

test("the partner says which model is compared with which, and no partner gives NaN", () => {
  const [a, b] = [layer("a"), layer("b")];
  const before = plantedCurves(probe, [a, b]);
  const swapped = plantedCurves(probe, [b, a]);
  const r = tuningCorrelation(before, swapped, { kind: "token", partner: neighbourModel(2) });
  for (const value of r) expect(value).toBeCloseTo(1, 12);
  const alone = plantedCurves(probe, [a]);
  expect(tuningCorrelation(alone, alone, { partner: neighbourModel(1) }).every(Number.isNaN)).toBe(true);
  expect(identityRecovery(alone, alone, { partner: neighbourModel(1) }).recovered[0]).toBeNaN();
});

test("flat and dead curves are NaN, left out and counted", () => {
  const before: Unit[] = [({ token }) => token, () => 3, ({ pos }) => pos, ({ token, pos }) => token * pos];
  const after: Unit[] = [
    ({ token }) => token,
    ({ token }) => token,
    () => 0,
    ({ token, pos }) => token * pos,
  ];
  const [first, second] = [plantedCurves(probe, [before]), plantedCurves(probe, [after])];
  const { r, gain, concordance: ccc, preferred } = persistence(first, second);
  expect([...r.all].map(Number.isNaN)).toEqual([false, true, true, false]);
  expect([...r.position].map(Number.isNaN)).toEqual([true, true, true, false]);
  expect([...preferred.position].map(Number.isNaN)).toEqual([true, true, true, false]);
  expect([...gain, ...ccc].map(Number.isNaN)).toEqual([false, true, true, false, false, true, true, false]);
  const { mean, excluded } = unitMeans(r.all, 1);
  expect(mean[0]).toBeCloseTo(1, 12);
  expect(excluded[0]).toBe(2);
  const recovery = identityRecovery(first, second);
  expect([recovery.compared[0], recovery.recovered[0]]).toEqual([2, 1]);
  expect(unitMeans([Number.NaN, Number.NaN], 1).mean[0]).toBeNaN();
  expect(() => unitMeans([1, 2, 3], 2)).toThrow(/3 values for 2 models/);
});

test("correction by reliability recovers the correlation that context noise hides", () => {
  const population = 200;
  const larger = smallProbe(randomStream("larger"), { dVocab: 10, nPos: 8 });
  const stream = randomStream("attenuation");
  const truth = 0.6;
  const pairs = Array.from({ length: population }, () => {
    const [shared, one, two] = [1, 2, 3].map(() => randomLookUp(stream, 10, 8));
    const mix =
      (own: Unit): Unit =>
      (at) =>
        Math.sqrt(truth) * shared(at) + Math.sqrt(1 - truth) * own(at);
    // noise of each activation, six activations a cell: reliability 1 / (1 + 3/6)
    const noisy =
      (unit: Unit): Unit =>
      (at) =>
        unit(at) + Math.sqrt(3) * stream.normal();
    return [noisy(mix(one)), noisy(mix(two))];
  });
  const before = plantedCurves(larger, [pairs.map(([first]) => first)]);
  const after = plantedCurves(larger, [pairs.map(([, second]) => second)]);
  const { r, corrected } = persistence(before, after);
  const mean = (values: Float64Array) => unitMeans(values, 1).mean[0];
  /** Means of 200 correlations of 80 cells: standard error 0.006; a ratio of estimates is biased at order 1/80. */
  const TOLERANCE = 0.03;
  expect(Math.abs(mean(reliability(before).all) - 2 / 3)).toBeLessThan(TOLERANCE);
  expect(Math.abs(mean(r.all) - (truth * 2) / 3)).toBeLessThan(TOLERANCE);
  expect(Math.abs(mean(corrected.all) - truth)).toBeLessThan(TOLERANCE);
});

test("curves of different cells cannot be compared", () => {
  const other = smallProbe(randomStream("other"), { dVocab: 4 });
  const [a, b] = [plantedCurves(probe, [[() => 1]]), plantedCurves(other, [[() => 1]])];
  for (const compare of [persistence, tuningCorrelation, identityRecovery])
    expect(() => compare(a, b)).toThrow(/1 units, 5 tokens, 4 positions and planted with 1 units, 4 tokens/);
});
