/** Random uses of every op: shapes and attributes from fast-check, numbers from a stream keyed by the trial. */
import fc from "fast-check";
import { type RandomStream, randomStream } from "../../src/base/random.ts";
import { makeNode } from "../../src/graph/build.ts";
import type { ComputedOp, DType, Node, OpAttrs, Shape } from "../../src/graph/node.ts";
import { sizeOf } from "../../src/graph/node.ts";
import { samples } from "../../src/graph/samples.ts";

/** Where an operand's numbers come from: the domain of the op, and far enough inside it for float32. */
export type Draw = (stream: RandomStream) => number;

export interface TrialOperand {
  shape: Shape;
  dtype: DType;
  draw: Draw;
}

/** One random use of an op. */
export interface Trial<P extends ComputedOp = ComputedOp> {
  operands: TrialOperand[];
  attrs: OpAttrs[P];
  seed: number;
}

/** A tensor of one model, row-major. */
export interface Tensor {
  shape: Shape;
  dtype: DType;
  values: number[];
}

const normal: Draw = (stream) => stream.normal();
const positive: Draw = (stream) => 0.25 + 3 * stream.uniform();
const awayFromZero: Draw = (stream) => (stream.uniform() < 0.5 ? -1 : 1) * positive(stream);
const fraction: Draw = (stream) => 0.05 + 0.95 * stream.uniform();
const indexBelow =
  (size: number): Draw =>
  (stream) =>
    stream.integer(size);

const float = (shape: Shape, draw: Draw = normal): TrialOperand => ({ shape, dtype: "float32", draw });
const index = (shape: Shape, below: number): TrialOperand => ({
  shape,
  dtype: "int32",
  draw: indexBelow(below),
});

interface Use<Attrs> {
  operands: TrialOperand[];
  attrs: Attrs;
}
type None = Record<never, never>;

const size = fc.integer({ min: 1, max: 5 });
const shape = fc.array(size, { maxLength: 3 });
const shapeWithAxis = fc.array(size, { minLength: 1, maxLength: 3 });
const last = (of: Shape) => of[of.length - 1];
const rows = (of: Shape) => of.slice(0, -1);

/** Shapes that broadcast to a common one: each lacks some leading axes and has size 1 at some others. */
function broadcastable(count: number): fc.Arbitrary<Shape[]> {
  const cut = (full: Shape) =>
    fc
      .record({ lead: fc.integer({ min: 0, max: full.length }), ones: fc.integer({ min: 0, max: 7 }) })
      .map(({ lead, ones }) => full.slice(lead).map((n, axis) => ((ones >> axis) & 1 ? 1 : n)));
  return shape.chain((full) => fc.tuple(...Array.from({ length: count }, () => cut(full))));
}

function elementwise(...draws: Draw[]): fc.Arbitrary<Use<None>> {
  return broadcastable(draws.length).map((shapes) => ({
    operands: shapes.map((of, i) => float(of, draws[i])),
    attrs: {},
  }));
}

/** Operands of one shape. */
function alike(...draws: Draw[]): fc.Arbitrary<Use<None>> {
  return shape.map((of) => ({ operands: draws.map((draw) => float(of, draw)), attrs: {} }));
}

const unary = (draw: Draw) => alike(draw);
const number = fc.integer({ min: -40, max: 40 }).map((n) => n / 8);
const beta = fc.constantFrom(0, 0.5, 0.9, 0.999);

/** Labels by the lists they stand in: both operands and not the result, all three, one operand and the result. */
const contraction: fc.Arbitrary<Use<OpAttrs["einsum"]>> = fc
  .record({
    labels: fc.array(
      fc.record({
        kind: fc.constantFrom("summed", "kept", "left", "right"),
        n: fc.integer({ min: 1, max: 4 }),
      }),
      { maxLength: 4 },
    ),
    order: fc.integer({ min: 0, max: 1e6 }),
  })
  .map(({ labels, order }) => {
    const stream = randomStream("einsum order", order);
    const named = labels.map(({ kind, n }, i) => ({ kind, n, label: "abcd"[i] }));
    const shuffled = (kinds: string[]) => {
      const list = named.filter(({ kind }) => kinds.includes(kind));
      return [...stream.permutation(list.length)].map((i) => list[i]);
    };
    const [a, b] = [shuffled(["summed", "kept", "left"]), shuffled(["summed", "kept", "right"])];
    const out = shuffled(["kept", "left", "right"]);
    return {
      operands: [float(a.map(({ n }) => n)), float(b.map(({ n }) => n))],
      attrs: {
        a: a.map(({ label }) => label),
        b: b.map(({ label }) => label),
        out: out.map(({ label }) => label),
      },
    };
  });

