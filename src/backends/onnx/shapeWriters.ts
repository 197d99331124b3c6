/** Ops that move elements and compute nothing, and the sum, in ONNX operators. */
import { type Emitter, reshaped, resized, sizesOf, type Value, type Writer } from "./emitter.ts";

/** Where axis 0 of one model stands. */
const lead = (value: Value) => (value.hasModels ? 1 : 0);

/** The value repeated for every model, unless it has the model axis already. */
export function withModels(value: Value, emitter: Emitter): Value {
  if (value.hasModels) return value;
  const own = { ...value, hasModels: true };
  return {
    ...own,
    name: emitter.call("Expand", [value.name, emitter.list(sizesOf(own, emitter))]),
  };
}

type ShapeOp = "reshape" | "transpose" | "broadcast" | "slice" | "concat" | "sum";

/** Writers of the ops that move elements, and of the sum. */
export const shapeWriters: { [P in ShapeOp]: Writer<P> } = {
  reshape: ({ shape }, [x], emitter) => reshaped(x, shape, emitter),
  transpose: ({ attrs: { order } }, [x], emitter) => {
    const own = order.map((axis) => axis + lead(x));
    return emitter.call("Transpose", [x.name], { perm: x.hasModels ? [0, ...own] : own });
  },
  broadcast: ({ shape }, [x], emitter) => {
    const ones = new Array<number>(shape.length - x.shape.length).fill(1);
    const from = reshaped(x, [...ones, ...x.shape], emitter);
    return emitter.call("Expand", [from, emitter.list(sizesOf({ ...x, shape }, emitter))]);
  },
  slice: ({ attrs: { axis, start, end } }, [x], emitter) =>
    emitter.call("Slice", [x.name, ...[start, end, axis + lead(x)].map((at) => emitter.list([at]))]),
  concat: ({ attrs: { axis } }, parts, emitter) => {
    const hasModels = parts.some((part) => part.hasModels);
    const all = hasModels ? parts.map((part) => withModels(part, emitter)) : parts;
    return emitter.call(
      "Concat",
      all.map(({ name }) => name),
      { axis: axis + lead(all[0]) },
    );
  },
  // axes that are summed together are one: ONNX Runtime is up to 40 times slower where it does not see that
  sum: ({ attrs: { axes }, shape }, [x], emitter) => {
    const sizes: number[] = [];
    const summed: number[] = [];
    let before: boolean | undefined;
    const own = sizesOf(x, emitter);
    own.forEach((size, at) => {
      if (size === 1) return;
      const isSummed = axes.includes(at - lead(x));
      if (isSummed === before) sizes[sizes.length - 1] *= size;
      else {
        if (isSummed) summed.push(sizes.length);
        sizes.push(size);
      }
      before = isSummed;
    });
    const dense = resized(x.name, own, sizes, emitter);
    const wanted = sizesOf({ ...x, shape }, emitter);
    if (summed.length === 0) return resized(dense, sizes, wanted, emitter);
    const sum = emitter.call("ReduceSum", [dense, emitter.list(summed)], { keepdims: 0 });
    const left = sizes.filter((_, at) => !summed.includes(at));
    return resized(sum, left, wanted, emitter);
  },
};
