/** Tasks with their exact Bayes floors, batches, probes and the leak alarm. */

export { type AnswerRule, answerSequences, answerTask } from "./answerTask.ts";
export {
  type BatchRange,
  type BatchSource,
  batchRange,
  fixedBatches,
  freshBatches,
  heldOut,
  pickSequences,
  shuffledBatches,
  sliceSequences,
  trainingSet,
} from "./batches.ts";
export { charTokenizer } from "./characterTokenizer.ts";
export { checkedHalves, checkedSize } from "./checkedSize.ts";
export { type InductionSize, induction } from "./induction.ts";
export { honestFloor, type LeakVerdict, leakAlarm, leakTolerance } from "./leak.ts";
export { leaksByPosition, type PositionLeak } from "./leakByPosition.ts";
export { additionPairs, modularAddition } from "./modularAddition.ts";
export { parentheses } from "./parentheses.ts";
export { motifLengths, type PatternKind, patternKinds, patternOf } from "./patternOf.ts";
export { patterns } from "./patterns.ts";
export { patternsCeiling, patternsFloor, patternsProbability } from "./patternsFloor.ts";
export { permutedTargets } from "./permutedTargets.ts";
export { exhaustive, exhaustiveLimit, latinBlocks, onDistribution, type Probe } from "./probes.ts";
export { type TaskName, taskNamed, tasks } from "./registry.ts";
export { reversal } from "./reversal.ts";
export { lastScored, type Scored, scoredMean, scoredPositions } from "./scored.ts";
export { shifted } from "./shifted.ts";
export { sorting } from "./sorting.ts";
export { type SequenceSplit, splitSequences } from "./splitSequences.ts";
export * from "./text/corpus.ts";
export * from "./text/decodeText.ts";
export * from "./text/encodeTexts.ts";
export * from "./text/ngrams.ts";
export * from "./text/partsOfSpeech.ts";
export * from "./text/splitText.ts";
export * from "./text/tagged.ts";
export * from "./text/windows.ts";
export { type TokenizerOptions, tokenizerOf } from "./tokenizer.ts";
export {
  type EncodeOptions,
  type Encoding,
  type Tokenizer,
  type TokenRole,
  tokenRoles,
} from "./tokenizerTypes.ts";
export { type BpeOptions, trainBpe } from "./trainBpe.ts";
export type { BayesFloor, Sequences, Task, TaskSize } from "./types.ts";
export { uniformRandom } from "./uniformRandom.ts";
