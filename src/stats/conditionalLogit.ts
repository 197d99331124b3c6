/** Which of several alternatives is chosen, given what each of them is like. */
import { CholeskyDecomposition, Matrix } from "ml-matrix";
import { integerIn } from "../base/check.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";

/** Choices, each among the same number of alternatives. */
export interface Choices {
  /** What every alternative is like, [choice, alternative, predictor]. */
  readonly predictors: ArrayLike<number>;
  /** Index of the alternative that was chosen, [choice]. */
  readonly chosen: ArrayLike<number>;
  /** Alternatives of each choice, at least 2. */
  readonly alternatives: number;
}

/** What {@link conditionalLogit} returns. */
export interface ConditionalLogit {
  /** Change of log odds with a predictor, [predictor]; NaN where nothing converged. */
  coefficients: Float64Array;
  /** From the inverse of the information, [predictor]. */
  standardErrors: Float64Array;
  /** At the coefficients, and where all alternatives are equally probable, nats. */
  logLikelihood: number;
  nullLogLikelihood: number;
  /** 1 − logLikelihood / nullLogLikelihood (McFadden), in [0, 1]. */
  pseudoR2: number;
  /** Share of choices whose most probable alternative was chosen, in [0, 1]; of k equally probable ones each counts 1/k. */
  hitRate: number;
  /** False where a combination of predictors separates the chosen from the others, or does not vary. */
  converged: boolean;
}

/** Newton doubles the digits of every step; a separation is followed at about one unit of log odds a step, for ever. */
const STEPS = 60;
/** A step that is smaller than this, relative to 1 + |coefficient|, ends the search. */
const SMALLEST_STEP = 1e-9;
/**
 * Information that is left in a predictor, as a share of what there is at β = 0, below which it separates: then all
 * probabilities have run to 0 and 1, and the steps end where a float64 can tell them from 0 and 1 no more.
 */
const SEPARATED = 1e-8;
/** Rounding of a log likelihood, relative: what may not count as going downhill. */
const ROUNDING = 1e-12;

/**
 * Conditional (multinomial) logit by maximum likelihood.
 *
 *   P(choice n takes alternative j) = exp(β · x_nj) / Σ_l exp(β · x_nl)
 *
 * What is the same for all alternatives of a choice cancels. The log likelihood is concave; Newton's steps are halved where
 * they would overshoot. Choices are taken to be independent: of units that share a network, take the coefficients, not
 * their standard errors, and let networks replicate.
 *
 * Edges: no choice, or predictors that separate or do not vary, give NaN coefficients with `converged` false.
 *
 * @throws ShapeError     if the predictors are not one set for every alternative of every choice
 * @throws ArgumentError  if a chosen alternative does not exist, or a predictor is not finite
 * @source McFadden 1974, "Conditional logit analysis of qualitative choice behavior"
 */
export function conditionalLogit({ predictors, chosen, alternatives }: Choices): ConditionalLogit {
  const width = check({ predictors, chosen, alternatives });
  const data: Data = { predictors, chosen, alternatives, width };
  const nullLogLikelihood = -chosen.length * Math.log(alternatives);
  let here = evaluate(data, new Float64Array(width));
  const flat = here.information;
  for (let step = 0; step < STEPS; step++) {
    const information = new Matrix(here.information);
    const cholesky = new CholeskyDecomposition(information);
    if (chosen.length === 0 || !cholesky.isPositiveDefinite()) break;
    const towards = cholesky.solve(Matrix.columnVector(Array.from(here.gradient))).getColumn(0);
    const still = towards.every(
      (by, i) => Math.abs(by) < SMALLEST_STEP * (1 + Math.abs(here.coefficients[i])),
    );
    if (still) {
      const inverse = cholesky.solve(Matrix.eye(width, width));
      if (flat.some((row, i) => inverse.get(i, i) * row[i] > 1 / SEPARATED)) break;
      return {
        coefficients: here.coefficients,
        standardErrors: Float64Array.from({ length: width }, (_, i) => Math.sqrt(inverse.get(i, i))),
        logLikelihood: here.logLikelihood,
        nullLogLikelihood,
        pseudoR2: 1 - here.logLikelihood / nullLogLikelihood,
        hitRate: here.hits / chosen.length,
        converged: true,
      };
    }
    const next = uphill(data, here, towards);
    if (next === undefined) break;
    here = next;
  }
  const nothing = () => new Float64Array(width).fill(Number.NaN);
  return {
    ...{ coefficients: nothing(), standardErrors: nothing(), logLikelihood: Number.NaN, nullLogLikelihood },
    ...{ pseudoR2: Number.NaN, hitRate: Number.NaN, converged: false },
  };
}

