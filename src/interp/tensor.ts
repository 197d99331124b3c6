/** Numbers with named axes: what every tool of this floor returns. */
import { integerIn } from "../base/check.ts";
import { ArgumentError, unknownName } from "../base/errors.ts";
import type { TensorData } from "../graph/backend.ts";
import { sizeOf, stridesOf } from "../graph/node.ts";
import type { AxisName } from "../model/hookPoints.ts";

/** What an axis of a result counts: the axes of activations, the models before them, and what tools tell apart. */
export type TensorAxis =
  | "model"
  | "site"
  | "component"
  | "layer"
  | "unit"
  | "group"
  | "sender"
  | "receiver"
  | AxisName;

/** Numbers, row-major, with the name and size of every axis. */
export interface Tensor {
  readonly axes: readonly TensorAxis[];
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** One index or several; several may repeat. */
export type Which = number | readonly number[];

/** What is wanted along named axes; an axis that is not named is taken whole. */
export type AxisPick = Readonly<Partial<Record<TensorAxis, Which>>>;

/**
 * The indices that are meant along an axis: all of them where `which` is undefined.
 *
 * @throws ArgumentError if none is meant, or one is not in [0, size)
 */
export function indicesOf(where: string, which: Which | undefined, size: number): number[] {
  if (which === undefined) return Array.from({ length: size }, (_, index) => index);
  const list = typeof which === "number" ? [which] : [...which];
  if (list.length === 0)
    throw new ArgumentError({
      where,
      rule: "must select something",
      got: "an empty list",
      wayOut: "Leave it out to take all.",
    });
  return list.map((index) => integerIn(where, index, 0, size - 1));
}

/**
 * Part of a tensor, copied. An axis at one index is dropped; an axis at a list of indices keeps their order.
 *
 * @example pick(pattern, { model: 0, head: [0, 1] })   // [batch, head 2, queryPos, keyPos]
 * @throws NameError      for an axis that the tensor has not, with the nearest one
 * @throws ArgumentError  for an index outside its axis
 */
export function pick({ axes, shape, data }: Tensor, at: AxisPick, where = "pick"): Tensor {
  for (const axis of Object.keys(at))
    if (!axes.includes(axis as TensorAxis)) throw unknownName(`${where}, axis`, axis, axes);
  const strides = stridesOf(shape);
  const chosen = axes.map((axis, i) => indicesOf(`${where}, axis ${axis}`, at[axis], shape[i]));
  const kept = axes.map((axis) => typeof at[axis] !== "number");
  const out = emptyLike(data, sizeOf(chosen.map((list) => list.length)));
  let next = 0;
  const walk = (axis: number, offset: number) => {
    if (axis === axes.length) {
      out[next++] = data[offset];
      return;
    }
    for (const index of chosen[axis]) walk(axis + 1, offset + index * strides[axis]);
  };
  walk(0, 0);
  return {
    axes: axes.filter((_, i) => kept[i]),
    shape: chosen.map((list) => list.length).filter((_, i) => kept[i]),
    data: out,
  };
}

/**
 * Mean over axes, which vanish; what mean ablation puts in the place of an activation.
 *
 * @example meanOver(cache.get("blocks.0.mlp.hook_post"), ["batch", "pos"])   // [model, dMlp]
 * @throws NameError for an axis that the tensor has not
 */
export function meanOver({ axes, shape, data }: Tensor, over: readonly TensorAxis[]): Tensor {
  for (const axis of over) if (!axes.includes(axis)) throw unknownName("mean, axis", axis, axes);
  const kept = axes.map((axis) => !over.includes(axis));
  const outShape = shape.filter((_, i) => kept[i]);
  const outStrides = stridesOf(outShape);
  let axisOut = 0;
  const step = kept.map((keep) => (keep ? outStrides[axisOut++] : 0));
  const out = new Float64Array(sizeOf(outShape));
  const walk = (axis: number, from: number, to: number) => {
    if (axis === axes.length) {
      out[to] += data[from];
      return;
    }
    for (let index = 0; index < shape[axis]; index++)
      walk(axis + 1, from * shape[axis] + index, to + index * step[axis]);
  };
  walk(0, 0, 0);
  const count = data.length / Math.max(out.length, 1);
  return { axes: axes.filter((_, i) => kept[i]), shape: outShape, data: out.map((total) => total / count) };
}

/** Zeros in the element type of another array. */
export function emptyLike(data: TensorData, length: number): TensorData {
  return data instanceof Float64Array ? new Float64Array(length) : new Float32Array(length);
}
