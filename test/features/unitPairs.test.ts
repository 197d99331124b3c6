import { expect, test } from "vitest";
import { ShapeError } from "../../src/base/errors.ts";
import { type RandomStream, randomStream } from "../../src/base/random.ts";
import { firstEntries } from "../../src/features/firstEntries.ts";
import {
  correlationStrength,
  effectiveInputs,
  pairCorrelations,
  pairsOf,
  permutedPairs,
} from "../../src/features/unitPairs.ts";
import { unitTables } from "../../src/features/unitTables.ts";
import { pearson } from "../../src/stats/correlation.ts";

/** Sums of a hundred products of float64 numbers of size 1. */
const ROUNDING = 1e-12;

const normals = (stream: RandomStream, count: number) =>
  Float64Array.from({ length: count }, () => stream.normal());
const size = { dVocab: 6, nPos: 4 };
const cells = size.dVocab * size.nPos;
/** Units that look up independent random numbers, [unit, token, pos]. */
const lookUps = (stream: RandomStream, units: number) => normals(stream, units * cells);
/** p of every pair, corrected for all of them. */
function familyWise(cellMeans: Float64Array, draws: number, stream: RandomStream): number[] {
  const tables = unitTables(cellMeans, size);
  const { largest } = permutedPairs(tables, { draws, stream, threshold: 0.8 });
  const nEff = effectiveInputs(tables);
  return Array.from(pairCorrelations(tables), (r, pair) => {
    const strength = correlationStrength(r, nEff[pair]);
    return (1 + largest.filter((value) => value >= strength).length) / (1 + draws);
  });
}

function permutations(n: number): number[][] {
  if (n === 0) return [[]];
  return permutations(n - 1).flatMap((rest) =>
    Array.from({ length: n }, (_, at) => [...rest.slice(0, at), n - 1, ...rest.slice(at)]),
  );
}

test("correlations of pairs are Pearson's over cells", () => {
  const values = lookUps(randomStream("pairs"), 7);
  const r = pairCorrelations(unitTables(values, size));
  const { first, second } = pairsOf(7);
  const table = (unit: number) => values.subarray(unit * cells, (unit + 1) * cells);
  r.forEach((value, pair) => {
    expect(Math.abs(value - pearson(table(first[pair]), table(second[pair])))).toBeLessThan(ROUNDING);
  });
});

test("over all permutations of token and position labels the mean of r² is exactly 1/(n_eff − 1)", () => {
  const small = { dVocab: 3, nPos: 4 };
  const [a, b] = [normals(randomStream("labels", 0), 12), normals(randomStream("labels", 1), 12)];
  const [nEff] = effectiveInputs(unitTables([...a, ...b], small));
  let [total, count, sum] = [0, 0, 0];
  for (const tokens of permutations(3))
    for (const positions of permutations(4)) {
      const moved = Array.from(
        { length: 12 },
        (_, cell) => b[tokens[Math.floor(cell / 4)] * 4 + positions[cell % 4]],
      );
      const r = pearson(a, moved);
      total += r * r;
      sum += r;
      count++;
    }
  expect(count).toBe(144);
  expect(Math.abs(sum)).toBeLessThan(1e3 * ROUNDING);
  expect(Math.abs(total / count - 1 / (nEff - 1))).toBeLessThan(ROUNDING);
});

test("units that only know the token have as many inputs as there are tokens, whatever the number of positions", () => {
  const stream = randomStream("token units");
  const curves = [normals(stream, 10), normals(stream, 10)];
  const values = curves.flatMap((curve) =>
    Array.from({ length: 80 }, (_, cell) => curve[Math.floor(cell / 8)]),
  );
  expect(effectiveInputs(unitTables(values, { dVocab: 10, nPos: 8 }))[0]).toBeCloseTo(10, 9);
});

test("a token unit and a position unit can never correlate, and rest on infinitely many inputs", () => {
  const values = [0, 0, 1, 1, 0, 1, 0, 1]; // [unit 2, token 2, pos 2]
  const tables = unitTables(values, { dVocab: 2, nPos: 2 });
  expect(pairCorrelations(tables)[0]).toBe(0);
  expect(effectiveInputs(tables)[0]).toBe(Number.POSITIVE_INFINITY);
});

test("a flat unit has no correlation and no number of inputs", () => {
  const tables = unitTables([...new Array(cells).fill(0.1), ...lookUps(randomStream("flat"), 1)], size);
  expect(Array.from(tables.flat)).toEqual([1, 0]);
  expect(pairCorrelations(tables)[0]).toBeNaN();
  expect(effectiveInputs(tables)[0]).toBeNaN();
});

