/**
 * The features floor: tuning curves of every unit of a population, what they are tuned to, and whether training keeps
 * it, next to what chance alone would give.
 *
 * Nulls, by what they keep: units shuffled within the trained layer ({@link originalCriterion} and
 * {@link identityRecovery} have it in closed form), another initialisation ({@link neighbourModel}), no training and no
 * attention at all ({@link randomProjectionNull}), labels shuffled over activations ({@link labelPermutation}). The
 * ceiling is {@link persistence} between two trainings of the same initialisation on different data.
 *
 * @module palimpsest/features
 */

export { type ActivationScale, activationScale } from "./activationScale.ts";
export { type AdditiveFit, type AdditiveParts, additiveFit } from "./additiveEffects.ts";
export { type Amplification, amplifyFrequency } from "./amplifyFrequency.ts";
export {
  type AttentionKind,
  type AttentionSpread,
  type AttentionTally,
  attentionTally,
} from "./attentionSpread.ts";
export {
  type CellGroups,
  cellContrasts,
  cellGroups,
  type Part,
  strongestCells,
  type UnitCells,
} from "./cellContrasts.ts";
export { type CellEffects, cellEffects } from "./cellEffects.ts";
export { type CellTest, cellTest } from "./cellTest.ts";
export { type ClassTransitions, classTransitions, transitionCounts } from "./classTransitions.ts";
export {
  type Criterion,
  type CriterionOptions,
  chanceCorrected,
  originalCriterion,
  originalEta2,
} from "./criterion.ts";
export { crossCorrelation, type IdentityShuffle, identityShuffle } from "./curveNulls.ts";
export {
  type Displacement,
  displacementRank,
  networkDisplacement,
  pooledDisplacement,
  type UnitDisplacement,
  unitDisplacement,
  weightDisplacement,
} from "./displacement.ts";
export {
  type Cosines,
  crossCosines,
  type EmbeddingSums,
  embeddingSums,
  rowCosineMatrix,
  rowCosines,
  type VectorTable,
} from "./embeddingGeometry.ts";
export { expectedScale } from "./expectedScale.ts";
export {
  type FeatureDimension,
  featureDimension,
  kernelTargetAlignment,
  type LearnedAdvantage,
  type LinearQuality,
  learnedAdvantage,
  linearQuality,
  type TargetAlignment,
  targetAlignment,
  unigramResiduals,
  unitQuality,
} from "./featureQuality.ts";
export { type FirstEntries, firstEntries } from "./firstEntries.ts";
export {
  type FourierSpectrum,
  type FrequencyShares,
  fourierSpectrum,
  frequencyShares,
  phaseMisalignment,
  shareGrowth,
} from "./fourierFrequencies.ts";
export { shuffledTensor } from "./freshWeights.ts";
export { type FrozenNorms, frozenNorms } from "./frozenNorms.ts";
export { type FunctionDisplacement, functionDisplacement } from "./functionDisplacement.ts";
export { gaussianLike } from "./gaussianLike.ts";
export { type GradientAlignment, gradientAlignment, lossGradient } from "./gradientAlignment.ts";
export {
  absoluteImportance,
  type GradientImportanceOptions,
  integratedImportance,
} from "./gradientImportance.ts";
export { type GradientNoise, openGradientNoise } from "./gradientNoise.ts";
export { type IdentityRecovery, identityRecovery } from "./identityRecovery.ts";
export {
  type MatchedGroups,
  matchedGroups,
  pathImportance,
  type WeightedPersistence,
  weightedPersistence,
  withMeanUnits,
} from "./importance.ts";
export { inputAlignment } from "./inputAlignment.ts";
export { type InputSpace, inputSpace, visibleRange } from "./inputSpace.ts";
export {
  type InputStability,
  inputStability,
  type SampledInputs,
  type SampleOptions,
  sampledInputs,
} from "./inputStability.ts";
export { type LabelPermutation, labelPermutation } from "./labelPermutation.ts";
export {
  activationBins,
  type LargestActivation,
  largestActivation,
  normalMaximum,
} from "./largestActivation.ts";
export {
  type LearnedMasks,
  type LearnMasksOptions,
  learnMasks,
  type MaskLearner,
  type MaskLearnerOptions,
  type MaskRule,
  maskRules,
  openMaskLearner,
} from "./learnedMasks.ts";
export {
  type LabelledSamples,
  type LogisticProbe,
  type LogisticProbeOptions,
  logisticProbe,
  probeLoss,
} from "./logisticProbe.ts";
export {
  applyMasks,
  type LotteryMaskOptions,
  largest,
  lotteryMasks,
  type MaskCriterion,
  maskCriteria,
  matrixNames,
} from "./lotteryMasks.ts";
export { type MaskOverlap, maskOverlap, shareByMagnitude } from "./maskOverlap.ts";
export {
  type DirectionName,
  directionNames,
  displacementOf,
  drawDirection,
  matchedNoise,
} from "./matchedNoise.ts";
export { againstNetworks, type NetworkComparison } from "./networkNull.ts";
export {
  type Output,
  type OutputGradientProgram,
  type OutputGradients,
  openOutputGradients,
} from "./outputGradients.ts";
export { neighbourModel, ownModel, type Pairing, type PairingOptions } from "./pairing.ts";
export {
  type Persistence,
  persistence,
  reliability,
  tuningCorrelation,
} from "./persistence.ts";
export {
  type CurveFamily,
  curveByRate,
  curveFamilies,
  type DecayPoints,
  type OneCurve,
  oneCurve,
  whenReached,
} from "./persistenceDecay.ts";
export { positionPhaseKept, preferenceKept, preferenceOverlap } from "./preference.ts";
export { type PreferredLevels, preferredLevels } from "./preferredLevels.ts";
export {
  type RandomProjectionNull,
  type RandomProjectionOptions,
  randomProjectionNull,
} from "./randomProjectionNull.ts";
export {
  cellRepresentation,
  nullNormalised,
  populationSimilarity,
  representationSimilarity,
  type Similarities,
  type SimilarityMeasure,
  type SimilarityOptions,
  similarityMeasures,
} from "./representationSimilarity.ts";
export {
  fanIns,
  functionalPersistence,
  type ResetCosts,
  type ResetOptions,
  resetCosts,
  type WeightPart,
  weightGroups,
  withPart,
  withPartNear,
} from "./resetTest.ts";
export { seedInterval } from "./seedInterval.ts";
export { type SetSpread, setSpread } from "./setSpread.ts";
export {
  conditionNumber,
  edelmanCdf,
  shuffledSpectra,
  singularValues,
  stableRank,
  type WeightMatrix,
  weightMatrix,
} from "./singularValues.ts";
export {
  type ActivationBlock,
  type Sequences,
  siteActivations,
  visitActivations,
} from "./siteActivations.ts";
export {
  closedIndex,
  rolePositions,
  type SobolIndices,
  type SubsetVariance,
  sobolIndices,
  type TokenRole,
  tokenRoles,
  totalIndex,
  varianceBySubset,
} from "./sobolIndices.ts";
export {
  type AutoencoderOptions,
  type Autoencoders,
  type DictionaryQuality,
  dictionaryQuality,
  type FrozenPart,
  tokenEntropy,
  trainAutoencoders,
} from "./sparseAutoencoder.ts";
export { type StrengthChange, strengthChange } from "./strengthChange.ts";
export { type StrengthRegression, strengthRegression } from "./strengthRegression.ts";
export {
  type StructuredFamily,
  shiftedSet,
  structuredFamilies,
  structuredOffsets,
} from "./structuredSequences.ts";
export { type SubspacePersistence, subspacePersistence } from "./subspacePersistence.ts";
export {
  isUpstream,
  type LayerSwap,
  type MeasureTuning,
  swapDecomposition,
} from "./swapDecomposition.ts";
export {
  kernelMovement,
  type Linearisation,
  linearisation,
  sampleKernel,
  tangentKernel,
} from "./tangentKernel.ts";
export { tangentQuality } from "./tangentQuality.ts";
export {
  type TextCurveKind,
  type TextCurveOptions,
  type TextCurves,
  type TextPersistence,
  type TextSelectivity,
  textCurveKinds,
  textCurves,
  textPersistence,
  textReliability,
  textSelectivity,
} from "./textCurves.ts";
export {
  cellsOf,
  contextFactor,
  type Factor,
  type FactorTable,
  labelFactor,
  positionFactor,
  type TableCells,
  type TextProbe,
  type TokenClasses,
  tokenFactor,
} from "./textFactors.ts";
export {
  type TextCells,
  type TextTuning,
  type TextTuningOptions,
  type TextTuningProgram,
  textCellsOf,
  textTuningProgram,
  textTuningStates,
} from "./textTuning.ts";
export {
  permutedValues,
  signedConstants,
  type TicketValueOptions,
  withSignsOf,
} from "./ticketValues.ts";
export {
  contextClasses,
  eachToken,
  isSmallVocabulary,
  ownClasses,
  type TokenTexts,
  writtenClasses,
} from "./tokenClasses.ts";
export { type Offer, type TopInputSearch, type TopInputs, topInputs } from "./topInputs.ts";
export {
  type Halves,
  halfOf,
  type TuningCurves,
  type TuningOptions,
  type TuningProgram,
  tuningCurvesOf,
  tuningProgram,
  tuningStates,
} from "./tuningCurves.ts";
export { type CellMeans, type CurveKind, curveKinds, type UnitCurves, unitCurves } from "./unitCurves.ts";
export { unitFitness } from "./unitFitness.ts";
export { keptWeights, unitMasks, unitWeightNames } from "./unitMasks.ts";
export {
  type Matching,
  type MatchingExcess,
  type MatchingOptions,
  matchingExcess,
  unitMatching,
} from "./unitMatching.ts";
export { type UnitMeans, unitMeans } from "./unitMeans.ts";
export {
  correlationStrength,
  effectiveInputs,
  type PermutedPairs,
  pairCorrelations,
  pairCount,
  pairsOf,
  permutedPairs,
} from "./unitPairs.ts";
export { type SelectivityIndex, selectivityIndices, unitSelectivity } from "./unitSelectivity.ts";
export { type UnitKind, type UnitSite, unitName, unitNamed, unitSites } from "./unitSites.ts";
export { type UnitTables, unitTables } from "./unitTables.ts";
export { type Universality, universality } from "./universality.ts";
export {
  type CellSource,
  cellSources,
  deadUnits,
  meanAmounts,
  type Source,
  sources,
  type UnitClass,
  unitClasses,
  unitClassNames,
  type VarianceComponents,
  varianceComponents,
} from "./varianceComponents.ts";
export {
  openVariantLosses,
  overSets,
  type SilencedVariant,
  type UnitSet,
  type VariantLosses,
  type VariantOptions,
} from "./variantLosses.ts";
export {
  expectedMoments,
  type LawMoments,
  lawMoments,
  lawP,
  nearestScheme,
  type WeightMoments,
  weightMoments,
} from "./weightMoments.ts";
