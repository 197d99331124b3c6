/** Ops that move elements and compute nothing: each is a table of positions, filled once. */
import { stridesOf } from "../../graph/node.ts";
import { broadcastOffsets, type Executor, type Kernel, offsets } from "./executor.ts";

/** out[i] = x[from[i]] */
function take(from: Int32Array): Kernel {
  return ([x], out) => {
    for (let i = 0; i < out.length; i++) out[i] = x[from[i]];
  };
}

type ShapeOp = "reshape" | "transpose" | "broadcast" | "slice" | "concat";

/** Executors of the ops that only move elements. */
export const shapeExecutors: { [P in ShapeOp]: Executor<P> } = {
  reshape:
    () =>
    ([x], out) =>
      out.set(x),
  transpose: ({ inputs: [x], attrs, shape }) => {
    const strides = stridesOf(x.shape);
    return take(
      offsets(
        shape,
        attrs.order.map((axis) => strides[axis]),
      ),
    );
  },
  broadcast: ({ inputs: [x], shape }) => take(broadcastOffsets(x.shape, shape)),
  slice: ({ inputs: [x], attrs, shape }) => {
    const strides = stridesOf(x.shape);
    return take(offsets(shape, strides, attrs.start * strides[attrs.axis]));
  },
  concat: ({ inputs, attrs: { axis }, shape }) => {
    const strides = stridesOf(shape);
    let start = 0;
    const targets = inputs.map((part) => {
      const to = offsets(part.shape, strides, start * strides[axis]);
      start += part.shape[axis];
      return to;
    });
    return (parts, out) => {
      targets.forEach((to, part) => {
        const x = parts[part];
        for (let i = 0; i < to.length; i++) out[to[i]] = x[i];
      });
    };
  },
};
