/** The tensors of a model's files, one file or several, by name; none of their numbers is read. */
import { FileError } from "../base/errors.ts";
import type { ByteSource } from "../record/byteSource.ts";
import type { TensorPlace } from "../record/safetensorsHeader.ts";
import { openSafetensors } from "../record/tensorReader.ts";
import { type ModelFolder, openFile, shownName } from "./modelFolder.ts";
import { indexName, readShardIndex } from "./shardIndex.ts";

/** The name of a model's only file. */
export const singleName = "model.safetensors";

/** A tensor and the file it lies in. */
export interface FileTensor {
  readonly source: ByteSource;
  readonly place: TensorPlace;
}

/** A model's tensors. */
export interface TensorFiles {
  /** The files, in the order in which they are read. */
  readonly files: readonly string[];
  /** By name; within a file in the order of their bytes. */
  readonly tensors: ReadonlyMap<string, FileTensor>;
}

/** Formats that a folder may hold instead, by the ending of their files, and why they are not read. */
const otherFormats: readonly (readonly [ending: RegExp, reason: string])[] = [
  [/\.(bin|pt|pth|ckpt|pkl|pickle)$/i, "it is a Python pickle, which can run code when it is read"],
  [/\.(h5|msgpack|onnx|gguf|npz|tflite)$/i, "it is of another format"],
];

function noWeights(folder: ModelFolder): FileError {
  const rule = `has neither ${singleName} nor ${indexName}`;
  for (const [ending, reason] of otherFormats) {
    const instead = folder.names.find((name) => ending.test(name));
    if (instead === undefined) continue;
    const wayOut = "Convert the weights to safetensors.";
    const got = `${shownName(instead)}, which is not read: ${reason}`;
    return new FileError({ where: folder.name, rule, got, wayOut });
  }
  return new FileError({ where: folder.name, rule, got: `${folder.names.length} files` });
}

async function openShards(folder: ModelFolder): Promise<TensorFiles> {
  const index = await readShardIndex(folder);
  const where = `${folder.name}/${indexName}`;
  const tensors = new Map<string, FileTensor>();
  for (const [shard, expected] of index) {
    const { source, places } = await openSafetensors(await openFile(folder, shard));
    for (const name of expected) {
      if (places.has(name)) continue;
      throw new FileError({
        where: `${where}, tensor ${shownName(name)}`,
        rule: `is said to be in ${shownName(shard)}, where it is not`,
        got: `${places.size} other tensors`,
        wayOut:
          "Index and shards are of different models or one of them is damaged; fetch all of them again.",
      });
    }
    for (const [name, place] of places) {
      const shardOf = expected.has(name)
        ? shard
        : [...index.keys()].find((file) => index.get(file)?.has(name));
      if (shardOf !== shard)
        throw new FileError({
          where: `${source.name}, tensor ${shownName(name)}`,
          rule: "must be in exactly the shard that the index names",
          got: shardOf === undefined ? "no mention of it in the index" : shownName(shardOf),
          wayOut:
            "Shards of different models are mixed, or the index is of another one; fetch all of them again.",
        });
      tensors.set(name, { source, place });
    }
  }
  return { files: [...index.keys()], tensors };
}

/**
 * Reads the headers of a folder's weights: of `model.safetensors`, or of all shards of an index. Of a sharded model every
 * tensor must lie in exactly the shard that the index names, and no shard may hold another.
 *
 * @throws FileError naming file and tensor; also for a folder whose weights are in a format that is not read
 */
export async function openTensors(folder: ModelFolder): Promise<TensorFiles> {
  if (!folder.names.includes(singleName)) {
    if (!folder.names.includes(indexName)) throw noWeights(folder);
    return openShards(folder);
  }
  const { source, places } = await openSafetensors(await openFile(folder, singleName));
  return {
    files: [singleName],
    tensors: new Map([...places].map(([name, place]) => [name, { source, place }])),
  };
}
