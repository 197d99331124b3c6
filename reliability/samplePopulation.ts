/** A population that takes no time, cut into jobs: what the checks of workers and of determinism share. */
import { presets, validateConfig } from "../src/model/config.ts";
import type { ArmSpec } from "../src/studies/population/arm.ts";
import { cutIntoJobs } from "../src/studies/population/gather.ts";
import type { PopulationJob } from "../src/studies/population/job.ts";
import { optimizers } from "../src/train/optimizers.ts";
import { constantRate } from "../src/train/schedules.ts";

/** A model of one layer, so small that a job is a tenth of a second. */
export const sampleConfig = validateConfig({
  ...presets.original,
  ...{ nLayers: 1, dModel: 8, nHeads: 2, dHead: 4, dMlp: 16 },
});

/** What its models are grown by. */
export const sampleArm: ArmSpec = {
  ...{ study: "sample", config: sampleConfig, init: { scheme: "pytorch" }, task: "random" },
  ...{ sequences: 32, batch: 8, steps: 20, rate: 1e-3, schedule: constantRate, optimizer: optimizers.adam },
  ...{ checkpoints: [0, 5, 10, 20], heldOut: 8 },
  probe: { blocks: 1, nPos: sampleConfig.nCtx - 1, sites: ["blocks.*.mlp.hook_post"], keepCells: [] },
};

/** Jobs of `size` models each, with seeds from `first` on. */
export function sampleJobs(
  count: number,
  { size = count, first = 0, arm = sampleArm }: { size?: number; first?: number; arm?: ArmSpec } = {},
): PopulationJob[] {
  const models = Array.from({ length: count }, (_, i) => ({ init: first + i, data: first + i }));
  return cutIntoJobs(arm, models, size, { name: "wasm" });
}
