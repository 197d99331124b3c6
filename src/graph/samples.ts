/** Small operands for every op, edges included: what the tests run on every backend and the docs show. */
import type { ComputedOp, DType, OpAttrs, Shape } from "./node.ts";

/** One operand of a sample, row-major. */
export interface SampleOperand {
  readonly shape: Shape;
  readonly values: readonly number[];
  readonly dtype: DType;
}

/** Operands and attributes of one use of an op. */
export interface Sample<P extends ComputedOp = ComputedOp> {
  /** What is to be seen in it. */
  readonly shows: string;
  readonly operands: readonly SampleOperand[];
  readonly attrs: OpAttrs[P];
  /** False where no difference quotient tells the derivative: at a kink, at an infinity, for an index. */
  readonly smooth?: false;
}

const numbers = (shape: Shape, ...values: number[]): SampleOperand => ({ shape, values, dtype: "float32" });
const indices = (shape: Shape, ...values: number[]): SampleOperand => ({ shape, values, dtype: "int32" });
const MINUS_INFINITY = Number.NEGATIVE_INFINITY;

const square = numbers([2, 3], 1, -2, 3.5, 0.25, -0.75, 6);
const row = numbers([3], 2, -0.5, 4);
const column = numbers([2, 1], 3, -1.5);
const block = numbers([2, 2, 3], 1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6);
const positive = numbers([2, 3], 1.25, 0.25, 3, 0.5, 2, 9);
const single = numbers([1], 1.5);

/** The uses that every elementwise op of two operands must get right. */
const pairs = [
  { shows: "operands of one shape", operands: [square, positive], attrs: {} },
  { shows: "a row repeated down", operands: [square, row], attrs: {} },
  { shows: "a column and a row, each repeated", operands: [column, row], attrs: {} },
  { shows: "a single number on the left", operands: [numbers([], 2), square], attrs: {} },
  {
    shows: "size-1 axes in the middle",
    operands: [block, numbers([2, 1, 3], 1.5, 7, 4.5, -8, 0.5, 3)],
    attrs: {},
  },
] as const;
const ties = {
  shows: "equal operands, zeros of both signs",
  operands: [numbers([4], 1, 0, -0, -3), numbers([4], 1, -0, 0, -3)],
  attrs: {},
  smooth: false,
} as const;
/** The uses that every elementwise op of one operand must get right. */
const singles = [
  { shows: "numbers of both signs", operands: [square], attrs: {} },
  { shows: "a single number", operands: [numbers([], -0.5)], attrs: {} },
] as const;
const positives = [
  { shows: "positive numbers", operands: [positive], attrs: {} },
  { shows: "a single number", operands: [numbers([], 1)], attrs: {} },
] as const;

