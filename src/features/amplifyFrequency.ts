/** A curve over a cycle with one of its frequencies made stronger: an intervention on what a unit is tuned to. */
import { integerIn, numberIn } from "../base/check.ts";
import { cos, sin } from "../base/exact.ts";

/** Which values of an array are a curve, and what is done to it. */
export interface Amplification {
  /** Index of the curve's first value, and the distance of two values that follow each other; default 0 and 1. */
  readonly from?: number;
  readonly stride?: number;
  /** Values of the curve, p. */
  readonly period: number;
  /** 1 … (p − 1)/2. */
  readonly frequency: number;
  /** By what the amplitude is multiplied; 1 changes nothing. */
  readonly factor: number;
}

/**
 * Multiplies the amplitude of one frequency of a curve, in place; phase, mean and all other frequencies stay.
 *
 *   x(t) ← x(t) + (factor − 1) · (2/p) Σ_s x(s) cos(2πk (t − s)/p)
 *
 * What is trained from the values begins with the same bits on every machine.
 *
 * @param values  written to; rounded where they are float32
 * @throws ArgumentError if there is no such frequency, or the factor is not a finite number ≥ 0
 */
export function amplifyFrequency(
  values: Float32Array | Float64Array,
  { from = 0, stride = 1, period, frequency, factor }: Amplification,
): void {
  integerIn("frequency to amplify", frequency, 1, Math.floor((period - 1) / 2));
  numberIn("factor of amplitude", factor, 0);
  const angle = (t: number) => (2 * Math.PI * ((frequency * t) % period)) / period;
  let [real, imaginary] = [0, 0];
  for (let t = 0; t < period; t++) {
    const value = values[from + t * stride];
    real += (2 / period) * value * cos(angle(t));
    imaginary += (2 / period) * value * sin(angle(t));
  }
  for (let t = 0; t < period; t++)
    values[from + t * stride] += (factor - 1) * (real * cos(angle(t)) + imaginary * sin(angle(t)));
}
