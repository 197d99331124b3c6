/** `palimpsest study persistence`: from checked options to a run folder with its report. */
import { parseHTML } from "linkedom";
import packageJson from "../../../package.json" with { type: "json" };
import { type BackendName, chosenBackend } from "../../backends/registry.ts";
import { engineBytes } from "../../backends/wasm/index.ts";
import { renderFigure } from "../../figures/index.ts";
import { weightShapes } from "../../model/weights.ts";
import type { JsonValue } from "../../record/canonicalJson.ts";
import { readableJson } from "../../record/canonicalJson.ts";
import { measurementsToParquet } from "../../record/measurements.ts";
import { writeSafetensors } from "../../record/safetensors.ts";
import { sha256OfBytes } from "../../record/sha256.ts";
import type { PresetBySeed } from "../../studies/persistence/analyse.ts";
import { persistenceFigures, persistenceReport } from "../../studies/persistence/report.ts";
import type { PersistenceResult } from "../../studies/persistence/result.ts";
import { armsOf, type PersistenceSettings } from "../../studies/persistence/spec.ts";
import { measurementRows, type PersistenceStudy, persistenceStudy } from "../../studies/persistence/study.ts";
import type { PersistenceOptions } from "../commands/studyPersistence.ts";
import type { Outcome, RunIo } from "../io.ts";
import { createRunFolder, type RunFolder } from "../runFolder.ts";
import { openPool } from "../workers/pool.ts";
import { persistenceSummary } from "./persistenceSummary.ts";
import { progressState } from "./progressState.ts";

/** Models in a job: enough to fill vectors and amortise the measurement's constants, few enough to share out evenly. */
const MODELS_PER_JOB = 8;

/** The options with the backend that was chosen. */
type ChosenOptions = PersistenceOptions & { backend: BackendName };

/** Runs the study into a run folder. */
export async function runPersistence(asked: PersistenceOptions, io: RunIo): Promise<Outcome> {
  const options: ChosenOptions = { ...asked, backend: chosenBackend(asked.backend) };
  const settings: PersistenceSettings = options;
  const folder = createRunFolder({ study: "persistence", out: options.out, cwd: io.cwd, date: io.date });
  folder.log({
    event: "started",
    seeds: options.seeds.length,
    presets: [...options.presets],
    workers: options.workers,
  });
  const { backend, relaxed, workers } = options;
  const pool = openPool({ workers, signal: io.signal, relaxed });
  try {
    const study = await carryOut(settings, options, io, pool);
    io.board.log(`Writing ${folder.name}`);
    const result = writeRun(folder, settings, options, study);
    return { result, summary: persistenceSummary(result, `${folder.name}/report.html`) };
  } catch (error) {
    folder.log({ event: "failed", message: error instanceof Error ? error.message : String(error) });
    const status = io.signal.aborted ? "interrupted" : "failed";
    folder.commit({
      study: "persistence",
      status,
      config: configOf(settings, backend, relaxed),
      versions: versions(),
      engine: engineOf(backend, relaxed),
    });
    throw error;
  } finally {
    await pool.close();
  }
}

async function carryOut(
  settings: PersistenceSettings,
  { backend, relaxed }: ChosenOptions,
  io: RunIo,
  pool: ReturnType<typeof openPool>,
): Promise<PersistenceStudy> {
  const arms = settings.presets.flatMap((preset) => Object.values(armsOf(preset, settings)));
  const progress = progressState(
    arms.map(({ name, spec, models }) => ({ name, models: models.length, steps: spec.steps })),
    io.clock,
  );
  let place = { job: 0, slot: 0 };
  return persistenceStudy(settings, {
    backend: { name: backend, relaxed },
    modelsPerJob: MODELS_PER_JOB,
    runJobs: async (jobs, tell) => {
      await pool.runJobs(jobs, (job, event, slot) => {
        place = { job, slot };
        tell(job, event);
      });
      io.board.log("Comparing units over seeds");
    },
    onEvent: (arm, models, event) => {
      progress.event(arm.name, place.job, models, place.slot, event);
      io.board.update(progress.read());
    },
  });
}

