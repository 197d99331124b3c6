/** What the gate knows of a checkpoint after reading it once: hashes, sizes, sketches. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { FileError } from "../../base/errors.ts";
import type { ModelConfig } from "../../model/config.ts";
import type { FileHashes, SeriesCheckpoint, StoredTensor } from "./checkpoint.ts";
import { sketcher } from "./sketch.ts";

/** One tensor of a checkpoint. */
export interface TensorPrint {
  readonly name: string;
  readonly shape: readonly number[];
  readonly file: string;
  /** SHA-256 of its bytes as stored. */
  readonly sha256: string;
  /** Euclidean norm. */
  readonly norm: number;
  /** Elements that are NaN or infinite. */
  readonly strange: number;
  /** The number that all elements are; null where they differ. */
  readonly constant: number | null;
  readonly sketch: Float32Array;
}

/** A checkpoint that could be read. */
export interface Fingerprint {
  readonly step: number;
  readonly label: string;
  readonly files: FileHashes;
  readonly config: ModelConfig;
  readonly tensors: readonly TensorPrint[];
  /** SHA-256 over names, shapes and hashes of all tensors in the order of their names: equal for equal weights. */
  readonly sha256: string;
}

/** A checkpoint that could not, and why. */
export interface Unreadable {
  readonly step: number;
  readonly label: string;
  readonly files: FileHashes;
  readonly unreadable: string;
}

async function tensorPrint(tensor: StoredTensor): Promise<TensorPrint> {
  const { name, shape, file } = tensor;
  const count = shape.reduce((product, size) => product * size, 1);
  const hash = sha256.create();
  const sketch = sketcher(count);
  let [squares, strange, first, same] = [0, 0, Number.NaN, true];
  let seen = 0;
  await tensor.read((values, bytes) => {
    hash.update(bytes);
    sketch.add(values);
    if (seen === 0 && values.length > 0) first = values[0];
    for (const value of values) {
      squares += value * value;
      if (!Number.isFinite(value)) strange++;
      if (value !== first) same = false;
    }
    seen += values.length;
  });
  return {
    ...{ name, shape, file, sha256: bytesToHex(hash.digest()), norm: Math.sqrt(squares), strange },
    constant: same && seen > 0 ? first : null,
    sketch: sketch.done(),
  };
}

/**
 * Reads a checkpoint once, some MiB at a time.
 *
 * @returns  its fingerprint, or the sentence that says why it cannot be read
 */
export async function fingerprint(checkpoint: SeriesCheckpoint): Promise<Fingerprint | Unreadable> {
  const { step, label } = checkpoint;
  let files: FileHashes = {};
  try {
    files = (await checkpoint.files?.()) ?? files;
    const open = await checkpoint.open();
    try {
      const tensors: TensorPrint[] = [];
      for (const tensor of open.tensors) tensors.push(await tensorPrint(tensor));
      tensors.sort((a, b) => (a.name < b.name ? -1 : 1));
      const parts = tensors.map(({ name, shape, sha256: own }) => `${name}\n${shape.join(",")}\n${own}\n`);
      const whole = bytesToHex(sha256(utf8ToBytes(parts.join(""))));
      return { step, label, files, config: open.config, tensors, sha256: whole };
    } finally {
      await open.close();
    }
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return { step, label, files, unreadable: error.message };
  }
}
