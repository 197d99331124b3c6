/**
 * The gradient rule of every op, in terms of other ops, so that gradients are graphs and can be differentiated again.
 *
 * A rule gets the node and the gradient `d` of a scalar in the node's result; it returns one gradient an operand,
 * `undefined` where the operand is an index or the derivative is zero almost everywhere. A fused op may give a
 * definition in simpler ops instead; its gradient is then that of the definition, and a test holds the two together.
 * A rule also gets the nodes whose gradients are asked for, so that a fused gradient does not pass one of them by.
 */
import {
  add,
  broadcast,
  concat,
  constant,
  crossEntropyGrad,
  div,
  einsum,
  erf,
  exp,
  gate,
  gather,
  geluGrad,
  greater,
  mean,
  mul,
  normalizeGrad,
  normScale,
  offset,
  oneHot,
  reshape,
  scale,
  scatterAdd,
  select,
  slice,
  softmax,
  softmaxGrad,
  sqrt,
  sub,
  sum,
  sumTo,
  transpose,
} from "./build.ts";
import type { Node, OpName } from "./node.ts";

/** How an op is differentiated: by a rule, by its definition, or not at all (`reason` says why). */
export type GradientRule<P extends OpName> =
  | { rule: (node: Node<P>, d: Node, targets: ReadonlySet<Node>) => readonly (Node | undefined)[] }
  | { definition: (node: Node<P>) => Node }
  | { none: string };

const SQRT1_2 = Math.SQRT1_2;
/** 1 / sqrt(2 π): the standard normal density at 0. */
const NORMAL_PEAK = 0.3989422804014327;

const last = (x: Node) => x.shape.length - 1;
const keep = (x: Node, reduced: Node) => reshape(reduced, [...x.shape.slice(0, -1), 1]);
/** Mean over the last axis, which stays with size 1. */
const rowMean = (x: Node) => keep(x, mean(x, [last(x)]));
const rowSum = (x: Node) => keep(x, sum(x, [last(x)]));
const inverse = (order: readonly number[]) => order.map((_, axis) => order.indexOf(axis));
const join = (list: readonly string[]) => list.join(" ");

/** A gradient rule of an elementwise op: partial derivatives times d, summed back over what was broadcast. */
function partials(of: (node: Node, d: Node) => (Node | undefined)[]): {
  rule: (node: Node, d: Node) => (Node | undefined)[];
} {
  return { rule: (node, d) => of(node, d).map((g, i) => g && sumTo(g, node.inputs[i].shape)) };
}

