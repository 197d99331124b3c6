/** Confidence intervals for a mean and for a proportion. */
import { numberIn } from "../base/check.ts";
import { normalQuantile } from "../base/normalQuantile.ts";
import { atLeast, fraction } from "./arguments.ts";
import { betaQuantile, tQuantile } from "./betaQuantile.ts";
import { mean, sd } from "./moments.ts";

/** An estimate with the ends of its confidence interval. */
export interface Interval {
  estimate: number;
  low: number;
  high: number;
}

/**
 * Student's t interval for a mean.
 *
 *   x̄ ± t_{(1+level)/2, n−1} · s/√n
 *
 * Exact for normal data. Edges: one value says nothing about spread, so its interval is (−∞, ∞); equal values give
 * the point low = high = x̄; NaN values give NaN.
 *
 * @param values  one per independent replicate (for Palimpsest: per seed)
 * @param level   confidence in (0, 1), default 0.95
 * @throws ArgumentError if `values` is empty or `level` outside (0, 1)
 */
export function tInterval(values: ArrayLike<number>, level = 0.95): Interval {
  fraction("t interval, level", level);
  const n = atLeast("t interval", "values", values.length, 1);
  const estimate = mean(values);
  if (n === 1) return { estimate, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  const half = (tQuantile((1 + level) / 2, n - 1) * sd(values)) / Math.sqrt(n);
  return { estimate, low: estimate - half, high: estimate + half };
}

function proportion(where: string, successes: number, n: number, level: number): number {
  fraction(`${where}, level`, level);
  numberIn(`${where}, n`, n, 0);
  numberIn(`${where}, successes`, successes, 0, n);
  return successes / n;
}

/**
 * Wilson's score interval for a proportion: the p that a z test would not reject.
 *
 *   ( p̂ + z²/2n ± z √( p̂(1−p̂)/n + z²/4n² ) ) / (1 + z²/n)
 *
 * Edges: n = 0 gives estimate NaN and [0, 1]; 0 or n successes give exactly 0 or 1 at that end. Counts may be
 * fractional, so that clustered data can enter with their effective number.
 *
 * @param successes  in [0, n]
 * @param n          number of trials, or effective number
 * @param level      confidence in (0, 1), default 0.95
 * @throws ArgumentError if an argument is outside its range
 * @source Wilson 1927
 */
export function wilson(successes: number, n: number, level = 0.95): Interval {
  const estimate = proportion("Wilson interval", successes, n, level);
  if (n === 0) return { estimate, low: 0, high: 1 };
  const z2 = normalQuantile((1 + level) / 2) ** 2;
  const centre = (estimate + z2 / (2 * n)) / (1 + z2 / n);
  const half = Math.sqrt((z2 * estimate * (1 - estimate)) / n + (z2 / (2 * n)) ** 2) / (1 + z2 / n);
  return {
    estimate,
    low: successes === 0 ? 0 : centre - half,
    high: successes === n ? 1 : centre + half,
  };
}

/**
 * Clopper–Pearson interval for a proportion: never covers less often than `level`, at the price of width.
 *
 *   low = Beta quantile of (1−level)/2 at (x, n−x+1),  high = of (1+level)/2 at (x+1, n−x)
 *
 * Edges and errors as {@link wilson}.
 *
 * @source Clopper & Pearson 1934
 */
export function clopperPearson(successes: number, n: number, level = 0.95): Interval {
  const estimate = proportion("Clopper–Pearson interval", successes, n, level);
  const tail = (1 - level) / 2;
  const failures = n - successes;
  return {
    estimate,
    low: successes === 0 ? 0 : betaQuantile(tail, successes, failures + 1),
    high: failures === 0 ? 1 : 1 - betaQuantile(tail, failures, successes + 1),
  };
}

/**
 * Jeffreys interval for a proportion: the equal-tailed posterior interval under the prior Beta(½, ½).
 *
 * Covers at the nominal level on average over p. Edges and errors as {@link wilson}.
 *
 * @source Brown, Cai & DasGupta 2001, section 3.3 (with their ends 0 and 1 at x = 0 and x = n)
 */
export function jeffreys(successes: number, n: number, level = 0.95): Interval {
  const estimate = proportion("Jeffreys interval", successes, n, level);
  const tail = (1 - level) / 2;
  const failures = n - successes;
  return {
    estimate,
    low: successes === 0 ? 0 : betaQuantile(tail, successes + 0.5, failures + 0.5),
    high: failures === 0 ? 1 : 1 - betaQuantile(tail, failures + 0.5, successes + 0.5),
  };
}

/**
 * Agresti–Coull interval for a proportion: Wilson's centre with the normal standard error there.
 *
 *   p̃ ± z √(p̃(1 − p̃)/ñ),  ñ = n + z²,  p̃ = (x + z²/2)/ñ,  cut to [0, 1]
 *
 * Never narrower than {@link wilson}, whose edges and errors it shares (but its ends reach 0 and 1 earlier).
 *
 * @returns `estimate` is x/n, not the centre p̃
 * @source Agresti & Coull 1998
 */
export function agrestiCoull(successes: number, n: number, level = 0.95): Interval {
  const estimate = proportion("Agresti–Coull interval", successes, n, level);
  if (n === 0) return { estimate, low: 0, high: 1 };
  const z = normalQuantile((1 + level) / 2);
  const trials = n + z * z;
  const centre = (successes + (z * z) / 2) / trials;
  const half = z * Math.sqrt((centre * (1 - centre)) / trials);
  return { estimate, low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}
