/**
 * Statistics: plain numbers in, numbers out. Published as `palimpsest/stats`.
 *
 * @module palimpsest/stats
 */

// Special functions and distributions

export { normalQuantile } from "../base/normalQuantile.ts";
export { type BetaBinomial, betaBinomialPmf } from "./betaBinomial.ts";
export { betaInc, logBetaInc } from "./betaInc.ts";
export { betaQuantile, fCritical, tQuantile } from "./betaQuantile.ts";
export { binomialCdf, binomialPmf, binomialQuantile } from "./binomial.ts";
export {
  chi2LogSf,
  chi2Sf,
  fLogSf,
  fSf,
  normalCdf,
  normalLogSf,
  normalSf,
  tSf,
} from "./distributions.ts";
export { logBeta, logGamma } from "./gamma.ts";
export { erfc, logErfc, logGammaIncUpper } from "./gammaInc.ts";
export { noncentrality, noncentralTCdf, noncentralTQuantile, noncentralTSf } from "./noncentralT.ts";

// Description

export { mean, sd, sum, sumOfSquares, variance } from "./moments.ts";
export { median, quantile } from "./quantile.ts";
export {
  activityRatio,
  entropySelectivity,
  gini,
  hoyer,
  lifetimeSparseness,
  preferenceIndex,
  responseEntropy,
  tuningDepth,
} from "./selectivity.ts";
export { skewness } from "./skewness.ts";
export { covarianceSpectrum, effectiveDimension, effectiveRank, participationRatio } from "./spectrum.ts";

// Intervals

export { type Bootstrap, type BootstrapOptions, bootstrap } from "./bootstrap.ts";
export {
  type HierarchicalBootstrap,
  type HierarchicalBootstrapOptions,
  hierarchicalBootstrap,
} from "./hierarchicalBootstrap.ts";
export { agrestiCoull, clopperPearson, type Interval, jeffreys, tInterval, wilson } from "./intervals.ts";
export { pairBootstrap } from "./pairBootstrap.ts";
export { quantileInterval } from "./quantileInterval.ts";
export type { Replicates, ResampleOptions } from "./resample.ts";

// Effect sizes and power

export { cohensD, type EffectSize, hedgesCorrection, pairedEffectSize } from "./effectSize.ts";
export { criticalEtaSquared, fOfEtaSquared } from "./etaSquared.ts";
export {
  correlationPower,
  correlationSampleSize,
  detectableEffect,
  type TTestDesign,
  tTestPower,
  tTestSampleSize,
} from "./power.ts";
export { precisionSampleSize } from "./precision.ts";

// Tests of means and distributions

export { dip, dipTest } from "./dip.ts";
export { type KolmogorovSmirnov, kolmogorovSmirnov } from "./kolmogorovSmirnov.ts";
export { type KruskalWallis, kruskalWallis } from "./kruskalWallis.ts";
export { auroc, cliffsDelta, mannWhitney } from "./mannWhitney.ts";
export { monteCarloTest } from "./monteCarloTest.ts";
export {
  type Alternative,
  type PermutationOptions,
  type PermutationTest,
  permutationTest,
  signFlip,
} from "./permutation.ts";
export { type Equivalence, type TTest, tost, tTest } from "./tTest.ts";
export { type WelchAnova, welchAnova, welchTest } from "./welch.ts";
export { wilcoxon } from "./wilcoxon.ts";

// Many tests

export { bh, bonferroni, by, hochberg, holm, holmSidak } from "./multiplicity.ts";

// Variance: fixed, nested and crossed

export {
  type Effect,
  type MeanSquare,
  type OneWayAnova,
  oneWayAnova,
  type TwoWayAnova,
  twoWayAnova,
} from "./anova.ts";
export { type CrossedEffects, crossedEffects } from "./crossedEffects.ts";
export { type RandomIntercept, randomIntercept } from "./randomIntercept.ts";

// Counts of groups: do groups differ more than by luck?

export { type BetaBinomialFit, betaBinomialFit } from "./betaBinomial.ts";
export { betaBinomialTest, expectedTable, successTable } from "./betaBinomialTest.ts";
export { type GroupedCounts, intraclassCorrelation, overdispersionTest } from "./overdispersion.ts";

// Correlation and regression

export {
  averageRanks,
  concordance,
  correlationP,
  cosine,
  fisherZ,
  meanCorrelation,
  pearson,
  spearman,
} from "./correlation.ts";
export { correlationMatrix } from "./correlationMatrix.ts";
export { kendall, kendallByChance, kendallInterval } from "./kendall.ts";
export { type LinearFit, linearFit } from "./linearFit.ts";
export { type LinearRegression, linearRegression } from "./linearRegression.ts";
export { type MonotoneCurve, monotoneAt, monotoneFit } from "./monotoneFit.ts";
export { partialCorrelation, partialSpearman } from "./partialCorrelation.ts";
export { blomqvist, type LeaveTopOut, leaveTopOut, type Oldham, oldham } from "./regressionToMean.ts";
export { disattenuated, spearmanBrown } from "./reliability.ts";
export {
  type StretchedCurve,
  type StretchedFit,
  stretchedExponential,
  stretchedExponentialAt,
} from "./stretchedExponential.ts";

// Classes: agreement, association, drift, overlap

export { adjustedRand } from "./adjustedRand.ts";
export { cohenKappa, type Kappa, type KappaWeights } from "./agreement.ts";
export { type ChanceCorrected, chanceCorrected } from "./chanceCorrection.ts";
export { type Choices, type ConditionalLogit, conditionalLogit } from "./conditionalLogit.ts";
export { type ContingencyTable, crossTabulate } from "./contingencyTable.ts";
export { type CramersV, cramersV } from "./cramersV.ts";
export { type Jaccard, jaccard } from "./jaccard.ts";
export { type MutualInformation, mutualInformation } from "./mutualInformation.ts";
export { mantelHaenszel, mcNemar, type Stratum } from "./oddsRatio.ts";
export { type ShapleySplit, shapleySplit, type TwoFactorOutcomes } from "./shapley.ts";
export { type StuartMaxwell, stuartMaxwell } from "./stuartMaxwell.ts";

// Similarity of representations

export { type Assignment, assignment } from "./assignment.ts";
export { type Cca, cca, type Pwcca, pwcca, svcca } from "./cca.ts";
export { gaussianKernel, hsic, type Kernel, kernelAlignment, unbiasedHsic } from "./kernelAlignment.ts";
export { type Procrustes, procrustes } from "./procrustes.ts";
export type { Representation } from "./representation.ts";
export { pairDistances, representationalSimilarity } from "./representationalSimilarity.ts";
export { type SemiMatching, semiMatching } from "./semiMatching.ts";
export { debiasedCka, linearCka } from "./similarity.ts";
