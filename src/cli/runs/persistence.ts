/** `palimpsest study persistence`: from checked options to a run folder with its report. */
import { type BackendName, chosenBackend } from "../../backends/registry.ts";
import { persistenceConfig } from "../../studies/persistence/runConfig.ts";
import {
  persistenceFiles,
  persistenceResult,
  persistenceWords,
  type RunOrigin,
} from "../../studies/persistence/runFiles.ts";
import { armsOf, type PersistenceSettings } from "../../studies/persistence/spec.ts";
import { type PersistenceStudy, persistenceStudy } from "../../studies/persistence/study.ts";
import { persistenceSummary } from "../../studies/persistence/summaryText.ts";
import type { PersistenceOptions } from "../commands/studyPersistence.ts";
import type { Outcome, RunIo } from "../io.ts";
import { drawingDocument } from "../svgFile.ts";
import type { Pool } from "../workers/pool.ts";
import { type Card, cardOf, modelsOnCard } from "./card.ts";
import { inRun, type RunPlan } from "./inRun.ts";
import { engineOf, installed } from "./installed.ts";
import { progressState } from "./progressState.ts";

/** Models in a job: enough to fill vectors and amortise the measurement's constants, few enough to share out evenly. */
const MODELS_PER_JOB = 8;

/** The options with the backend that was chosen. */
type ChosenOptions = PersistenceOptions & { backend: BackendName };

/** Runs the study into a run folder. */
export async function runPersistence(asked: PersistenceOptions, io: RunIo): Promise<Outcome> {
  const options: ChosenOptions = { ...asked, backend: chosenBackend(asked.backend) };
  const { out, workers, relaxed, backend } = options;
  const settings: PersistenceSettings = options;
  const engine = engineOf(backend, { relaxed });
  const card = await cardOf(backend);
  const origin: RunOrigin = { backend, relaxed, engine, versions: { ...installed.versions, ...card } };
  const plan: RunPlan = {
    study: "persistence",
    ...{ out, engine, workers, relaxed, card },
    config: persistenceConfig(settings, origin),
    command: persistenceWords(settings, origin),
    started: { seeds: options.seeds.length, presets: [...options.presets] },
  };
  return inRun(plan, io, async ({ folder, pool }) => {
    const study = await carryOut(settings, options, io, { pool, card });
    io.board.log(`Writing ${folder.name}`);
    folder.log({ event: "measured", kernelShare: study.kernelShare });
    for (const [path, bytes] of persistenceFiles(study, settings, origin, drawingDocument()))
      folder.write(path, bytes);
    return (place) => {
      const result = persistenceResult(study, place);
      return { result, summary: persistenceSummary(result, `${place}/report.html`) };
    };
  });
}

async function carryOut(
  settings: PersistenceSettings,
  { backend, relaxed }: ChosenOptions,
  io: RunIo,
  { pool, card }: { readonly pool: Pool; readonly card: Card | null },
): Promise<PersistenceStudy> {
  const arms = settings.presets.flatMap((preset) => Object.values(armsOf(preset, settings)));
  const progress = progressState(
    arms.map(({ name, spec, models }) => ({ name, models: models.length, steps: spec.steps })),
    io.clock,
  );
  let place = { job: 0, slot: 0 };
  return persistenceStudy(settings, {
    backend: { name: backend, relaxed },
    modelsPerJob: card === null ? MODELS_PER_JOB : modelsOnCard,
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
