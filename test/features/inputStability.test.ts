import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { latinBlocks, type Probe } from "../../src/data/probes.ts";
import { inputStability, sampledInputs } from "../../src/features/inputStability.ts";
import { activationBins, largestActivation, normalMaximum } from "../../src/features/largestActivation.ts";
import { preferredLevels } from "../../src/features/preferredLevels.ts";
import { pearson } from "../../src/stats/correlation.ts";
import { plantedActivations, plantedCurves, randomLookUp, smallProbe, type Unit } from "./planted.ts";

const visible = () => ({ from: 0, to: 3 });
const halves = (values: ArrayLike<number>, probe: Probe, units: number, { most = 5, from = 0 } = {}) =>
  [0, 1].map((half) => sampledInputs(values, probe, { units, most, half: half as 0 | 1, from, visible }));
const mean = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b) / values.length;

test("a unit that knows its cell is found again, noise as often as shuffling says", () => {
  const stream = randomStream("stability");
  const probe = latinBlocks({ dVocab: 5, nPos: 4, blocks: 12, stream });
  const units = 1500;
  const oneCell: Unit = ({ token, pos }) => (token === 3 && pos === 2 ? 1 + stream.uniform() : 0);
  const noise: Unit = () => stream.normal();
  const values = plantedActivations(probe, [oneCell, ...new Array(units - 1).fill(noise)]);
  const [a, b] = halves(values, probe, units);
  const { sameCell, overlap, maximaR, shuffled, otherUnit } = inputStability(a, b);
  expect([sameCell[0], overlap[0]]).toEqual([1, 1]);
  expect(maximaR[0]).toBeGreaterThan(0.95); // two largest values, of ten draws each, against nineteen zeros
  // 120 activations a half, 20 cells: standard error of a share over 1499 units
  expect(shuffled.sameCell).toBe(1 / 20);
  expect(Math.abs(mean(sameCell.subarray(1)) - 1 / 20)).toBeLessThan(0.02); // 0.0056
  expect(Math.abs(mean(overlap.subarray(1)) - shuffled.overlap[1])).toBeLessThan(0.012); // 0.0033
  expect(Math.abs(mean(maximaR.subarray(1)))).toBeLessThan(0.02); // 0.23 / √1499 = 0.006
  expect(Math.abs(otherUnit.overlap - shuffled.overlap[1])).toBeLessThan(0.012);
});

test("agreement between units is the mean over all ordered pairs", () => {
  const stream = randomStream("pairs");
  const probe = smallProbe(stream);
  // the last unit rises above its floor in two sequences only, the one before it never
  const rare: Unit = ({ sequence, pos }) => (sequence % 14 === 0 && pos === 1 ? 1 + sequence : 0);
  const shared = randomLookUp(stream, 5, 4);
  const own = () => {
    const table = randomLookUp(stream, 5, 4);
    return (at: Parameters<Unit>[0]) => shared(at) + 0.5 * table(at) + 0.3 * stream.normal();
  };
  const list: Unit[] = [own(), own(), own(), () => 7, rare];
  const values = plantedActivations(probe, list);
  const [a, b] = halves(values, probe, list.length);
  const result = inputStability(a, b);
  const cellsOf = ({ top }: typeof a, unit: number) =>
    Array.from({ length: top.found[unit] }, (_, rank) => {
      const at = unit * top.most + rank;
      return top.tokens[at * 4 + top.pos[at]] * 4 + top.pos[at];
    });
  const sharedCells = (x: number[], y: number[]) => {
    const left = [...y];
    return x.filter((cell) => left.includes(cell) && left.splice(left.indexOf(cell), 1)).length;
  };
  const same: number[] = [];
  const correlations: number[] = [];
  let [together, most] = [0, 0];
  for (let u = 0; u < list.length; u++)
    for (let v = 0; v < list.length; v++) {
      const [x, y] = [cellsOf(a, u), cellsOf(b, v)];
      const r = pearson(
        a.cellMaximum.subarray(u * 20, u * 20 + 20),
        b.cellMaximum.subarray(v * 20, v * 20 + 20),
      );
      if (u === v) {
        if (x.length > 0 && y.length > 0)
          expect(result.overlap[u]).toBeCloseTo(sharedCells(x, y) / Math.max(x.length, y.length), 12);
        else expect([result.overlap[u], result.sameCell[u]]).toEqual([Number.NaN, Number.NaN]);
        continue;
      }
      if (!Number.isNaN(r)) correlations.push(r);
      if (x.length === 0 || y.length === 0) continue;
      same.push(x[0] === y[0] ? 1 : 0);
      together += sharedCells(x, y);
      most += Math.max(x.length, y.length);
    }
  expect(same.length).toBe(12); // the constant unit is in no pair
  expect(result.otherUnit.sameCell).toBeCloseTo(mean(same), 12);
  expect(result.otherUnit.overlap).toBeCloseTo(together / most, 12);
  expect(result.otherUnit.maximaR).toBeCloseTo(mean(correlations), 12);
});

