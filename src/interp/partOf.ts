/**
 * Part of a node, computed from parts of its operands: what is not asked for is not computed.
 *
 * A slice of a result is pushed back through the ops that made it, as far as each of them works on every index of the
 * axis alone. Every scalar that is left is the result of the same operations in the same order, so it keeps its bits.
 */
import { concat, einsum, makeNode, reshape, slice, sum } from "../graph/build.ts";
import { type Node, sizeOf } from "../graph/node.ts";

/** Indices start ≤ i < end of an axis of a node. */
export type PartOf = (node: Node, axis: number, start: number, end: number) => Node;

/**
 * Parts of nodes, each made once.
 *
 * Ops that this does not see through (constants, inputs, indices) are computed whole and sliced.
 */
export function partMaker(): PartOf {
  const made = new Map<Node, Map<string, Node>>();
  const part: PartOf = (node, axis, start, end) => {
    if (start === 0 && end === node.shape[axis]) return node;
    const own = made.get(node) ?? new Map<string, Node>();
    made.set(node, own);
    const key = `${axis} ${start} ${end}`;
    const known = own.get(key);
    if (known !== undefined) return known;
    const result = partBehind(part, node, axis, start, end) ?? slice(node, axis, start, end);
    own.set(key, result);
    return result;
  };
  return part;
}

/** The part as the same op of parts; undefined where the op needs the whole. */
function partBehind(part: PartOf, node: Node, axis: number, start: number, end: number): Node | undefined {
  const same = () =>
    makeNode(
      node.op,
      node.inputs.map((operand) => alignedPart(part, operand, node.shape, axis, start, end)),
      node.attrs,
    );
  switch (node.op) {
    case "add":
    case "sub":
    case "mul":
    case "div":
    case "select":
    case "scale":
    case "offset":
    case "exp":
    case "sqrt":
    case "tanh":
    case "relu":
    case "gelu":
      return same();
    case "sum": {
      const kept = node.inputs[0].shape.flatMap((_, own) => (node.attrs.axes.includes(own) ? [] : [own]));
      return sum(part(node.inputs[0], kept[axis], start, end), node.attrs.axes);
    }
    case "softmax":
    case "normScale":
    case "normalize":
      return axis < node.shape.length - 1 ? same() : undefined;
    case "einsum": {
      const { a, b, out } = node.attrs;
      const label = out[axis];
      const of = (operand: Node, labels: readonly string[]) =>
        labels.includes(label) ? part(operand, labels.indexOf(label), start, end) : operand;
      const spec = `${a.join(" ")}, ${b.join(" ")} -> ${out.join(" ")}`;
      return einsum(spec, of(node.inputs[0], a), of(node.inputs[1], b));
    }
    case "reshape": {
      const [x] = node.inputs;
      const before = sizeOf(node.shape.slice(0, axis));
      const own = x.shape.findIndex(
        (size, i) => size === node.shape[axis] && sizeOf(x.shape.slice(0, i)) === before,
      );
      if (own < 0) return undefined; // no axis of the operand is this one
      const shape = node.shape.map((size, i) => (i === axis ? end - start : size));
      return reshape(part(x, own, start, end), shape);
    }
    case "slice": {
      if (node.attrs.axis === axis)
        return part(node.inputs[0], axis, node.attrs.start + start, node.attrs.start + end);
      return same();
    }
    case "concat":
      return node.attrs.axis === axis ? partOfConcat(part, node, start, end) : same();
    default:
      return undefined;
  }
}

/** The part of an operand that is broadcast to `shape`: all of it where it repeats along the axis. */
function alignedPart(
  part: PartOf,
  operand: Node,
  shape: readonly number[],
  axis: number,
  start: number,
  end: number,
): Node {
  const own = axis - (shape.length - operand.shape.length);
  return own < 0 || operand.shape[own] !== shape[axis] ? operand : part(operand, own, start, end);
}

function partOfConcat(part: PartOf, node: Node<"concat">, start: number, end: number): Node {
  const { axis } = node.attrs;
  const parts: Node[] = [];
  let first = 0;
  for (const piece of node.inputs) {
    const size = piece.shape[axis];
    const [from, to] = [Math.max(start - first, 0), Math.min(end - first, size)];
    if (from < to) parts.push(part(piece, axis, from, to));
    first += size;
  }
  return parts.length === 1 ? parts[0] : concat(parts, axis);
}
