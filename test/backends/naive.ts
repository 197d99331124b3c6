/**
 * What every op means, a second time and differently from the reference backend: the value of one element by its
 * index, straight from the formula. Beside it the magnitude that a rounding error of that element is relative to.
 */
import type { ComputedOp, OpAttrs, Shape } from "../../src/graph/node.ts";
import { sizeOf } from "../../src/graph/node.ts";
import type { Tensor } from "./trials.ts";

type Index = readonly number[];
/** The element of an op's result at an index. */
type Element<Attrs> = (operands: readonly Tensor[], attrs: Attrs, at: Index) => number;
type None = Record<never, never>;

/** All indices of a shape, row-major. */
export function indicesOf(shape: Shape): number[][] {
  return shape.reduce<number[][]>(
    (heads, n) => heads.flatMap((head) => Array.from({ length: n }, (_, i) => [...head, i])),
    [[]],
  );
}

/** x at an index of a shape that it broadcasts to. */
function read(x: Tensor, at: Index): number {
  const own = at.slice(at.length - x.shape.length);
  return x.values[x.shape.reduce((flat, n, axis) => flat * n + (n === 1 ? 0 : own[axis]), 0)];
}

const total = (values: number[]) => values.reduce((sum, value) => sum + value, 0);
const mean = (values: number[]) => total(values) / values.length;
/** The row of x that an index lies in. */
const rowOf = (x: Tensor, at: Index) =>
  Array.from({ length: x.shape[x.shape.length - 1] }, (_, i) => read(x, [...at.slice(0, -1), i]));

const PANELS = 60;
const NODES = [0, 0.5384693101056831, 0.906179845938664]; // Gauss–Legendre, 5 points
const WEIGHTS = [0.5688888888888889, 0.47862867049936647, 0.23692688505618908];

/** Error function by quadrature of its integral; the panels are short enough for 1e-14. */
function erf(x: number): number {
  const half = x / PANELS / 2;
  const at = (t: number) => Math.exp(-t * t);
  let sum = 0;
  for (let panel = 0; panel < PANELS; panel++) {
    const middle = (2 * panel + 1) * half;
    sum += WEIGHTS[0] * at(middle);
    for (const k of [1, 2]) sum += WEIGHTS[k] * (at(middle - NODES[k] * half) + at(middle + NODES[k] * half));
  }
  return (2 / Math.sqrt(Math.PI)) * half * sum;
}

const cdf = (x: number) => (1 + erf(x / Math.SQRT2)) / 2;
const density = (x: number) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
const probability = (row: number[], i: number) =>
  row[i] === Number.NEGATIVE_INFINITY ? 0 : 1 / total(row.map((x) => Math.exp(x - row[i])));

const unary =
  (f: (x: number) => number): Element<None> =>
  ([x], _, at) =>
    f(read(x, at));
const binary =
  (f: (a: number, b: number) => number): Element<None> =>
  ([a, b], _, at) =>
    f(read(a, at), read(b, at));

function einsum(operands: readonly Tensor[], { a, b, out }: OpAttrs["einsum"], at: Index): number {
  const [x, y] = operands;
  const summed = a.filter((label) => !out.includes(label));
  const sizes = summed.map((label) => x.shape[a.indexOf(label)]);
  return total(
    indicesOf(sizes).map((inner) => {
      const where = (label: string) =>
        out.includes(label) ? at[out.indexOf(label)] : inner[summed.indexOf(label)];
      return read(x, a.map(where)) * read(y, b.map(where));
    }),
  );
}

function sum([x]: readonly Tensor[], { axes }: OpAttrs["sum"], at: Index): number {
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const inside = indicesOf(x.shape).filter((index) => kept.every((axis, i) => index[axis] === at[i]));
  return total(inside.map((index) => read(x, index)));
}

function scatterAdd([index, updates]: readonly Tensor[], _: OpAttrs["scatterAdd"], [row, column]: Index) {
  const hits = indicesOf(index.shape).filter((at) => read(index, at) === row);
  return total(hits.map((at) => read(updates, [...at, column])));
}