/** Samples of every op that computes something: add an op and the compiler asks for its samples. */
export const samples: { readonly [P in ComputedOp]: readonly Sample<P>[] } = {
  reshape: [
    { shows: "two axes become one", operands: [square], attrs: { shape: [6] } },
    { shows: "one number gets axes", operands: [numbers([], 7)], attrs: { shape: [1, 1] } },
    {
      shows: "an index keeps its type",
      operands: [indices([4], 3, 0, 2, 1)],
      attrs: { shape: [2, 2] },
      smooth: false,
    },
  ],
  transpose: [
    { shows: "rows become columns", operands: [square], attrs: { order: [1, 0] } },
    { shows: "three axes turn", operands: [block], attrs: { order: [2, 0, 1] } },
    { shows: "order as it was", operands: [block], attrs: { order: [0, 1, 2] } },
  ],
  broadcast: [
    { shows: "a row repeated down", operands: [row], attrs: { shape: [2, 3] } },
    { shows: "a column repeated across", operands: [column], attrs: { shape: [2, 4] } },
    { shows: "one number fills a shape", operands: [numbers([], -1)], attrs: { shape: [2, 2] } },
  ],
  slice: [
    { shows: "the middle of the last axis", operands: [square], attrs: { axis: 1, start: 1, end: 2 } },
    { shows: "the end of the first axis", operands: [block], attrs: { axis: 0, start: 1, end: 2 } },
    { shows: "the whole axis", operands: [block], attrs: { axis: 1, start: 0, end: 2 } },
  ],
  concat: [
    { shows: "along the last axis", operands: [square, column], attrs: { axis: 1 } },
    { shows: "along the first axis", operands: [square, square, positive], attrs: { axis: 0 } },
    { shows: "one part alone", operands: [row], attrs: { axis: 0 } },
  ],

  add: pairs,
  sub: pairs,
  mul: pairs,
  div: pairs,
  maximum: [...pairs.slice(0, 2), ties],
  minimum: [...pairs.slice(0, 2), ties],
  greater: [...pairs, ties],
  select: [
    {
      shows: "a NaN or an infinity that is not chosen leaves no trace",
      operands: [
        numbers([4], 1, 0, -1, 2),
        numbers([4], 5, Number.NaN, 6, 7),
        numbers([4], MINUS_INFINITY, 1, 2, 3),
      ],
      attrs: {},
      smooth: false,
    },
    {
      shows: "a row of conditions, one number on the left",
      operands: [row, numbers([], 9), square],
      attrs: {},
    },
  ],
  gate: [
    ...pairs.slice(0, 2),
    {
      shows: "closed at zero, and to a NaN",
      operands: [numbers([3], Number.NaN, 2, 3), numbers([3], -1, 0, 1)],
      attrs: {},
      smooth: false,
    },
  ],
  scale: [
    { shows: "by a fraction", operands: [square], attrs: { by: -0.125 } },
    { shows: "by nothing", operands: [square], attrs: { by: 0 } },
  ],
  offset: [{ shows: "by a fraction", operands: [square], attrs: { by: -0.125 } }],
  exp: [
    ...singles,
    { shows: "exp(−∞) is 0", operands: [numbers([2], MINUS_INFINITY, 0)], attrs: {}, smooth: false },
  ],
  log: [...positives, { shows: "log 0 is −∞", operands: [numbers([2], 0, 1)], attrs: {}, smooth: false }],
  sqrt: [...positives, { shows: "the root of 0", operands: [numbers([2], 0, 4)], attrs: {}, smooth: false }],
  tanh: [
    ...singles,
    { shows: "flat far from 0, exact near it", operands: [numbers([3], 30, -30, 1e-6)], attrs: {} },
  ],
  erf: [
    ...singles,
    { shows: "flat far from 0, exact near it", operands: [numbers([3], 7, -7, 1e-6)], attrs: {} },
  ],
  relu: [...singles, { shows: "the kink at 0", operands: [numbers([2], 0, -0)], attrs: {}, smooth: false }],
  gelu: [...singles, { shows: "both tails", operands: [numbers([3], 9, -9, 0)], attrs: {} }],
  geluGrad: [
    { shows: "operands of one shape", operands: [square, positive], attrs: {} },
    { shows: "both tails", operands: [numbers([3], 1, 2, 3), numbers([3], 9, -9, 0)], attrs: {} },
  ],

  sum: [
    { shows: "over the last axis", operands: [square], attrs: { axes: [1] } },
    { shows: "over the first and the last axis", operands: [block], attrs: { axes: [0, 2] } },
    { shows: "over everything", operands: [block], attrs: { axes: [0, 1, 2] } },
    { shows: "over an axis of size 1", operands: [column], attrs: { axes: [1] } },
  ],
  einsum: [
    {
      shows: "a matrix product",
      operands: [square, numbers([3, 2], 1, 0, -1, 2, 0.5, -3)],
      attrs: { a: ["row", "inner"], b: ["inner", "column"], out: ["row", "column"] },
    },
    {
      shows: "a product of transposed matrices, one for every batch",
      operands: [block, numbers([2, 1, 3], 1, 2, 3, -1, 0, 2)],
      attrs: {
        a: ["batch", "row", "inner"],
        b: ["batch", "column", "inner"],
        out: ["column", "batch", "row"],
      },
    },
    {
      shows: "two summed axes that stand in different orders",
      operands: [numbers([2, 3, 2], 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), square],
      attrs: { a: ["head", "unit", "pos"], b: ["head", "unit"], out: ["pos"] },
    },
    { shows: "an outer product", operands: [row, single], attrs: { a: ["i"], b: ["j"], out: ["j", "i"] } },
    { shows: "a dot product", operands: [row, row], attrs: { a: ["i"], b: ["i"], out: [] } },
    { shows: "nothing summed", operands: [square, row], attrs: { a: ["i", "j"], b: ["j"], out: ["j", "i"] } },
  ],

  gather: [
    { shows: "a row twice", operands: [square, indices([3], 1, 0, 1)], attrs: {} },
    { shows: "indices with two axes", operands: [column, indices([2, 2], 0, 1, 1, 0)], attrs: {} },
    { shows: "one index", operands: [square, indices([], 1)], attrs: {} },
  ],
  scatterAdd: [
    {
      shows: "a row hit twice, a row missed",
      operands: [indices([3], 2, 0, 2), numbers([3, 2], 1, 2, 3, 4, 5, 6)],
      attrs: { rows: 4 },
    },
    { shows: "one index", operands: [indices([], 0), row], attrs: { rows: 1 } },
  ],
  oneHot: [
    { shows: "first and last", operands: [indices([2], 0, 2)], attrs: { depth: 3 } },
    { shows: "one index, one depth", operands: [indices([], 0)], attrs: { depth: 1 } },
  ],

  softmax: [
    { shows: "two rows", operands: [square], attrs: {} },
    {
      shows: "masked scores become exactly 0",
      operands: [numbers([2, 3], 1, MINUS_INFINITY, 2, MINUS_INFINITY, MINUS_INFINITY, -4)],
      attrs: {},
      smooth: false,
    },
    {
      shows: "scores whose exponential would overflow",
      operands: [numbers([3], 1000, 1001, 999)],
      attrs: {},
    },
    { shows: "one score", operands: [single], attrs: {} },
  ],
  softmaxGrad: [
    {
      shows: "two rows",
      operands: [numbers([2, 3], 0.25, 0.5, 0.25, 0, 1, 0), square],
      attrs: {},
    },
    { shows: "one score", operands: [numbers([1], 1), single], attrs: {} },
  ],
  normScale: [
    { shows: "two rows", operands: [square], attrs: { eps: 1e-5 } },
    { shows: "a constant row leaves sqrt(eps)", operands: [numbers([3], 2, 2, 2)], attrs: { eps: 0.0625 } },
    { shows: "one unit", operands: [single], attrs: { eps: 0.25 } },
  ],
  normalize: [
    { shows: "two rows", operands: [square, numbers([2, 1], 2, 0.5)], attrs: {} },
    { shows: "one unit", operands: [single, numbers([1], 0.5)], attrs: {} },
  ],
  normalizeGrad: [
    { shows: "two rows", operands: [square, positive, numbers([2, 1], 2, 0.5)], attrs: {} },
    { shows: "one unit", operands: [single, numbers([1], 0), numbers([1], 0.5)], attrs: {} },
  ],
  crossEntropy: [
    { shows: "two rows", operands: [square, indices([2], 2, 0)], attrs: {} },
    {
      shows: "logits whose exponential would overflow",
      operands: [numbers([2], 1000, 998), indices([], 1)],
      attrs: {},
    },
    {
      shows: "a masked logit that is not the target",
      operands: [numbers([1, 3], 1, MINUS_INFINITY, 2), indices([1], 0)],
      attrs: {},
      smooth: false,
    },
    { shows: "one token alone costs nothing", operands: [single, indices([], 0)], attrs: {} },
  ],
  crossEntropyGrad: [
    { shows: "two rows", operands: [square, indices([2], 2, 0), numbers([2], 1, -2)], attrs: {} },
    { shows: "one token alone", operands: [single, indices([], 0), numbers([], 3)], attrs: {} },
  ],

  ema: [
    { shows: "a usual decay", operands: [square, positive], attrs: { beta: 0.9 } },
    { shows: "no memory", operands: [square, positive], attrs: { beta: 0 } },
  ],
  emaSquare: [
    { shows: "a usual decay", operands: [positive, square], attrs: { beta: 0.99 } },
    { shows: "no memory", operands: [positive, square], attrs: { beta: 0 } },
  ],
  adamUpdate: [
    {
      shows: "the second step",
      operands: [square, square, positive, numbers([], 0.01), numbers([], 0.19), numbers([], 0.001999)],
      attrs: { eps: 1e-8 },
    },
    {
      shows: "no gradient, no step",
      operands: [
        row,
        numbers([3], 0, 0, 0),
        numbers([3], 0, 0, 0),
        numbers([], 0.1),
        numbers([], 1),
        numbers([], 1),
      ],
      attrs: { eps: 1e-8 },
      smooth: false,
    },
  ],
};
