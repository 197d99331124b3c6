/**
 * The features floor: tuning curves of every unit of a population, what they are tuned to, and whether training keeps
 * it, next to what chance alone would give.
 *
 * Nulls, by what they keep: units shuffled within the trained layer ({@link originalCriterion} and
 * {@link identityRecovery} have it in closed form), another initialisation ({@link neighbourModel}), no training and no
 * attention at all ({@link randomProjectionNull}), labels shuffled over activations ({@link labelPermutation}). The
 * ceiling is {@link persistence} between two trainings of the same initialisation on different data.
 */
export { type CellEffects, cellEffects } from "./cellEffects.ts";
export {
  type Criterion,
  type CriterionOptions,
  chanceCorrected,
  originalCriterion,
  originalEta2,
} from "./criterion.ts";
export { type Displacement, weightDisplacement } from "./displacement.ts";
export { type IdentityRecovery, identityRecovery } from "./identityRecovery.ts";
export { type LabelPermutation, labelPermutation } from "./labelPermutation.ts";
export { neighbourModel, ownModel, type Pairing, type PairingOptions } from "./pairing.ts";
export {
  type Persistence,
  persistence,
  reliability,
  tuningCorrelation,
} from "./persistence.ts";
export { preferenceKept } from "./preference.ts";
export {
  type RandomProjectionNull,
  type RandomProjectionOptions,
  randomProjectionNull,
} from "./randomProjectionNull.ts";
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
export { type UnitMeans, unitMeans } from "./unitMeans.ts";
export {
  type CellSource,
  cellSources,
  deadUnits,
  meanAmounts,
  type Source,
  sources,
  type UnitClass,
  unitClasses,
  type VarianceComponents,
  varianceComponents,
} from "./varianceComponents.ts";
