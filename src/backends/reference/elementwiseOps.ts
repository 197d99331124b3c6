/** Ops on one element at a time: one formula each, operands broadcast to each other. */

import type { ComputedOp } from "../../graph/node.ts";
import { erf, erfc } from "./erf.ts";
import { broadcastOffsets, type Executor } from "./executor.ts";

function unary<P extends ComputedOp>(f: (x: number) => number): Executor<P> {
  return () =>
    ([x], out) => {
      for (let i = 0; i < out.length; i++) out[i] = f(x[i]);
    };
}

function binary<P extends ComputedOp>(f: (a: number, b: number) => number): Executor<P> {
  return ({ inputs, shape }) => {
    const [ofA, ofB] = inputs.map((operand) => broadcastOffsets(operand.shape, shape));
    return ([a, b], out) => {
      for (let i = 0; i < out.length; i++) out[i] = f(a[ofA[i]], b[ofB[i]]);
    };
  };
}

/** Standard normal distribution function Φ(x). */
const normalCdf = (x: number) => 0.5 * erfc(-x * Math.SQRT1_2);
/** Standard normal density φ(x). */
const normalDensity = (x: number) => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);

type ElementwiseOp =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "maximum"
  | "minimum"
  | "greater"
  | "select"
  | "gate"
  | "scale"
  | "offset"
  | "exp"
  | "log"
  | "sqrt"
  | "tanh"
  | "erf"
  | "relu"
  | "gelu"
  | "geluGrad";

/** Executors of the elementwise ops. */
export const elementwiseExecutors: { [P in ElementwiseOp]: Executor<P> } = {
  add: binary((a, b) => a + b),
  sub: binary((a, b) => a - b),
  mul: binary((a, b) => a * b),
  div: binary((a, b) => a / b),
  maximum: binary(Math.max), // NaN where either is NaN, and 0 of −0 and 0
  minimum: binary(Math.min),
  greater: binary((a, b) => (a > b ? 1 : 0)),
  select: ({ inputs, shape }) => {
    const [ofCondition, ofA, ofB] = inputs.map((operand) => broadcastOffsets(operand.shape, shape));
    return ([condition, a, b], out) => {
      for (let i = 0; i < out.length; i++) out[i] = condition[ofCondition[i]] > 0 ? a[ofA[i]] : b[ofB[i]];
    };
  },
  gate: binary((x, y) => (y > 0 ? x : 0)),
  scale: ({ attrs: { by } }) => {
    return ([x], out) => {
      for (let i = 0; i < out.length; i++) out[i] = x[i] * by;
    };
  },
  offset: ({ attrs: { by } }) => {
    return ([x], out) => {
      for (let i = 0; i < out.length; i++) out[i] = x[i] + by;
    };
  },
  exp: unary(Math.exp),
  log: unary(Math.log),
  sqrt: unary(Math.sqrt),
  tanh: unary(Math.tanh),
  erf: unary(erf),
  relu: unary((x) => Math.max(x, 0)),
  gelu: unary((x) => x * normalCdf(x)),
  geluGrad: binary((d, x) => d * (normalCdf(x) + x * normalDensity(x))),
};
