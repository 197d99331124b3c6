/**
 * Builders: one function an op, plus the few compositions that everything uses.
 *
 * A builder checks shapes at once, so a model that does not fit fails on the line that wrote it.
 */
import { ArgumentError } from "../base/errors.ts";
import { type DType, type Node, type OpAttrs, type OpName, type Shape, sameShape, sizeOf } from "./node.ts";
import { type ShapeRule, shapeRules } from "./shapes.ts";

/** A node of any op, its shape checked by the op's rule. The named builders below are what to use. */
export function makeNode<P extends OpName>(op: P, inputs: readonly Node[], attrs: OpAttrs[P]): Node {
  const rule = shapeRules[op] as ShapeRule<P>;
  return { op, inputs, attrs, ...rule(inputs, attrs) } as Node;
}

/** A tensor given at every run, `[model, ...shape]`. */
export function input(name: string, shape: Shape, dtype: DType = "float32"): Node {
  return makeNode("input", [], { name, shape, dtype });
}

/** A tensor that the session holds between runs, `[model, ...shape]`: a weight, a moment, an accumulator. */
export function state(name: string, shape: Shape): Node {
  return makeNode("state", [], { name, shape, dtype: "float32" });
}

/** The same float32 numbers for every model, row-major; a single number fills the shape. */
export function constant(values: number | ArrayLike<number>, shape: Shape = []): Node {
  return makeNode("constant", [], {
    values: typeof values === "number" ? [values] : values,
    shape,
    dtype: "float32",
  });
}

/** The same elements under another shape. */
export function reshape(x: Node, shape: Shape): Node {
  return sameShape(x.shape, shape) ? x : makeNode("reshape", [x], { shape });
}

/** Axes in another order: axis i of the result is axis `order[i]` of x. */
export function transpose(x: Node, order: readonly number[]): Node {
  return makeNode("transpose", [x], { order });
}

/** Repeats size-1 and missing leading axes up to `shape`. */
export function broadcast(x: Node, shape: Shape): Node {
  return sameShape(x.shape, shape) ? x : makeNode("broadcast", [x], { shape });
}

/** Elements start ≤ i < end of one axis. */
export function slice(x: Node, axis: number, start: number, end: number): Node {
  return makeNode("slice", [x], { axis, start, end });
}

/** Operands one after the other along an axis. */
export function concat(parts: readonly Node[], axis: number): Node {
  return makeNode("concat", parts, { axis });
}

/** a + b, broadcast. */
export const add = (a: Node, b: Node): Node => makeNode("add", [a, b], {});
/** a − b, broadcast. */
export const sub = (a: Node, b: Node): Node => makeNode("sub", [a, b], {});
/** a · b elementwise, broadcast. */
export const mul = (a: Node, b: Node): Node => makeNode("mul", [a, b], {});
/** a / b elementwise, broadcast. */
export const div = (a: Node, b: Node): Node => makeNode("div", [a, b], {});
/** The larger of a and b, NaN where either is NaN. */
export const maximum = (a: Node, b: Node): Node => makeNode("maximum", [a, b], {});
/** The smaller of a and b, NaN where either is NaN. */
export const minimum = (a: Node, b: Node): Node => makeNode("minimum", [a, b], {});
/** 1 where a > b, else 0. */
export const greater = (a: Node, b: Node): Node => makeNode("greater", [a, b], {});
/** a where condition > 0, else b; never 0 · NaN. */
export const select = (condition: Node, a: Node, b: Node): Node => makeNode("select", [condition, a, b], {});
/** x where y > 0, else 0: the gradient of relu. */
export const gate = (x: Node, y: Node): Node => makeNode("gate", [x, y], {});

/** x times a number known when the graph is built. */
export const scale = (x: Node, by: number): Node => (by === 1 ? x : makeNode("scale", [x], { by }));
/** x plus a number known when the graph is built. */
export const offset = (x: Node, by: number): Node => (by === 0 ? x : makeNode("offset", [x], { by }));
/** e to the x. */
export const exp = (x: Node): Node => makeNode("exp", [x], {});
/** Natural logarithm. */
export const log = (x: Node): Node => makeNode("log", [x], {});
/** Square root. */
export const sqrt = (x: Node): Node => makeNode("sqrt", [x], {});
/** Hyperbolic tangent. */
export const tanh = (x: Node): Node => makeNode("tanh", [x], {});
/** Error function. */
export const erf = (x: Node): Node => makeNode("erf", [x], {});
/** max(x, 0). */
export const relu = (x: Node): Node => makeNode("relu", [x], {});
/** GELU by the error function: x · Φ(x). @source Hendrycks & Gimpel 2016, eq. 1 */
export const gelu = (x: Node): Node => makeNode("gelu", [x], {});
/** d · gelu′(x). */
export const geluGrad = (d: Node, x: Node): Node => makeNode("geluGrad", [d, x], {});

