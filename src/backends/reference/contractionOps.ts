/** Ops that sum over axes: the kept axes are the outer loop, the summed ones the inner, both by tables of positions. */
import { type Shape, stridesOf } from "../../graph/node.ts";
import { type Executor, offsets } from "./executor.ts";

/** Stride of each label in an operand; 0 where the operand lacks it. */
function labelStrides(labels: readonly string[], operand: readonly string[], shape: Shape): number[] {
  const strides = stridesOf(shape);
  return labels.map((label) => (operand.includes(label) ? strides[operand.indexOf(label)] : 0));
}

type ContractionOp = "sum" | "einsum";

/** Executors of the ops that sum over axes. */
export const contractionExecutors: { [P in ContractionOp]: Executor<P> } = {
  sum: ({ inputs: [x], attrs: { axes }, shape }) => {
    const strides = stridesOf(x.shape);
    const summed = x.shape.map((_, axis) => axis).filter((axis) => axes.includes(axis));
    const outer = offsets(
      shape,
      strides.filter((_, axis) => !axes.includes(axis)),
    );
    const inner = offsets(
      summed.map((axis) => x.shape[axis]),
      summed.map((axis) => strides[axis]),
    );
    return ([values], out) => {
      for (let i = 0; i < out.length; i++) {
        const base = outer[i];
        let total = 0;
        for (let k = 0; k < inner.length; k++) total += values[base + inner[k]];
        out[i] = total;
      }
    };
  },

  einsum: ({ inputs: [x, y], attrs: { a, b, out: kept }, shape }) => {
    const summed = a.filter((label) => !kept.includes(label)); // such a label stands in b too
    const summedShape = summed.map((label) => x.shape[a.indexOf(label)]);
    const outerX = offsets(shape, labelStrides(kept, a, x.shape));
    const outerY = offsets(shape, labelStrides(kept, b, y.shape));
    const innerX = offsets(summedShape, labelStrides(summed, a, x.shape));
    const innerY = offsets(summedShape, labelStrides(summed, b, y.shape));
    return ([left, right], out) => {
      for (let i = 0; i < out.length; i++) {
        const [baseX, baseY] = [outerX[i], outerY[i]];
        let total = 0;
        for (let k = 0; k < innerX.length; k++) total += left[baseX + innerX[k]] * right[baseY + innerY[k]];
        out[i] = total;
      }
    };
  },
};
