import { expect, test } from "vitest";
import { ArgumentError, ShapeError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import { againstNetworks } from "../../src/features/networkNull.ts";
import { seedInterval } from "../../src/features/seedInterval.ts";
import { setSpread } from "../../src/features/setSpread.ts";
import { shiftedSet, structuredFamilies, structuredOffsets } from "../../src/features/structuredSequences.ts";

const size = { dVocab: 7, nPos: 6 };
const setOf = (family: (typeof structuredFamilies)[number], { dVocab, nPos } = size) => {
  const offsets = structuredOffsets(family, { dVocab, nPos, stream: randomStream("sets", family) });
  const set = shiftedSet(offsets, dVocab);
  return Array.from({ length: dVocab }, (_, row) => Array.from(set.subarray(row * nPos, (row + 1) * nPos)));
};

test("every structured set holds each token once at each position", () => {
  for (const family of structuredFamilies)
    for (const some of [size, { dVocab: 2, nPos: 8 }, { dVocab: 5, nPos: 1 }]) {
      const set = setOf(family, some);
      for (let pos = 0; pos < some.nPos; pos++)
        expect(set.map((row) => row[pos]).sort((a, b) => a - b)).toEqual([...new Array(some.dVocab).keys()]);
    }
});

test("each family has the structure of its name", () => {
  const steps = (row: number[]) => row.slice(1).map((token, i) => (token - row[i] + 7) % 7);
  for (const row of setOf("ascending")) expect(steps(row)).toEqual([1, 1, 1, 1, 1]);
  for (const row of setOf("descending")) expect(steps(row)).toEqual([6, 6, 6, 6, 6]);
  for (const row of setOf("constant")) expect(new Set(row).size).toBe(1);
  for (const row of setOf("repeated")) expect(row.slice(0, 3)).toEqual(row.slice(3));
  for (const row of setOf("repeated")) expect(new Set(row).size).toBe(3);
  for (const row of setOf("palindromic")) expect([...row].reverse()).toEqual(row);
  for (const [a, b, ...rest] of setOf("alternating")) {
    expect(a).not.toBe(b);
    expect(rest).toEqual([a, b, a, b]);
  }
});

const normals = (stream: ReturnType<typeof randomStream>, count: number) =>
  Float64Array.from({ length: count }, () => stream.normal());
const unit = (count: number) => new Float64Array(count).fill(1);

test("a set that is one more random set is outside as often as the level says, and its p is uniform", () => {
  const [repetitions, sets, statistics, level] = [400, 39, 6, 0.1];
  let [outside, low] = [0, 0];
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const stream = randomStream("exchangeable", repetition);
    const common = stream.normal(); // statistics that move together
    const draw = () => normals(stream, statistics).map((value) => value + 2 * stream.normal() + common);
    const { share, p } = setSpread(draw(), Array.from({ length: sets }, draw), {
      level,
      scale: unit(statistics),
    });
    if (share > 0) outside++;
    if (p <= 0.1) low++;
  }
  const THREE_ERRORS = 3 * Math.sqrt((level * (1 - level)) / repetitions);
  expect(Math.abs(outside / repetitions - level)).toBeLessThan(THREE_ERRORS);
  expect(Math.abs(low / repetitions - 0.1)).toBeLessThan(THREE_ERRORS);
});

test("a shifted statistic is outside, its neighbours are not", () => {
  const stream = randomStream("shift");
  const random = Array.from({ length: 99 }, () => normals(stream, 5));
  const own = normals(stream, 5);
  own[3] = 9;
  const { outside, share, p, z } = setSpread(own, random, { level: 0.05, scale: unit(5) });
  expect(Array.from(outside)).toEqual([0, 0, 0, 1, 0]);
  expect(share).toBe(0.2);
  expect(p).toBe(0.01);
  expect(z[3]).toBeGreaterThan(5);
});

test("what never varies is no response, however it is rounded; what is undefined is left out", () => {
  const noise = randomStream("rounding");
  const row = () => Float64Array.of(5 + 1e-9 * noise.normal(), noise.normal(), Number.NaN);
  const own = row();
  const { varying, z } = setSpread(own, Array.from({ length: 30 }, row), { level: 0.05, scale: [5, 1, 1] });
  expect(varying).toBe(1);
  expect(z[0]).toBe(0);
  expect(z[2]).toBeNaN();
  const none = setSpread(Float64Array.of(1), [Float64Array.of(1), Float64Array.of(1)], {
    level: 0.05,
    scale: [1],
  });
  expect(none).toMatchObject({ varying: 0, p: 1 });
});

test("too few random sets leave nothing outside", () => {
  const stream = randomStream("few");
  const random = Array.from({ length: 10 }, () => normals(stream, 3));
  const { critical, share } = setSpread(unit(3).fill(100), random, { level: 0.05, scale: unit(3) });
  expect(critical).toBe(Number.POSITIVE_INFINITY);
  expect(share).toBe(0);
  expect(() => setSpread(unit(3), [unit(2), unit(2)], { level: 0.05, scale: unit(3) })).toThrow(ShapeError);
  expect(() => setSpread(unit(3), [unit(3)], { level: 0.05, scale: unit(3) })).toThrow(ArgumentError);
});

test("one network among K random ones has its rank as p", () => {
  const nulls = Array.from({ length: 19 }, (_, i) => i);
  expect(againstNetworks([50], nulls, "greater")).toMatchObject({
    networks: 19,
    mean: 9,
    p: 1 / 20,
    smallest: 1 / 20,
  });
  expect(againstNetworks([9.5], nulls, "greater").p).toBe(10 / 20);
  expect(againstNetworks([1], []).p).toBeNaN();
  expect(againstNetworks([Number.NaN], nulls).p).toBeNaN();
});

test("an interval over seeds leaves out what is not finite, and needs two", () => {
  // t of one degree of freedom at 0.975 is 12.706; half the distance of two values is s/√2
  const { estimate, low, high } = seedInterval([1, Number.NaN, 3]);
  expect([estimate, high - estimate, estimate - low].map((value) => value.toFixed(3))).toEqual([
    "2.000",
    "12.706",
    "12.706",
  ]);
  expect(seedInterval([4])).toEqual({ estimate: 4, low: Number.NaN, high: Number.NaN });
  expect(seedInterval([])).toEqual({ estimate: Number.NaN, low: Number.NaN, high: Number.NaN });
});
