import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { exhaustive, latinBlocks, type Probe } from "../../src/data/probes.ts";
import { cellContrasts, cellGroups, strongestCells } from "../../src/features/cellContrasts.ts";
import { cellTest } from "../../src/features/cellTest.ts";
import { cohensD } from "../../src/stats/effectSize.ts";
import { mean } from "../../src/stats/moments.ts";
import { plantedActivations, randomLookUp, smallProbe, type Unit } from "./planted.ts";

/** Sums of squares instead of squares about the mean, in float64. */
const ROUNDING = 1e-9;

const oneCell: Unit = ({ token, pos }) => (token === 3 && pos === 2 ? 1 : 0);
const constant: Unit = () => 0.1;

test("every contrast is Cohen's d of the two groups", () => {
  const stream = randomStream("contrasts");
  const probe = smallProbe(stream);
  const units: Unit[] = [() => stream.normal(), () => 40 + stream.normal(), randomLookUp(stream, 5, 4)];
  const values = plantedActivations(probe, units);
  for (const part of [0, 1, "both"] as const) {
    const d = cellContrasts(values, probe, { units: 3, part });
    for (let unit = 0; unit < 3; unit++)
      for (let token = 0; token < 5; token++)
        for (let pos = 0; pos < 4; pos++) {
          const { having, lacking } = cellGroups(values, probe, { units: 3, unit, token, pos, part });
          expect(having.length).toBe(part === "both" ? 6 : 3);
          const wanted = cohensD(having, lacking).d;
          expect(Math.abs(d[(unit * 5 + token) * 4 + pos] / wanted - 1)).toBeLessThan(ROUNDING);
        }
  }
});

test("a unit that is active in one cell is strongest there, beyond measure; a constant has no strongest cell", () => {
  const probe = smallProbe(randomStream("one cell"));
  const values = plantedActivations(probe, [oneCell, constant]);
  const d = cellContrasts(values, probe, { units: 2 });
  expect(d[3 * 4 + 2]).toBe(Number.POSITIVE_INFINITY);
  expect(d.subarray(20).every(Number.isNaN)).toBe(true);
  expect(strongestCells(d, probe)).toEqual({ token: Int32Array.of(3, -1), pos: Int32Array.of(2, -1) });
  const { p, difference } = cellTest(values, probe, {
    ...{ units: 2, cells: { token: Int32Array.of(3, -1), pos: Int32Array.of(2, -1) }, draws: 199 },
    stream: randomStream("draws"),
  });
  expect([p[1], difference[0], difference[1]]).toEqual([Number.NaN, 1, Number.NaN]);
  expect(p[0]).toBe(1 / 200); // six blocks: of 5^6 rotations one is as extreme
  const still = cellTest(values, probe, {
    ...{ units: 2, cells: { token: Int32Array.of(1, 1), pos: Int32Array.of(0, 0) }, draws: 9 },
    stream: randomStream("draws"),
  });
  expect(Array.from(still.p)).toEqual([1, 1]);
});

/** All rotations of all blocks: the test without drawing. */
function exactP(values: readonly number[], probe: Probe, token: number, pos: number): number {
  const { dVocab, nPos, count, tokens } = probe;
  let sums = [0];
  let observed = 0;
  for (let block = 0; block < count / dVocab; block++) {
    const own = Array.from({ length: dVocab }, (_, row) => values[(block * dVocab + row) * nPos + pos]);
    const home = own.findIndex((_, row) => tokens[(block * dVocab + row) * nPos + pos] === token);
    observed += own[home] - mean(own);
    sums = sums.flatMap((sum) => own.map((value) => sum + value - mean(own)));
  }
  return sums.filter((sum) => Math.abs(sum) >= Math.abs(observed) - ROUNDING).length / sums.length;
}

test("p tends to that of all rotations of all blocks", () => {
  const stream = randomStream("exact");
  const probe = latinBlocks({ dVocab: 4, nPos: 2, blocks: 4, stream });
  const unit: Unit = ({ token, pos }) => stream.normal() + (token === 2 && pos === 1 ? 1 : 0);
  const values = plantedActivations(probe, [unit]);
  const cells = { token: Int32Array.of(2), pos: Int32Array.of(1) };
  const { p, difference } = cellTest(values, probe, { units: 1, cells, draws: 4000, stream });
  // binomial standard error at most 0.008
  expect(Math.abs(p[0] - exactP(values, probe, 2, 1))).toBeLessThan(0.025);
  const { having, lacking } = cellGroups(values, probe, { units: 1, unit: 0, token: 2, pos: 1 });
  expect(difference[0]).toBeCloseTo(mean(having) - mean(lacking), 12);
});

test("found on one half and tested on the other, p is uniform for noise; tested where it was found, it is not", () => {
  const [units, stream] = [1000, randomStream("calibration")];
  const probe = latinBlocks({ dVocab: 5, nPos: 3, blocks: 12, stream });
  // skewed, and every block with a level and a spread of its own, as contexts may have
  const levels = Array.from({ length: 12 }, () => 5 * stream.normal());
  const noise: Unit = ({ sequence }) => {
    const block = Math.floor(sequence / 5);
    return levels[block] + (1 + (block % 3)) * stream.normal() ** 3;
  };
  const values = plantedActivations(probe, new Array(units).fill(noise));
  const cells = strongestCells(cellContrasts(values, probe, { units, part: 0 }), probe);
  const testOn = (part: 0 | 1) =>
    cellTest(values, probe, { units, cells, part, draws: 199, stream: stream.child(part) }).p;
  const sorted = [...testOn(1)].sort((a, b) => a - b);
  const distance = Math.max(...sorted.map((p, i) => Math.max((i + 1) / units - p, p - i / units)));
  expect(distance).toBeLessThan(1.95 / Math.sqrt(units) + 1 / 200); // Kolmogorov–Smirnov at 0.001, and the grid of p
  const rejected = sorted.filter((p) => p <= 0.05).length / units;
  expect(Math.abs(rejected - 0.05)).toBeLessThan(0.023); // binomial standard error 0.007
  expect(testOn(0).filter((p) => p <= 0.05).length / units).toBeGreaterThan(0.3);
});

test("a test needs Latin blocks, and values that fit", () => {
  const probe = exhaustive({ dVocab: 2, nPos: 2 });
  const cells = { token: Int32Array.of(0), pos: Int32Array.of(0) };
  const stream = randomStream("never drawn");
  const options = { units: 1, cells, stream };
  expect(() => cellTest(new Float64Array(8), probe, options)).toThrow(/Latin blocks.*exhaustive/);
  expect(() => cellTest(new Float64Array(7), probe, options)).toThrow(/sequence 4, pos 2, unit 1/);
  expect(() => cellContrasts(new Float64Array(7), probe, { units: 1 })).toThrow(/7 numbers/);
  const one = latinBlocks({ dVocab: 2, nPos: 2, blocks: 1, stream });
  expect(() => cellTest(new Float64Array(4), one, { ...options, part: 1 })).toThrow(/without any/);
});
