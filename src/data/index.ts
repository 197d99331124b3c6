/** Tasks with their exact Bayes floors, batches, probes and the leak alarm. */
export {
  type BatchRange,
  type BatchSource,
  batchRange,
  fixedBatches,
  freshBatches,
  heldOut,
  sliceSequences,
  trainingSet,
} from "./batches.ts";
export { checkedSize } from "./checkedSize.ts";
export { honestFloor, type LeakVerdict, leakAlarm, leakTolerance } from "./leak.ts";
export { leaksByPosition, type PositionLeak } from "./leakByPosition.ts";
export { motifLengths, type PatternKind, patternKinds, patternOf } from "./patternOf.ts";
export { patterns } from "./patterns.ts";
export { patternsFloor, patternsProbability } from "./patternsFloor.ts";
export { permutedTargets } from "./permutedTargets.ts";
export { exhaustive, exhaustiveLimit, latinBlocks, onDistribution, type Probe } from "./probes.ts";
export { type TaskName, taskNamed, tasks } from "./registry.ts";
export { shifted } from "./shifted.ts";
export type { BayesFloor, Sequences, Task, TaskSize } from "./types.ts";
export { uniformRandom } from "./uniformRandom.ts";
