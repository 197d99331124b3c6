/** Position embeddings that are not learned. */
import { cos, exp, log, sin } from "../base/exact.ts";

/**
 * Sinusoidal position embedding.
 *
 *   P[pos, 2i] = sin(pos / 10000^(2i / dModel)),  P[pos, 2i + 1] = cos(pos / 10000^(2i / dModel))
 *
 * The same bits on every machine. An odd dModel ends with a sine.
 *
 * @returns  [pos, dModel] row-major
 * @source Vaswani et al. 2017, section 3.5
 */
export function sinusoidalPositions(pos: number, dModel: number): Float64Array {
  const table = new Float64Array(pos * dModel);
  for (let unit = 0; unit < dModel; unit++) {
    const even = unit - (unit % 2);
    const frequency = exp((-even / dModel) * log(10000)); // radians a position
    const wave = unit % 2 === 0 ? sin : cos;
    for (let p = 0; p < pos; p++) table[p * dModel + unit] = wave(p * frequency);
  }
  return table;
}
