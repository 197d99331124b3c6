/** Rows of batches: the same sequences several times over, and some rows out of many. */
import { sizeOf } from "../graph/node.ts";
import { emptyLike, type Tensor } from "./tensor.ts";
import type { TokenArray } from "./tokens.ts";

/** Sequences several times over: [times · batch, pos], or that for each model. */
export function repeatSequences({ data, batch, pos }: TokenArray, times: number): TokenArray {
  const size = batch * pos;
  const out = new Int32Array(data.length * times);
  for (let from = 0; from < data.length; from += size)
    for (let copy = 0; copy < times; copy++)
      out.set(data.subarray(from, from + size), from * times + copy * size);
  return { data: out, batch: batch * times, pos };
}

/** Rows of a tensor [model, batch, …] from `first` on, copied. */
export function someRows({ axes, shape, data }: Tensor, first: number, count: number): Tensor {
  const [models, batch, ...rest] = shape;
  const size = sizeOf(rest);
  const out = emptyLike(data, models * count * size);
  for (let model = 0; model < models; model++) {
    const from = (model * batch + first) * size;
    out.set(data.subarray(from, from + count * size), model * count * size);
  }
  return { axes, shape: [models, count, ...rest], data: out };
}
