/**
 * Metrics: what a network's answer comes to, one number a model and batch row.
 *
 * Every metric can be measured on logits; those that are differentiable are also functions of the graph, so that
 * `gradients` can ask how they depend on any site. Positions are averaged where several are meant.
 */
import { integerIn } from "../base/check.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";
import type { RunInputs, TensorData } from "../graph/backend.ts";
import { add, crossEntropy, input, mul, reshape, scale, slice, softmax, sub, sum } from "../graph/build.ts";
import { type Node, showShape } from "../graph/node.ts";
import { indicesOf, type Tensor } from "./tensor.ts";

/** Positions that a metric averages over; the last one counts from the end of whatever input it is used on. */
export type MetricPositions = number | readonly number[] | "last" | "all";

/** Sizes of the logits that a metric is used on. */
export interface LogitFrame {
  readonly models: number;
  readonly batch: number;
  readonly pos: number;
  readonly dVocab: number;
}

/** A metric as part of a graph. */
export interface MetricGraph {
  /** Says everything that `build` depends on besides shapes; the numbers come as inputs. */
  readonly key: string;
  /** @returns [batch], from logits [batch, pos, dVocab] */
  build(logits: Node): Node;
  /** Values of the inputs that `build` makes. */
  inputs(frame: LogitFrame): RunInputs;
}

/** A number that logits come to. */
export interface Metric {
  readonly name: string;
  /** @returns [model, batch], from logits [model, batch, pos, dVocab] */
  measure(logits: Tensor): Tensor;
  /** Positions whose logits it reads, of an input of some length; undefined where it may read all. */
  positions?(pos: number): readonly number[];
  /** Undefined where the metric is not differentiable. */
  readonly graph?: MetricGraph;
}

/**
 * A metric of one's own: any function of logits, without a graph.
 *
 * @param of  logits [model, batch, pos, dVocab] to one number a model and row, [model, batch]
 * @throws ShapeError when it is measured, if the function returns another number of values
 */
export function metric(name: string, of: (logits: Tensor) => ArrayLike<number>): Metric {
  const measure = (logits: Tensor): Tensor => {
    const { models, batch } = frameOf(logits);
    const data = Float64Array.from(of(logits));
    if (data.length !== models * batch)
      throw new ShapeError({
        where: `metric "${name}"`,
        rule: `must return ${models * batch} numbers, [model ${models}, batch ${batch}]`,
        got: String(data.length),
      });
    return { axes: ["model", "batch"], shape: [models, batch], data };
  };
  return { name, measure };
}

/**
 * Mean cross-entropy of the targets, in nats.
 *
 * @param targets  [batch][pos], the same for all models
 */
export function lossMetric(
  targets: readonly (readonly number[])[],
  { pos = "all" }: { pos?: MetricPositions } = {},
): Metric {
  return {
    ...rowMetric("loss", pos, (row, { batch, pos }) => {
      const target = integerIn("loss, target", targets[batch]?.[pos] ?? -1, 0, row.length - 1);
      return -logProbabilities(row)[target];
    }),
    graph: {
      key: "loss",
      build: (logits) => {
        const [batch, nPos] = logits.shape;
        const nats = crossEntropy(logits, input("metric.targets", [batch, nPos], "int32")); // [batch, pos]
        return sum(mul(nats, input("metric.positions", [nPos])), [1]); // [batch]
      },
      inputs: (frame) => {
        const fits = targets.length === frame.batch && targets.every((row) => row.length === frame.pos);
        if (!fits)
          throw new ShapeError({
            where: "loss, targets",
            rule: `must be ${showShape([frame.batch, frame.pos])}`,
            got: `${targets.length} rows of ${[...new Set(targets.map((row) => row.length))].join(", ")}`,
          });
        return {
          "metric.targets": Int32Array.from(targets.flat()),
          "metric.positions": positionWeights(pos, frame.pos),
        };
      },
    },
  };
}

/** One token for all batch rows, or one for each. */
export type TokenChoice = number | readonly number[];

/** Logit of one token less that of another; by default at the last position. */
export function logitDifference(
  token: TokenChoice,
  other: TokenChoice,
  { pos = "last" }: { pos?: MetricPositions } = {},
): Metric {
  const at = chosen("logit difference");
  return {
    ...rowMetric("logit difference", pos, (row, { batch }) => {
      return row[at(token, batch, row.length)] - row[at(other, batch, row.length)];
    }),
    graph: {
      key: "weighted logits",
      build: (logits) => sum(mul(logits, input("metric.weights", logits.shape)), [1, 2]), // [batch]
      inputs: (frame) => ({
        "metric.weights": tokenWeights(frame, pos, (batch, put) => {
          put(at(token, batch, frame.dVocab), 1);
          put(at(other, batch, frame.dVocab), -1);
        }),
      }),
    },
  };
}

