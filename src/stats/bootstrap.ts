/**
 * Bootstrap over independent units (for Palimpsest: seeds), with percentile and BCa intervals.
 *
 * A unit may be anything: a number, a pair of numbers, a whole network's measurements. The bootstrap of fewer than
 * about 15 units is too narrow (a 95% percentile interval of five normal values covers 84%); report the t interval first.
 */
import { ArgumentError } from "../base/errors.ts";
import { normalQuantile } from "../base/normalQuantile.ts";
import type { RandomStream } from "../base/random.ts";
import { atLeast, fraction } from "./arguments.ts";
import { normalCdf } from "./distributions.ts";
import type { Interval } from "./intervals.ts";
import { mean } from "./moments.ts";
import { quantileSorted } from "./quantile.ts";
import {
  DEFAULT_RESAMPLES,
  percentileInterval,
  type Replicates,
  replicates,
  requireStream,
  standardError,
} from "./resample.ts";

const MOST_ENUMERATED_UNITS = 7; // 7^7 = 823 543 resamples; 8^8 would be 17 million

/** Options of {@link bootstrap}. */
export interface BootstrapOptions {
  /** Source of the resamples; required unless `enumerate`. */
  stream?: RandomStream;
  /** Number of resamples, default 10 000. Ignored with `enumerate`. */
  resamples?: number;
  /** Visit each of the n^n resamples once instead of drawing: deterministic, for n ≤ 7. */
  enumerate?: boolean;
  /** Confidence in (0, 1), default 0.95. */
  level?: number;
}

/** What {@link bootstrap} returns. */
export interface Bootstrap extends Replicates {
  estimate: number;
  /** Standard deviation of the replicates. */
  standardError: number;
  percentile: Interval;
  /** Bias-corrected and accelerated interval. */
  bca: Interval;
  /** z₀, the median bias of the replicates in normal units. */
  bias: number;
  /** a, a sixth of the jackknife values' skewness. */
  acceleration: number;
}

/**
 * z₀ = Φ⁻¹( (#{θ* < θ̂} + ½ #{θ* = θ̂}) / B ).
 *
 * The same resample in another order may differ in its last bits; ties are therefore counted within 1e-12 of scale.
 */
function medianBias(sorted: ArrayLike<number>, estimate: number): number {
  const count = sorted.length;
  const tolerance = 1e-12 * Math.max(Math.abs(sorted[0]), Math.abs(sorted[count - 1]), Math.abs(estimate));
  let twiceBelow = 0;
  for (let i = 0; i < count; i++) {
    const gap = sorted[i] - estimate;
    if (Math.abs(gap) <= tolerance) twiceBelow += 1;
    else if (gap < 0) twiceBelow += 2;
  }
  return normalQuantile(twiceBelow / (2 * count));
}

/** a = Σ dᵢ³ / (6 (Σ dᵢ²)^{3/2}), dᵢ = mean of the jackknife values − the value without unit i; 0 if all are equal. */
function jackknifeAcceleration<T>(units: readonly T[], statistic: (sample: readonly T[]) => number): number {
  const jackknife = units.map((_, left) => statistic(units.filter((_, i) => i !== left)));
  const centre = mean(jackknife);
  let squares = 0;
  let cubes = 0;
  for (const value of jackknife) {
    squares += (centre - value) ** 2;
    cubes += (centre - value) ** 3;
  }
  return squares === 0 ? 0 : cubes / (6 * squares ** 1.5);
}

/**
 * Bootstrap distribution of a statistic over independent units, with two intervals.
 *
 *   percentile   quantiles (1 ∓ level)/2 of the replicates θ*
 *   BCa          quantiles Φ( z₀ + (z₀ ± z)/(1 − a(z₀ ± z)) ),  z = Φ⁻¹((1+level)/2)
 *
 * Edges: one unit gives (−∞, ∞), as in the t interval; equal units give the point low = high; replicates that are NaN
 * are left out and counted; all of them NaN gives NaN intervals. The BCa interval is NaN where the statistic of all
 * replicates lies on one side of the estimate (z₀ infinite) or a jackknife value is NaN.
 *
 * @param units      one per independent replicate; not changed
 * @param statistic  of a resample, in any order of its units; the array is reused between calls
 * @throws ArgumentError if there are no units, no stream without `enumerate`, or more than 7 units with it
 * @source Efron 1987, eqs. 6.5–6.7; Efron & Tibshirani 1993, section 14.3
 */
export function bootstrap<T>(
  units: ArrayLike<T>,
  statistic: (sample: readonly T[]) => number,
  { stream, resamples = DEFAULT_RESAMPLES, enumerate = false, level = 0.95 }: BootstrapOptions = {},
): Bootstrap {
  fraction("bootstrap, level", level);
  const n = atLeast("bootstrap", "units", units.length, 1);
  const original = Array.from(units);
  const sample = original.slice();
  const draw = enumerate ? enumeration(original, sample) : drawing(original, sample, stream);
  const count = enumerate ? n ** n : resamples;
  const { sorted, undefinedResamples } = replicates("bootstrap", count, (i) => {
    draw(i);
    return statistic(sample);
  });
  const estimate = statistic(original);
  const bias = n === 1 ? Number.NaN : medianBias(sorted, estimate);
  const acceleration = n === 1 ? Number.NaN : jackknifeAcceleration(original, statistic);
  const everything = { estimate, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  const z = normalQuantile((1 + level) / 2);
  const end = (side: number) => {
    const shifted = bias + side;
    const p = normalCdf(bias + shifted / (1 - acceleration * shifted));
    return Number.isFinite(bias) && p >= 0 ? quantileSorted(sorted, p) : Number.NaN;
  };
  return {
    sorted,
    undefinedResamples,
    estimate,
    standardError: n === 1 ? Number.NaN : standardError(sorted),
    percentile: n === 1 ? everything : percentileInterval(estimate, sorted, level),
    bca: n === 1 ? everything : { estimate, low: end(-z), high: end(z) },
    bias,
    acceleration,
  };
}

/** Fills `sample` with n units drawn with replacement. */
function drawing<T>(units: readonly T[], sample: T[], stream: RandomStream | undefined): () => void {
  const source = requireStream("bootstrap", stream);
  return () => {
    for (let i = 0; i < sample.length; i++) sample[i] = units[source.integer(units.length)];
  };
}

/** Fills `sample` with resample number i: its digits in base n. */
function enumeration<T>(units: readonly T[], sample: T[]): (index: number) => void {
  const n = units.length;
  if (n > MOST_ENUMERATED_UNITS)
    throw new ArgumentError({
      where: "bootstrap, enumerate",
      rule: `visits n^n resamples, for at most ${MOST_ENUMERATED_UNITS} units`,
      got: `${n} units`,
      wayOut: "Draw resamples from a stream instead.",
    });
  return (index) => {
    for (let i = 0; i < n; i++) {
      sample[i] = units[index % n];
      index = Math.floor(index / n);
    }
  };
}
