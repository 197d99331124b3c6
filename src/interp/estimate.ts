/** Means with their t intervals along an axis of a tensor. */
import { sizeOf } from "../graph/node.ts";
import { tInterval } from "../stats/intervals.ts";
import type { Tensor } from "./tensor.ts";

/** A mean and the ends of its confidence interval, tensors of one shape. */
export interface Estimate {
  readonly estimate: Tensor;
  readonly low: Tensor;
  readonly high: Tensor;
}

/**
 * Mean over the last axis, the sequences of a probe, with a t interval for each of the others.
 *
 * @param values  [model, …, batch]
 * @param counts  says which sequences of a model are taken; where none is, all three are NaN
 * @returns       [model, …]; of one sequence the interval is (−∞, ∞)
 */
export function overRows(
  { axes, shape, data }: Tensor,
  level: number,
  counts: (model: number, row: number) => boolean = () => true,
): Estimate {
  const rows = shape[shape.length - 1];
  const perModel = data.length / rows / shape[0];
  const samples = Array.from({ length: data.length / rows }, (_, i) =>
    Array.from(data.subarray(i * rows, (i + 1) * rows)).filter((_, row) =>
      counts(Math.floor(i / perModel), row),
    ),
  );
  return estimated({ axes: axes.slice(0, -1), shape: shape.slice(0, -1) }, samples, level);
}

/**
 * Mean over the first axis, the models, with a t interval for each of the others.
 *
 * @param values  [model, …]
 * @param counts  says which models are taken
 * @returns       […]; of one model the interval is (−∞, ∞)
 */
export function overModels(
  { axes, shape, data }: Tensor,
  level: number,
  counts: (model: number) => boolean = () => true,
): Estimate {
  const size = sizeOf(shape.slice(1));
  const models = Array.from({ length: shape[0] }, (_, model) => model).filter(counts);
  const samples = Array.from({ length: size }, (_, i) => models.map((model) => data[model * size + i]));
  return estimated({ axes: axes.slice(1), shape: shape.slice(1) }, samples, level);
}

function estimated(
  form: Omit<Tensor, "data">,
  samples: readonly ArrayLike<number>[],
  level: number,
): Estimate {
  const none = { estimate: Number.NaN, low: Number.NaN, high: Number.NaN };
  const intervals = samples.map((sample) => (sample.length === 0 ? none : tInterval(sample, level)));
  const tensor = (end: keyof Estimate): Tensor => ({
    ...form,
    data: Float64Array.from(intervals, (interval) => interval[end]),
  });
  return { estimate: tensor("estimate"), low: tensor("low"), high: tensor("high") };
}
