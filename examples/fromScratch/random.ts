/**
 * Chance, from a seed: the same seed gives the same numbers, so a run can be repeated.
 */

/**
 * Uniform numbers in [0, 1), multiples of 2⁻³².
 *
 * Each call advances a 32-bit counter by an odd constant and scrambles it; all 2³² counters come round before any repeats.
 * Good enough to teach with; the statistics of the laboratory use a longer one.
 *
 * @param seed  an integer; taken modulo 2³²
 * @source mulberry32, Tommy Ettinger, public domain
 */
export function uniformNumbers(seed: number): () => number {
  let counter = seed >>> 0;
  return () => {
    counter = (counter + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(counter ^ (counter >>> 15), counter | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * One standard normal number from two uniform ones:  sqrt(−2 ln(1 − u)) cos(2π v).
 *
 * 1 − u lies in (0, 1], so the logarithm is finite.
 *
 * @source Box & Muller 1958
 */
export function normalNumber(uniform: () => number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
  return radius * Math.cos(2 * Math.PI * uniform());
}
