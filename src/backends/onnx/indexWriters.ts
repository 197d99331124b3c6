/**
 * Ops that look up, add up or mark rows by index, in ONNX operators.
 *
 * ONNX counts a negative index from the end: a session refuses it before it runs anything.
 */
import type { Shape } from "../../graph/node.ts";
import { type Emitter, reshaped, sizesOf, type Value, type Writer } from "./emitter.ts";
import { elementTypes } from "./onnxModel.ts";
import { withModels } from "./shapeWriters.ts";

/** The index with one more axis of size 1 at the end. */
export const upright = (index: Value, emitter: Emitter) => reshaped(index, [...index.shape, 1], emitter);

/** 0 … count−1 as int32. */
const counting = (count: number, shape: Shape, emitter: Emitter) =>
  emitter.constant(
    Int32Array.from({ length: count }, (_, i) => i),
    shape,
  );

/** Rows of [model · row, column] by index: the tables of all models lie one below the other. */
function gatherOwn(table: Value, index: Value, emitter: Emitter): string {
  const { models } = emitter;
  const [rows, columns] = table.shape;
  const stacked = emitter.call("Reshape", [table.name, emitter.list([models * rows, columns])]);
  const own = withModels(index, emitter);
  if (models === 1) return emitter.call("Gather", [stacked, own.name], { axis: 0 });
  const ones = index.shape.map(() => 1);
  const first = Int32Array.from({ length: models }, (_, model) => model * rows);
  const shifted = emitter.call("Add", [own.name, emitter.constant(first, [models, ...ones])]);
  return emitter.call("Gather", [stacked, shifted], { axis: 0 });
}

type IndexOp = "gather" | "scatterAdd" | "oneHot";

/** Writers of the ops that look up, add up or mark rows by index. */
export const indexWriters: { [P in IndexOp]: Writer<P> } = {
  gather: (_, [table, index], emitter) =>
    table.hasModels
      ? gatherOwn(table, index, emitter)
      : emitter.call("Gather", [table.name, index.name], { axis: 0 }),

  // element by element: a one-hot product would be slower for a large table and let NaN into rows that are not hit
  scatterAdd: ({ attrs: { rows } }, operands, emitter) => {
    const hasModels = operands.some((operand) => operand.hasModels);
    const [index, updates] = hasModels ? operands.map((operand) => withModels(operand, emitter)) : operands;
    const columns = updates.shape[updates.shape.length - 1];
    const count = index.shape.reduce((product, size) => product * size, 1);
    const sizes = (shape: Shape) => emitter.list(sizesOf({ ...updates, shape }, emitter));
    const zeros = emitter.call("Expand", [emitter.number(0), sizes([rows, columns])]);
    const flat = reshaped(updates, [count, columns], emitter);
    const where = emitter.call("Expand", [reshaped(index, [count, 1], emitter), sizes([count, columns])]);
    return emitter.call("ScatterElements", [zeros, where, flat], {
      axis: hasModels ? 1 : 0,
      reduction: "add",
    });
  },

  // by comparison: ONNX's own OneHot counts a negative index from the end
  oneHot: ({ attrs: { depth } }, [index], emitter) => {
    const isIt = emitter.call("Equal", [upright(index, emitter), counting(depth, [depth], emitter)]);
    return emitter.call("Cast", [isIt], { to: elementTypes.float32 });
  },
};
