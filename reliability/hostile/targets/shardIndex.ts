import { memoryFolder } from "../../../src/pretrained/modelFolder.ts";
import { indexName, readShardIndex, type ShardIndex } from "../../../src/pretrained/shardIndex.ts";
import { jsonFileMutant } from "../jsonMutants.ts";
import { difference, type Target } from "../target.ts";

const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "__proto__"];
const text = JSON.stringify(
  {
    metadata: { total_size: 1024 },
    weight_map: {
      "embed.weight": shards[0],
      "layers.0.weight": shards[0],
      "layers.1.weight": shards[1],
      "lm_head.weight": shards[1],
    },
  },
  null,
  2,
);
const own = [
  ...shards.map((name) => JSON.stringify(name)),
  '"../model.safetensors"',
  '"Model-00001-of-00002.safetensors"',
];

const read = (bytes: Uint8Array): Promise<ShardIndex> => {
  const files = Object.fromEntries(shards.map((name) => [name, new Uint8Array(0)]));
  return readShardIndex(memoryFolder("model", { ...files, [indexName]: bytes }));
};

const shown = (index: ShardIndex): string =>
  JSON.stringify(
    [...index].map(([shard, tensors]): [string, string[]] => [shard, [...tensors].sort()]).sort(),
  );

/** The index of a model in several files. */
export const shardIndex: Target = {
  kind: "shard index",
  mutant: (stream) => jsonFileMutant(text, stream, { own }),
  async accept(bytes) {
    const index = await read(bytes);
    const members = [...index].flatMap(([shard, tensors]) =>
      [...tensors].map((tensor) => `${JSON.stringify(tensor)}:${JSON.stringify(shard)}`),
    );
    const again = await read(new TextEncoder().encode(`{"weight_map":{${members.join()}}}`));
    return difference("an index", shown(index), shown(again));
  },
};
