/** One-way comparison of groups by ranks. */
import { atLeast } from "./arguments.ts";
import { averageRanks } from "./correlation.ts";
import { chi2Sf } from "./distributions.ts";
import { mean, sumOfSquares } from "./moments.ts";

/** What {@link kruskalWallis} returns. */
export interface KruskalWallis {
  h: number;
  df: number;
  /** P(χ²_df > h), approximate: fine from about five values a group. */
  p: number;
  /** ε² = H/(N − 1): share of the ranks' variance between groups, in [0, 1]. */
  epsilon2: number;
}

/**
 * Kruskal–Wallis test that groups share one distribution.
 *
 *   H = (N − 1) · SS_between/SS_total of the average ranks
 *
 * which is the usual formula with its correction for ties.
 *
 * Edges: all values equal gives NaN; any NaN gives NaN.
 *
 * @param groups  at least two, none empty
 * @throws ArgumentError if there are fewer than two groups or one is empty
 * @source Kruskal & Wallis 1952, eqs. 1.2 and 1.4; Tomczak & Tomczak 2014 for ε²
 */
export function kruskalWallis(groups: readonly ArrayLike<number>[]): KruskalWallis {
  atLeast("Kruskal–Wallis test", "groups", groups.length, 2);
  for (const [i, group] of groups.entries())
    atLeast(`Kruskal–Wallis test, group ${i}`, "values", group.length, 1);
  const ranks = averageRanks(groups.flatMap((group) => Array.from(group)));
  let [between, from] = [0, 0];
  for (const group of groups) {
    const own = ranks.subarray(from, (from += group.length));
    between += own.length * (mean(own) - (ranks.length + 1) / 2) ** 2;
  }
  const epsilon2 = between / sumOfSquares(ranks);
  const h = (ranks.length - 1) * epsilon2;
  const df = groups.length - 1;
  return { h, df, p: chi2Sf(h, df), epsilon2 };
}
