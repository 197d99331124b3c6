/** How large activations are, how many are zero, and which units say nothing. */
import type { Network } from "../interp/network.ts";
import type { SiteName } from "../model/hookPoints.ts";
import { type Sequences, visitActivations } from "./siteActivations.ts";

/** Bins of {@link ActivationScale.histogram}: equal ones over ± {@link HISTOGRAM_REACH} root mean squares. */
export const HISTOGRAM_BINS = 40;
/** How far a histogram reaches, in root mean squares of the site. */
export const HISTOGRAM_REACH = 4;
/** |a| below this share of the site's root mean square is near zero. */
export const NEAR_ZERO = 0.01;
/** A unit whose activations lie within this share of the site's root mean square is constant up to rounding. */
const CONSTANT = 1e-6;

/** Activations of one site of one model over a probe. */
export interface ActivationScale {
  readonly site: SiteName;
  readonly units: number;
  readonly mean: number;
  /** Standard deviation over all activations of the site, divisor n. */
  readonly sd: number;
  /** Root mean square, about 0. */
  readonly rms: number;
  /** Share of activations that are exactly 0. */
  readonly zero: number;
  /** Share of activations within `NEAR_ZERO` root mean squares of 0, those of exactly 0 included. */
  readonly nearZero: number;
  /** Units that are constant on the probe: a rectifier that never opens. */
  readonly dead: number;
  /** Share of activations by a / rms, in equal bins over [−4, 4); what lies outside is in the first and last bin. */
  readonly histogram: Float64Array;
}

/**
 * Scales of all activations of some sites, by model.
 *
 * The network runs twice: near zero, and the bins of the histogram, are in units of the root mean square. A site of
 * nothing but zeros has rms 0, and all its activations in the bin of 0.
 *
 * @param sites  with axes [batch, pos, …]
 * @throws NameError, ArgumentError as `visitActivations`
 */
export async function activationScale(
  network: Network,
  sequences: Sequences,
  sites: readonly SiteName[],
): Promise<ActivationScale[][]> {
  const sums = Array.from({ length: network.models }, () => new Map<SiteName, Sums>());
  await visitActivations(network, sequences, sites, ({ model, site, rows, values }) => {
    const units = values.length / (rows * sequences.nPos);
    const own = sums[model].get(site) ?? emptySums(units);
    sums[model].set(site, own);
    for (let at = 0; at < values.length; at++) {
      const value = values[at];
      const unit = at % units;
      own.total += value;
      own.squares += value * value;
      if (value === 0) own.zero++;
      if (value < own.low[unit]) own.low[unit] = value;
      if (value > own.high[unit]) own.high[unit] = value;
    }
  });
  const count = sequences.count * sequences.nPos;
  const shapes = sums.map(
    (bySite) => new Map([...bySite].map(([site, own]) => [site, emptyShape(own, count)])),
  );
  await visitActivations(network, sequences, sites, ({ model, site, values }) => {
    const shape = shapes[model].get(site) as Shape;
    for (let at = 0; at < values.length; at++) {
      const relative = shape.rms > 0 ? values[at] / shape.rms : 0;
      if (Math.abs(relative) < NEAR_ZERO) shape.nearZero++;
      const bin = Math.floor(((relative + HISTOGRAM_REACH) / (2 * HISTOGRAM_REACH)) * HISTOGRAM_BINS);
      shape.histogram[Math.min(HISTOGRAM_BINS - 1, Math.max(0, bin))]++;
    }
  });
  return sums.map((bySite, model) =>
    [...bySite].map(([site, { total, squares, zero, low, high }]) => {
      const units = low.length;
      const n = count * units;
      const { rms, nearZero, histogram } = shapes[model].get(site) as Shape;
      const mean = total / n;
      return {
        ...{ site, units, mean, rms },
        sd: Math.sqrt(Math.max(0, squares / n - mean * mean)),
        ...{ zero: zero / n, nearZero: nearZero / n },
        dead: low.filter((value, unit) => high[unit] - value <= CONSTANT * rms).length,
        histogram: histogram.map((value) => value / n),
      };
    }),
  );
}

interface Sums {
  total: number;
  squares: number;
  zero: number;
  /** Smallest and largest activation, [unit]. */
  readonly low: Float64Array;
  readonly high: Float64Array;
}

interface Shape {
  readonly rms: number;
  nearZero: number;
  readonly histogram: Float64Array;
}

function emptySums(units: number): Sums {
  return {
    ...{ total: 0, squares: 0, zero: 0 },
    low: new Float64Array(units).fill(Number.POSITIVE_INFINITY),
    high: new Float64Array(units).fill(Number.NEGATIVE_INFINITY),
  };
}

function emptyShape({ squares, low }: Sums, count: number): Shape {
  return {
    rms: Math.sqrt(squares / (count * low.length)),
    nearZero: 0,
    histogram: new Float64Array(HISTOGRAM_BINS),
  };
}
