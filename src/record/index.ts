/**
 * The record floor: the run format. Bytes in, bytes out.
 *
 * @module palimpsest/record
 */
export { type ByteSource, memorySource, readExactly } from "./byteSource.ts";
export { canonicalJson, type JsonOptions, type JsonValue, parseJson, readableJson } from "./canonicalJson.ts";
export { commandText } from "./commandWords.ts";
export {
  type AnyNumbers,
  type Dtype,
  dtypeOf,
  littleEndianBytes,
  type Numbers,
  type StoredDtype,
  type StoredNumbers,
} from "./littleEndian.ts";
export {
  checkFile,
  type FileEntry,
  fileEntry,
  goingOn,
  isRunPath,
  type Manifest,
  type ManifestParts,
  manifestBytes,
  manifestVersion,
  parseManifest,
  type RunStatus,
  readManifest,
  runStatuses,
} from "./manifest.ts";
export { type Measurement, measurementsToParquet } from "./measurements.ts";
export { type PackOptions, packValue, unpackValue } from "./packed.ts";
export {
  type AnyTensor,
  readSafetensors,
  type Tensor,
  type TensorFile,
  type WriteOptions,
  writeSafetensors,
} from "./safetensors.ts";
export {
  defaultHeaderLimit,
  type HeaderOptions,
  hardHeaderLimit,
  type ReadOptions,
  readSafetensorsHeader,
  type SafetensorsHeader,
  type TensorPlace,
} from "./safetensorsHeader.ts";
export { sha256OfBytes, sha256OfWeights } from "./sha256.ts";
export { parseStrictJson, type StrictJson, type StrictJsonOptions, strictUtf8 } from "./strictJson.ts";
export {
  openSafetensors,
  readStored,
  readTensorBytes,
  readWidened,
  type SafetensorsFile,
  type Widened,
  type WidenOptions,
} from "./tensorReader.ts";