function writeRun(
  folder: RunFolder,
  settings: PersistenceSettings,
  options: ChosenOptions,
  study: PersistenceStudy,
): PersistenceResult {
  const { backend, relaxed } = options;
  for (const analysis of study.analyses) writePopulation(folder, analysis);
  const result: PersistenceResult = {
    study: "persistence",
    presets: study.summaries,
    claims: study.claims,
    run: folder.name,
  };
  // the folder's own place is no part of what was found: a run that is moved or repeated has the same bytes
  folder.write("result.json", `${readableJson({ ...result, run: "." })}\n`);
  const engine = engineOf(backend, relaxed);
  const { document } = parseHTML("<!doctype html><html><body></body></html>") as unknown as {
    document: Document;
  };
  for (const figure of persistenceFigures(study.details))
    folder.write(`figures/${figure.name}.svg`, renderFigure(figure, document));
  const facts: [string, string][] = [
    ["Palimpsest", packageJson.version],
    ["backend", relaxed ? `${backend}, fused multiply-add` : backend],
    ["kernels", engine === null ? "none" : engine.slice(0, 16)],
  ];
  folder.write(
    "report.html",
    persistenceReport({
      result,
      details: study.details,
      manifestSummary: { command: commandOf(options), facts },
      document,
    }),
  );
  folder.log({ event: "complete", kernelShare: study.kernelShare });
  folder.commit({
    study: "persistence",
    status: "complete",
    config: configOf(settings, backend, relaxed),
    versions: versions(),
    engine,
  });
  return result;
}

/** Checkpoints and measurements of a preset's main arm, a file of each for every step. */
function writePopulation(folder: RunFolder, { preset, main }: PresetBySeed): void {
  const shapes = weightShapes(main.arm.config);
  const models = main.models.length;
  main.checkpoints.forEach(({ step, weights }, at) => {
    const name = `${preset}-step-${String(step).padStart(6, "0")}`;
    const tensors = [...shapes].map(
      ([weight, shape]) => [weight, { shape: [models, ...shape], data: weights[weight] }] as const,
    );
    const metadata = { step: String(step), seeds: main.models.map(({ init }) => init).join(",") };
    folder.write(`checkpoints/${name}.safetensors`, writeSafetensors(tensors, { metadata }));
    folder.write(`measurements/${name}.parquet`, measurementsToParquet(measurementRows(preset, main, at)));
  });
  const losses = main.losses.flatMap((ofModel, model) =>
    Array.from(ofModel, (value, step) => ({
      ...{ arm: preset, model, seed: main.models[model].init, step, site: "model" },
      ...{ unit: null, statistic: "trainingLoss", value },
    })),
  );
  folder.write(`measurements/${preset}-loss.parquet`, measurementsToParquet(losses));
}

function configOf(
  settings: PersistenceSettings,
  backend: string,
  relaxed: boolean,
): Record<string, JsonValue> {
  const { presets, seeds, sequences, batch, steps, lr, optimizer, task, init, probe } = settings;
  return {
    ...{ presets: [...presets], seeds: [...seeds], sequences, batch, steps, lr, optimizer, task },
    ...{ init: { scheme: init.scheme, embeddingScale: init.embeddingScale ?? 1 }, probe, backend, relaxed },
  };
}

const versions = () => ({ palimpsest: packageJson.version, node: process.versions.node });

/** SHA-256 of the kernels, which only the wasm backend has. */
const engineOf = (backend: string, relaxed: boolean) =>
  backend === "wasm" ? sha256OfBytes(engineBytes({ relaxed })) : null;

/** The command that makes this run again. */
function commandOf(options: ChosenOptions): string {
  const { presets, seeds, sequences, batch, steps, lr, optimizer, task, init, probe, backend, relaxed } =
    options;
  const isRange = seeds.every((seed, i) => seed === i);
  const scale = init.embeddingScale === 1 ? "" : `:${init.embeddingScale}`;
  return [
    `npx palimpsest study persistence --preset ${presets.join(",")} --seeds ${isRange ? seeds.length : seeds.join(",")}`,
    `--sequences ${sequences} --batch ${batch} --steps ${steps} --lr ${lr} --optimizer ${optimizer} --task ${task}`,
    `--init ${init.scheme}${scale} --probe ${probe} --backend ${backend}${relaxed ? " --relaxed" : ""}`,
  ].join(" ");
}