test("a duplicated unit and an opposed one are found, and nothing else", () => {
  const units = 20;
  const values = lookUps(randomStream("planted"), units);
  const copy = (from: number, to: number, scale: number) => {
    for (let cell = 0; cell < cells; cell++)
      values[to * cells + cell] = 3 + scale * values[from * cells + cell];
  };
  copy(2, 11, 0.5);
  copy(7, 15, -4);
  const { first, second } = pairsOf(units);
  const found = familyWise(values, 199, randomStream("planted", "draws"))
    .map((p, pair) => ({ p, pair: [first[pair], second[pair]] }))
    .filter(({ p }) => p <= 0.05);
  expect(found.map(({ pair }) => pair)).toEqual([
    [2, 11],
    [7, 15],
  ]);
});

test("of networks of unrelated units five in a hundred have a pair beyond the null, at most", () => {
  const networks = 300;
  let called = 0;
  for (let network = 0; network < networks; network++) {
    const stream = randomStream("family", network);
    if (Math.min(...familyWise(lookUps(stream, 8), 39, stream)) <= 0.05) called++;
  }
  // the level of a rank among 39 draws is exactly 2/40; three standard errors of 300 trials
  const THREE_ERRORS = 3 * Math.sqrt((0.05 * 0.95) / networks);
  expect(Math.abs(called / networks - 0.05)).toBeLessThan(THREE_ERRORS);
});

test("permuted counts above a threshold are those that n_eff predicts", () => {
  // token units of 6 tokens: r of two is that of 6 normal numbers, P(|r| > 0.8) = 0.0560
  const stream = randomStream("counts");
  const values = Array.from({ length: 12 }, () => Array.from(normals(stream, size.dVocab))).flatMap((curve) =>
    Array.from({ length: cells }, (_, cell) => curve[Math.floor(cell / size.nPos)]),
  );
  const { above, counts } = permutedPairs(unitTables(values, size), { draws: 300, stream, threshold: 0.8 });
  const SPREAD = 0.02; // these 12 curves are no normal population: their own share differs from the expected one
  expect(Math.abs(above[0] / 66 - 0.056)).toBeLessThan(SPREAD);
  expect(counts.reduce((sum, value) => sum + value, 0) / 300).toBeCloseTo(above[0], 9);
});

test("the original's 496 pairs rest on ten inputs, of which chance makes 2.7 strong ones", () => {
  const stream = randomStream("first entries");
  const table = normals(stream, 10 * 32);
  const tokens = Int32Array.from({ length: 500 }, (_, sample) => sample % 10);
  const activations = Float64Array.from(
    { length: 500 * 32 },
    (_, at) => table[tokens[Math.floor(at / 32)] * 32 + (at % 32)],
  );
  const found = firstEntries(activations, tokens, { units: 32, threshold: 0.8 });
  expect(found).toMatchObject({ units: 32, pairs: 496, distinctInputs: 10 });
  expect(found.nEff).toBeCloseTo(10, 9);
  expect(found.expected).toBeCloseTo(2.7, 1);
});

test("the original calls artefacts of position 0 by the dozen, and the corrected test none of them", () => {
  const units = 32;
  let [called, expected] = [0, 0];
  const repetitions = 20;
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const stream = randomStream("artefact", repetition);
    const values = lookUps(stream, units);
    const tokens = Int32Array.from({ length: 300 }, (_, sample) => sample % size.dVocab);
    const activations = Float64Array.from(
      { length: 300 * units },
      (_, at) => values[(at % units) * cells + tokens[Math.floor(at / units)] * size.nPos],
    );
    const found = firstEntries(activations, tokens, { units, threshold: 0.8 });
    called += found.called / repetitions;
    expected += found.expected / repetitions;
    if (repetition > 0) continue;
    expect(found.called).toBeGreaterThan(12);
    expect(Math.min(...familyWise(values, 99, stream))).toBeGreaterThan(0.05);
  }
  // 496 · P(|r| > 0.8) of 6 normal pairs = 27.8; the mean of 20 tables has a standard error of about 1.3
  expect(expected).toBeCloseTo(27.8, 0);
  expect(Math.abs(called - expected)).toBeLessThan(4);
});

test("tables that do not fit are refused with their sizes", () => {
  expect(() => unitTables([1, 2, 3], size)).toThrow(ShapeError);
  const [few, more] = [1, 2].map((units) => unitTables(lookUps(randomStream("sizes"), units), size));
  expect(() => pairCorrelations(few, more)).toThrow("2 units on 6 tokens and 4 positions");
});
