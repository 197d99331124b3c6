/**
 * The interpretability floor: tools that look into single networks, for every model of a population at once.
 *
 * @module palimpsest/interp
 */
export * from "./ablation.ts";
export type { ActivationCache } from "./activationCache.ts";
export * from "./compositionScores.ts";
export * from "./copyingScores.ts";
export type { DenseMatrix } from "./denseMatrix.ts";
export type { PathNorms } from "./directPath.ts";
export { type Action, type Edit, type EditReport, edit, type Region, type Values } from "./edits.ts";
export type { Eigenvalues } from "./eigenvalues.ts";
export type { Estimate } from "./estimate.ts";
export {
  collapse,
  type FactoredMatrix,
  factoredEigenvalues,
  factoredMatrix,
  frobeniusNorm,
  rowOf,
  type SingularDecomposition,
  singularDecomposition,
} from "./factoredMatrix.ts";
export { type DrawOptions, drawToken, type GenerateOptions, generate } from "./generate.ts";
export {
  type CircuitInput,
  type CircuitOptions,
  type CircuitOutput,
  type HeadCircuit,
  ovCircuits,
  qkCircuits,
} from "./headCircuits.ts";
export {
  type HeadClass,
  type HeadClassification,
  type HeadClassOptions,
  headClasses,
  type JudgedScore,
} from "./headClasses.ts";
export { type HeadPlace, type HeadScoreNull, headPlaces, headScoreNull } from "./headNull.ts";
export {
  type ByHeadScore,
  type HeadScore,
  type HeadScoreName,
  type HeadScores,
  headScoreNames,
  headScores,
  patternScores,
} from "./headScores.ts";
export * from "./logitLens.ts";
export * from "./metrics.ts";
export { type Network, openEmptyNetwork, openNetwork } from "./network.ts";
export type { SiteChoice } from "./pass.ts";
export type { NormalisedEffects, PatchDirection } from "./patchEffects.ts";
export * from "./patching.ts";
export type { PathEnd } from "./pathEnds.ts";
export * from "./pathPatching.ts";
export { repeatedTokens } from "./repeatedTokens.ts";
export * from "./residualDecomposition.ts";
export * from "./run.ts";
export * from "./sequenceLogProb.ts";
export * from "./singularDirections.ts";
export type { CircuitNorms } from "./streamNorms.ts";
export type { SweepAxis, SweepOptions } from "./sweep.ts";
export {
  type AxisPick,
  meanOver,
  pick,
  type Tensor,
  type TensorAxis,
  type Which,
} from "./tensor.ts";
export type { TokenArray, Tokens } from "./tokens.ts";
export * from "./weightNull.ts";
export { type WeightSource, weightSource } from "./weightSource.ts";
