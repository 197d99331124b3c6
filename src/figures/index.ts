/**
 * Specifications of every picture, and how they are drawn.
 *
 * @module palimpsest/figures
 */
export { escapeHtml } from "./escapeHtml.ts";
export { type Exemplar, type UnitTuning, unitTunings } from "./exemplar.ts";
export {
  type ActivationDistributionsData,
  activationDistributions,
  type SiteDistribution,
} from "./experiments/activationDistributions.ts";
export {
  type AttentionPatternsData,
  attentionPatterns,
  type HeadPattern,
} from "./experiments/attentionPatterns.ts";
export {
  type AttentionVariabilityData,
  attentionVariability,
  type HeadVariability,
} from "./experiments/attentionVariability.ts";
export {
  type AttributedComponent,
  type AttributionBarsData,
  attributionBars,
} from "./experiments/attributionBars.ts";
export { type EffectSizesData, effectSizes, type UnitEffect } from "./experiments/effectSizes.ts";
export { type EmbeddingCosinesData, embeddingCosines } from "./experiments/embeddingCosines.ts";
export { type HeadScoresData, headScoresFigure, type ScoredHead } from "./experiments/headScoresFigure.ts";
export { type LensTableData, lensTable } from "./experiments/lensTable.ts";
export { type PatchingMapData, patchingMap } from "./experiments/patchingMap.ts";
export {
  positionSelectivity,
  type SelectiveUnit,
  type SelectivityMapsData,
  tokenSelectivity,
} from "./experiments/selectivityMaps.ts";
export { type SingularValuesData, type Spectrum, singularValues } from "./experiments/singularValues.ts";
export { type StructuredResponsesData, structuredResponses } from "./experiments/structuredResponses.ts";
export {
  type TokenPositionInteractionData,
  tokenPositionInteraction,
  type VarianceParts,
} from "./experiments/tokenPositionInteraction.ts";
export {
  type TokenPositionMapsData,
  type TokenPositionUnit,
  tokenPositionMaps,
} from "./experiments/tokenPositionMaps.ts";
export { type TopInputsData, topInputs, type UnitInputs } from "./experiments/topInputs.ts";
export { type NetworkUnit, type UnitNetworkData, unitNetwork } from "./experiments/unitNetwork.ts";
export type { FigureSpec, Panel } from "./figure.ts";
export {
  type ComposedPair,
  type CompositionRowsData,
  compositionRows,
} from "./looks/compositionRows.ts";
export { type EmbeddingPlaneData, embeddingPlane } from "./looks/embeddingPlane.ts";
export { type HeadCourse, type HeadCoursesData, headCourses } from "./looks/headCourses.ts";
export { type LensDistributionData, lensDistribution } from "./looks/lensDistribution.ts";
export { type PairsThenAndNowData, pairsThenAndNow } from "./looks/pairsThenAndNow.ts";
export { type StreamNormsData, streamNorms } from "./looks/streamNorms.ts";
export { type LossByPositionData, lossByPosition } from "./lossByPosition.ts";
export { type LossCurvesData, lossCurves } from "./lossCurves.ts";
export { type MaintainedData, type MaintainedGroup, maintained } from "./maintained.ts";
export { counted, fixed, intervalText, listed, noNumber, percent } from "./numberText.ts";
export {
  type Factor,
  headName,
  type Population,
  presetTitle,
  seedsSentence,
  unitName,
} from "./population.ts";
export { renderFigure, renderFigureHtml, renderPanel } from "./renderFigure.ts";
export { type SelectivityAtInitData, selectivityAtInit } from "./selectivityAtInit.ts";
export {
  type SelectivityThroughTrainingData,
  selectivityThroughTraining,
} from "./selectivityThroughTraining.ts";
export {
  type ClassMovesData,
  classMoves,
  correctedKappas,
  type KappaGroup,
  type KappasData,
  type LayerKeeps,
  layerKeeps,
  type TransitionMap,
} from "./studies/chanceCorrected.ts";
export {
  type DoseCollapseData,
  type DoseCourse,
  type DoseCurvesData,
  type DoseData,
  doseCollapse,
  doseResponseCurves,
} from "./studies/doseResponse.ts";
export {
  type LotteryCourse,
  type LotteryUnitsData,
  lotteryCourses,
  lotteryUnits,
  type WinnerRanksData,
  winnerRanks,
} from "./studies/featureLottery.ts";
export {
  type LotteryBoostsData,
  type LotteryCausesData,
  lotteryBoosts,
  lotteryCauses,
  type SeedValues,
  type UnitBoosts,
} from "./studies/featureLotteryCauses.ts";
export {
  type FunctionLayer,
  type FunctionPopulation,
  functionByRank,
  functionGroups,
  functionResets,
} from "./studies/functionKept.ts";
export {
  type CriterionAgainstTuningData,
  criterionAgainstTuning,
  type TrackedCurvesData,
  trackedCurves,
} from "./studies/identityOrEffect.ts";
export {
  type InitialDifference,
  type InitialDifferencesData,
  type InitialDistribution,
  type InitialDistributionsData,
  initialDifferences,
  initialDistributions,
} from "./studies/initialSelectivity.ts";
export {
  type HierarchyDepth,
  type HierarchyDifferencesData,
  hierarchyByLayer,
  hierarchyDifferences,
} from "./studies/layerHierarchy.ts";
export {
  type NoiseRung,
  type NoiseSetting,
  type NoiseSettingsData,
  noiseDifferences,
  noiseLadder,
  noiseLevels,
  type PartAlone,
  partsAlone,
  type Sweep,
  type SweepPoint,
  type SweepTexts,
  sweepFigure,
} from "./studies/lazyOrRich.ts";
export {
  type TicketCurve,
  type TicketLossesData,
  type TicketPartsData,
  type TicketUnitsData,
  type TicketVariant,
  ticketLosses,
  ticketParts,
  ticketUnits,
} from "./studies/lotteryTickets.ts";
export { type LearnedMasksData, learnedMasks, type MaskedLosses } from "./studies/lotteryTicketsLearned.ts";
export {
  type NothingToLearnData,
  type NothingToLearnQualityData,
  nothingToLearnPersistence,
  nothingToLearnQuality,
  type PersistencePath,
  type TuningShareData,
  tuningShareFigure,
} from "./studies/nothingToLearn.ts";
export { type OneCurveFitsData, oneCurveFits } from "./studies/oneCurveFits.ts";
export {
  type CellSeeds,
  type SeedCounts,
  type SeedDistributionsData,
  seedDistributions,
} from "./studies/seedDistributions.ts";
export {
  type SelectedGroup,
  type SelectionEffectsData,
  type SelectionFatesData,
  type SelectionGroup,
  selectionEffects,
  selectionFates,
} from "./studies/selectionRegression.ts";
export {
  type DisplacedLayer,
  type TextDisplacementData,
  textDisplacement,
} from "./studies/textDisplacement.ts";
export {
  type TextCondition,
  type TextCourse,
  type TextCoursesData,
  type TextLayerCourse,
  type TextSelectionData,
  textLoss,
  textPersistenceCourses,
  textSelection,
} from "./studies/textPersistence.ts";
export {
  type TextLossesData,
  type TextPersistenceData,
  type TextPopulationData,
  textLosses,
  textPersistence,
} from "./studies/textTraining.ts";
export {
  type FactorContrastsData,
  type FactorsThroughTrainingData,
  factorContrasts,
  factorsThroughTraining,
} from "./studies/tokenOrPosition.ts";
export {
  type Course,
  type CourseBand,
  type CoursePanel,
  coursePanel,
  networksSentence,
  type SeriesOfFigure,
  trackedHeads,
  trackedLoss,
  trackedMotion,
  trackedPersistence,
  trackedSelectivity,
} from "./studies/track.ts";
export type { Band, Subject } from "./subject.ts";
export type { ResponseAxis } from "./sweep/responseScale.ts";
export { responses } from "./sweep/responses.ts";
export type {
  ResponsePanel,
  ResponsePoint,
  ResponseSeries,
  ResponsesData,
} from "./sweep/responsesData.ts";
export * from "./theme.ts";
export { type ThenAndNowData, thenAndNow } from "./thenAndNow.ts";
export { type TuningCorrelationData, type TuningGroup, tuningCorrelation } from "./tuningCorrelation.ts";
export { type TuningStripsData, tuningStrips } from "./tuningStrips.ts";
export { type TuningThroughTrainingData, tuningThroughTraining } from "./tuningThroughTraining.ts";
export { type UnitLifeData, type UnitLook, type UnitMoment, unitLife } from "./unitLife.ts";
export {
  type VarianceAmounts,
  type VarianceComponentsData,
  varianceComponents,
} from "./varianceComponents.ts";
export { type WeightDisplacementData, weightDisplacement } from "./weightDisplacement.ts";