test("positions before the first sampled one do not count, and without sampled positions there is no number", () => {
  const stream = randomStream("late");
  const probe = smallProbe(stream);
  const values = plantedActivations(probe, [
    ({ token, pos }) => (pos < 2 ? 100 : 0) + token + 0.1 * stream.normal(),
  ]);
  const [a, b] = halves(values, probe, 1, { from: 2 });
  expect(Math.min(...a.top.pos)).toBe(2);
  expect(inputStability(a, b).shuffled.sameCell).toBe(1 / 10);
  const [none, neither] = halves(values, probe, 1, { from: 4 });
  const { sameCell, overlap, maximaR, shuffled } = inputStability(none, neither);
  expect([sameCell[0], overlap[0], maximaR[0], shuffled.sameCell]).toEqual(new Array(4).fill(Number.NaN));
});

test("the largest of n normal numbers has the quantiles that simulation gives", () => {
  const stream = randomStream("maxima");
  const n = 200;
  const maxima = Array.from({ length: 2000 }, () =>
    Math.max(...Array.from({ length: n }, () => stream.normal())),
  );
  for (const p of [0.025, 0.5, 0.975]) {
    const below = maxima.filter((value) => value <= normalMaximum(n, p)).length / maxima.length;
    expect(Math.abs(below - p)).toBeLessThan(0.035); // binomial standard error at most 0.011
  }
  expect(normalMaximum(1, 0.975)).toBeCloseTo(1.959963984540054, 9);
});

test("the largest activation is counted in the unit's own standard deviations", () => {
  // 1 … 99 and 200: mean (4950 + 200)/100, variance of all hundred numbers about it
  const values = Array.from({ length: 100 }, (_, i) => (i === 99 ? 200 : i + 1));
  const centre = mean(values);
  const sd = Math.sqrt(mean(values.map((value) => (value - centre) ** 2)));
  const { sds, median, high, shares, samples } = largestActivation(
    values.flatMap((value) => [value, 0.1, -1000 + 3 * value]),
    3,
  );
  expect(samples).toBe(100);
  expect(sds[0]).toBeCloseTo((200 - centre) / sd, 12);
  expect(sds[2]).toBeCloseTo(sds[0], 9);
  expect(sds[1]).toBe(Number.NaN);
  expect([median[0], high[0], median[1]]).toEqual([51, 95, 0.1]);
  expect(mean(shares) * activationBins.count).toBeCloseTo(1, 12);
  const bin = Math.floor(((200 - centre) / sd - activationBins.low) * 4);
  expect(shares[bin]).toBeCloseTo(0.01, 12);
  expect(() => largestActivation([1, 2, 3], 2)).toThrow(/2 units/);
});

test("preferred tokens and positions are those of the planted curve, and noise keeps them by chance", () => {
  const stream = randomStream("preferred");
  const probe = latinBlocks({ dVocab: 5, nPos: 4, blocks: 8, stream });
  const planted: Unit = ({ token, pos }) => (token === 4 ? 1 : 0) + (pos === 1 ? 2 : 0);
  const units: Unit[] = [planted, () => 3, ...new Array(400).fill(() => stream.normal())];
  const { token, position, tokenKept, positionKept } = preferredLevels(plantedCurves(probe, [units]));
  expect([token[0], position[0], tokenKept[0], positionKept[0]]).toEqual([4, 1, 1, 1]);
  expect([token[1], position[1], tokenKept[1], positionKept[1]]).toEqual([-1, -1, Number.NaN, Number.NaN]);
  expect(Math.abs(mean(tokenKept.subarray(2)) - 1 / 5)).toBeLessThan(0.06); // standard error 0.02
  expect(Math.abs(mean(positionKept.subarray(2)) - 1 / 4)).toBeLessThan(0.065);
});
