/**
 * Analysis of variance with effect sizes: how much of an activation's variance a token, a position, or their
 * combination explains.
 *
 * eta² is the plain share of variance; omega² and epsilon² subtract what chance alone would explain and may therefore
 * be slightly negative. p-values come as natural logarithms, because sharp tuning lies far below 1e-308. Sums of
 * squares that rounding alone can produce are exactly 0.
 */
import { integerIn } from "../base/check.ts";
import { ShapeError } from "../base/errors.ts";
import { atLeast } from "./arguments.ts";
import { fLogSf } from "./distributions.ts";
import { mean, sumOfSquares } from "./moments.ts";

/** A sum of squares with its degrees of freedom and mean square `ms = ss / df` (NaN at df = 0). */
export interface MeanSquare {
  ss: number;
  df: number;
  ms: number;
}

/** One source of variance, tested against the residual. */
export interface Effect extends MeanSquare {
  /** MS / MS_residual; ∞ where the residual is exactly 0, NaN where both are. */
  f: number;
  /** ln P(F > f), natural logarithm. */
  logP: number;
  /** Share of the total sum of squares, in [0, 1]. */
  eta2: number;
  /** (SS − df·MS_residual) / (SS_total + MS_residual). */
  omega2: number;
  /** (SS − df·MS_residual) / SS_total. */
  epsilon2: number;
  /** SS / (SS + SS_residual), in [0, 1]. */
  partialEta2: number;
  /** df(F − 1) / (df(F − 1) + N). */
  partialOmega2: number;
  /** Cohen's f = √(SS / SS_residual). */
  cohenF: number;
}

function meanSquare(ss: number, df: number): MeanSquare {
  return { ss, df, ms: df > 0 ? ss / df : Number.NaN };
}

function largestMagnitude(values: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]));
  return largest;
}

/**
 * A sum of n squares, or 0 where rounding alone explains it.
 *
 * Means of values up to M are off by a few M·2⁻⁵³. Where the residual is exactly 0 (a probe that holds every input),
 * an absent effect would otherwise be 1e-34/0 = ∞ and look infinitely significant.
 */
function aboveRounding(ss: number, n: number, largest: number): number {
  return ss <= n * (8 * 2 ** -52 * largest) ** 2 ? 0 : ss;
}

function effect(ss: number, df: number, residual: MeanSquare, ssTotal: number, n: number): Effect {
  const source = meanSquare(ss, df);
  const f = source.ms / residual.ms;
  const beyondChance = ss - df * residual.ms;
  return {
    ...source,
    f,
    logP: Number.isNaN(f) ? f : fLogSf(f, df, residual.df),
    eta2: ss / ssTotal,
    omega2: beyondChance / (ssTotal + residual.ms),
    epsilon2: beyondChance / ssTotal,
    partialEta2: ss / (ss + residual.ss),
    // df(F−1)/(df(F−1)+N) times MS_residual above and below, which stays finite when the residual vanishes
    partialOmega2: beyondChance / (beyondChance + n * residual.ms),
    cohenF: Math.sqrt(ss / residual.ss),
  };
}

/** What {@link oneWayAnova} returns. */
export interface OneWayAnova {
  n: number;
  grandMean: number;
  between: Effect;
  within: MeanSquare;
  total: MeanSquare;
}

/**
 * One-way analysis of variance; groups may differ in size.
 *
 *   SS_between = Σ_g n_g (ȳ_g − ȳ)²,  SS_within = Σ_gi (y_gi − ȳ_g)²,  F = MS_between / MS_within
 *
 * With one factor the partial effect sizes equal the plain ones. Under the null E[eta²] = (k − 1)/(N − 1).
 *
 * Edges: as many groups as values (no residual) gives F, ln p, omega², epsilon² = NaN; groups constant within but
 * different between give F = ∞ and ln p = −∞; all values equal (a dead unit) gives NaN for everything but the sums,
 * so that it cannot pass for "not selective"; any NaN value gives NaN.
 *
 * @param groups  at least two, none empty
 * @throws ArgumentError if there are fewer than two groups or one is empty
 */
