/** How each op that is not part of a matrix product becomes kernel calls: one entry an op. */
import { InternalError } from "../../base/errors.ts";
import { type Node, type OpName, type Shape, sameShape, sizeOf, stridesOf } from "../../graph/node.ts";
import { broadcastStrides } from "../plan/strides.ts";
import type { Emission } from "./emission.ts";
import { BINARY, UNARY } from "./instructions.ts";
import { copyLoops, loopsOfDepth } from "./loops.ts";

type Emitter<P extends OpName> = (node: Node<P>, emission: Emission) => void;

const rowsOf = (shape: Shape) => sizeOf(shape.slice(0, -1));
const widthOf = (shape: Shape) => shape[shape.length - 1];

function neverEmitted(node: Node): never {
  throw new InternalError({
    where: `wasm ${node.op}`,
    rule: "has no kernel of its own",
    got: "a call to emit it",
  });
}

/** Copies `x` broadcast to `shape` into temporary memory, unless it has that shape. */
function spread(x: Node, shape: Shape, { writer, at, temporary }: Emission): number {
  if (sameShape(x.shape, shape)) return at(x);
  const out = temporary(sizeOf(shape));
  writer.copy(out, at(x), copyLoops(shape, broadcastStrides(x.shape, shape), stridesOf(shape)));
  return out;
}

function binary(code: number, constants: (node: Node) => [number, number] = () => [0, 0]): Emitter<OpName> {
  return (node, emission) => {
    const { writer, at } = emission;
    const [a, b] = node.inputs;
    const strides = [broadcastStrides(a.shape, node.shape), broadcastStrides(b.shape, node.shape)];
    const walked = loopsOfDepth({ sizes: node.shape, strides: [...strides, stridesOf(node.shape)] }, 3);
    if (walked !== undefined) {
      writer.binary(
        code,
        at(node),
        at(a),
        at(b),
        { sizes: walked.sizes, strides: walked.strides.slice(0, 2) },
        ...constants(node),
      );
      return;
    }
    const flat = {
      sizes: [1, 1, sizeOf(node.shape)],
      strides: [
        [0, 0, 1],
        [0, 0, 1],
      ],
    };
    writer.binary(
      code,
      at(node),
      spread(a, node.shape, emission),
      spread(b, node.shape, emission),
      flat,
      ...constants(node),
    );
  };
}

function unary(code: number, constant: (node: Node) => number = () => 0): Emitter<OpName> {
  return (node, { writer, at }) =>
    writer.unary(code, at(node), at(node.inputs[0]), constant(node), sizeOf(node.shape));
}

const by = (node: Node) => (node as Node<"scale" | "offset">).attrs.by;
const betas = (node: Node): [number, number] => {
  const { beta } = (node as Node<"ema" | "emaSquare">).attrs;
  return [beta, 1 - beta];
};

