/** Weights that a network could have begun with. */
import type { RandomStream } from "../base/random.ts";

/**
 * A tensor with the same numbers in another order: a fresh draw of an initialisation whose scheme nobody told, for any
 * scheme that draws the entries of a tensor independently and alike. Constants, such as the weights of norms, stay.
 *
 * @param stream  advanced by one draw for each element
 */
export function shuffledTensor(values: Float32Array, stream: RandomStream): Float32Array {
  const order = stream.permutation(values.length);
  return Float32Array.from(order, (from) => values[from]);
}
