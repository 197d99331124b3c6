/** Neurons of one network by what they do at a sequence. */
import type { Tensor } from "../../../../src/interp/index.ts";

/** A neuron, and where it does most. */
export interface ActiveNeuron {
  readonly unit: number;
  readonly activation: number;
  readonly at: number;
}

/**
 * All neurons of a model by |activation|, the largest first; of equals the smaller number.
 *
 * @param activations  [model, pos, dMlp]
 * @param pos          where; null for the position where each is largest
 */
export function mostActive({ shape, data }: Tensor, model: number, pos: number | null): ActiveNeuron[] {
  const [, nPos, dMlp] = shape;
  const positions = pos === null || pos >= nPos ? Array.from({ length: nPos }, (_, at) => at) : [pos];
  return Array.from({ length: dMlp }, (_, unit) => {
    const of = (at: number) => data[(model * nPos + at) * dMlp + unit];
    const at = positions.reduce((best, one) => (Math.abs(of(one)) > Math.abs(of(best)) ? one : best));
    return { unit, activation: of(at), at };
  }).sort((a, b) => Math.abs(b.activation) - Math.abs(a.activation) || a.unit - b.unit);
}
