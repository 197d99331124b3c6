/** Frequencies of an embedding of numbers. */
import { type FrequencyShares, fourierSpectrum, frequencyShares } from "../../features/fourierFrequencies.ts";
import type { AdditionNetwork } from "./network.ts";

/**
 * Shares of frequencies in the variance of an embedding, over all directions of the stream, as of one unit.
 *
 * @param table  [token, dModel] of one network; the numbers are its first p tokens
 */
export function embeddingShares(table: Float32Array, { modulus: period }: AdditionNetwork): FrequencyShares {
  const directions = table.length / (period + 1);
  const numbers = table.subarray(0, period * directions); // [number, dModel]
  const { frequencies, real, imaginary } = fourierSpectrum(numbers, { period, units: directions });
  // the power of a frequency in all directions is that of one curve with their root mean square amplitude
  const amplitude = Float64Array.from({ length: frequencies }, (_, k) => {
    let power = 0;
    for (let at = k; at < real.length; at += frequencies) power += real[at] ** 2 + imaginary[at] ** 2;
    return Math.sqrt(power);
  });
  return frequencyShares([
    { curves: 1, frequencies, real: amplitude, imaginary: new Float64Array(frequencies) },
  ]);
}
