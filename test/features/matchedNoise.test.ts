import { expect, test } from "vitest";
import { ArgumentError, ShapeError } from "../../src/base/errors.ts";
import { type RandomStream, randomStream } from "../../src/base/random.ts";
import {
  type DirectionName,
  directionNames,
  displacementOf,
  drawDirection,
  matchedNoise,
} from "../../src/features/matchedNoise.ts";
import { singularValues, weightMatrix } from "../../src/features/singularValues.ts";
import { sizeOf } from "../../src/graph/node.ts";
import { presets } from "../../src/model/config.ts";
import { initialPopulation } from "../../src/model/init.ts";
import { type Weights, weightShapes } from "../../src/model/weights.ts";

/** Float32 weights around 1 hold a displacement a tenth as large to about 1e-7 an entry; over a tensor errors cancel. */
const NORM = 1e-6;
/** Sums of products in float64, through a decomposition. */
const FLOAT64 = 1e-9;

const config = presets.original;
const shapes = weightShapes(config);
const MODELS = 2;
const streamsOf = (...key: (string | number)[]): RandomStream[] =>
  Array.from({ length: MODELS }, (_, model) => randomStream("matched noise", model, ...key));
const start = initialPopulation(config, { scheme: "pytorch" }, streamsOf("start"));
/** Moves of very unequal size, and one row of W_pos that has not moved. */
const end: Weights = Object.fromEntries(
  Object.entries(start).map(([name, values]) => {
    const stream = randomStream("matched noise", name, "moves");
    const size = values.length / MODELS;
    return [
      name,
      values.map((value, at) => {
        const untrained = name === "pos_embed.W_pos" && at % size >= 7 * config.dModel;
        return untrained ? value : value + 0.1 * stream.normal() ** 3;
      }),
    ];
  }),
);
const moved = displacementOf(start, end);

const norm = (values: ArrayLike<number>) =>
  Math.sqrt(Array.from(values).reduce((sum, value) => sum + value * value, 0));
const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, at) => sum + value * b[at], 0);
const ofModel = (values: Float64Array | Float32Array, model: number) =>
  values.subarray((model * values.length) / MODELS, ((model + 1) * values.length) / MODELS);
const isMatrix = (name: string) => /\.W_/.test(name);
/** Rows and columns of a weight as one matrix; a vector is one row. */
function matrixOf(name: string, values: ArrayLike<number>): number[][] {
  const shape = shapes.get(name) ?? [];
  const {
    rows,
    columns,
    values: flat,
  } = isMatrix(name) ? weightMatrix(name, shape, values) : { rows: 1, columns: sizeOf(shape), values };
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => flat[row * columns + column]),
  );
}
const columnNorms = (rows: number[][]) => rows[0].map((_, column) => norm(rows.map((row) => row[column])));
const gram = (rows: number[][]) => rows.map((a) => rows.map((b) => dot(a, b)));
const transposed = (rows: number[][]) => rows[0].map((_, column) => rows.map((row) => row[column]));
const noiseOf = (kind: DirectionName, draw = 0) =>
  matchedNoise(start, end, drawDirection(config, kind, moved, streamsOf(kind, draw)), MODELS);

function expectClose(
  a: readonly (readonly number[])[],
  b: readonly (readonly number[])[],
  tolerance: number,
) {
  const [found, wanted] = [a.flat(), b.flat()];
  expect(found).toHaveLength(wanted.length);
  const scale = Math.max(...wanted.map(Math.abs));
  const worst = found.reduce((most, value, at) => Math.max(most, Math.abs(value - wanted[at])), 0);
  expect(worst).toBeLessThanOrEqual(tolerance * scale);
}

test("every kind of noise moves every tensor of every model exactly as far as training did", () => {
  for (const kind of directionNames) {
    const noise = displacementOf(start, noiseOf(kind));
    for (const name of shapes.keys())
      for (let model = 0; model < MODELS; model++) {
        const [had, wanted] = [noise, moved].map((of) => norm(ofModel(of[name], model)));
        expect(Math.abs(had / wanted - 1)).toBeLessThan(NORM);
      }
  }
});

test("random kinds have nothing to do with the displacement or with one another: cosines are those of chance", () => {
  const inAll = (noise: Weights) =>
    Object.values(displacementOf(start, noise)).flatMap((values) => [...ofModel(values, 0)]);
  const own = Object.values(moved).flatMap((values) => [...ofModel(values, 0)]);
  const cosine = (a: number[], b: number[]) => dot(a, b) / (norm(a) * norm(b));
  for (const kind of ["isotropic", "permuted", "byUnit", "spectrum"] as const) {
    const [first, second] = [inAll(noiseOf(kind, 0)), inAll(noiseOf(kind, 1))];
    // 7,000 entries of unequal weight: a standard deviation of about 0.02
    for (const value of [cosine(first, second), cosine(first, own), cosine(second, own)])
      expect(Math.abs(value)).toBeLessThan(0.08);
  }
  expect(cosine(inAll(noiseOf("opposite")), own)).toBeCloseTo(-1, 6);
});

