/** Welch's tests: means of groups that may differ in spread. */
import { atLeast, fraction } from "./arguments.ts";
import { tQuantile } from "./betaQuantile.ts";
import { fLogSf, tSf } from "./distributions.ts";
import { mean, sum, variance } from "./moments.ts";
import type { TTest } from "./tTest.ts";

/**
 * Welch's t test that two independent groups have one mean, with the interval of the difference.
 *
 *   t = (x̄_a − x̄_b)/√(s_a²/n_a + s_b²/n_b)
 *   df = (v_a + v_b)²/( v_a²/(n_a − 1) + v_b²/(n_b − 1) ),  v = s²/n
 *
 * Edges: a group of one has no spread: t, df, p and the interval are NaN. Two groups without spread give t = ±∞ (NaN where
 * the means are equal too), df and p NaN.
 *
 * @param a      one value per independent replicate; `b` likewise
 * @param level  confidence of the interval, default 0.95
 * @throws ArgumentError if a group is empty or level outside (0, 1)
 * @source Welch 1947
 */
export function welchTest(a: ArrayLike<number>, b: ArrayLike<number>, level = 0.95): TTest {
  fraction("Welch's t test, level", level);
  atLeast("Welch's t test, first group", "values", a.length, 1);
  atLeast("Welch's t test, second group", "values", b.length, 1);
  const estimate = mean(a) - mean(b);
  const [va, vb] = [variance(a) / a.length, variance(b) / b.length];
  const error = Math.sqrt(va + vb);
  const t = estimate / error;
  const df = (va + vb) ** 2 / (va ** 2 / (a.length - 1) + vb ** 2 / (b.length - 1));
  if (!(df > 0)) return { estimate, low: Number.NaN, high: Number.NaN, t, df: Number.NaN, p: Number.NaN };
  const half = tQuantile((1 + level) / 2, df) * error;
  return { estimate, low: estimate - half, high: estimate + half, t, df, p: 2 * tSf(Math.abs(t), df) };
}

/** What {@link welchAnova} returns. */
export interface WelchAnova {
  f: number;
  df1: number;
  df2: number;
  /** ln P(F > f), natural logarithm. */
  logP: number;
}

/**
 * Welch's one-way analysis of variance: are the means of groups equal, whatever their variances?
 *
 *   w_g = n_g/s_g²,  ỹ = Σ w_g ȳ_g/W,  W = Σ w_g,  Λ = Σ (1 − w_g/W)²/(n_g − 1)
 *   F = [ Σ w_g (ȳ_g − ỹ)²/(k − 1) ] / [ 1 + 2(k − 2)Λ/(k² − 1) ],  df2 = (k² − 1)/(3Λ)
 *
 * With two groups F = t² of {@link welchTest}. Edges: a group without spread has infinite weight and gives NaN.
 *
 * @param groups  at least two, each of at least two values
 * @throws ArgumentError if there are fewer than two groups or one has fewer than two values
 * @source Welch 1951
 */
export function welchAnova(groups: readonly ArrayLike<number>[]): WelchAnova {
  const k = atLeast("Welch's ANOVA", "groups", groups.length, 2);
  for (const [i, group] of groups.entries()) atLeast(`Welch's ANOVA, group ${i}`, "values", group.length, 2);
  const means = groups.map(mean);
  const weights = groups.map((group) => group.length / variance(group));
  const all = sum(weights);
  const centre = sum(weights.map((w, g) => (w / all) * means[g]));
  const between = sum(weights.map((w, g) => w * (means[g] - centre) ** 2)) / (k - 1);
  const lambda = sum(weights.map((w, g) => (1 - w / all) ** 2 / (groups[g].length - 1)));
  const f = between / (1 + (2 * (k - 2) * lambda) / (k * k - 1));
  const df2 = (k * k - 1) / (3 * lambda);
  return { f, df1: k - 1, df2, logP: Number.isNaN(f) ? f : fLogSf(f, k - 1, df2) };
}
