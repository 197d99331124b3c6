/** Index arithmetic: where the elements of a view lie in the tensor that it views. */
import { type Node, type Shape, sizeOf, stridesOf } from "../../graph/node.ts";
import { broadcastStrides, mergeAxes } from "../plan/strides.ts";
import { plus, times, u, type Writer } from "./writer.ts";

/** The elements of a tensor in the order of another index space: axis by axis how far they lie apart, and the first. */
export interface View {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  readonly start: number;
}

/** Start + Σ coordinate · stride of a row-major index into `sizes`, as an expression. */
export function affine(
  writer: Writer,
  index: string,
  { sizes, strides, start = 0 }: { sizes: readonly number[]; strides: readonly number[]; start?: number },
): string {
  const merged = mergeAxes({ sizes, strides: [strides] });
  const [steps] = merged.strides;
  let inner = 1;
  const terms: string[] = [];
  for (let axis = merged.sizes.length - 1; axis >= 0; axis--) {
    const size = merged.sizes[axis];
    if (steps[axis] !== 0) {
      const outer = inner === 1 ? index : writer.let(`${index} / ${u(inner)}`);
      const at = axis === 0 ? outer : writer.let(`${outer} % ${u(size)}`);
      terms.unshift(times(at, steps[axis]));
    }
    inner *= size;
  }
  if (start !== 0) terms.push(u(start));
  return writer.let(plus(...terms));
}

/** Where the elements of a view op's result lie in its operand. */
export function viewOf(node: Node<"transpose" | "broadcast" | "slice">): View {
  const [x] = node.inputs;
  const strides = stridesOf(x.shape);
  if (node.op === "transpose")
    return { sizes: node.shape, strides: node.attrs.order.map((axis) => strides[axis]), start: 0 };
  if (node.op === "broadcast")
    return { sizes: node.shape, strides: broadcastStrides(x.shape, node.shape), start: 0 };
  return { sizes: node.shape, strides, start: node.attrs.start * strides[node.attrs.axis] };
}

/** Whether a view leaves every element where it is. */
export function isIdentity({ sizes, strides, start }: View): boolean {
  const merged = mergeAxes({ sizes, strides: [strides] });
  return (
    start === 0 && (merged.sizes.length === 0 || (merged.sizes.length === 1 && merged.strides[0][0] === 1))
  );
}

/** A view of a node that has memory. */
export interface Strided extends View {
  readonly base: Node;
}

/**
 * A node as a view of one that has memory, its own axes kept; undefined where something is computed in between or a
 * reshape joins what is apart.
 */
export function stridedView(node: Node, hasMemory: (node: Node) => boolean): Strided | undefined {
  if (hasMemory(node)) return { base: node, sizes: node.shape, strides: stridesOf(node.shape), start: 0 };
  if (node.op === "reshape") {
    const inner = stridedView(node.inputs[0], hasMemory);
    const strides = inner && reshaped(inner, node.shape);
    return inner && strides && { ...inner, sizes: node.shape, strides };
  }
  if (node.op === "transpose" || node.op === "broadcast" || node.op === "slice") {
    const inner = stridedView(node.inputs[0], hasMemory);
    if (inner === undefined) return undefined;
    const { start } = inner;
    if (node.op === "transpose")
      return { ...inner, sizes: node.shape, strides: node.attrs.order.map((axis) => inner.strides[axis]) };
    if (node.op === "slice")
      return {
        ...inner,
        sizes: node.shape,
        start: start + node.attrs.start * inner.strides[node.attrs.axis],
      };
    const own = node.inputs[0].shape;
    const lead = node.shape.length - own.length;
    const strides = node.shape.map((_, axis) =>
      axis < lead || own[axis - lead] === 1 ? 0 : inner.strides[axis - lead],
    );
    return { ...inner, sizes: node.shape, strides };
  }
  return undefined;
}

/** Strides of the same elements under another shape; undefined where an axis would have two. */
function reshaped({ sizes, strides }: View, shape: Shape): number[] | undefined {
  const merged = mergeAxes({ sizes, strides: [strides] });
  const result = new Array<number>(shape.length).fill(0);
  let group = merged.sizes.length - 1;
  let inside = 1; // elements of the group that lie within one step of the axis
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] === 1) continue;
    if (group < 0) return undefined;
    const size = merged.sizes[group];
    if (size % (inside * shape[axis]) !== 0) return undefined;
    result[axis] = merged.strides[0][group] * inside;
    inside *= shape[axis];
    if (inside === size) {
      group--;
      inside = 1;
    }
  }
  return sizeOf(shape) === sizeOf(sizes) ? result : undefined;
}
