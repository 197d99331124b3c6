/**
 * Feature quality: not how selective a layer's units are, but what a linear readout could do with them.
 *
 * A random layer can be selective and useless, or unselective and useful; persistence says nothing about either. So
 * quality stands next to it, in units that mean something: 0 what a predictor knows that sees no input, 1 all that can
 * be known.
 */
import { sameLength } from "../base/check.ts";
import { ShapeError } from "../base/errors.ts";
import { type Kernel, kernelAlignment } from "../stats/kernelAlignment.ts";
import { type Representation, rectangular } from "../stats/representation.ts";
import { debiasedCka, linearCka } from "../stats/similarity.ts";
import { covarianceSpectrum, effectiveDimension, participationRatio } from "../stats/spectrum.ts";
import {
  checkSamples,
  type LabelledSamples,
  type LogisticProbeOptions,
  logisticProbe,
  probeLoss,
} from "./logisticProbe.ts";

/** What {@link linearQuality} returns; losses in nats on the held-out samples. */
export interface LinearQuality {
  /** Of the probe. */
  readonly loss: number;
  /** Of the best constant guess, the frequencies of the fitted labels. */
  readonly unigram: number;
  /** (unigram − loss) / (unigram − bayes): 0 nothing read out, 1 all that can be known; below 0 the probe overfits. */
  readonly quality: number;
  /** Whether the fit of the probe came to its end. */
  readonly converged: boolean;
}

/**
 * Linear quality: the share of what can be known about the labels that a linear readout finds in the features.
 *
 *   Q_lin = [ L(unigram) − L(probe) ] / [ L(unigram) − L_Bayes ],  all on held-out samples
 *
 * The probe is fitted to finitely many samples, which makes Q_lin a lower bound of what is linearly there: compare only
 * values of equal numbers of features and samples.
 *
 * Edges: a held-out label that the fitted samples lack makes the unigram loss infinite and the quality NaN.
 *
 * @param fitted   samples that the probe is fitted to
 * @param heldOut  independent ones
 * @param bayes    loss of the best predictor on the held-out samples, nats; its expectation where only that is known
 * @throws as {@link logisticProbe}
 */
export function linearQuality(
  fitted: LabelledSamples,
  heldOut: LabelledSamples,
  { bayes, ...options }: LogisticProbeOptions & { bayes: number },
): LinearQuality {
  const probe = logisticProbe(fitted, options);
  const loss = probeLoss(probe, heldOut);
  const shares = frequencies(fitted.labels, options.classes);
  let unigram = 0;
  for (let n = 0; n < heldOut.labels.length; n++)
    unigram -= Math.log(shares[heldOut.labels[n]]) / heldOut.labels.length;
  return { loss, unigram, quality: (unigram - loss) / (unigram - bayes), converged: probe.converged };
}

function frequencies(labels: ArrayLike<number>, classes: number): Float64Array {
  const shares = new Float64Array(classes);
  for (let n = 0; n < labels.length; n++) shares[labels[n]] += 1 / labels.length;
  return shares;
}

/** What {@link targetAlignment} returns. */
export interface TargetAlignment {
  /** In [0, 1]; above 0 for unrelated features, too. */
  readonly cka: number;
  /** With unbiased HSIC: about 0 for unrelated features. */
  readonly debiased: number;
}

/**
 * Centred alignment of the features' kernel with that of the labels: does the layer find samples alike that need the
 * same answer?
 *
 *   Q_align = CKA(Φ Φᵀ, Y Yᵀ),  Y one-hot
 *
 * Unlike Q_lin nothing is fitted, and directions count by their variance.
 *
 * @throws ArgumentError if a label is no class, ShapeError if rows are ragged
 * @source Cortes, Mohri & Rostamizadeh 2012
 */
export function targetAlignment(samples: LabelledSamples, classes: number): TargetAlignment {
  checkSamples("target alignment", samples, classes);
  const oneHot = Array.from(samples.labels, (label) => {
    const row = new Float64Array(classes);
    row[label] = 1;
    return row;
  });
  return { cka: linearCka(samples.features, oneHot), debiased: debiasedCka(samples.features, oneHot) };
}

/**
 * The same for features that are given by their kernel, such as the gradients of a network.
 *
 *   CKA(K, Y Yᵀ):  (Y Yᵀ)_nm is 1 for samples of one label, else 0
 *
 * Edges: NaN where all samples have one label, or the kernel has no structure.
 *
 * @param kernel  [sample][sample]
 * @param labels  [sample]
 * @throws ShapeError if the kernel is not square over the labelled samples
 * @source Cortes, Mohri & Rostamizadeh 2012, definition 4
 */
export function kernelTargetAlignment(kernel: Kernel, labels: ArrayLike<number>): TargetAlignment {
  const ofLabels = Array.from(labels, (own) => Float64Array.from(labels, (other) => (own === other ? 1 : 0)));
  return {
    cka: kernelAlignment(kernel, ofLabels),
    debiased: kernelAlignment(kernel, ofLabels, { debiased: true }),
  };
}

/** What {@link learnedAdvantage} returns, nats on the held-out samples. */
export interface LearnedAdvantage {
  /** Loss of the readout of the features as they were drawn. */
  readonly readout: number;
  /** readout − trained: what learning features gained, beyond learning to read random ones. */
  readonly advantage: number;
}