/** Probability of a token; by default at the last position. */
export function probability(token: TokenChoice, { pos = "last" }: { pos?: MetricPositions } = {}): Metric {
  const at = chosen("probability");
  return {
    ...rowMetric("probability", pos, (row, { batch }) =>
      Math.exp(logProbabilities(row)[at(token, batch, row.length)]),
    ),
    graph: {
      key: "weighted probabilities",
      build: (logits) => sum(mul(softmax(logits), input("metric.weights", logits.shape)), [1, 2]), // [batch]
      inputs: (frame) => ({
        "metric.weights": tokenWeights(frame, pos, (batch, put) => put(at(token, batch, frame.dVocab), 1)),
      }),
    },
  };
}

/** Rank of a token among the logits: 1 is the largest, ties share the mean of their ranks. Not differentiable. */
export function rank(token: TokenChoice, { pos = "last" }: { pos?: MetricPositions } = {}): Metric {
  const at = chosen("rank");
  return rowMetric("rank", pos, (row, { batch }) => {
    const own = row[at(token, batch, row.length)];
    let [above, equal] = [0, 0];
    for (const value of row) {
      if (value > own) above++;
      if (value === own) equal++;
    }
    return above + (equal + 1) / 2;
  });
}

/** Entropy of the predicted distribution, in nats: −Σ p ln p; by default at the last position. */
export function entropy({ pos = "last" }: { pos?: MetricPositions } = {}): Metric {
  return {
    ...rowMetric("entropy", pos, (row) => {
      let nats = 0;
      for (const logP of logProbabilities(row))
        if (logP > Number.NEGATIVE_INFINITY) nats -= Math.exp(logP) * logP;
      return nats;
    }),
    graph: {
      key: "entropy",
      build: (logits) => {
        const nats = sum(mul(softmax(logits), logSoftmax(logits)), [2]); // [batch, pos]
        return scale(sum(mul(nats, input("metric.positions", [logits.shape[1]])), [1]), -1); // [batch]
      },
      inputs: ({ batch, pos: nPos }) => ({
        "metric.zeros": new Int32Array(batch * nPos),
        "metric.positions": positionWeights(pos, nPos),
      }),
    },
  };
}

/**
 * Kullback-Leibler divergence of the prediction from a given one, in nats: Σ p₀ (ln p₀ − ln p); by default at the last
 * position.
 *
 * @param reference  logits that p₀ is the softmax of, [model, batch, pos, dVocab]
 */
export function klFrom(reference: Tensor, { pos = "last" }: { pos?: MetricPositions } = {}): Metric {
  const { batch: rows, pos: nPos, dVocab } = frameOf(reference);
  const logs = new Float64Array(reference.data.length);
  for (let at = 0; at < logs.length; at += dVocab)
    logs.set(logProbabilities(reference.data.subarray(at, at + dVocab)), at);
  const check = (frame: LogitFrame) => {
    const got = [frame.models, frame.batch, frame.pos, frame.dVocab];
    if (got.every((size, axis) => size === reference.shape[axis])) return;
    throw new ShapeError({
      where: "KL divergence",
      rule: `logits must have the reference's shape ${showShape(reference.shape)}`,
      got: showShape(got),
    });
  };
  const rowwise = rowMetric("KL divergence", pos, (row, at) => {
    const first = ((at.model * rows + at.batch) * nPos + at.pos) * dVocab;
    const logP = logProbabilities(row);
    let nats = 0;
    for (let token = 0; token < dVocab; token++) {
      const logP0 = logs[first + token];
      if (logP0 > Number.NEGATIVE_INFINITY) nats += Math.exp(logP0) * (logP0 - logP[token]);
    }
    return nats;
  });
  return {
    ...rowwise,
    measure: (logits) => {
      check(frameOf(logits));
      return rowwise.measure(logits);
    },
    graph: {
      key: "KL divergence",
      build: (logits) => {
        const difference = sub(input("metric.logP0", logits.shape), logSoftmax(logits)); // [batch, pos, dVocab]
        return sum(mul(difference, input("metric.weights", logits.shape)), [1, 2]); // [batch]
      },
      inputs: (frame) => {
        check(frame);
        const weights = positionWeights(pos, nPos);
        return {
          "metric.zeros": new Int32Array(rows * nPos),
          // p₀ = 0 counts as 0 · (0 − ln p)
          "metric.logP0": logs.map((logP0) => (logP0 > Number.NEGATIVE_INFINITY ? logP0 : 0)),
          "metric.weights": logs.map((logP0, i) => Math.exp(logP0) * weights[Math.floor(i / dVocab) % nPos]),
        };
      },
    },
  };
}

