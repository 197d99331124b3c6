/**
 * Selectivity of a tuning curve: how unevenly non-negative responses are spread over conditions.
 *
 * Each index is for curves of activations ≥ 0, ignores their order and common scale, and (but for {@link responseEntropy})
 * runs from 0 for equal responses to 1 for a single one; {@link activityRatio} runs the other way. A curve of zeros, a dead
 * unit, has no selectivity: NaN.
 */
import { numberIn } from "../base/check.ts";
import { atLeast } from "./arguments.ts";
import { sum } from "./moments.ts";

/** The responses, checked. */
function checked(where: string, curve: ArrayLike<number>): Float64Array {
  atLeast(where, "conditions", curve.length, 2);
  return Float64Array.from(curve, (value, i) => numberIn(`${where}, response ${i}`, value, 0));
}

/**
 * Treves–Rolls activity ratio a = (mean r)²/mean r², in [1/n, 1]: the share of conditions that respond, if all that do
 * respond equally.
 *
 * @param curve  at least two responses ≥ 0
 * @throws ArgumentError if there are fewer than two, or one is negative or not finite
 * @source Treves & Rolls 1991; Rolls & Tovee 1995, eq. 1
 */
export function activityRatio(curve: ArrayLike<number>): number {
  const r = checked("activity ratio", curve);
  return sum(r) ** 2 / r.length / sum(r.map((value) => value * value));
}

/**
 * Lifetime sparseness (1 − a)/(1 − 1/n), in [0, 1], with a of {@link activityRatio}, whose errors it shares.
 *
 * @source Vinje & Gallant 2000
 */
export function lifetimeSparseness(curve: ArrayLike<number>): number {
  return (1 - activityRatio(curve)) / (1 - 1 / curve.length);
}

/**
 * Shannon entropy of the responses as shares, in nats, in [0, ln n].
 *
 *   H = −Σ p ln p,  p = r/Σr
 *
 * @throws ArgumentError as {@link activityRatio}
 */
export function responseEntropy(curve: ArrayLike<number>): number {
  const r = checked("response entropy", curve);
  const total = sum(r);
  return total === 0
    ? Number.NaN
    : -sum(r.map((value) => (value === 0 ? 0 : (value / total) * Math.log(value / total))));
}

/** Entropy selectivity 1 − H/ln n, in [0, 1], with H of {@link responseEntropy}, whose errors it shares. */
export function entropySelectivity(curve: ArrayLike<number>): number {
  return 1 - responseEntropy(curve) / Math.log(curve.length);
}

/**
 * Gini coefficient, in [0, 1 − 1/n]: half the mean difference of two conditions over the mean.
 *
 *   Σ_i (2i − n − 1) r₍ᵢ₎/(n Σ r),  r₍ᵢ₎ ascending, i = 1 … n
 *
 * @throws ArgumentError as {@link activityRatio}
 * @source Gini 1912; Hurley & Rickard 2009 on why it is a good index of sparsity
 */
export function gini(curve: ArrayLike<number>): number {
  const r = checked("Gini coefficient", curve).sort();
  return sum(r.map((value, i) => (2 * (i + 1) - r.length - 1) * value)) / (r.length * sum(r));
}

/**
 * Hoyer sparseness (√n − Σr/√Σr²)/(√n − 1), in [0, 1].
 *
 * @throws ArgumentError as {@link activityRatio}
 * @source Hoyer 2004, section 3.1
 */
export function hoyer(curve: ArrayLike<number>): number {
  const r = checked("Hoyer sparseness", curve);
  const root = Math.sqrt(r.length);
  return (root - sum(r) / Math.sqrt(sum(r.map((value) => value * value)))) / (root - 1);
}

/**
 * Tuning depth (max − min)/(max + min), in [0, 1]: 1 as soon as one condition gets no response.
 *
 * @throws ArgumentError as {@link activityRatio}
 */
export function tuningDepth(curve: ArrayLike<number>): number {
  const r = checked("tuning depth", curve);
  const [low, high] = [r.reduce((a, b) => Math.min(a, b)), r.reduce((a, b) => Math.max(a, b))];
  return (high - low) / (high + low);
}

/**
 * Preference index (max − mean of the others)/(max + mean of the others), in [0, 1].
 *
 * @throws ArgumentError as {@link activityRatio}
 */
export function preferenceIndex(curve: ArrayLike<number>): number {
  const r = checked("preference index", curve);
  const high = r.reduce((a, b) => Math.max(a, b));
  const others = (sum(r) - high) / (r.length - 1);
  return (high - others) / (high + others);
}