/** The gradient rule of every op, by name: add an op and the compiler asks for its rule. */
export const gradientRules: { [P in OpName]: GradientRule<P> } = {
  input: { none: "a leaf" },
  state: { none: "a leaf" },
  constant: { none: "a leaf" },

  reshape: { rule: ({ inputs: [x] }, d) => [reshape(d, x.shape)] },
  transpose: { rule: ({ attrs }, d) => [transpose(d, inverse(attrs.order))] },
  broadcast: { rule: ({ inputs: [x] }, d) => [sumTo(d, x.shape)] },
  slice: {
    rule: ({ inputs: [x], attrs: { axis, start, end } }, d) => {
      const zeros = (size: number) =>
        constant(
          0,
          x.shape.map((full, at) => (at === axis ? size : full)),
        );
      const parts = [d];
      if (start > 0) parts.unshift(zeros(start));
      if (end < x.shape[axis]) parts.push(zeros(x.shape[axis] - end));
      return [parts.length === 1 ? d : concat(parts, axis)];
    },
  },
  concat: {
    rule: ({ inputs, attrs: { axis } }, d) => {
      let start = 0;
      return inputs.map((part) => {
        const from = start;
        start += part.shape[axis];
        return slice(d, axis, from, start);
      });
    },
  },

  add: partials((_, d) => [d, d]),
  sub: partials((_, d) => [d, scale(d, -1)]),
  mul: partials(({ inputs: [a, b] }, d) => [mul(d, b), mul(d, a)]),
  // (a / b)' in b: −a / b² = −node / b
  div: partials((node, d) => [div(d, node.inputs[1]), scale(div(mul(d, node), node.inputs[1]), -1)]),
  maximum: partials(({ inputs: [a, b] }, d) => {
    const first = greater(a, b);
    return [select(first, d, constant(0)), select(first, constant(0), d)];
  }),
  minimum: partials(({ inputs: [a, b] }, d) => {
    const second = greater(a, b);
    return [select(second, constant(0), d), select(second, d, constant(0))];
  }),
  greater: { none: "a step: its derivative is zero almost everywhere" },
  select: partials(({ inputs: [condition] }, d) => [
    undefined,
    select(condition, d, constant(0)),
    select(condition, constant(0), d),
  ]),
  gate: partials(({ inputs: [, y] }, d) => [gate(d, y), undefined]),
  scale: { rule: ({ attrs }, d) => [scale(d, attrs.by)] },
  offset: { rule: (_, d) => [d] },
  exp: { rule: (node, d) => [mul(d, node)] },
  log: { rule: ({ inputs: [x] }, d) => [div(d, x)] },
  sqrt: { rule: (node, d) => [scale(div(d, node), 0.5)] },
  tanh: { rule: (node, d) => [mul(d, offset(scale(mul(node, node), -1), 1))] },
  // erf'(x) = 2/√π · e^(−x²)
  erf: { rule: ({ inputs: [x] }, d) => [mul(d, scale(exp(scale(mul(x, x), -1)), 2 / Math.sqrt(Math.PI)))] },
  relu: { rule: (node, d) => [gate(d, node)] },
  gelu: { rule: ({ inputs: [x] }, d) => [geluGrad(d, x)] },
  // gelu'(x) = Φ(x) + x φ(x)
  geluGrad: {
    definition: ({ inputs: [d, x] }) => {
      const cdf = scale(offset(erf(scale(x, SQRT1_2)), 1), 0.5);
      const density = scale(exp(scale(mul(x, x), -0.5)), NORMAL_PEAK);
      return mul(d, add(cdf, mul(x, density)));
    },
  },

  sum: {
    rule: ({ inputs: [x], attrs: { axes } }, d) => {
      const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
      return [broadcast(reshape(d, kept), x.shape)];
    },
  },
  // each operand's gradient is the contraction of d with the other operand
  einsum: {
    rule: ({ inputs: [x, y], attrs: { a, b, out } }, d) => [
      einsum(`${join(out)}, ${join(b)} -> ${join(a)}`, d, y),
      einsum(`${join(a)}, ${join(out)} -> ${join(b)}`, x, d),
    ],
  },

  gather: { rule: ({ inputs: [table, index] }, d) => [scatterAdd(index, d, table.shape[0]), undefined] },
  scatterAdd: { rule: ({ inputs: [index] }, d) => [undefined, gather(d, index)] },
  oneHot: { none: "its operand is an index" },

  softmax: { rule: (node, d) => [softmaxGrad(node, d)] },
  softmaxGrad: { definition: ({ inputs: [p, d] }) => mul(p, sub(d, rowSum(mul(p, d)))) },
  normScale: {
    definition: ({ inputs: [x], attrs: { eps } }) => {
      const centred = sub(x, rowMean(x));
      return sqrt(offset(rowMean(mul(centred, centred)), eps));
    },
  },
  normalize: {
    rule: (node, d, targets) => {
      const [x, s] = node.inputs;
      // the usual layer norm: x and its own scale change together, one fused op gives the whole gradient in x
      if (s.op === "normScale" && s.inputs[0] === x && !targets.has(s))
        return [normalizeGrad(d, node, s), undefined];
      const ds = scale(rowSum(div(mul(d, node), s)), -1);
      return [div(sub(d, rowMean(d)), s), ds];
    },
  },
  normalizeGrad: {
    definition: ({ inputs: [d, y, s] }) => div(sub(sub(d, rowMean(d)), mul(y, rowMean(mul(d, y)))), s),
  },
  crossEntropy: {
    rule: ({ inputs: [logits, targets] }, d) => [crossEntropyGrad(logits, targets, d), undefined],
  },
  crossEntropyGrad: {
    definition: ({ inputs: [logits, targets, d] }) =>
      mul(keepLast(d), sub(softmax(logits), oneHot(targets, logits.shape[last(logits)]))),
  },

  ema: { definition: ({ inputs: [m, g], attrs: { beta } }) => add(scale(m, beta), scale(g, 1 - beta)) },
  emaSquare: {
    definition: ({ inputs: [v, g], attrs: { beta } }) => add(scale(v, beta), scale(mul(g, g), 1 - beta)),
  },
  adamUpdate: {
    definition: ({ inputs: [weight, m, v, rate, c1, c2], attrs: { eps } }) =>
      sub(weight, div(mul(rate, div(m, c1)), offset(sqrt(div(v, c2)), eps))),
  },
};

function keepLast(x: Node): Node {
  return reshape(x, [...x.shape, 1]);
}

/** The definition of gelu in simpler ops, x · Φ(x); its fused gradient is tested against this. */
export function geluDefinition(x: Node): Node {
  return mul(x, scale(offset(erf(scale(x, SQRT1_2)), 1), 0.5));
}

/** Definitions of the fused ops that have a rule of their own, for the tests that hold rule and definition together. */
export const definitions = {
  gelu: geluDefinition,
  softmax: (x: Node) => div(exp(x), rowSum(exp(x))),
  normalize: (x: Node, eps: number) => div(sub(x, rowMean(x)), normScale(x, eps)),
};