/** Random uses of every op that computes something. */
const uses: { [P in ComputedOp]: fc.Arbitrary<Use<OpAttrs[P]>> } = {
  reshape: shape.map((of) => ({ operands: [float(of)], attrs: { shape: [1, ...of.toReversed()] } })),
  transpose: shape.chain((of) =>
    fc
      .shuffledSubarray(
        of.map((_, axis) => axis),
        { minLength: of.length },
      )
      .map((order) => ({ operands: [float(of)], attrs: { order } })),
  ),
  broadcast: fc
    .tuple(shape, fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 7 }))
    .map(([to, lead, ones]) => ({
      operands: [float(to.slice(lead).map((n, axis) => ((ones >> axis) & 1 ? 1 : n)))],
      attrs: { shape: to },
    })),
  slice: fc
    .tuple(shapeWithAxis, fc.nat(), fc.nat(), fc.nat())
    .map(([of, axisDraw, startDraw, lengthDraw]) => {
      const axis = axisDraw % of.length;
      const start = startDraw % of[axis];
      const end = start + 1 + (lengthDraw % (of[axis] - start));
      return { operands: [float(of)], attrs: { axis, start, end } };
    }),
  concat: fc
    .tuple(shapeWithAxis, fc.nat(), fc.array(size, { minLength: 1, maxLength: 3 }))
    .map(([of, axisDraw, sizes]) => {
      const axis = axisDraw % of.length;
      return { operands: sizes.map((n) => float(of.with(axis, n))), attrs: { axis } };
    }),

  add: elementwise(normal, normal),
  sub: elementwise(normal, normal),
  mul: elementwise(normal, normal),
  div: elementwise(normal, awayFromZero),
  maximum: elementwise(normal, normal),
  minimum: elementwise(normal, normal),
  greater: elementwise(normal, normal),
  select: elementwise(normal, normal, normal),
  gate: elementwise(normal, normal),
  scale: fc.tuple(shape, number).map(([of, by]) => ({ operands: [float(of)], attrs: { by } })),
  offset: fc.tuple(shape, number).map(([of, by]) => ({ operands: [float(of)], attrs: { by } })),
  exp: unary(normal),
  log: unary(positive),
  sqrt: unary(positive),
  tanh: unary(normal),
  erf: unary(normal),
  relu: unary(normal),
  gelu: unary(normal),
  geluGrad: alike(normal, normal),

  sum: fc.tuple(shapeWithAxis, fc.integer({ min: 1, max: 7 })).map(([of, chosen]) => {
    const axes = of.map((_, axis) => axis).filter((axis) => (chosen >> axis) & 1);
    return { operands: [float(of)], attrs: { axes: axes.length === 0 ? [0] : axes } };
  }),
  einsum: contraction,

  gather: fc
    .tuple(size, size, shape)
    .map(([n, columns, of]) => ({ operands: [float([n, columns]), index(of, n)], attrs: {} })),
  scatterAdd: fc
    .tuple(size, size, shape)
    .map(([n, columns, of]) => ({ operands: [index(of, n), float([...of, columns])], attrs: { rows: n } })),
  oneHot: fc.tuple(size, shape).map(([depth, of]) => ({ operands: [index(of, depth)], attrs: { depth } })),

  softmax: shapeWithAxis.map((of) => ({ operands: [float(of)], attrs: {} })),
  softmaxGrad: shapeWithAxis.map((of) => ({ operands: [float(of, fraction), float(of)], attrs: {} })),
  normScale: shapeWithAxis.map((of) => ({ operands: [float(of)], attrs: { eps: 0.01 } })),
  normalize: shapeWithAxis.map((of) => ({
    operands: [float(of), float([...rows(of), 1], positive)],
    attrs: {},
  })),
  normalizeGrad: shapeWithAxis.map((of) => ({
    operands: [float(of), float(of), float([...rows(of), 1], positive)],
    attrs: {},
  })),
  crossEntropy: shapeWithAxis.map((of) => ({ operands: [float(of), index(rows(of), last(of))], attrs: {} })),
  crossEntropyGrad: shapeWithAxis.map((of) => ({
    operands: [float(of), index(rows(of), last(of)), float(rows(of))],
    attrs: {},
  })),

  ema: fc.tuple(shape, beta).map(([of, b]) => ({ operands: [float(of), float(of)], attrs: { beta: b } })),
  emaSquare: fc
    .tuple(shape, beta)
    .map(([of, b]) => ({ operands: [float(of, positive), float(of)], attrs: { beta: b } })),
  adamUpdate: shape.map((of) => ({
    operands: [
      float(of),
      float(of),
      float(of, positive),
      ...[0, 1, 2].map(() => float([], fraction)), // rate and both corrections
    ],
    attrs: { eps: 1e-8 },
  })),
};

/** Random uses of an op, each with the seed of its numbers. */
export function trials<P extends ComputedOp>(op: P): fc.Arbitrary<Trial<P>> {
  return fc
    .tuple(uses[op] as fc.Arbitrary<Use<OpAttrs[P]>>, fc.integer({ min: 0, max: 1e6 }))
    .map(([use, seed]) => ({ ...use, seed }));
}

/** The numbers of one model for a trial; rounded to float32, so that every backend computes with the same ones. */
export function drawOperands(trial: Trial, model: number): Tensor[] {
  return trial.operands.map(({ shape: of, dtype, draw }, operand) => {
    const stream = randomStream("trial", trial.seed, "model", model, "operand", operand);
    const values = Array.from({ length: sizeOf(of) }, () => Math.fround(draw(stream)));
    return { shape: of, dtype, values };
  });
}

/** The operands of every sample of an op, rounded to float32. */
export function sampleTensors<P extends ComputedOp>(op: P) {
  return samples[op].map((sample) => ({
    ...sample,
    attrs: sample.attrs as OpAttrs[P],
    operands: sample.operands.map(
      (operand): Tensor => ({
        ...operand,
        values: operand.values.map(Math.fround),
      }),
    ),
  }));
}

/** Every op that computes something. */
export const computedOps = Object.keys(samples) as ComputedOp[];

/** The node of an op on operands, without the type of its attributes. */
export const nodeOf = (op: ComputedOp, inputs: readonly Node[], attrs: OpAttrs[ComputedOp]): Node =>
  makeNode(op, inputs, attrs as never);