export function oneWayAnova(groups: readonly ArrayLike<number>[]): OneWayAnova {
  atLeast("one-way ANOVA", "groups", groups.length, 2);
  let n = 0;
  for (const [i, group] of groups.entries())
    n += atLeast(`one-way ANOVA, group ${i}`, "values", group.length, 1);
  const means = groups.map(mean);
  let grandMean = 0;
  for (const [i, group] of groups.entries()) grandMean += (group.length / n) * means[i];
  let between = 0;
  let within = 0;
  let largest = 0;
  for (const [i, group] of groups.entries()) {
    between += group.length * (means[i] - grandMean) ** 2;
    within += sumOfSquares(group);
    largest = Math.max(largest, largestMagnitude(group));
  }
  between = aboveRounding(between, n, largest);
  within = aboveRounding(within, n, largest);
  const residual = meanSquare(within, n - groups.length);
  return {
    n,
    grandMean,
    between: effect(between, groups.length - 1, residual, between + within, n),
    within: residual,
    total: meanSquare(between + within, n - 1),
  };
}

/** What {@link twoWayAnova} returns; `a` and `b` are the factors of the first and second axis. */
export interface TwoWayAnova {
  n: number;
  grandMean: number;
  a: Effect;
  b: Effect;
  interaction: Effect;
  residual: MeanSquare;
  total: MeanSquare;
  /** Mean of each cell [a, b]. */
  cellMeans: Float64Array;
}

/**
 * Two-way analysis of variance with interaction on a balanced design, where all sums of squares are orthogonal.
 *
 *   y_ijr = μ + α_i + β_j + γ_ij + ε_ijr
 *   SS_a = BR Σ α_i²   SS_b = AR Σ β_j²   SS_interaction = R Σ γ_ij²   SS_residual = Σ ε_ijr²
 *   df:   A − 1           B − 1           (A − 1)(B − 1)               AB(R − 1)
 *
 * Edges: one replicate leaves no residual: F, ln p, omega² and epsilon² are NaN, eta² remains. Values that depend only
 * on the cell give F = ∞, ln p = −∞. All values equal gives NaN for everything but the sums. Any NaN gives NaN.
 *
 * @param values  [a, b, replicate], row-major
 * @param shape   [A, B, R] with A, B at least 2 and R at least 1
 * @throws ArgumentError if a dimension is too small, ShapeError if `values` does not have A·B·R entries
 */
export function twoWayAnova(
  values: ArrayLike<number>,
  shape: readonly [a: number, b: number, replicates: number],
): TwoWayAnova {
  const [A, B, R] = shape;
  integerIn("two-way ANOVA, levels of the first factor", A, 2);
  integerIn("two-way ANOVA, levels of the second factor", B, 2);
  integerIn("two-way ANOVA, replicates", R, 1);
  const n = A * B * R;
  if (values.length !== n)
    throw new ShapeError({
      where: "two-way ANOVA",
      rule: `values must fill [a, b, replicate] = [${A}, ${B}, ${R}]`,
      got: `${values.length} values`,
    });
  const cellMeans = new Float64Array(A * B); // [a, b]
  const rows = new Float64Array(A);
  const columns = new Float64Array(B);
  const cell = new Float64Array(R);
  let ssResidual = 0;
  for (let c = 0; c < A * B; c++) {
    for (let r = 0; r < R; r++) cell[r] = values[c * R + r];
    cellMeans[c] = mean(cell);
    ssResidual += sumOfSquares(cell);
    rows[Math.floor(c / B)] += cellMeans[c] / B;
    columns[c % B] += cellMeans[c] / A;
  }
  const grandMean = mean(cellMeans);
  let ssA = 0;
  let ssB = 0;
  let ssInteraction = 0;
  for (let i = 0; i < A; i++) ssA += B * R * (rows[i] - grandMean) ** 2;
  for (let j = 0; j < B; j++) ssB += A * R * (columns[j] - grandMean) ** 2;
  for (let c = 0; c < A * B; c++)
    ssInteraction += R * (cellMeans[c] - rows[Math.floor(c / B)] - columns[c % B] + grandMean) ** 2;
  const largest = largestMagnitude(values);
  [ssA, ssB, ssInteraction, ssResidual] = [ssA, ssB, ssInteraction, ssResidual].map((ss) =>
    aboveRounding(ss, n, largest),
  );
  const residual = meanSquare(ssResidual, A * B * (R - 1));
  const ssTotal = ssA + ssB + ssInteraction + ssResidual;
  return {
    n,
    grandMean,
    a: effect(ssA, A - 1, residual, ssTotal, n),
    b: effect(ssB, B - 1, residual, ssTotal, n),
    interaction: effect(ssInteraction, (A - 1) * (B - 1), residual, ssTotal, n),
    residual,
    total: meanSquare(ssTotal, n - 1),
    cellMeans,
  };
}