/** The value of every op at an index. */
const elements: { [P in ComputedOp]: Element<OpAttrs[P]> } = {
  reshape: ([x], { shape }, at) => x.values[at.reduce((flat, i, axis) => flat * shape[axis] + i, 0)],
  transpose: ([x], { order }, at) =>
    read(
      x,
      x.shape.map((_, axis) => at[order.indexOf(axis)]),
    ),
  broadcast: unary((x) => x),
  slice: ([x], { axis, start }, at) => read(x, at.with(axis, at[axis] + start)),
  concat: (parts, { axis }, at) => {
    let within = at[axis];
    let part = 0;
    while (within >= parts[part].shape[axis]) within -= parts[part++].shape[axis];
    return read(parts[part], at.with(axis, within));
  },

  add: binary((a, b) => a + b),
  sub: binary((a, b) => a - b),
  mul: binary((a, b) => a * b),
  div: binary((a, b) => a / b),
  maximum: binary((a, b) => (a > b ? a : b >= a ? b : Number.NaN)),
  minimum: binary((a, b) => (a < b ? a : b <= a ? b : Number.NaN)),
  greater: binary((a, b) => Number(a > b)),
  select: ([condition, a, b], _, at) => read(read(condition, at) > 0 ? a : b, at),
  gate: binary((x, y) => (y > 0 ? x : 0)),
  scale: ([x], { by }, at) => read(x, at) * by,
  offset: ([x], { by }, at) => read(x, at) + by,
  exp: unary((x) => Math.E ** x),
  log: unary((x) => Math.log2(x) / Math.LOG2E),
  sqrt: unary((x) => x ** 0.5),
  tanh: unary((x) => Math.expm1(2 * Math.min(x, 20)) / (Math.expm1(2 * Math.min(x, 20)) + 2)),
  erf: unary(erf),
  relu: unary((x) => (x > 0 ? x : 0 * x)),
  gelu: unary((x) => x * cdf(x)),
  geluGrad: binary((d, x) => d * (cdf(x) + x * density(x))),

  sum,
  einsum,

  gather: ([table, index], _, at) => read(table, [read(index, at.slice(0, -1)), at[at.length - 1]]),
  scatterAdd,
  oneHot: ([index], _, at) => Number(read(index, at.slice(0, -1)) === at[at.length - 1]),

  softmax: ([x], _, at) => probability(rowOf(x, at), at[at.length - 1]),
  softmaxGrad: ([p, d], _, at) => {
    const [ps, ds] = [rowOf(p, at), rowOf(d, at)];
    // p_i Σ_j (1[i = j] − p_j) d_j
    return read(p, at) * total(ds.map((dj, j) => (Number(j === at[at.length - 1]) - ps[j]) * dj));
  },
  normScale: ([x], { eps }, at) => {
    const row = rowOf(x, at);
    // mean of squared differences of all pairs, halved, is the variance
    return Math.sqrt(mean(row.flatMap((a) => row.map((b) => (a - b) ** 2 / 2))) + eps);
  },
  normalize: ([x, scale], _, at) =>
    mean(rowOf(x, at).map((other) => (read(x, at) - other) / read(scale, at))),
  normalizeGrad: ([d, y, scale], _, at) => {
    const [ds, ys] = [rowOf(d, at), rowOf(y, at)];
    return mean(ds.map((dj, j) => read(d, at) - dj - read(y, at) * dj * ys[j])) / read(scale, at);
  },
  crossEntropy: ([logits, targets], _, at) => {
    const row = rowOf(logits, [...at, 0]);
    return -Math.log(probability(row, read(targets, at)));
  },
  crossEntropyGrad: ([logits, targets, d], _, at) => {
    const [rest, i] = [at.slice(0, -1), at[at.length - 1]];
    return read(d, rest) * (probability(rowOf(logits, at), i) - Number(read(targets, rest) === i));
  },

  ema: ([m, g], { beta }, at) => read(g, at) + beta * (read(m, at) - read(g, at)),
  emaSquare: ([v, g], { beta }, at) => read(g, at) ** 2 + beta * (read(v, at) - read(g, at) ** 2),
  adamUpdate: ([weight, m, v, rate, correction1, correction2], { eps }, at) => {
    const step = read(m, at) / read(correction1, at) / ((read(v, at) / read(correction2, at)) ** 0.5 + eps);
    return read(weight, at) - read(rate, at) * step;
  },
};

/** Operands with their signs taken off. */
const absolute = (operands: readonly Tensor[]) =>
  operands.map((x) => ({ ...x, values: x.values.map(Math.abs) }));

