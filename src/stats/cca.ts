/**
 * Canonical correlation analysis of two representations, and its two remedies: SVCCA drops the directions with little
 * variance before, PWCCA weighs the canonical directions by what they carry.
 *
 * CCA ignores every invertible linear map of a representation, and so gives a direction of pure noise the same say as
 * the strongest one. With few samples it says nothing: from ranks rₓ + r_y > n − 1 on, some correlations are 1 of any
 * two representations ({@link Cca.trivial}). Compare with a null that has the same widths and samples.
 */
import { fraction } from "./arguments.ts";
import { mean } from "./moments.ts";
import { centredPair, type Representation } from "./representation.ts";
import { dot, type Singular, singular } from "./singular.ts";

/** What {@link cca} and {@link svcca} return. */
export interface Cca {
  /** ρ, descending, in [0, 1]; as many as the smaller rank. */
  correlations: Float64Array;
  /** Mean ρ. */
  mean: number;
  /** R²_CCA, the mean of ρ². */
  meanSquare: number;
  /** Yanai's generalised coefficient of determination, Σρ²/√(rₓ r_y): also penalises unequal ranks. */
  yanai: number;
  /** Principal angles between the two spans, arccos ρ, in radians, ascending; below 1e-8 they are rounding. */
  angles: Float64Array;
  /** Number of directions compared in each representation, [x, y]. */
  ranks: readonly [number, number];
  /** How many of the correlations are 1 whatever the data say: max(0, rₓ + r_y − (n − 1)). */
  trivial: number;
}

/** The left singular vectors that carry at least `share` of the variance. */
function strongest({ values, left }: Singular, share: number): Float64Array[] {
  if (share === 1) return left;
  const total = dot(values, values);
  let [kept, carried] = [0, 0];
  while (kept < values.length && carried < share * total) carried += values[kept++] ** 2;
  return left.slice(0, kept);
}

/** Singular decomposition of QₓᵀQ_y: the correlations, and in `left` the canonical directions in the basis Qₓ. */
function between(qx: readonly Float64Array[], qy: readonly Float64Array[]): Singular {
  return singular(qx.map((a) => qy.map((b) => dot(a, b))));
}

function summarise(qx: readonly Float64Array[], qy: readonly Float64Array[], samples: number): Cca {
  const correlations = new Float64Array(Math.min(qx.length, qy.length)); // 0 where the spans are orthogonal
  correlations.set(between(qx, qy).values.map((rho) => Math.min(1, rho)));
  const squares = correlations.map((rho) => rho * rho);
  return {
    correlations,
    mean: mean(correlations),
    meanSquare: mean(squares),
    yanai: squares.reduce((total, square) => total + square, 0) / Math.sqrt(qx.length * qy.length),
    angles: correlations.map(Math.acos),
    ranks: [qx.length, qy.length],
    trivial: Math.max(0, Math.min(correlations.length, qx.length + qy.length - (samples - 1))),
  };
}

/**
 * Canonical correlations of two representations.
 *
 *   ρ = singular values of QₓᵀQ_y,  Q: orthonormal bases of the centred columns
 *
 * Edges: a representation without variance, or with an entry that is not finite, has rank 0: no correlations, means NaN.
 * Features that depend on others add nothing to the rank.
 *
 * @param x  [sample][feature]
 * @param y  [sample][feature], the same samples, any number of features
 * @throws ShapeError if the numbers of samples differ or rows are ragged
 * @source Hotelling 1936; Björck & Golub 1973 for the computation; Yanai 1974
 */
export function cca(x: Representation, y: Representation): Cca {
  const [xc, yc] = centredPair("CCA", x, y);
  return summarise(singular(xc).left, singular(yc).left, x.length);
}

/**
 * Singular vector CCA: {@link cca} of the fewest principal directions that carry `share` of each one's variance.
 *
 * @param share  in (0, 1), default 0.99
 * @throws ShapeError as {@link cca}, ArgumentError if share is outside (0, 1)
 * @source Raghu, Gilmer, Yosinski & Sohl-Dickstein 2017
 */
export function svcca(x: Representation, y: Representation, { share = 0.99 }: { share?: number } = {}): Cca {
  fraction("SVCCA, share", share);
  const [xc, yc] = centredPair("SVCCA", x, y);
  return summarise(strongest(singular(xc), share), strongest(singular(yc), share), x.length);
}

/** What {@link pwcca} returns. */
export interface Pwcca {
  /** Σ weights ρ, in [0, 1]. */
  estimate: number;
  /** Of each canonical correlation, summing to 1. */
  weights: Float64Array;
  /** ρ, descending. */
  correlations: Float64Array;
}

/**
 * Projection-weighted CCA: canonical correlations weighed by how much of `x` their directions carry. Not symmetric.
 *
 *   weight_i ∝ Σ_j |⟨h_i, x_j⟩|,  h_i: canonical variate i of x (unit length),  x_j: centred column j
 *
 * Edges: rank 0 on either side gives NaN. Where several ρ are equal their directions are not unique, and neither is
 * the weight's split among them; the estimate is the same.
 *
 * @param x  [sample][feature], the representation whose directions are weighed
 * @param y  [sample][feature], the same samples
 * @throws ShapeError as {@link cca}
 * @source Morcos, Raghu & Bengio 2018, section 2.2 (they weigh the side with fewer features)
 */
export function pwcca(x: Representation, y: Representation): Pwcca {
  const [xc, yc] = centredPair("PWCCA", x, y);
  const qx = singular(xc).left;
  const { values, left } = between(qx, singular(yc).left);
  const columns = Array.from({ length: xc[0]?.length ?? 0 }, (_, j) => xc.map((row) => row[j]));
  const weights = Float64Array.from(left, (direction) => {
    const variate = xc.map((_, sample) => qx.reduce((total, q, k) => total + direction[k] * q[sample], 0));
    return columns.reduce((total, column) => total + Math.abs(dot(variate, column)), 0);
  });
  const total = weights.reduce((a, b) => a + b, 0);
  const correlations = values.map((rho) => Math.min(1, rho));
  return {
    estimate: total > 0 ? dot(weights, correlations) / total : Number.NaN,
    weights: weights.map((weight) => weight / total),
    correlations,
  };
}
