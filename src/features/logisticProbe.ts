/** Linear probes: what a linear readout could say about a label from a layer's activations. */
import { CholeskyDecomposition, Matrix } from "ml-matrix";
import { integerIn, numberIn, sameLength } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";
import { type Representation, rectangular } from "../stats/representation.ts";

/** Activations with what they should tell. */
export interface LabelledSamples {
  /** [sample][feature] */
  readonly features: Representation;
  /** Class of each sample, 0 … classes − 1. */
  readonly labels: ArrayLike<number>;
}

/** Options of {@link logisticProbe}. */
export interface LogisticProbeOptions {
  /** Number of classes, at least 2. */
  classes: number;
  /** Weight of the penalty, above 0; see {@link logisticProbe}. Default 0.01. */
  ridge?: number;
  /** The fit ends when a step promises to lower the objective by less than this, nats; default 1e-6. */
  tolerance?: number;
  /** Most steps, default 500. */
  iterations?: number;
}

/** A fitted probe. */
export interface LogisticProbe {
  readonly classes: number;
  /** Of the raw features, [feature, class]; 0 for a feature that is constant in the fitted samples. */
  readonly weights: Float64Array;
  /** [class] */
  readonly intercepts: Float64Array;
  /** Penalised loss of the fitted samples, nats. */
  readonly objective: number;
  /** False if the steps ran out. */
  readonly converged: boolean;
}

/**
 * Multinomial logistic regression with a ridge penalty on standardised features.
 *
 *   min  mean_n −ln softmax(b + W z_n)[label_n] + (ridge/2) ‖W‖²,   z = (features − mean) / sd
 *
 * Standardising makes the penalty the same for a layer and for a multiple of it, as layer norms make the network; the
 * intercepts b are free. The objective is strictly convex in what it predicts, so the fit has no seed.
 *
 * Solved by accelerated descent in the metric of Böhning's bound: softmax's Hessian is at most half the features' second
 * moments, so a full step never overshoots and no line search is needed.
 *
 * @throws ArgumentError if there is no sample, a label is no class, or a feature is not finite; ShapeError if rows are
 *                       ragged
 * @source Böhning 1992, "Multinomial logistic regression algorithm", for the bound; Nesterov 1983 and O'Donoghue &
 *         Candès 2015 (restart by gradient) for the descent
 */
export function logisticProbe(
  { features, labels }: LabelledSamples,
  { classes, ridge = 0.01, tolerance = 1e-6, iterations = 500 }: LogisticProbeOptions,
): LogisticProbe {
  const where = "logistic probe";
  integerIn(`${where}, classes`, classes, 2);
  numberIn(`${where}, ridge`, ridge, Number.MIN_VALUE);
  numberIn(`${where}, tolerance`, tolerance, 0);
  integerIn(`${where}, iterations`, iterations, 1);
  checkSamples(where, { features, labels }, classes);
  const { values, scale, centre, width } = standardised(features);
  const n = features.length;
  const inverse = inverseBound(values, n, width, ridge);

  const size = (width + 1) * classes; // the last row are the intercepts
  const now = new Float64Array(size);
  const ahead = new Float64Array(size);
  const gradient = new Float64Array(size);
  const step = new Float64Array(size);
  let objective = Number.NaN;
  let momentum = 1;
  let converged = false;
  for (let k = 0; k < iterations && !converged; k++) {
    objective = lossAndGradient(ahead, gradient, { values, labels, n, width, classes, ridge });
    multiply(inverse, gradient, step, width, classes);
    let promise = 0; // ½ gᵀA⁻¹g is the drop that the bound guarantees
    let uphill = 0;
    for (let i = 0; i < size; i++) {
      promise += 0.5 * gradient[i] * step[i];
      uphill += gradient[i] * (ahead[i] - step[i] - now[i]);
    }
    converged = promise < tolerance;
    const next = uphill > 0 ? 1 : (1 + Math.sqrt(1 + 4 * momentum * momentum)) / 2;
    const push = uphill > 0 ? 0 : (momentum - 1) / next;
    for (let i = 0; i < size; i++) {
      const reached = ahead[i] - step[i];
      ahead[i] = reached + push * (reached - now[i]);
      now[i] = reached;
    }
    momentum = next;
  }

  const weights = new Float64Array(width * classes);
  const intercepts = now.slice(width * classes);
  for (let feature = 0; feature < width; feature++)
    for (let c = 0; c < classes; c++) {
      const weight = scale[feature] * now[feature * classes + c];
      weights[feature * classes + c] = weight;
      intercepts[c] -= weight * centre[feature];
    }
  return { classes, weights, intercepts, objective, converged };
}

/**
 * Mean cross-entropy of a probe on samples, nats.
 *
 * @throws ArgumentError if a label is no class or the samples have another number of features
 */
export function probeLoss(
  { classes, weights, intercepts }: LogisticProbe,
  { features, labels }: LabelledSamples,
): number {
  checkSamples("probe loss", { features, labels }, classes);
  const width = weights.length / classes;
  if (features[0].length !== width)
    throw new ArgumentError({
      where: "probe loss",
      rule: "samples must have the features that the probe was fitted to",
      got: `${features[0].length}, not ${width}`,
    });
  const logits = new Float64Array(classes);
  let total = 0;
  features.forEach((row, n) => {
    logits.set(intercepts);
    for (let feature = 0; feature < width; feature++)
      for (let c = 0; c < classes; c++) logits[c] += row[feature] * weights[feature * classes + c];
    total += surprisal(logits, labels[n]);
  });
  return total / features.length;
}

