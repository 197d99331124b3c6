/**
 * The tensor program as plain values: a node is an op, its operands, its attributes and the shape of its result.
 *
 * Shapes are those of ONE model. The model axis is in no graph: a backend runs the same graph for every model of a
 * population, and arrays that go in and out carry that axis first, `[model, ...shape]`.
 */

/** Element type of a tensor: float32 numbers (float64 on the reference backend) or int32 indices. */
export type DType = "float32" | "int32";

/** Sizes of the axes, without the model axis; `[]` is one number a model. */
export type Shape = readonly number[];

// biome-ignore lint/complexity/noBannedTypes: an op without attributes has exactly the empty object
type None = {};

/** Attributes of every op: what is fixed when the graph is built. The keys of this table are the ops there are. */
export interface OpAttrs {
  // leaves
  /** Given at every run. */
  input: { name: string; shape: Shape; dtype: DType };
  /** Held by the session between runs: weights, moments, accumulators. */
  state: { name: string; shape: Shape; dtype: DType };
  /** The same numbers for every model, row-major; one number fills the whole shape. */
  constant: { values: ArrayLike<number>; shape: Shape; dtype: DType };
  // shape
  reshape: { shape: Shape };
  transpose: { order: readonly number[] };
  broadcast: { shape: Shape };
  slice: { axis: number; start: number; end: number };
  concat: { axis: number };
  // elementwise, operands broadcast to each other
  add: None;
  sub: None;
  mul: None;
  div: None;
  maximum: None;
  minimum: None;
  greater: None;
  select: None;
  gate: None;
  // elementwise, one operand
  scale: { by: number };
  offset: { by: number };
  exp: None;
  log: None;
  sqrt: None;
  tanh: None;
  erf: None;
  relu: None;
  gelu: None;
  geluGrad: None;
  // reduction and contraction
  sum: { axes: readonly number[] };
  einsum: { a: readonly string[]; b: readonly string[]; out: readonly string[] };
  // indices
  gather: None;
  scatterAdd: { rows: number };
  oneHot: { depth: number };
  // fused over the last axis
  softmax: None;
  softmaxGrad: None;
  normScale: { eps: number };
  normalize: None;
  normalizeGrad: None;
  crossEntropy: None;
  crossEntropyGrad: None;
  // optimisers
  ema: { beta: number };
  emaSquare: { beta: number };
  adamUpdate: { eps: number };
}

/** Name of an op. */
export type OpName = keyof OpAttrs;

/** Ops that compute something from operands: all but the leaves. */
export type ComputedOp = Exclude<OpName, "input" | "state" | "constant">;

/** One operation of a tensor program. Nodes are immutable and compared by identity. */
export type Node<Op extends OpName = OpName> = {
  [P in Op]: {
    readonly op: P;
    readonly inputs: readonly Node[];
    readonly attrs: OpAttrs[P];
    readonly shape: Shape;
    readonly dtype: DType;
  };
}[Op];

/** Number of elements of a shape. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Row-major strides of a shape, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/** Shape as it is shown in messages, e.g. `[32 7 16]`. */
export function showShape(shape: Shape): string {
  return `[${shape.join(" ")}]`;
}

/** Whether two shapes are equal. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}
