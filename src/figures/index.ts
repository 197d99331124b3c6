/** Specifications of every picture, and how they are drawn. */
export { escapeHtml } from "./escapeHtml.ts";
export { type Exemplar, type UnitTuning, unitTunings } from "./exemplar.ts";
export type { FigureSpec, Panel } from "./figure.ts";
export { type LossByPositionData, lossByPosition } from "./lossByPosition.ts";
export { type LossCurvesData, lossCurves } from "./lossCurves.ts";
export { type MaintainedData, type MaintainedGroup, maintained } from "./maintained.ts";
export { counted, fixed, intervalText, listed, noNumber, percent } from "./numberText.ts";
export { type Factor, type Population, presetTitle, seedsSentence, unitName } from "./population.ts";
export { renderFigure, renderFigureHtml, renderPanel } from "./renderFigure.ts";
export { type SelectivityAtInitData, selectivityAtInit } from "./selectivityAtInit.ts";
export {
  type SelectivityThroughTrainingData,
  selectivityThroughTraining,
} from "./selectivityThroughTraining.ts";
export * from "./theme.ts";
export { type ThenAndNowData, thenAndNow } from "./thenAndNow.ts";
export { type TuningCorrelationData, type TuningGroup, tuningCorrelation } from "./tuningCorrelation.ts";
export { type TuningStripsData, tuningStrips } from "./tuningStrips.ts";
export { type TuningThroughTrainingData, tuningThroughTraining } from "./tuningThroughTraining.ts";
export {
  type VarianceAmounts,
  type VarianceComponentsData,
  varianceComponents,
} from "./varianceComponents.ts";
export { type WeightDisplacementData, weightDisplacement } from "./weightDisplacement.ts";