/** −ln softmax(logits)[label]; turns the logits into the softmax. */
function surprisal(logits: Float64Array, label: number): number {
  let largest = logits[0];
  for (const logit of logits) if (logit > largest) largest = logit;
  const own = logits[label] - largest;
  let sum = 0;
  for (let c = 0; c < logits.length; c++) {
    logits[c] = Math.exp(logits[c] - largest);
    sum += logits[c];
  }
  for (let c = 0; c < logits.length; c++) logits[c] /= sum;
  return Math.log(sum) - own;
}

/** @throws ArgumentError unless every sample has a label that is a class, and there is one */
export function checkSamples(where: string, { features, labels }: LabelledSamples, classes: number): void {
  sameLength(where, features, labels);
  if (features.length === 0)
    throw new ArgumentError({ where, rule: "needs at least one sample", got: "none" });
  for (let n = 0; n < labels.length; n++)
    integerIn(`${where}, label of sample ${n}`, labels[n], 0, classes - 1);
}

/** Features with mean 0 and standard deviation 1, [sample, feature]; a constant one is 0 and has scale 0. */
function standardised(features: Representation) {
  const rows = rectangular("logistic probe", features);
  const width = rows[0].length;
  const values = new Float64Array(rows.length * width);
  const centre = new Float64Array(width);
  const scale = new Float64Array(width);
  for (let feature = 0; feature < width; feature++) {
    for (const row of rows) centre[feature] += row[feature] / rows.length;
    let variance = 0;
    for (const row of rows) variance += (row[feature] - centre[feature]) ** 2 / rows.length;
    if (!Number.isFinite(variance))
      throw new ArgumentError({
        where: "logistic probe",
        rule: "features must be finite",
        got: `${variance} as variance of feature ${feature}`,
        wayOut: "Leave networks out that have diverged.",
      });
    // rounding of float32 features leaves 1e-14 of the mean square
    scale[feature] = variance > 1e-12 * centre[feature] ** 2 ? 1 / Math.sqrt(variance) : 0;
    rows.forEach((row, n) => {
      values[n * width + feature] = (row[feature] - centre[feature]) * scale[feature];
    });
  }
  return { values, scale, centre, width };
}

/** Inverse of ½ ZᵀZ/n + ridge I, [feature, feature]: the bound of the Hessian for each class. */
function inverseBound(values: Float64Array, n: number, width: number, ridge: number): Float64Array {
  const moments = new Float64Array(width * width); // the lower triangle
  for (let sample = 0; sample < n; sample++)
    for (let i = 0; i < width; i++) {
      const half = (0.5 * values[sample * width + i]) / n;
      for (let j = 0; j <= i; j++) moments[i * width + j] += half * values[sample * width + j];
    }
  const bound = Matrix.eye(width, width, ridge);
  for (let i = 0; i < width; i++)
    for (let j = 0; j < width; j++)
      bound.set(i, j, bound.get(i, j) + moments[Math.max(i, j) * width + Math.min(i, j)]);
  return Float64Array.from(new CholeskyDecomposition(bound).solve(Matrix.eye(width)).to1DArray());
}

/** step = A⁻¹ gradient for the weights, 2 · gradient for the intercepts: centred features leave the two apart. */
function multiply(
  inverse: Float64Array,
  gradient: Float64Array,
  step: Float64Array,
  width: number,
  classes: number,
): void {
  step.fill(0);
  for (let i = 0; i < width; i++)
    for (let j = 0; j < width; j++) {
      const factor = inverse[i * width + j];
      for (let c = 0; c < classes; c++) step[i * classes + c] += factor * gradient[j * classes + c];
    }
  for (let c = 0; c < classes; c++) step[width * classes + c] = 2 * gradient[width * classes + c];
}

interface Fit {
  values: Float64Array;
  labels: ArrayLike<number>;
  n: number;
  width: number;
  classes: number;
  ridge: number;
}

/** Penalised loss at `at`, [feature + 1, class]; writes its gradient. */
function lossAndGradient(
  at: Float64Array,
  gradient: Float64Array,
  { values, labels, n, width, classes, ridge }: Fit,
): number {
  gradient.fill(0);
  const logits = new Float64Array(classes);
  const free = width * classes;
  let loss = 0;
  for (let sample = 0; sample < n; sample++) {
    const row = sample * width;
    for (let c = 0; c < classes; c++) logits[c] = at[free + c];
    for (let feature = 0; feature < width; feature++) {
      const value = values[row + feature];
      const from = feature * classes;
      for (let c = 0; c < classes; c++) logits[c] += value * at[from + c];
    }
    loss += surprisal(logits, labels[sample]);
    logits[labels[sample]] -= 1; // ∂ loss / ∂ logits
    for (let feature = 0; feature < width; feature++) {
      const value = values[row + feature] / n;
      const from = feature * classes;
      for (let c = 0; c < classes; c++) gradient[from + c] += value * logits[c];
    }
    for (let c = 0; c < classes; c++) gradient[free + c] += logits[c] / n;
  }
  let penalty = 0;
  for (let i = 0; i < free; i++) {
    penalty += 0.5 * ridge * at[i] * at[i];
    gradient[i] += ridge * at[i];
  }
  return loss / n + penalty;
}
