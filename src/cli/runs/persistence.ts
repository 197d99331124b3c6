/** `palimpsest study persistence`: from checked options to a run folder with its report. */
import packageJson from "../../../package.json" with { type: "json" };
import { type BackendName, chosenBackend } from "../../backends/registry.ts";
import { engineBytes } from "../../backends/wasm/index.ts";
import { sha256OfBytes } from "../../record/sha256.ts";
import type { PersistenceResult } from "../../studies/persistence/result.ts";
import {
  persistenceFiles,
  persistenceManifest,
  persistenceResult,
  type RunOrigin,
} from "../../studies/persistence/runFiles.ts";
import { armsOf, type PersistenceSettings } from "../../studies/persistence/spec.ts";
import { type PersistenceStudy, persistenceStudy } from "../../studies/persistence/study.ts";
import type { PersistenceOptions } from "../commands/studyPersistence.ts";
import type { Outcome, RunIo } from "../io.ts";
import { createRunFolder, type RunFolder } from "../runFolder.ts";
import { drawingDocument } from "../svgFile.ts";
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
  const origin = originOf(options);
  const { relaxed, workers } = options;
  const pool = openPool({ workers, signal: io.signal, relaxed });
  try {
    const study = await carryOut(settings, options, io, pool);
    io.board.log(`Writing ${folder.name}`);
    const result = writeRun(folder, settings, origin, study);
    return { result, summary: persistenceSummary(result, `${folder.name}/report.html`) };
  } catch (error) {
    folder.log({ event: "failed", message: error instanceof Error ? error.message : String(error) });
    const status = io.signal.aborted ? "interrupted" : "failed";
    folder.commit(persistenceManifest(settings, origin, status));
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

/** Writes what was found, a file at a time. */
function writeRun(
  folder: RunFolder,
  settings: PersistenceSettings,
  origin: RunOrigin,
  study: PersistenceStudy,
): PersistenceResult {
  for (const [path, bytes] of persistenceFiles(study, settings, origin, drawingDocument()))
    folder.write(path, bytes);
  folder.log({ event: "complete", kernelShare: study.kernelShare });
  folder.commit(persistenceManifest(settings, origin, "complete"));
  return persistenceResult(study, folder.name);
}

/** This program, and the kernels, which only the wasm backend has. */
function originOf({ backend, relaxed }: ChosenOptions): RunOrigin {
  const engine = backend === "wasm" ? sha256OfBytes(engineBytes({ relaxed })) : null;
  return {
    ...{ backend, relaxed, engine },
    versions: { palimpsest: packageJson.version, node: process.versions.node },
  };
}
