/** model.safetensors.index.json: which file each tensor of a model in several files lies in. */
import { FileError } from "../base/errors.ts";
import { readJsonObject } from "./configJson.ts";
import { type ModelFolder, shownName } from "./modelFolder.ts";

/** The index's own name. */
export const indexName = "model.safetensors.index.json";
/** Largest index that is read, in bytes; that of a model of 70 billion weights has 60,000. */
const indexLimit = 2 ** 24;
const mostTensors = 200_000;
const mostShards = 1_000;

/** Tensors by the file that they are said to be in, files in the order of their first mention. */
export type ShardIndex = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * A folder's index. The names of its shards are looked up in the folder, never used as paths.
 *
 * @throws FileError naming file and reason: not an index, too large, or a shard that the folder has not
 */
export async function readShardIndex(folder: ModelFolder): Promise<ShardIndex> {
  const bounds = { limit: indexLimit, maxDepth: 8, maxValues: 2 * mostTensors };
  const fields = await readJsonObject(folder, indexName, bounds);
  const weightMap = fields.textMap("weight_map");
  if (weightMap.size > mostTensors)
    fields.fail("weight_map", `may name ${mostTensors} tensors, this one names ${weightMap.size}`);
  const shards = new Map<string, Set<string>>();
  const known = new Set(folder.names);
  for (const [tensor, shard] of weightMap) {
    const tensors = shards.get(shard) ?? new Set();
    shards.set(shard, tensors.add(tensor));
    if (shards.size > mostShards)
      fields.fail("weight_map", `may name ${mostShards} files, this one names more`);
    if (known.has(shard)) continue;
    const missing = new Set([...weightMap.values()].filter((name) => !known.has(name)));
    throw new FileError({
      where: `${fields.file}, tensor ${shownName(tensor)}`,
      rule: `the folder has no file ${shownName(shard)}`,
      got: `${missing.size} of ${new Set(weightMap.values()).size} shards missing`,
      wayOut: "Put the missing files beside the index.",
    });
  }
  if (shards.size === 0) fields.fail("weight_map", "must name at least one tensor");
  return shards;
}
