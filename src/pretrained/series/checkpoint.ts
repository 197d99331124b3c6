/** One checkpoint of a series, wherever its weights lie: what the integrity gate and the measurements need of it. */
import type { ModelConfig } from "../../model/config.ts";
import { type Weights, weightShapes } from "../../model/weights.ts";
import { littleEndianBytes } from "../../record/littleEndian.ts";
import { readWidened } from "../../record/tensorReader.ts";
import { describeModel, streamModel } from "../loadModel.ts";
import type { ModelFolder } from "../modelFolder.ts";
import { openTensors } from "../tensorFiles.ts";

/** A tensor as it is stored. */
export interface StoredTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** The file it lies in. */
  readonly file: string;
  /**
   * Shows the tensor's numbers in order, a piece at a time, each with the bytes that it was made of.
   *
   * @param visit  `values` is overwritten by the next piece
   * @throws FileError if they cannot be read
   */
  read(visit: (values: Float32Array, bytes: Uint8Array) => void): Promise<void>;
}

/** A checkpoint whose files are open; nothing of its weights is held. */
export interface OpenCheckpoint {
  readonly config: ModelConfig;
  /** Tensors of floating point numbers. */
  readonly tensors: readonly StoredTensor[];
  /**
   * Gives every weight away in our layout, one after the other: of one model, without a model axis.
   *
   * @throws FileError for what cannot be read or does not fit the config
   */
  stream(take: (name: string, values: Float32Array) => void | Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** SHA-256 of files by name, null for one that cannot be read. */
export type FileHashes = Readonly<Record<string, string | null>>;

/** A checkpoint of a series. */
export interface SeriesCheckpoint {
  /** Optimiser updates before it, as its name says. */
  readonly step: number;
  /** Its name, e.g. the revision. */
  readonly label: string;
  /** @throws FileError for a checkpoint that cannot be read */
  open(): Promise<OpenCheckpoint>;
  /** SHA-256 of every file that belongs to it, by name; null for one that cannot be read. Left out where no file is its own. */
  files?(): Promise<FileHashes>;
}

/** Elements shown at once: 4 MiB of float32. */
const piece = 2 ** 20;
const floatTypes = new Set(["F32", "F16", "BF16", "F64"]);

/**
 * A folder in Hugging Face layout as a checkpoint.
 *
 * @param close  frees the folder's files
 * @throws FileError as {@link describeModel} and {@link openTensors}
 */
export async function folderCheckpoint(
  folder: ModelFolder,
  close: () => Promise<void> = async () => {},
): Promise<OpenCheckpoint> {
  const { config } = await describeModel(folder);
  const { tensors } = await openTensors(folder);
  return {
    config,
    tensors: [...tensors.values()]
      .filter(({ place }) => floatTypes.has(place.dtype))
      .map(({ source, place }) => ({
        name: place.name,
        shape: place.shape,
        file: source.name,
        read: async (visit) => {
          const count = place.shape.reduce((product, size) => product * size, 1);
          let bytes: Uint8Array[] = [];
          const tapped = {
            ...source,
            read: async (start: number, end: number) => {
              const read = await source.read(start, end);
              bytes.push(read);
              return read;
            },
          };
          for (let from = 0; from < count; from += piece) {
            bytes = [];
            const elements = [from, Math.min(count, from + piece)] as const;
            const { data } = await readWidened(tapped, place, { elements });
            visit(data, joined(bytes));
          }
        },
      })),
    stream: async (take) => {
      await streamModel(folder, take);
    },
    close,
  };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0];
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/**
 * Weights in memory as a checkpoint, such as those of a run of one's own.
 *
 * @param weights  of one model, by our names
 * @param file     where they came from, for messages
 */
export function weightsCheckpoint(config: ModelConfig, weights: Weights, file: string): OpenCheckpoint {
  const shapes = [...weightShapes(config)];
  return {
    config,
    tensors: shapes.map(([name, shape]) => ({
      name,
      shape,
      file,
      read: async (visit) => {
        for (let from = 0; from < weights[name].length; from += piece) {
          const values = Float32Array.from(weights[name].subarray(from, from + piece));
          visit(values, littleEndianBytes(values));
        }
      },
    })),
    stream: async (take) => {
      for (const [name] of shapes) await take(name, Float32Array.from(weights[name]));
    },
    close: async () => {},
  };
}
