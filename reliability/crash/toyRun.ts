/**
 * A run of a few milliseconds, made of the product's own parts: run folder, journal, durable jobs, remembered values,
 * files written whole and in pieces, folders inside, the final manifest and the removal of the parts. Only what its jobs
 * compute is a toy.
 */

import type { Disk } from "../../src/cli/disk/disk.ts";
import { durablePool } from "../../src/cli/jobs/durablePool.ts";
import type { Locker } from "../../src/cli/journal/lock.ts";
import { createRunFolder, openRunFolder, type RunFolder } from "../../src/cli/runFolder.ts";
import type { Jobs } from "../../src/cli/workers/jobName.ts";
import type { Care, Pool, Tell } from "../../src/cli/workers/pool.ts";
import { sizeOf } from "../../src/graph/node.ts";
import { presets } from "../../src/model/config.ts";
import { type Weights, weightShapes } from "../../src/model/weights.ts";
import { canonicalJson } from "../../src/record/canonicalJson.ts";
import type { JobEvent, JobState } from "../../src/studies/population/job.ts";
import { optimizers } from "../../src/train/optimizers.ts";

/** Working directory on the simulated disk, and the run in it. */
export const toyPlace = { cwd: "/lab", run: "/lab/run" } as const;

const config = {
  ...presets.original,
  ...{ dVocab: 2, dModel: 1, nHeads: 1, dHead: 1, nLayers: 1, dMlp: 1, nCtx: 2 },
};
const steps = 5;
/** Steps after which a job saves its state. */
const saves = [2, 4];

type Job = Jobs["population"];

const jobs: readonly Job[] = [0, 1].map((seed) => ({
  arm: {
    ...{ study: "toy", config, init: { scheme: "pytorch" }, task: "patterns", sequences: 1, batch: 1 },
    ...{
      steps,
      rate: 0.1,
      schedule: { name: "constant" },
      optimizer: optimizers.sgd,
      checkpoints: [0, steps],
    },
    ...{ probe: { blocks: 1, nPos: 1, sites: [], keepCells: [] }, heldOut: 1 },
  } as unknown as Job["arm"],
  models: [{ init: seed, data: seed }],
  backend: { name: "reference" },
}));

/** State of a job before its first step. */
function begin(job: number): JobState {
  const filled = (value: number) =>
    Object.fromEntries(
      [...weightShapes(config)].map(([name, shape]) => [name, new Float32Array(sizeOf(shape)).fill(value)]),
    );
  const moments: Weights = Object.fromEntries(
    Object.entries(filled(0)).map(([name, zeros]) => [`velocity/${name}`, zeros]),
  );
  return { step: 0, weights: filled(job + 1), moments, losses: [new Float64Array()], divergedAt: [null] };
}

/** The state after the next step: everything in it changes, and depends on all before. */
function next({ step, weights, moments, losses, divergedAt }: JobState): JobState {
  const moved = Object.fromEntries(
    Object.entries(weights).map(([name, values]) => [
      name,
      values.map((value) => Math.fround(value * 1.25 + step)),
    ]),
  );
  const loss = Object.values(moved).reduce((sum, values) => sum + values[0], 0);
  return {
    step: step + 1,
    weights: moved,
    moments,
    losses: [Float64Array.of(...losses[0], loss)],
    divergedAt,
  };
}

/** A pool that runs population jobs here and now, a step of each in turn. */
function toyPool(): Pool {
  const refuse = () => Promise.reject(new Error("the toy has population jobs only"));
  return {
    runJobs: async (given: readonly Job[], tell: Tell<JobEvent>, { from, keep }: Care = {}) => {
      const states = given.map((job, index) => from?.(index) ?? begin(job.models[0].init));
      for (let turn = 0; turn < steps; turn++)
        for (const [index, state] of states.entries()) {
          if (state.step === steps) continue;
          const after = next(state);
          states[index] = after;
          const { step, losses, divergedAt } = after;
          tell(index, { kind: "progress", step, loss: losses[0].at(-1) as number }, index);
          if (saves.includes(step)) keep?.(index, after);
          if (step === steps) tell(index, { kind: "end", losses, divergedAt, kernelShare: 0 }, index);
        }
    },
    ...{ runExperiments: refuse, runStudy: refuse, runText: refuse, measure: refuse },
    close: async () => {},
  };
}

const noLock: Locker = () => ({ check: () => {}, release: () => {} });
const manifest = {
  ...{ study: "toy", config: { seeds: [0, 1] }, engine: null },
  ...{ versions: { palimpsest: "0.1.0" }, command: ["study", "toy"] },
};

/** The run's folder: opened where its manifest is there, else made; null where the run is complete. */
function openFolder(disk: Disk): RunFolder | null {
  const setting = { cwd: toyPlace.cwd, date: () => new Date(0), disk, lock: noLock };
  let begun = true;
  try {
    disk.statSync(`${toyPlace.run}/manifest.json`);
  } catch {
    begun = false;
  }
  if (begun) return openRunFolder("run", setting).folder;
  return createRunFolder({
    ...setting,
    study: "toy",
    out: "run",
    manifest,
    started: { cwd: toyPlace.cwd, workers: 1 },
  });
}

/** How the toy's run went. */
export interface ToyEnd {
  /** Steps that were computed here. */
  readonly computed: number;
  /** Whether anything was told to have been lost. */
  readonly warnings: readonly string[];
}

/** Makes the run, or goes on with the one that is there, to its end. */
export async function runToy(disk: Disk): Promise<ToyEnd> {
  const folder = openFolder(disk);
  if (folder === null) return { computed: 0, warnings: [] };
  let computed = 0;
  const inner = toyPool();
  const warnings: string[] = [];
  const counted: Pool = {
    ...inner,
    runJobs: (given, tell, care) =>
      inner.runJobs(
        given,
        (job, event, slot) => {
          if (event.kind === "progress") computed++;
          tell(job, event, slot);
        },
        care,
      ),
  };
  const pool = durablePool(counted, folder.journal, { warn: (text) => void warnings.push(text) });
  const told: string[][] = jobs.map(() => []);
  await pool.runJobs(jobs, (job, event) => {
    // what was computed when it went on is of this process, and no result
    const { kind, ...rest } = event.kind === "end" ? { ...event, kernelShare: 0 } : event;
    told[job].push(
      canonicalJson({
        kind,
        ...JSON.parse(
          JSON.stringify(rest, (_, value) =>
            ArrayBuffer.isView(value) ? [...(value as Float64Array)] : value,
          ),
        ),
      }),
    );
  });
  const total = await pool.remember("events", async () => ({ count: told.flat().length }));
  folder.log({ event: "measured" });
  const pieces = folder.begin("checkpoints/step-000005.safetensors");
  for (const [index, events] of told.entries()) {
    pieces.append(new Uint8Array(700).fill(index + 1));
    pieces.append(new TextEncoder().encode(events.at(-1)));
  }
  pieces.end();
  folder.write("measurements/rows.json", told.map((events) => events.join("\n")).join("\n\n"));
  folder.write("models/one/config.json", canonicalJson(total));
  folder.write("result.json", '{"run":"."}\n');
  folder.write("summary.txt", "Report: ./report.html\n");
  folder.commit({ ...manifest, status: "complete" });
  await pool.close();
  return { computed, warnings };
}
