/** The promise: a model trained alone, in a population of any size, at any place in it, ends in the same bits. */

import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import { presets } from "../../src/model/config.ts";
import type { ArmSpec } from "../../src/studies/population/arm.ts";
import { type ArmResult, cutIntoJobs, gatherArm } from "../../src/studies/population/gather.ts";
import { type JobEvent, runJob } from "../../src/studies/population/job.ts";
import { blockSize } from "../../src/train/blocks.ts";
import { optimizers } from "../../src/train/optimizers.ts";
import { lossesOf, type Training, train } from "./population.ts";

/** Less than four lanes, all four, more than one group, more than two. */
const SIZES = [2, 3, 4, 5, 9];
const SEED = 0;

/** Populations of few would lie one model after the other by themselves: see wasmLayouts.test.ts. */
const lanes = wasmBackend({ layout: "lanes" });

/** Too wide for its batch to be one block. */
const wide = { ...presets.original, nLayers: 1, dModel: 32, dHead: 16, dMlp: 512, dVocab: 40, nCtx: 16 };

const trainings: Record<string, Training & { sizes?: readonly number[] }> = {
  Adam: { sizes: SIZES },
  "Adam, clipped, with warm-up and decay": {
    clip: 0.5,
    schedule: { warmup: 4, decay: "cosine", final: 0.1 },
  },
  AdamW: { optimizer: { ...optimizers.adamw, weightDecay: 0.1 } },
  "momentum, clipped": { optimizer: optimizers.sgd, clip: 1 },
  "parameter-free attention": { config: presets["original-minigpt"] },
  "a batch in blocks": { config: wide, batch: 50, sequences: 70, steps: 2, clip: 1, sizes: [3] },
};

test("the wide config is cut into blocks, with a short last one", () => {
  const block = blockSize(wide, 50, wide.nCtx - 1);
  expect(block).toBeGreaterThan(1);
  expect(block).toBeLessThan(20); // the second batch has 20 sequences
  expect(50 % block).not.toBe(0);
});

test.each(Object.entries(trainings))(
  "a model ends in the same bits alone and among others (%s)",
  async (_, { sizes = [5], ...options }) => {
    const alone = await train([{ seed: SEED }], options);
    for (const size of sizes) {
      for (let place = 0; place < size; place++) {
        // the others have other weights, data and rates
        const members = Array.from({ length: size }, (_, i) =>
          i === place ? { seed: SEED } : { seed: i + 1, rate: 0.002 * (i + 1) },
        );
        const among = await train(members, { ...options, backend: lanes });
        expect(among.hashes[place], `model ${place} of ${size}`).toBe(alone.hashes[0]);
        expect(lossesOf(among, place)).toEqual(lossesOf(alone, 0));
        expect(new Set(among.hashes).size).toBe(size);
      }
    }
    const single = await train([{ seed: 1 }, { seed: SEED }], {
      ...options,
      backend: wasmBackend({ layout: "single" }),
    });
    expect(single.hashes[1]).toBe(alone.hashes[0]);
  },
);

test("equal seeds give equal bits in all lanes, and another seed others", async () => {
  const { hashes } = await train([0, 1, 0, 2, 0].map((seed) => ({ seed })));
  expect(new Set(hashes).size).toBe(3);
  expect([hashes[2], hashes[4]]).toEqual([hashes[0], hashes[0]]);
});

/** Six models of a small arm, told by jobs of a size. */
async function armByJobsOf(size: number): Promise<ArmResult> {
  const arm: ArmSpec = {
    study: "cutting",
    config: presets.original,
    init: { scheme: "pytorch" },
    task: "patterns",
    sequences: 40,
    batch: 16,
    steps: 5,
    rate: 1e-3,
    schedule: { warmup: 2, decay: "linear", final: 0 },
    optimizer: optimizers.adam,
    clip: 1,
    checkpoints: [0, 2, 5],
    probe: { blocks: 4, nPos: 7, sites: ["blocks.*.mlp.hook_post"], keepCells: ["blocks.1.mlp.hook_post"] },
    heldOut: 20,
  };
  const models = Array.from({ length: 6 }, (_, i) => ({ init: i, data: i % 4 }));
  const jobs = cutIntoJobs(arm, models, size, { name: "wasm" });
  expect(jobs.map((job) => job.models.length).reduce((a, b) => a + b)).toBe(6);
  const told = await inTurn(jobs, async (job) => {
    const events: JobEvent[] = [];
    // a job is plain data on its way to a worker and back
    await runJob(structuredClone(job), wasmBackend(), (event) => events.push(structuredClone(event)));
    return events;
  });
  return gatherArm(jobs, told);
}

test("an arm told by jobs of 1, 3, 4 or 8 models is the same arm, bit for bit", async () => {
  const whole = await armByJobsOf(8);
  expect(whole.checkpoints.map(({ step }) => step)).toEqual([0, 2, 5]);
  expect(whole.divergedAt).toEqual(new Array(6).fill(null));
  expect(whole.losses.map((of) => of.length)).toEqual(new Array(6).fill(5));
  for (const { sites, weights, heldOut } of whole.checkpoints) {
    expect(Object.keys(sites)).toEqual(["blocks.0.mlp.hook_post", "blocks.1.mlp.hook_post"]);
    expect(sites["blocks.0.mlp.hook_post"].eta2.token).toHaveLength(6 * 64);
    expect(sites["blocks.1.mlp.hook_post"].cellMean).toHaveLength(6 * 64 * 10 * 7);
    expect(weights["embed.W_E"]).toHaveLength(6 * 160);
    expect(heldOut).toHaveLength(6 * 7);
  }
  for (const size of [1, 3, 4]) expect(await armByJobsOf(size), `jobs of ${size}`).toEqual(whole);
});