/**
 * Learned advantage: how much better a trained network is than the best linear readout of its untrained features.
 *
 *   A = L(readout of the features at initialisation) − L(trained)
 *
 * A readout fitted to few samples overfits, and the advantage takes that for learning: give it as many as its features
 * need, and compare only advantages of equal numbers of both.
 *
 * @param fitted   features at initialisation that the readout is fitted to
 * @param heldOut  independent ones
 * @param trained  loss of the trained network on the held-out samples, nats
 * @throws as {@link logisticProbe}
 */
export function learnedAdvantage(
  fitted: LabelledSamples,
  heldOut: LabelledSamples,
  { trained, ...options }: LogisticProbeOptions & { trained: number },
): LearnedAdvantage {
  const readout = probeLoss(logisticProbe(fitted, options), heldOut);
  return { readout, advantage: readout - trained };
}

/** What {@link featureDimension} returns. */
export interface FeatureDimension {
  /** (Σλ)²/Σλ² of the covariance: directions that carry the variance. */
  readonly participation: number;
  /** Σ λ/(λ + ridge · λ̄): directions that a ridge regression can use. */
  readonly effective: number;
}

/**
 * How many directions a layer uses; λ are the eigenvalues of the features' covariance.
 *
 * @param ridge  as a share of the mean eigenvalue λ̄ over all features, which makes it free of the layer's scale;
 *               default 0.01
 * @returns      NaN without variance
 * @throws ShapeError if rows are ragged
 */
export function featureDimension(
  features: Representation,
  { ridge = 0.01 }: { ridge?: number } = {},
): FeatureDimension {
  const spectrum = covarianceSpectrum(features);
  const all = spectrum.reduce((sum, value) => sum + value, 0);
  if (!(all > 0)) return { participation: Number.NaN, effective: Number.NaN };
  return {
    participation: participationRatio(spectrum),
    effective: effectiveDimension(spectrum, (ridge * all) / features[0].length),
  };
}

/**
 * Quality of single units: what each adds to a prediction by a readout of its own.
 *
 *   b_i = Σ (φ_i − φ̄_i) e / Σ (φ_i − φ̄_i)²                       slope of the residual e on unit i, fitted samples
 *   quality_i = 1 − Σ ‖e − ē − b_i (φ_i − φ̄_i)‖² / Σ ‖e − ē‖²      held-out samples, φ̄ and ē of the fitted ones
 *
 * What a unit promises to first order, without holding it to it, is {@link unitFitness}.
 *
 * @param residuals  label one-hot − predicted probabilities, [sample][class]: of the best constant guess (see
 *                   {@link unigramResiduals}) for what a unit knows by itself, of a network for what it could add to it
 * @returns          [unit], the share of the residual's squares on held-out samples that goes when the unit is added. At
 *                   most 1, about 0 for a useless unit, below 0 where what it promised does not hold; NaN for a unit that
 *                   is constant in the fitted samples
 * @throws ArgumentError, ShapeError if the numbers of samples, features or classes differ
 */
export function unitQuality(
  fitted: { features: Representation; residuals: Representation },
  heldOut: { features: Representation; residuals: Representation },
): Float64Array {
  const where = "unit quality";
  const [x, e, xNew, eNew] = [fitted.features, fitted.residuals, heldOut.features, heldOut.residuals].map(
    (rows) => rectangular(where, rows),
  );
  sameLength(where, x, e);
  sameLength(where, xNew, eNew);
  if (x.length === 0 || xNew.length === 0 || x[0].length !== xNew[0].length || e[0].length !== eNew[0].length)
    throw new ShapeError({
      where,
      rule: "fitted and held-out samples must have the same features and classes",
      got: `${x[0]?.length ?? 0} and ${xNew[0]?.length ?? 0} features, ${e[0]?.length ?? 0} and ${eNew[0]?.length ?? 0} classes`,
    });
  const [units, classes] = [x[0].length, e[0].length];
  const meanOf = (rows: readonly Float64Array[], j: number) =>
    rows.reduce((sum, row) => sum + row[j], 0) / rows.length;
  const centre = Float64Array.from({ length: classes }, (_, c) => meanOf(e, c));
  const products = new Float64Array(classes);
  return Float64Array.from({ length: units }, (_, unit) => {
    const middle = meanOf(x, unit);
    let squares = 0;
    products.fill(0);
    x.forEach((row, n) => {
      const value = row[unit] - middle;
      squares += value * value;
      for (let c = 0; c < classes; c++) products[c] += value * (e[n][c] - centre[c]);
    });
    if (!(squares > 1e-12 * x.length * middle ** 2)) return Number.NaN; // constant up to rounding of float32
    let [left, all] = [0, 0];
    xNew.forEach((row, n) => {
      const value = (row[unit] - middle) / squares;
      for (let c = 0; c < classes; c++) {
        const residual = eNew[n][c] - centre[c];
        all += residual * residual;
        left += (residual - value * products[c]) ** 2;
      }
    });
    return 1 - left / all;
  });
}

/**
 * Residuals of the best constant guess: one-hot labels less their frequencies, [sample][class].
 *
 * @param frequenciesFrom  labels whose frequencies are guessed; the labels themselves unless given
 */
export function unigramResiduals(
  labels: ArrayLike<number>,
  classes: number,
  frequenciesFrom: ArrayLike<number> = labels,
): Float64Array[] {
  const shares = frequencies(frequenciesFrom, classes);
  return Array.from(labels, (label) => shares.map((share, c) => (c === label ? 1 - share : -share)));
}
