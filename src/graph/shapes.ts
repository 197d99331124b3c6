/** The shape rule of every op: which operands fit, and what comes out. */
import { ShapeError } from "../base/errors.ts";
import {
  type DType,
  type Node,
  type OpAttrs,
  type OpName,
  type Shape,
  sameShape,
  showShape,
  sizeOf,
} from "./node.ts";

/** Shape and element type of a result. */
export interface TensorType {
  shape: Shape;
  dtype: DType;
}

/** An op's shape rule; throws {@link ShapeError} naming the op, every operand with its shape, and the way out. */
export type ShapeRule<P extends OpName> = (inputs: readonly Node[], attrs: OpAttrs[P]) => TensorType;

function refuse(op: string, inputs: readonly Node[], rule: string, wayOut: string): never {
  const operands = inputs.map((node) => `${describe(node)} ${node.dtype} ${showShape(node.shape)}`);
  throw new ShapeError({ where: op, rule, got: operands.join(", "), wayOut });
}

function describe(node: Node): string {
  return node.op === "input" || node.op === "state" ? `${node.op} "${node.attrs.name}"` : node.op;
}

/** The common shape of broadcast operands (axes aligned at the end; sizes equal or 1); undefined where they clash. */
export function broadcastShape(shapes: readonly Shape[]): Shape | undefined {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  const out = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    for (let axis = 0; axis < shape.length; axis++) {
      const at = rank - shape.length + axis;
      if (shape[axis] === 1) continue;
      if (out[at] !== 1 && out[at] !== shape[axis]) return undefined;
      out[at] = shape[axis];
    }
  }
  return out;
}

function requireFloat(op: string, inputs: readonly Node[]): void {
  if (inputs.every((node) => node.dtype === "float32")) return;
  refuse(op, inputs, "works on float32 operands", "Turn an index into numbers with oneHot or gather.");
}

function elementwise(op: OpName, count: number): ShapeRule<OpName> {
  return (inputs) => {
    if (inputs.length !== count) refuse(op, inputs, `takes ${count} operands`, "Give exactly that many.");
    requireFloat(op, inputs);
    const shape = broadcastShape(inputs.map((node) => node.shape));
    if (shape === undefined)
      refuse(
        op,
        inputs,
        "operands must broadcast to one shape",
        "Align the axes at the end with reshape or transpose.",
      );
    return { shape, dtype: "float32" };
  };
}

/** Operands of one shape, result of that shape. */
function alike(op: OpName, count: number): ShapeRule<OpName> {
  return (inputs) => {
    requireFloat(op, inputs);
    if (inputs.length !== count || !inputs.every((node) => sameShape(node.shape, inputs[0].shape)))
      refuse(op, inputs, `takes ${count} operand(s) of one shape`, "Broadcast or reshape them first.");
    return { shape: inputs[0].shape, dtype: "float32" };
  };
}

function leaf(_: readonly Node[], attrs: { shape: Shape; dtype: DType }): TensorType {
  return { shape: attrs.shape, dtype: attrs.dtype };
}

function needsLastAxis(op: OpName, node: Node): void {
  if (node.shape.length > 0 && node.shape[node.shape.length - 1] > 0) return;
  refuse(op, [node], "works along the last axis, which must exist", "Reshape to at least one axis.");
}

function needsAxis(op: OpName, node: Node, axis: number): void {
  if (Number.isInteger(axis) && axis >= 0 && axis < node.shape.length) return;
  refuse(op, [node], `has no axis ${axis}`, `Name an axis from 0 to ${node.shape.length - 1}.`);
}

