/** How much of one representation is a linear function of another, in sample and left out. */
import { numberIn } from "../base/check.ts";
import { centredPair, type Representation } from "./representation.ts";
import { dot, singular } from "./singular.ts";

/** What {@link linearFit} returns. */
export interface LinearFit {
  /** Share of the targets' variance that is fitted, all targets together; at most 1. */
  r2: number;
  /** The same of samples that were left out of the fit, one at a time; negative where it predicts worse than the mean. */
  r2LeftOut: number;
  /** `r2` of each target. */
  r2Of: Float64Array;
  /** `r2LeftOut` of each target. */
  r2LeftOutOf: Float64Array;
  /** Effective number of parameters without the constant: Σ σ²/(σ² + ridge). */
  parameters: number;
}

/**
 * Least squares of the targets on the predictors and a constant, with an optional ridge.
 *
 *   ŷ − ȳ = U diag(σ²/(σ² + ridge)) Uᵀ (y − ȳ),   Xc = U σ Vᵀ
 *   R²          = 1 − Σ (y − ŷ)² / Σ (y − ȳ)²
 *   R²_left out = 1 − Σ (y_i − ŷ₍ᵢ₎)² / Σ (y_i − ȳ₍ᵢ₎)²,   y_i − ŷ₍ᵢ₎ = (y_i − ŷ_i)/(1 − h_ii)
 *
 * Both left-out errors are of a fit without sample i, so that predictors that say nothing give about 0. In sample, p
 * unrelated predictors already fit p/(n − 1) of the variance; use the left-out share where p is not far below n.
 *
 * Edges: a target without variance gives NaN; a sample that alone decides its own fitted value (h_ii = 1, e.g. as many
 * predictors as samples and no ridge) leaves nothing to predict from, and the left-out share is NaN; predictors without
 * variance fit nothing, R² = 0. An entry that is not finite gives NaN.
 *
 * @param x      predictors, [sample][feature]
 * @param y      targets, [sample][target], the same samples
 * @param ridge  penalty on the squared coefficients, ≥ 0, in squared units of x; default 0
 * @throws ShapeError if the numbers of samples differ or rows are ragged, ArgumentError if ridge is negative
 * @source Allen 1974 for the left-out residuals; Kornblith, Norouzi, Lee & Hinton 2019, section 3, for R² as similarity
 */
export function linearFit(
  x: Representation,
  y: Representation,
  { ridge = 0 }: { ridge?: number } = {},
): LinearFit {
  numberIn("linear fit, ridge", ridge, 0);
  const [xc, yc] = centredPair("linear fit", x, y);
  const n = xc.length;
  const finite = xc.every((row) => row.every(Number.isFinite));
  const { values, left } = singular(xc);
  const kept = values.map((value) => value ** 2 / (value ** 2 + ridge));
  const decides = 1e-10; // 1 − h of a sample that only rounding keeps from deciding its own value
  const slack = Float64Array.from(xc, (_, i) => {
    const free = 1 - 1 / n - left.reduce((total, u, k) => total + kept[k] * u[i] ** 2, 0);
    return finite && free > decides ? free : Number.NaN;
  });
  const targets = Array.from({ length: yc[0]?.length ?? 0 }, (_, j) => {
    const target = Float64Array.from(yc, (row) => row[j]);
    const residual = target.map((value) => (finite ? value : Number.NaN));
    for (const [k, u] of left.entries()) {
      const coefficient = kept[k] * dot(u, target);
      for (let i = 0; i < n; i++) residual[i] -= coefficient * u[i];
    }
    const leftOut = residual.map((value, i) => value / slack[i]);
    const alone = target.map((value) => (value * n) / (n - 1)); // y_i minus the mean of the others
    return [dot(residual, residual), dot(target, target), dot(leftOut, leftOut), dot(alone, alone)];
  });
  const [residual, total, leftOut, alone] = [0, 1, 2, 3].map((k) =>
    targets.reduce((all, of) => all + of[k], 0),
  );
  return {
    r2: 1 - residual / total,
    r2LeftOut: 1 - leftOut / alone,
    r2Of: Float64Array.from(targets, ([rest, all]) => 1 - rest / all),
    r2LeftOutOf: Float64Array.from(targets, ([, , rest, all]) => 1 - rest / all),
    parameters: kept.reduce((all, share) => all + share, 0),
  };
}
