/** One small job of every kind, and what it tells: for whatever interrupts jobs and goes on with them. */
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { randomStream } from "../../src/base/random.ts";
import { makeCorpus } from "../../src/data/text/corpus.ts";
import { presets } from "../../src/model/config.ts";
import type { ExperimentsJob } from "../../src/studies/experiments/job.ts";
import type { ArmSpec } from "../../src/studies/population/arm.ts";
import {
  type JobControl,
  type JobEvent,
  type PopulationJob,
  runJob,
} from "../../src/studies/population/job.ts";
import type { StudyJob } from "../../src/studies/protocol/jobs.ts";
import { runTextJob, type TextEvent, type TextJob } from "../../src/studies/text/job.ts";
import { textProbe } from "../../src/studies/text/probe.ts";
import { type TextSpec, textConfig, textSchedule, textTraining } from "../../src/studies/text/spec.ts";
import { type Optimizer, optimizers } from "../../src/train/optimizers.ts";

const backend = { name: "wasm" } as const;
export const wasm = wasmBackend();

/** Steps of a population job: past one report of progress. */
export const steps = 18;

/** Three models, warm-up and decay, a clipped gradient, checkpoints beside and at reports of progress. */
export function populationJob(
  optimizer: Optimizer = optimizers.adam,
  options: Partial<ArmSpec> = {},
): PopulationJob {
  const config = { ...presets.original, nLayers: 1, dMlp: 8 };
  const arm: ArmSpec = {
    ...{ study: "interrupted", config, init: { scheme: "pytorch" }, task: "patterns" },
    ...{ sequences: 20, batch: 8, steps, rate: 1e-2, optimizer, clip: 1 },
    schedule: { warmup: 4, decay: "cosine", final: 0.1 },
    checkpoints: [0, 3, 16, steps],
    probe: { blocks: 2, nPos: 7, sites: ["blocks.*.mlp.hook_post"], keepCells: ["blocks.0.mlp.hook_post"] },
    heldOut: 12,
    ...options,
  };
  const models = [0, 1, 2].map((seed) => ({ init: seed, data: seed + 5 }));
  return { arm, models, backend };
}

const stream = randomStream("interrupted", "text");
const letters = Array.from({ length: 600 }, () => "abcd"[Math.min(stream.integer(4), stream.integer(4))]);

/** Two language models of a short random text. */
export function textJob(optimizer: Optimizer = optimizers.adam): TextJob {
  const textSteps = 9;
  const corpus = makeCorpus(letters.join(""), {
    tokenizer: { kind: "characters" },
    ...{ nCtx: 6, heldOutWindows: 8 },
  });
  const size = { nLayers: 1, dModel: 8, nHeads: 2, nCtx: 6, dVocab: corpus.dVocab };
  const spec: TextSpec = {
    ...{
      study: "interrupted text",
      config: textConfig(size),
      init: { scheme: "gpt2" },
      batch: 4,
      rate: 1e-2,
    },
    ...{ schedule: textSchedule("cosine", textSteps), ...textTraining(textSteps), probe: "text", optimizer },
    sampling: { count: 1, tokens: 4, temperature: 1, topK: null },
  };
  return {
    ...{ spec, backend, seeds: [0, 4], train: corpus.train, heldOut: corpus.heldOut },
    ...{ probe: textProbe(corpus, spec.probe, spec.study), prompt: corpus.train[0].slice(0, 2) },
  };
}

/** Two networks that nobody trained, as small as all sections can be carried out on. */
export function experimentsJob(seeds: readonly number[] = [0, 1]): ExperimentsJob {
  const config = { ...presets.original, dMlp: 6 };
  const population = { name: "small", config, init: { scheme: "pytorch" as const }, step: 0, seeds };
  return { population, settings: { nulls: 1, blocks: 2, draws: 2, positions: null }, backend };
}

/** Some seeds of an arm of the tiny study. */
export function studyJob(
  name: "plain" | "shifted" = "plain",
  seeds: readonly number[] = [0, 1, 2],
): StudyJob {
  const arm = { name, seeds, shift: name === "plain" ? 0 : 1 };
  return { study: "tiny", arm, seeds, backend: { name: "reference" } };
}

/** What a population job tells, in this thread. */
export async function toldBy(job: PopulationJob, control: JobControl = {}): Promise<JobEvent[]> {
  const told: JobEvent[] = [];
  await runJob(job, wasm, (event) => told.push(event), control);
  return told;
}

/** What a text job tells, in this thread. */
export async function toldByText(job: TextJob, control: JobControl = {}): Promise<TextEvent[]> {
  const told: TextEvent[] = [];
  await runTextJob(job, wasm, (event) => told.push(event), control);
  return told;
}