/**
 * What the rounding error of an element is relative to, where that is more than the element itself: the sum of the
 * magnitudes that may cancel in it.
 */
const magnitudes: { [P in ComputedOp]?: Element<OpAttrs[P]> } = {
  add: (operands, attrs, at) => elements.add(absolute(operands), attrs, at),
  sub: (operands, attrs, at) => elements.add(absolute(operands), attrs, at),
  offset: ([x], { by }, at) => Math.abs(read(x, at)) + Math.abs(by),
  gelu: ([x], _, at) => Math.abs(read(x, at)),
  geluGrad: ([d, x], _, at) => Math.abs(read(d, at)) * (1 + Math.abs(read(x, at))),
  sum: (operands, attrs, at) => sum(absolute(operands), attrs, at),
  einsum: (operands, attrs, at) => einsum(absolute(operands), attrs, at),
  scatterAdd: (operands, attrs, at) => scatterAdd(absolute(operands), attrs, at),
  // exp turns an absolute error of the shifted score into a relative one
  softmax: (operands, attrs, at) =>
    elements.softmax(operands, attrs, at) * (1 + Math.max(...finite(rowOf(operands[0], at)).map(Math.abs))),
  softmaxGrad: ([p, d], _, at) =>
    Math.abs(read(p, at)) *
    (Math.abs(read(d, at)) + total(rowOf(p, at).map((pj, j) => Math.abs(pj * rowOf(d, at)[j])))),
  normScale: ([x], { eps }, at) => Math.sqrt(eps) + 2 * mean(rowOf(x, at).map(Math.abs)),
  normalize: ([x, scale], _, at) =>
    (Math.abs(read(x, at)) + mean(rowOf(x, at).map(Math.abs))) / read(scale, at),
  normalizeGrad: ([d, y, scale], _, at) => {
    const [ds, ys] = [rowOf(d, at), rowOf(y, at)];
    const projected = Math.abs(read(y, at)) * mean(ds.map((dj, j) => Math.abs(dj * ys[j])));
    return (Math.abs(read(d, at)) + mean(ds.map(Math.abs)) + projected) / read(scale, at);
  },
  crossEntropy: ([logits], _, at) => 2 * Math.max(1, ...finite(rowOf(logits, [...at, 0])).map(Math.abs)),
  crossEntropyGrad: ([logits, , d], _, at) =>
    Math.abs(read(d, at.slice(0, -1))) * (1 + Math.max(...finite(rowOf(logits, at)).map(Math.abs))),
  ema: ([m, g], { beta }, at) => beta * Math.abs(read(m, at)) + Math.abs(read(g, at)),
  emaSquare: ([v, g], { beta }, at) => beta * Math.abs(read(v, at)) + read(g, at) ** 2,
  adamUpdate: (operands, attrs, at) =>
    2 * Math.abs(read(operands[0], at)) + Math.abs(elements.adamUpdate(operands, attrs, at)),
};

function finite(values: number[]): number[] {
  return values.filter(Number.isFinite);
}

/** Ops that move or choose numbers and round nothing: every backend gives them exactly. */
const exactOps: ReadonlySet<ComputedOp> = new Set<ComputedOp>([
  ...(["reshape", "transpose", "broadcast", "slice", "concat", "gather", "oneHot"] as const),
  ...(["maximum", "minimum", "greater", "select", "gate", "relu"] as const),
]);

/** Every element of an op's result by its definition, row-major. */
export function naive<P extends ComputedOp>(
  op: P,
  operands: readonly Tensor[],
  attrs: OpAttrs[P],
  shape: Shape,
) {
  const element = elements[op] as Element<OpAttrs[P]>;
  return indicesOf(shape).map((at) => element(operands, attrs, at));
}

/** What rounding errors of a result are relative to, element by element; 0 where nothing is rounded. */
export function magnitude<P extends ComputedOp>(
  op: P,
  operands: readonly Tensor[],
  attrs: OpAttrs[P],
  shape: Shape,
): number[] {
  if (exactOps.has(op)) return new Array<number>(sizeOf(shape)).fill(0);
  const element = (magnitudes[op] ?? elements[op]) as Element<OpAttrs[P]>;
  return indicesOf(shape).map((at) => Math.abs(element(operands, attrs, at)));
}