test("each kind keeps what it says", () => {
  const directions = Object.fromEntries(
    directionNames.map((kind) => [kind, drawDirection(config, kind, moved, streamsOf(kind))]),
  ) as Record<DirectionName, Record<string, Float64Array>>;
  for (const name of shapes.keys()) {
    const own = [...ofModel(moved[name], 1)];
    const drawn = (kind: DirectionName) => [...ofModel(directions[kind][name], 1)];
    const sizes = (values: number[]) => [values.map(Math.abs).sort((a, b) => a - b)];
    expect(sizes(drawn("permuted"))).toEqual(sizes(own));
    const matrix = matrixOf(name, own);
    expectClose([columnNorms(matrixOf(name, drawn("byUnit")))], [columnNorms(matrix)], FLOAT64);
    // D Q keeps the inner products of rows, Q D those of columns
    expectClose(gram(matrixOf(name, drawn("inputs"))), gram(matrix), FLOAT64);
    expectClose(gram(transposed(matrixOf(name, drawn("outputs")))), gram(transposed(matrix)), FLOAT64);
    const spectrum = (rows: number[][]) => [
      [...singularValues({ rows: rows.length, columns: rows[0].length, values: rows.flat() })],
    ];
    expectClose(spectrum(matrixOf(name, drawn("spectrum"))), spectrum(matrix), FLOAT64);
    const sign = Math.sign(drawn("signed")[0] * own[0]);
    expectClose([drawn("signed")], [own.map((value) => sign * value)], 0);
    expectClose([drawn("opposite")], [own.map((value) => -value)], 0);
  }
  const signs = [...shapes.keys()].map((name) => Math.sign(directions.signed[name][0] * moved[name][0]));
  expect(new Set(signs)).toEqual(new Set([-1, 1]));
});

test("isotropic noise has equal variance in every direction", () => {
  // the share of W_in's noise in its first 4 of 64 columns, mean over 40 draws: 1/16 with a standard error of 0.0019
  const shares = Array.from({ length: 40 }, (_, draw) => {
    const { "blocks.0.mlp.W_in": drawn } = drawDirection(
      config,
      "isotropic",
      moved,
      streamsOf("share", draw),
    );
    const squares = [...ofModel(drawn, 0)].map((value) => value * value);
    const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
    return sum(squares.filter((_, at) => at % 64 < 4)) / sum(squares);
  });
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  expect(Math.abs(mean - 1 / 16)).toBeLessThan(4 * 0.0019);
});

test("a row that training never moved stays where it is, whatever the noise", () => {
  for (const kind of directionNames) {
    const noise = noiseOf(kind)["pos_embed.W_pos"];
    for (let model = 0; model < MODELS; model++) {
      const untrained = 7 * config.dModel;
      expect(ofModel(noise as Float32Array, model).subarray(untrained)).toEqual(
        ofModel(start["pos_embed.W_pos"] as Float32Array, model).subarray(untrained),
      );
    }
  }
});

test("a model's noise does not depend on the models beside it, and another stream gives other noise", () => {
  const alone = Object.fromEntries(Object.entries(moved).map(([name, values]) => [name, ofModel(values, 1)]));
  for (const kind of directionNames) {
    const both = drawDirection(config, kind, moved, streamsOf(kind));
    const one = drawDirection(config, kind, alone, [streamsOf(kind)[1]]);
    for (const name of shapes.keys()) expect(one[name]).toEqual(ofModel(both[name], 1));
  }
  expect(noiseOf("isotropic", 0)["embed.W_E"]).not.toEqual(noiseOf("isotropic", 1)["embed.W_E"]);
});

test("a tensor that did not move stays, one without a direction is refused, NaN stays in its own model", () => {
  const still = { ...end, "embed.W_E": start["embed.W_E"] };
  const zeros = Object.fromEntries(
    Object.entries(moved).map(([name, values]) => [name, new Float64Array(values.length)]),
  );
  const ones = Object.fromEntries(Object.entries(moved).map(([name, values]) => [name, values.map(() => 1)]));
  expect(matchedNoise(start, still, ones, MODELS)["embed.W_E"]).toEqual(start["embed.W_E"]);
  expect(
    matchedNoise(start, still, { ...ones, "embed.W_E": zeros["embed.W_E"] }, MODELS)["embed.W_E"],
  ).toEqual(start["embed.W_E"]);
  expect(() => matchedNoise(start, end, zeros, MODELS)).toThrow(ArgumentError);
  const broken = {
    ...end,
    "unembed.b_U": end["unembed.b_U"].map((value, at) => (at < 10 ? Number.NaN : value)),
  };
  const noise = matchedNoise(start, broken, ones, MODELS)["unembed.b_U"];
  expect([...noise.subarray(0, 10)].every(Number.isNaN)).toBe(true);
  expect([...noise.subarray(10)].every(Number.isFinite)).toBe(true);
  expect(() => matchedNoise(start, end, {}, MODELS)).toThrow(ArgumentError);
  expect(() => matchedNoise(start, end, ones, 3)).toThrow(ShapeError);
  expect(() => drawDirection(config, "isotropic", moved, streamsOf().slice(1))).toThrow(ShapeError);
});