/** ln softmax of one row of logits, in float64. */
export function logProbabilities(row: TensorData): Float64Array {
  let top = Number.NEGATIVE_INFINITY;
  for (const value of row) top = value > top || Number.isNaN(value) ? value : top;
  let total = 0;
  for (const value of row) total += Math.exp(value - top); // the largest subtracted: exp(710) overflows
  const logTotal = top + Math.log(total);
  return Float64Array.from(row, (value) => value - logTotal);
}

/** Models, rows, positions and tokens of logits [model, batch, pos, dVocab]; throws ShapeError for other axes. */
export function frameOf({ axes, shape }: Tensor): LogitFrame {
  if (axes.join(" ") !== "model batch pos dVocab")
    throw new ShapeError({
      where: "logits",
      rule: "must have axes [model batch pos dVocab]",
      got: `[${axes.join(" ")}]`,
      wayOut: "Give those of forward, or one site of a lens.",
    });
  const [models, batch, pos, dVocab] = shape;
  return { models, batch, pos, dVocab };
}

/** ln softmax over the last axis: the logits less their log-sum-exp, which is crossEntropy of token 0 plus its logit. */
function logSoftmax(logits: Node): Node {
  const [batch, nPos] = logits.shape;
  const zeros = input("metric.zeros", [batch, nPos], "int32");
  const lse = add(reshape(crossEntropy(logits, zeros), [batch, nPos, 1]), slice(logits, 2, 0, 1)); // [batch, pos, 1]
  return sub(logits, lse); // [batch, pos, dVocab]
}

function positionsOf(pos: MetricPositions, nPos: number): number[] {
  if (pos === "last") return [nPos - 1];
  return indicesOf("metric, pos", pos === "all" ? undefined : pos, nPos);
}

/** 1 / n at each of n positions, [pos]. */
function positionWeights(pos: MetricPositions, nPos: number): Float64Array {
  const chosenOnes = positionsOf(pos, nPos);
  const weights = new Float64Array(nPos);
  for (const at of chosenOnes) weights[at] += 1 / chosenOnes.length;
  return weights;
}

/** Weights of logits [batch, pos, dVocab], those of a row's tokens spread over the positions. */
function tokenWeights(
  { batch, pos: nPos, dVocab }: LogitFrame,
  pos: MetricPositions,
  ofRow: (batch: number, put: (token: number, weight: number) => void) => void,
): Float64Array {
  const weights = new Float64Array(batch * nPos * dVocab);
  const byPosition = positionWeights(pos, nPos);
  for (let row = 0; row < batch; row++)
    ofRow(row, (token, weight) => {
      for (let at = 0; at < nPos; at++)
        weights[(row * nPos + at) * dVocab + token] += weight * byPosition[at];
    });
  return weights;
}

function chosen(where: string) {
  return (token: TokenChoice, batch: number, dVocab: number): number => {
    const one = typeof token === "number" ? token : token[batch];
    if (one === undefined)
      throw new ArgumentError({
        where: `${where}, token`,
        rule: "must be one for all batch rows or one for each",
        got: `${(token as readonly number[]).length}, none for row ${batch}`,
      });
    return integerIn(`${where}, token`, one, 0, dVocab - 1);
  };
}

/** A metric that is a function of one row of logits, averaged over positions. */
function rowMetric(
  name: string,
  pos: MetricPositions,
  of: (row: TensorData, at: { model: number; batch: number; pos: number }) => number,
): Metric {
  const { measure } = metric(name, (logits) => {
    const { models, batch, pos: nPos, dVocab } = frameOf(logits);
    const positions = positionsOf(pos, nPos);
    return Float64Array.from({ length: models * batch }, (_, at) => {
      let total = 0;
      for (const position of positions) {
        const first = (at * nPos + position) * dVocab;
        const row = logits.data.subarray(first, first + dVocab);
        total += of(row, { model: Math.floor(at / batch), batch: at % batch, pos: position });
      }
      return total / positions.length;
    });
  });
  return { name, measure, positions: (nPos) => positionsOf(pos, nPos) };
}
