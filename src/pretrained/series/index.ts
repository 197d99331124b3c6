/** Checkpoint series: opened, read once, and judged before anything is measured on them. */
export {
  type FileHashes,
  folderCheckpoint,
  type OpenCheckpoint,
  type SeriesCheckpoint,
  type StoredTensor,
  weightsCheckpoint,
} from "./checkpoint.ts";
export { type Fingerprint, fingerprint, type TensorPrint, type Unreadable } from "./fingerprint.ts";
export {
  type Fault,
  type GateOptions,
  type JudgedCheckpoint,
  judge,
  judgeSeries,
  type SeriesIntegrity,
} from "./integrity.ts";
export { type GateRule, type GateRuleId, gateRules } from "./rules.ts";