interface Data extends Choices {
  readonly width: number;
}

/** The log likelihood at some coefficients, with its derivatives. */
interface Point {
  coefficients: Float64Array;
  logLikelihood: number;
  gradient: Float64Array;
  /** Minus the second derivatives, [predictor][predictor]. */
  information: number[][];
  hits: number;
}

/** The longest of the full step and its halves that raises the likelihood; undefined if none does. */
function uphill(data: Data, here: Point, towards: readonly number[]): Point | undefined {
  for (let share = 1; share > 1e-10; share /= 2) {
    const next = evaluate(
      data,
      here.coefficients.map((value, i) => value + share * towards[i]),
    );
    if (next.logLikelihood >= here.logLikelihood * (1 + ROUNDING)) return next; // both are below 0
  }
  return undefined;
}

/**
 * Log likelihood, gradient Σ (x_chosen − x̄) and information Σ cov(x) under the probabilities of each choice.
 */
function evaluate({ predictors, chosen, alternatives, width }: Data, coefficients: Float64Array): Point {
  const gradient = new Float64Array(width);
  const information = Array.from({ length: width }, () => new Array<number>(width).fill(0));
  const utility = new Float64Array(alternatives);
  const centre = new Float64Array(width);
  let [logLikelihood, hits] = [0, 0];
  for (let n = 0; n < chosen.length; n++) {
    const at = (j: number, i: number) => predictors[(n * alternatives + j) * width + i];
    for (let j = 0; j < alternatives; j++) {
      utility[j] = 0;
      for (let i = 0; i < width; i++) utility[j] += coefficients[i] * at(j, i);
    }
    const high = utility.reduce((a, b) => Math.max(a, b));
    const equal = utility.filter((value) => value === high).length;
    if (utility[chosen[n]] === high) hits += 1 / equal;
    const own = utility[chosen[n]];
    const total = utility.reduce((sum, value) => sum + Math.exp(value - high), 0);
    logLikelihood += own - high - Math.log(total);
    centre.fill(0);
    for (let j = 0; j < alternatives; j++) {
      const chance = Math.exp(utility[j] - high) / total;
      for (let i = 0; i < width; i++) centre[i] += chance * at(j, i);
    }
    for (let i = 0; i < width; i++) gradient[i] += at(chosen[n], i) - centre[i];
    for (let j = 0; j < alternatives; j++) {
      const chance = Math.exp(utility[j] - high) / total;
      for (let i = 0; i < width; i++)
        for (let l = 0; l <= i; l++)
          information[i][l] += chance * (at(j, i) - centre[i]) * (at(j, l) - centre[l]);
    }
  }
  for (let i = 0; i < width; i++) for (let l = 0; l < i; l++) information[l][i] = information[i][l];
  return { coefficients, logLikelihood, gradient, information, hits };
}

/** Number of predictors, if all is in order. */
function check({ predictors, chosen, alternatives }: Choices): number {
  const where = "conditional logit";
  integerIn(`${where}, alternatives`, alternatives, 2);
  const width = chosen.length === 0 ? 0 : predictors.length / (chosen.length * alternatives);
  if (!(Number.isInteger(width) && (width > 0 || chosen.length === 0)))
    throw new ShapeError({
      where,
      rule: `needs the same number of predictors for each of ${chosen.length} × ${alternatives} alternatives, at least one`,
      got: `${predictors.length} numbers`,
    });
  for (let n = 0; n < chosen.length; n++) integerIn(`${where}, choice ${n}`, chosen[n], 0, alternatives - 1);
  for (let i = 0; i < predictors.length; i++)
    if (!Number.isFinite(predictors[i]))
      throw new ArgumentError({
        where: `${where}, predictor ${i}`,
        rule: "must be finite",
        got: String(predictors[i]),
      });
  return width;
}
