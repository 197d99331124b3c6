import { expect, test } from "vitest";
import {
  entropy,
  klFrom,
  logitDifference,
  lossMetric,
  metric,
  probability,
  rank,
} from "../../src/interp/metrics.ts";
import type { Tensor } from "../../src/interp/tensor.ts";

/** Float64 sums of four terms. */
const DIGITS = 12;

/** One model, two rows, two positions, four tokens: logits that are logarithms of weights. */
const weights = [
  [1, 2, 3, 4],
  [1, 1, 1, 1],
  [8, 4, 2, 2],
  [6, 3, 3, 0],
];
const tensor = (rows: number[][]): Tensor => ({
  axes: ["model", "batch", "pos", "dVocab"],
  shape: [1, 2, 2, 4],
  data: Float64Array.from(rows.flat(), (value) => Math.log(value)),
});
const logits = tensor(weights);
const share = (row: number, token: number) =>
  weights[row][token] / weights[row].reduce((sum, value) => sum + value, 0);

const expectValues = (found: Tensor, expected: number[]) => {
  expect(found.axes).toEqual(["model", "batch"]);
  expect(found.shape).toEqual([1, 2]);
  found.data.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i], DIGITS);
  });
};

test("metrics of logits worked out by hand", () => {
  expectValues(logitDifference(0, 1).measure(logits), [0, Math.log(6 / 3)]);
  expectValues(logitDifference([3, 0], [0, 2], { pos: 0 }).measure(logits), [Math.log(4), Math.log(4)]);
  expectValues(probability(2, { pos: "all" }).measure(logits), [(0.3 + 0.25) / 2, (2 / 16 + 3 / 12) / 2]);
  expectValues(
    lossMetric([
      [3, 0],
      [0, 1],
    ]).measure(logits),
    [-(Math.log(0.4) + Math.log(0.25)) / 2, -(Math.log(0.5) + Math.log(0.25)) / 2],
  );
  expectValues(entropy().measure(logits), [Math.log(4), 0.5 * Math.log(2) + 0.5 * Math.log(4)]);
});

test("ranks count from 1, and ties share the mean of their ranks", () => {
  expectValues(rank(3, { pos: 0 }).measure(logits), [1, 3.5]);
  expectValues(rank(1).measure(logits), [2.5, 2.5]);
});

test("KL divergence is zero from itself, positive from another, and finite where the reference has no mass", () => {
  expectValues(klFrom(logits, { pos: "all" }).measure(logits), [0, 0]);
  const uniform = tensor(weights.map(() => [1, 1, 1, 1]));
  let expected = 0;
  for (let token = 0; token < 3; token++) expected += share(3, token) * Math.log(share(3, token) * 4);
  expectValues(klFrom(logits).measure(uniform), [0, expected]);
});

test("any function of logits is a metric, and large logits do not overflow", () => {
  expectValues(metric("first", ({ data }) => [data[0], data[8]]).measure(logits), [0, Math.log(8)]);
  const huge: Tensor = { ...logits, data: logits.data.map((value) => value + 5000) };
  expectValues(probability(2, { pos: 0 }).measure(huge), [0.3, 2 / 16]);
});

test("tokens, targets, positions and references that do not fit are refused", () => {
  expect(() => rank(4).measure(logits)).toThrow("rank, token: must be a whole number, 0 to 3; got 4");
  expect(() => probability([1]).measure(logits)).toThrow(
    "one for all batch rows or one for each; got 1, none for row 1",
  );
  expect(() => entropy({ pos: 2 }).measure(logits)).toThrow(
    "metric, pos: must be a whole number, 0 to 1; got 2",
  );
  expect(() => lossMetric([[0, 1]]).measure(logits)).toThrow("loss, target");
  const short: Tensor = { ...logits, shape: [1, 1, 2, 4], data: logits.data.slice(8) };
  expect(() => klFrom(short).measure(logits)).toThrow(
    "must have the reference's shape [1 1 2 4]; got [1 2 2 4]",
  );
  expect(() => rank(0).measure({ ...logits, axes: ["batch"] })).toThrow(
    "must have axes [model batch pos dVocab]",
  );
});