/** Kernel calls of every op, by name: add an op and the compiler asks for them. */
export const emitters: { [P in OpName]: Emitter<P> } = {
  input: neverEmitted,
  state: neverEmitted,
  constant: neverEmitted,
  reshape: neverEmitted,
  einsum: neverEmitted,

  transpose: (node, { writer, at }) => {
    const [x] = node.inputs;
    const strides = stridesOf(x.shape);
    writer.copy(
      at(node),
      at(x),
      copyLoops(
        node.shape,
        node.attrs.order.map((axis) => strides[axis]),
        stridesOf(node.shape),
      ),
    );
  },
  broadcast: (node, { writer, at }) => {
    const [x] = node.inputs;
    writer.copy(
      at(node),
      at(x),
      copyLoops(node.shape, broadcastStrides(x.shape, node.shape), stridesOf(node.shape)),
    );
  },
  slice: (node, { writer, at }) => {
    const [x] = node.inputs;
    const strides = stridesOf(x.shape);
    const start = node.attrs.start * strides[node.attrs.axis] * writer.elementBytes;
    writer.copy(at(node), at(x) + start, copyLoops(node.shape, strides, stridesOf(node.shape)));
  },
  concat: (node, { writer, at }) => {
    const strides = stridesOf(node.shape);
    let start = 0;
    for (const part of node.inputs) {
      const out = at(node) + start * strides[node.attrs.axis] * writer.elementBytes;
      writer.copy(out, at(part), copyLoops(part.shape, stridesOf(part.shape), strides));
      start += part.shape[node.attrs.axis];
    }
  },

  add: binary(BINARY.add),
  sub: binary(BINARY.sub),
  mul: binary(BINARY.mul),
  div: binary(BINARY.div),
  maximum: binary(BINARY.maximum),
  minimum: binary(BINARY.minimum),
  greater: binary(BINARY.greater),
  gate: binary(BINARY.gate),
  geluGrad: binary(BINARY.geluGrad),
  select: (node, emission) => {
    const [condition, a, b] = node.inputs.map((operand) => spread(operand, node.shape, emission));
    emission.writer.select(emission.at(node), condition, a, b, sizeOf(node.shape));
  },
  scale: unary(UNARY.scale, by),
  offset: unary(UNARY.offset, by),
  exp: unary(UNARY.exp),
  log: unary(UNARY.log),
  sqrt: unary(UNARY.sqrt),
  tanh: unary(UNARY.tanh),
  erf: unary(UNARY.erf),
  relu: unary(UNARY.relu),
  gelu: unary(UNARY.gelu),

  sum: (node, emission) => {
    const { writer, at, fusion, temporary } = emission;
    const [x] = node.inputs;
    const { axes } = node.attrs;
    const product = fusion.sumProducts.get(node);
    if (product !== undefined) {
      const [a, b] = product.inputs;
      writer.sumProduct(
        at(node),
        at(a),
        at(b),
        sizeOf(axes.map((axis) => x.shape[axis])),
        sizeOf(node.shape),
      );
      return;
    }
    const count = sizeOf(axes.map((axis) => x.shape[axis]));
    const adjacent = axes.every((axis, i) => i === 0 || axis === axes[i - 1] + 1);
    if (adjacent) {
      const outer = sizeOf(x.shape.slice(0, axes[0]));
      writer.sum(at(node), at(x), outer, count, sizeOf(node.shape) / outer);
      return;
    }
    // summed axes apart: bring them to the front first
    const order = [...axes, ...x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis))];
    const sizes = order.map((axis) => x.shape[axis]);
    const strides = stridesOf(x.shape);
    const moved = temporary(sizeOf(x.shape));
    writer.copy(
      moved,
      at(x),
      copyLoops(
        sizes,
        order.map((axis) => strides[axis]),
        stridesOf(sizes),
      ),
    );
    writer.sum(at(node), moved, 1, count, sizeOf(node.shape));
  },

  gather: (node, { writer, at }) => {
    const [table, index] = node.inputs;
    writer.gather(at(node), at(table), at(index), sizeOf(index.shape), table.shape[1]);
  },
  scatterAdd: (node, { writer, at }) => {
    const [index, updates] = node.inputs;
    writer.fill(at(node), sizeOf(node.shape));
    writer.scatterAdd(at(node), at(index), at(updates), sizeOf(index.shape), node.shape[1]);
  },
  oneHot: (node, { writer, at }) =>
    writer.oneHot(at(node), at(node.inputs[0]), sizeOf(node.inputs[0].shape), node.attrs.depth),

  softmax: (node, { writer, at }) =>
    writer.softmax(at(node), at(node.inputs[0]), rowsOf(node.shape), widthOf(node.shape)),
  softmaxGrad: (node, { writer, at }) =>
    writer.softmaxGrad(
      at(node),
      at(node.inputs[0]),
      at(node.inputs[1]),
      rowsOf(node.shape),
      widthOf(node.shape),
    ),
  normScale: (node, { writer, at }) => {
    const [x] = node.inputs;
    writer.normScale(at(node), at(x), rowsOf(x.shape), widthOf(x.shape), node.attrs.eps);
  },
  normalize: (node, { writer, at }) =>
    writer.normalize(
      at(node),
      at(node.inputs[0]),
      at(node.inputs[1]),
      rowsOf(node.shape),
      widthOf(node.shape),
    ),
  normalizeGrad: (node, { writer, at, fusion }) => {
    const weighted = fusion.weightedGrads.get(node);
    const [d, y, scale] = node.inputs;
    const [from, weight] =
      weighted === undefined ? [at(d), 0] : [at(weighted.inputs[0]), at(weighted.inputs[1])];
    writer.normalizeGrad(at(node), from, weight, at(y), at(scale), rowsOf(node.shape), widthOf(node.shape));
  },
  crossEntropy: (node, { writer, at }) => {
    const [logits, targets] = node.inputs;
    writer.crossEntropy(at(node), at(logits), at(targets), sizeOf(targets.shape), widthOf(logits.shape));
  },
  crossEntropyGrad: (node, { writer, at }) => {
    const [logits, targets, d] = node.inputs;
    writer.crossEntropyGrad(
      at(node),
      at(logits),
      at(targets),
      at(d),
      sizeOf(targets.shape),
      widthOf(logits.shape),
    );
  },

  ema: binary(BINARY.ema, betas),
  emaSquare: binary(BINARY.emaSquare, betas),
  adamUpdate: (node, { writer, at }) =>
    writer.adamUpdate(at(node), node.inputs.map(at), node.attrs.eps, sizeOf(node.shape)),
};