/** Sum over axes, which vanish; all axes if none is named. */
export function sum(x: Node, axes: readonly number[] = x.shape.map((_, axis) => axis)): Node {
  return axes.length === 0 ? x : makeNode("sum", [x], { axes: [...axes].sort((a, b) => a - b) });
}

/** Mean over axes, which vanish; all axes if none is named. */
export function mean(x: Node, axes: readonly number[] = x.shape.map((_, axis) => axis)): Node {
  const count = sizeOf(axes.map((axis) => x.shape[axis]));
  return scale(sum(x, axes), 1 / count);
}

/**
 * Sum of products over named axes.
 *
 *   einsum("batch pos dModel, head dModel dHead -> batch pos head dHead", x, W_Q)
 *
 * Every axis stands in two of the three lists: in both operands and not in the result it is summed over, in all
 * three it is kept side by side. An axis stands once in a list.
 */
export function einsum(spec: string, a: Node, b: Node): Node {
  const match = /^([^,>]*),([^,>]*)->([^,>]*)$/.exec(spec);
  if (match === null)
    throw new ArgumentError({
      where: "einsum",
      rule: 'wants "axes, axes -> axes"',
      got: JSON.stringify(spec),
    });
  const [left, right, out] = match.slice(1).map((list) => list.split(/\s+/).filter((label) => label !== ""));
  return makeNode("einsum", [a, b], { a: left, b: right, out });
}

/** Rows of a table [row, column] by index [...]: [..., column]. */
export const gather = (table: Node, index: Node): Node => makeNode("gather", [table, index], {});
/** Sums updates [..., column] into `rows` rows by index [...]: [rows, column]. */
export const scatterAdd = (index: Node, updates: Node, rows: number): Node =>
  makeNode("scatterAdd", [index, updates], { rows });
/** 1 at the index, else 0: [..., depth]. */
export const oneHot = (index: Node, depth: number): Node => makeNode("oneHot", [index], { depth });

/** exp(x) / Σ exp(x) over the last axis. */
export const softmax = (x: Node): Node => makeNode("softmax", [x], {});
/** Gradient of softmax: p · (d − Σ p d) over the last axis. */
export const softmaxGrad = (p: Node, d: Node): Node => makeNode("softmaxGrad", [p, d], {});
/** Scale of layer norm: sqrt(mean((x − mean x)²) + eps) over the last axis, which becomes 1. */
export const normScale = (x: Node, eps: number): Node => makeNode("normScale", [x], { eps });
/** (x − mean x) / scale over the last axis. */
export const normalize = (x: Node, scaleOfX: Node): Node => makeNode("normalize", [x, scaleOfX], {});
/** Gradient of y = normalize(x, normScale(x)) in x: (d − mean d − y · mean(d y)) / scale. */
export const normalizeGrad = (d: Node, y: Node, scaleOfX: Node): Node =>
  makeNode("normalizeGrad", [d, y, scaleOfX], {});
/** −ln softmax(logits)[target] in nats, [...] for logits [..., dVocab]. */
export const crossEntropy = (logits: Node, targets: Node): Node =>
  makeNode("crossEntropy", [logits, targets], {});
/** d · (softmax(logits) − oneHot(targets)). */
export const crossEntropyGrad = (logits: Node, targets: Node, d: Node): Node =>
  makeNode("crossEntropyGrad", [logits, targets, d], {});

/** Running mean: beta · m + (1 − beta) · g. */
export const ema = (m: Node, g: Node, beta: number): Node => makeNode("ema", [m, g], { beta });
/** Running mean of squares: beta · v + (1 − beta) · g². */
export const emaSquare = (v: Node, g: Node, beta: number): Node => makeNode("emaSquare", [v, g], { beta });
/** Adam's step: weight − rate · (m / correction1) / (sqrt(v / correction2) + eps). */
export const adamUpdate = (
  weight: Node,
  m: Node,
  v: Node,
  rates: { rate: Node; correction1: Node; correction2: Node; eps: number },
): Node =>
  makeNode("adamUpdate", [weight, m, v, rates.rate, rates.correction1, rates.correction2], {
    eps: rates.eps,
  });

/** Sums a broadcast tensor back to the shape it came from: the transpose of broadcasting. */
export function sumTo(x: Node, shape: Shape): Node {
  if (sameShape(x.shape, shape)) return x;
  const lead = x.shape.length - shape.length;
  const axes = x.shape
    .map((_, axis) => axis)
    .filter((axis) => axis < lead || (shape[axis - lead] === 1 && x.shape[axis] !== 1));
  return reshape(sum(x, axes), shape);
}
