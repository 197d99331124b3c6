/** A small training series as a publisher would lay it out, and the ways in which it can go wrong. */
import { wasmBackend } from "../../../src/backends/wasm/index.ts";
import { type ModelConfig, presets } from "../../../src/model/config.ts";
import { type Weights, weightsOfModel } from "../../../src/model/weights.ts";
import { exportModel } from "../../../src/pretrained/exportModel.ts";
import { memoryFolder } from "../../../src/pretrained/modelFolder.ts";
import { folderCheckpoint, type SeriesCheckpoint } from "../../../src/pretrained/series/index.ts";
import { readSafetensors, writeSafetensors } from "../../../src/record/safetensors.ts";
import { growNetworks } from "../../../src/studies/population/growth.ts";
import type { Optimizer } from "../../../src/train/optimizers.ts";

/** A config that GPT-2's layout can hold. */
export const config: ModelConfig = { ...presets.gpt, biases: ["qkv", "attnOut", "mlp", "norm"] };

/** Steps that are published, and some between them that are not. */
export const steps = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256];
const between = [12, 200];

/** Weights of networks by step, [model, ...shape]. */
export type GrownSeries = ReadonlyMap<number, Weights>;

/** Trains networks and keeps what they were at every step of interest. */
export async function grownSeries(
  seeds: readonly number[],
  { optimizer, rate = 2e-3, task = "patterns" }: { optimizer?: Optimizer; rate?: number; task?: string } = {},
): Promise<GrownSeries> {
  const kept = new Map<number, Weights>();
  await growNetworks(
    wasmBackend(),
    {
      ...{ study: "series test", config, init: { scheme: "pytorch" }, task, batch: 32, steps: 256, rate },
      ...{ optimizer, checkpoints: [...steps, ...between].sort((a, b) => a - b) },
    },
    seeds.map((seed) => ({ init: seed, data: seed })),
    {
      look: (step, weights) => {
        kept.set(step, weights);
      },
    },
  );
  return kept;
}

/** The files of a checkpoint by name. */
export type Files = Record<string, Uint8Array>;

const indexName = "model.safetensors.index.json";
const shardOf = (name: string) =>
  /wte|wpe|h\.0\./.test(name) ? "model-00001-of-00002" : "model-00002-of-00002";

const made = new WeakMap<GrownSeries, Map<string, Files>>();

/** A model's files, its weights in two shards as large models have them. */
export function files(series: GrownSeries, step: number, model: number): Files {
  const own = made.get(series) ?? new Map<string, Files>();
  made.set(series, own);
  const known = own.get(`${step} ${model}`) ?? sharded(series, step, model);
  own.set(`${step} ${model}`, known);
  return known;
}

function sharded(series: GrownSeries, step: number, model: number): Files {
  const whole = exportModel({ config, weights: weightsOfModel(config, series.get(step) as Weights, model) });
  const { tensors } = readSafetensors(whole["model.safetensors"], { file: "model" });
  const shards = new Map<
    string,
    Parameters<typeof writeSafetensors>[0] extends Iterable<infer T> ? T[] : never
  >();
  const map: Record<string, string> = {};
  for (const [name, tensor] of tensors) {
    const shard = `${shardOf(name)}.safetensors`;
    map[name] = shard;
    shards.set(shard, [...(shards.get(shard) ?? []), [name, tensor]]);
  }
  return {
    "config.json": whole["config.json"],
    [indexName]: new TextEncoder().encode(JSON.stringify({ metadata: {}, weight_map: map })),
    ...Object.fromEntries([...shards].map(([name, own]) => [name, writeSafetensors(own)])),
  };
}

/** Files by step as a series. */
export function seriesOf(published: ReadonlyMap<number, Files>): SeriesCheckpoint[] {
  return [...published].map(([step, own]) => ({
    ...{ step, label: `step${step}` },
    open: () => folderCheckpoint(memoryFolder(`step${step}`, own)),
  }));
}

/** A sound series of one model. */
export function sound(series: GrownSeries, model = 0): Map<number, Files> {
  return new Map(steps.map((step) => [step, files(series, step, model)]));
}

export const firstShard = "model-00001-of-00002.safetensors";
export const secondShard = "model-00002-of-00002.safetensors";