/** The shape rule of every op, by name: add an op and the compiler asks for its rule. */
export const shapeRules: { [P in OpName]: ShapeRule<P> } = {
  input: leaf,
  state: leaf,
  constant: (inputs, attrs) => {
    const count = attrs.values.length;
    if (count !== 1 && count !== sizeOf(attrs.shape))
      refuse(
        "constant",
        inputs,
        `holds ${count} values, its shape ${showShape(attrs.shape)} wants ${sizeOf(attrs.shape)}`,
        "Give one value or all of them.",
      );
    return leaf(inputs, attrs);
  },

  reshape: (inputs, { shape }) => {
    if (sizeOf(shape) !== sizeOf(inputs[0].shape))
      refuse(
        "reshape",
        inputs,
        `cannot become ${showShape(shape)}, which has another number of elements`,
        "Keep the product of the sizes.",
      );
    return { shape, dtype: inputs[0].dtype };
  },
  transpose: (inputs, { order }) => {
    const [x] = inputs;
    const isPermutation = order.length === x.shape.length && new Set(order).size === order.length;
    if (!isPermutation || !order.every((axis) => axis in x.shape))
      refuse(
        "transpose",
        inputs,
        `order ${showShape(order)} is no permutation of its axes`,
        "Name every axis once.",
      );
    return { shape: order.map((axis) => x.shape[axis]), dtype: x.dtype };
  },
  broadcast: (inputs, { shape }) => {
    const common = broadcastShape([inputs[0].shape, shape]);
    if (common === undefined || !sameShape(common, shape))
      refuse(
        "broadcast",
        inputs,
        `does not broadcast to ${showShape(shape)}`,
        "Align the axes at the end; only size 1 is repeated.",
      );
    return { shape, dtype: inputs[0].dtype };
  },
  slice: (inputs, { axis, start, end }) => {
    const [x] = inputs;
    needsAxis("slice", x, axis);
    const whole = Number.isInteger(start) && Number.isInteger(end);
    if (!(whole && start >= 0 && start < end && end <= x.shape[axis]))
      refuse(
        "slice",
        inputs,
        `${start} to ${end} lies outside axis ${axis}`,
        `Stay within 0 to ${x.shape[axis]}.`,
      );
    return { shape: x.shape.map((size, at) => (at === axis ? end - start : size)), dtype: x.dtype };
  },
  concat: (inputs, { axis }) => {
    const [first] = inputs;
    needsAxis("concat", first, axis);
    const fits = inputs.every(
      (node) =>
        node.dtype === first.dtype &&
        node.shape.length === first.shape.length &&
        node.shape.every((size, at) => at === axis || size === first.shape[at]),
    );
    if (!fits)
      refuse(
        "concat",
        inputs,
        `operands must agree on every axis but ${axis}`,
        "Reshape or slice them first.",
      );
    const total = inputs.reduce((sum, node) => sum + node.shape[axis], 0);
    return { shape: first.shape.map((size, at) => (at === axis ? total : size)), dtype: first.dtype };
  },

  add: elementwise("add", 2),
  sub: elementwise("sub", 2),
  mul: elementwise("mul", 2),
  div: elementwise("div", 2),
  maximum: elementwise("maximum", 2),
  minimum: elementwise("minimum", 2),
  greater: elementwise("greater", 2),
  select: elementwise("select", 3),
  gate: elementwise("gate", 2),
  scale: elementwise("scale", 1),
  offset: elementwise("offset", 1),
  exp: elementwise("exp", 1),
  log: elementwise("log", 1),
  sqrt: elementwise("sqrt", 1),
  tanh: elementwise("tanh", 1),
  erf: elementwise("erf", 1),
  relu: elementwise("relu", 1),
  gelu: elementwise("gelu", 1),
  geluGrad: alike("geluGrad", 2),

  sum: (inputs, { axes }) => {
    const [x] = inputs;
    requireFloat("sum", inputs);
    for (const axis of axes) needsAxis("sum", x, axis);
    return { shape: x.shape.filter((_, axis) => !axes.includes(axis)), dtype: "float32" };
  },
  einsum: (inputs, { a, b, out }) => {
    requireFloat("einsum", inputs);
    const spec = `"${a.join(" ")}, ${b.join(" ")} -> ${out.join(" ")}"`;
    const sizes = new Map<string, number>();
    for (const [labels, node] of [[a, inputs[0]] as const, [b, inputs[1]] as const]) {
      if (labels.length !== node.shape.length || new Set(labels).size !== labels.length)
        refuse(
          "einsum",
          inputs,
          `${spec} needs one label an axis, each once in an operand`,
          "Name every axis of both operands.",
        );
      labels.forEach((label, axis) => {
        const known = sizes.get(label);
        if (known !== undefined && known !== node.shape[axis])
          refuse(
            "einsum",
            inputs,
            `${spec} gives axis "${label}" two sizes, ${known} and ${node.shape[axis]}`,
            "Axes of one name must be equal.",
          );
        sizes.set(label, node.shape[axis]);
      });
    }
    const shared = (label: string) =>
      Number(a.includes(label)) + Number(b.includes(label)) + Number(out.includes(label)) >= 2;
    if (
      ![...a, ...b].every(shared) ||
      !out.every((label) => sizes.has(label)) ||
      new Set(out).size !== out.length
    )
      refuse(
        "einsum",
        inputs,
        `${spec}: every axis must stand in two of the three lists`,
        "Sum a lone axis with sum, repeat one with broadcast.",
      );
    return { shape: out.map((label) => sizes.get(label) as number), dtype: "float32" };
  },

  gather: (inputs) => {
    const [table, index] = inputs;
    if (table.dtype !== "float32" || table.shape.length !== 2 || index.dtype !== "int32")
      refuse(
        "gather",
        inputs,
        "takes a float32 table [row, column] and an int32 index",
        "Reshape the table to two axes.",
      );
    return { shape: [...index.shape, table.shape[1]], dtype: "float32" };
  },
  scatterAdd: (inputs, { rows }) => {
    const [index, updates] = inputs;
    const width = updates.shape[updates.shape.length - 1];
    if (
      index.dtype !== "int32" ||
      updates.dtype !== "float32" ||
      !sameShape([...index.shape, width], updates.shape)
    )
      refuse(
        "scatterAdd",
        inputs,
        "takes an int32 index [...] and float32 updates [... column]",
        "Give the updates one more axis than the index.",
      );
    return { shape: [rows, width], dtype: "float32" };
  },
  oneHot: (inputs, { depth }) => {
    if (inputs[0].dtype !== "int32") refuse("oneHot", inputs, "takes an int32 index", "Give token numbers.");
    return { shape: [...inputs[0].shape, depth], dtype: "float32" };
  },

  softmax: (inputs, attrs) => {
    needsLastAxis("softmax", inputs[0]);
    return alike("softmax", 1)(inputs, attrs);
  },
  softmaxGrad: (inputs, attrs) => {
    needsLastAxis("softmaxGrad", inputs[0]);
    return alike("softmaxGrad", 2)(inputs, attrs);
  },
  normScale: (inputs) => {
    requireFloat("normScale", inputs);
    needsLastAxis("normScale", inputs[0]);
    return { shape: [...inputs[0].shape.slice(0, -1), 1], dtype: "float32" };
  },
  normalize: (inputs) => {
    const [x, scale] = inputs;
    requireFloat("normalize", inputs);
    needsLastAxis("normalize", x);
    if (!sameShape(scale.shape, [...x.shape.slice(0, -1), 1]))
      refuse(
        "normalize",
        inputs,
        "takes x [... unit] and its scale [... 1]",
        "Make the scale with normScale.",
      );
    return { shape: x.shape, dtype: "float32" };
  },
  normalizeGrad: (inputs) => {
    const [d, y, scale] = inputs;
    requireFloat("normalizeGrad", inputs);
    needsLastAxis("normalizeGrad", y);
    if (!sameShape(d.shape, y.shape) || !sameShape(scale.shape, [...y.shape.slice(0, -1), 1]))
      refuse(
        "normalizeGrad",
        inputs,
        "takes d and y [... unit] and a scale [... 1]",
        "Pass the tensors of one normalize.",
      );
    return { shape: y.shape, dtype: "float32" };
  },
  crossEntropy: (inputs) => {
    const [logits, targets] = inputs;
    needsLastAxis("crossEntropy", logits);
    if (
      logits.dtype !== "float32" ||
      targets.dtype !== "int32" ||
      !sameShape(logits.shape.slice(0, -1), targets.shape)
    )
      refuse(
        "crossEntropy",
        inputs,
        "takes logits [... dVocab] and int32 targets [...]",
        "Give one target for every row of logits.",
      );
    return { shape: targets.shape, dtype: "float32" };
  },
  crossEntropyGrad: (inputs) => {
    const [logits, targets, d] = inputs;
    needsLastAxis("crossEntropyGrad", logits);
    requireFloat("crossEntropyGrad", [logits, d]);
    if (
      targets.dtype !== "int32" ||
      !sameShape(logits.shape.slice(0, -1), targets.shape) ||
      !sameShape(d.shape, targets.shape)
    )
      refuse(
        "crossEntropyGrad",
        inputs,
        "takes logits [... dVocab], int32 targets [...] and d [...]",
        "Pass the tensors of one crossEntropy.",
      );
    return { shape: logits.shape, dtype: "float32" };
  },

  ema: alike("ema", 2),
  emaSquare: alike("emaSquare", 2),
  adamUpdate: (inputs) => {
    const [weight, m, v, ...scalars] = inputs;
    requireFloat("adamUpdate", inputs);
    const fits = sameShape(weight.shape, m.shape) && sameShape(weight.shape, v.shape);
    if (!fits || scalars.length !== 3 || !scalars.every((node) => node.shape.length === 0))
      refuse(
        "adamUpdate",
        inputs,
        "takes weight, m, v of one shape, then three numbers: rate, correction1, correction2",
        "Give the numbers shape [].",
      );
    return { shape: weight.shape, dtype: "float32" };
  },
};
