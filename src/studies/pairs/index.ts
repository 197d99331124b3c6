/** Minimal pairs: does a language model hold the acceptable sentence of two more probable? */
export { type EncodedPairs, type EncodePairsOptions, encodePairs } from "./encodePairs.ts";
export {
  type Accuracy,
  type GroupReport,
  type JudgedPairs,
  type NullAccuracy,
  type PairReport,
  pairReport,
  type UidReport,
} from "./pairReport.ts";
export {
  joinOutcomes,
  type PairMeasure,
  type PairOutcomes,
  pairMeasures,
  scorePairs,
  shorterOutcomes,
} from "./scorePairs.ts";
