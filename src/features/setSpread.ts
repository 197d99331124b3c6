/** Does one set of inputs do something to units that random sets of the same size do not? */
import { integerIn, numberIn } from "../base/check.ts";
import { ShapeError } from "../base/errors.ts";

/** What {@link setSpread} returns. */
export interface SetSpread {
  /** Deviation of every statistic in pooled standard deviations, [statistic]; 0 of a constant one, NaN of an undefined one. */
  readonly z: Float64Array;
  /** Mean and standard deviation over the random sets, [statistic]. */
  readonly mean: Float64Array;
  readonly sd: Float64Array;
  /** Statistics that vary between sets: what the shares below are shares of. */
  readonly varying: number;
  /** Root mean square of z over varying statistics, its mean over random sets, and the p value of one so large. */
  readonly rms: number;
  readonly rmsRandom: number;
  readonly p: number;
  /** |z| beyond which a statistic is outside, family-wise at the level; ∞ where there are too few random sets. */
  readonly critical: number;
  /** 1 for a statistic outside, [statistic]. */
  readonly outside: Uint8Array;
  /** Share of varying statistics outside, and its mean over random sets; NaN where nothing varies. */
  readonly share: number;
  readonly shareRandom: number;
}

/** Standard deviations below this share of a statistic's scale are rounding of float32 activations. */
const FLAT = 1e-7;

/**
 * Statistics of one set of inputs against those of random sets.
 *
 *   z_k = (x_k − m_k) / s_k        m_k, s_k: mean and standard deviation over all sets, the one in question included
 *
 * If the set is one more random set, all sets are exchangeable, and so are their rows of z: the rank of its root mean
 * square is a p value, p = (1 + #{random ≥}) / (1 + R), and the largest |z| of the sets gives a bound that is exceeded
 * by any statistic with probability at most `level`, however the statistics depend on each other.
 *
 * @param own     [statistic]
 * @param random  [set][statistic]
 * @param level   family-wise level of `outside`
 * @param scale   size of each statistic's terms, [statistic]; spreads below a 1e-7 of it are rounding
 * @throws ShapeError if lengths differ, ArgumentError if there are fewer than two random sets
 */
export function setSpread(
  own: Float64Array,
  random: readonly Float64Array[],
  { level, scale }: { level: number; scale: ArrayLike<number> },
): SetSpread {
  integerIn("spread over sets, number of random sets", random.length, 2);
  numberIn("spread over sets, level", level, 0, 1);
  for (const row of [...random, scale])
    if (row.length !== own.length)
      throw new ShapeError({
        where: "spread over sets",
        rule: `every set must have ${own.length} statistics`,
        got: String(row.length),
      });
  const rows = [own, ...random];
  const z = rows.map((row) => new Float64Array(row.length));
  const mean = new Float64Array(own.length);
  const sd = new Float64Array(own.length);
  let varying = 0;
  for (let k = 0; k < own.length; k++) {
    const pooled = moments(rows, k);
    const drawn = moments(random, k);
    [mean[k], sd[k]] = [drawn.mean, drawn.sd];
    if (pooled.sd <= FLAT * scale[k]) continue; // NaN goes on, and stays NaN
    if (!Number.isNaN(pooled.sd)) varying++;
    for (const [set, row] of rows.entries()) z[set][k] = (row[k] - pooled.mean) / pooled.sd;
  }
  const known = (row: Float64Array) => row.filter((value) => !Number.isNaN(value));
  const rms = z.map((row) => Math.sqrt(known(row).reduce((sum, value) => sum + value * value, 0) / varying));
  const largest = z.map((row) => known(row).reduce((most, value) => Math.max(most, Math.abs(value)), 0));
  const allowed = Math.floor(level * (1 + random.length) + 1e-9) - 1; // random sets that may reach as far
  const critical = allowed < 0 ? Number.POSITIVE_INFINITY : largest.slice(1).sort((a, b) => b - a)[allowed];
  const beyond = z.map((row) => Uint8Array.from(row, (value) => (Math.abs(value) > critical ? 1 : 0)));
  const shares = beyond.map((row) => row.reduce((sum, value) => sum + value, 0) / varying);
  const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const atLeast = rms.slice(1).filter((value) => value >= rms[0]).length;
  return {
    ...{ z: z[0], mean, sd, varying, critical, outside: beyond[0] },
    ...{ rms: rms[0], rmsRandom: meanOf(rms.slice(1)) },
    p: varying === 0 ? 1 : (1 + atLeast) / (1 + random.length),
    ...{ share: shares[0], shareRandom: meanOf(shares.slice(1)) },
  };
}

/** Mean and standard deviation of statistic k over sets. */
function moments(rows: readonly Float64Array[], k: number): { mean: number; sd: number } {
  let total = 0;
  for (const row of rows) total += row[k];
  const mean = total / rows.length;
  let squares = 0;
  for (const row of rows) squares += (row[k] - mean) ** 2;
  return { mean, sd: Math.sqrt(squares / (rows.length - 1)) };
}
