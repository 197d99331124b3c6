/** How far a unit's largest activation stands out, and how far that of normal noise would. */
import { integerIn, numberIn } from "../base/check.ts";
import { ShapeError } from "../base/errors.ts";
import { normalQuantile } from "../base/normalQuantile.ts";

/** What {@link largestActivation} returns. */
export interface LargestActivation {
  /** Largest activation less the mean, in standard deviations of the unit; NaN for a constant one, [unit]. */
  readonly sds: Float64Array;
  /** The middle activation, and the one that 5 % exceed, [unit]. */
  readonly median: Float64Array;
  readonly high: Float64Array;
  /** Share of all standardised activations in each bin of {@link activationBins}; beyond the ends in the last ones. */
  readonly shares: Float64Array;
  /** Activations of a unit. */
  readonly samples: number;
}

/** Bins of standardised activations: from −4 to 8 standard deviations, a quarter each. */
export const activationBins = { low: -4, high: 8, count: 48 } as const;

/**
 * Largest activation and distribution of every unit over a sample.
 *
 *   sds = (max a − mean a) / sd a,   sd with n in the denominator
 *
 * Compare with {@link normalMaximum} of as many samples. The samples of a probe are no independent draws: where a unit
 * depends on token and position alone, 8000 activations are 80 numbers, each 100 times.
 *
 * @param values  [sample, unit]
 * @param units   number of units
 * @throws ShapeError if the values do not divide into units
 */
export function largestActivation(values: ArrayLike<number>, units: number): LargestActivation {
  const samples = values.length / units;
  if (!(Number.isInteger(samples) && samples >= 1))
    throw new ShapeError({
      where: "largest activation",
      rule: `values must be [sample, unit], with ${units} units`,
      got: `${values.length} numbers`,
    });
  const own = new Float64Array(samples);
  const [sds, median, high] = [new Float64Array(units), new Float64Array(units), new Float64Array(units)];
  const shares = new Float64Array(activationBins.count);
  const perSd = activationBins.count / (activationBins.high - activationBins.low);
  let counted = 0;
  for (let unit = 0; unit < units; unit++) {
    for (let i = 0; i < samples; i++) own[i] = values[i * units + unit];
    own.sort();
    const at = (p: number) => own[Math.round((samples - 1) * p)];
    [median[unit], high[unit]] = [at(0.5), at(0.95)];
    const middle = own[samples >> 1]; // taken about a value of its own, a constant has exactly no spread
    let [total, squares] = [0, 0];
    for (const value of own) {
      total += value - middle;
      squares += (value - middle) ** 2;
    }
    const mean = total / samples;
    const sd = Math.sqrt(Math.max(0, squares / samples - mean * mean));
    sds[unit] = sd > 0 ? (own[samples - 1] - middle - mean) / sd : Number.NaN;
    if (!(sd > 0)) continue;
    counted++;
    for (const value of own) {
      const bin = Math.floor(((value - middle - mean) / sd - activationBins.low) * perSd);
      shares[Math.min(activationBins.count - 1, Math.max(0, bin))]++;
    }
  }
  return { sds, median, high, shares: shares.map((n) => n / (counted * samples)), samples };
}

/**
 * Quantile of the largest of n independent standard normal numbers.
 *
 *   P(max ≤ x) = Φ(x)ⁿ,   so x_p = Φ⁻¹(p^(1/n))
 *
 * @param p  in (0, 1)
 * @throws ArgumentError unless n is a positive whole number and p in [0, 1]
 */
export function normalMaximum(n: number, p: number): number {
  integerIn("normal maximum, n", n, 1);
  numberIn("normal maximum, p", p, 0, 1);
  return -normalQuantile(-Math.expm1(Math.log(p) / n)); // the upper tail: p^(1/n) itself is too close to 1
}
