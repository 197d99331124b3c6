/** `palimpsest experiments`: from checked options to a run folder with its report. */
import { type BackendName, chosenBackend } from "../../backends/registry.ts";
import { ArgumentError, FileError, UserError } from "../../base/errors.ts";
import { renderFigure } from "../../figures/index.ts";
import { type ModelConfig, presets, validateConfig } from "../../model/config.ts";
import { type Weights, weightShapes } from "../../model/weights.ts";
import { type JsonValue, parseJson } from "../../record/canonicalJson.ts";
import { commandText } from "../../record/commandWords.ts";
import { sha256OfWeights } from "../../record/sha256.ts";
import { strictUtf8 } from "../../record/strictJson.ts";
import { experiments } from "../../studies/experiments/experiments.ts";
import { experimentsFigures, experimentsReport } from "../../studies/experiments/report.ts";
import { experimentsResult, type PopulationResult } from "../../studies/experiments/result.ts";
import { type PopulationSpec, sectionNames, setupOf } from "../../studies/experiments/spec.ts";
import { type ExperimentsOptions, experimentsWords } from "../commands/experiments.ts";
import { readRunNetworks } from "../inspect/runNetworks.ts";
import type { Outcome, RunIo } from "../io.ts";
import { readInput } from "../readInput.ts";
import type { RunFolder } from "../runFolder.ts";
import { drawingDocument } from "../svgFile.ts";
import type { Pool } from "../workers/pool.ts";
import { type Card, cardFacts, cardOf } from "./card.ts";
import { type ExperimentModel, experimentModel } from "./experimentModel.ts";
import { experimentsSummary } from "./experimentsSummary.ts";
import { inRun, type RunPlan } from "./inRun.ts";
import { engineOf, installed } from "./installed.ts";
import { progressState } from "./progressState.ts";

/** Longest config file: a config is a few hundred bytes. */
const CONFIG_BYTES = 2 ** 20;

/** Carries the experiments out into a run folder. */
export async function runExperiments(options: ExperimentsOptions, io: RunIo): Promise<Outcome> {
  const { populations, sample } = await subjectsOf(options, io);
  const backend = chosenBackend(options.backend, populations[0].config);
  for (const population of populations) checkPositions(population, options);
  const { out, workers } = options;
  const engine = engineOf(backend);
  const card = await cardOf(backend);
  const plan: RunPlan = {
    ...{ study: "experiments", out, workers, engine, card },
    config: {
      ...configOf(options, populations, backend),
      ...(sample === null ? {} : { tokens: [...sample.tokens] }),
    },
    command: experimentsWords(options, backend),
    started: { populations: populations.map(({ name, seeds }) => ({ name, seeds: seeds.length })) },
  };
  return inRun(plan, io, async ({ folder, pool }) => {
    const results = await carryOut(populations, options, { backend, io, pool });
    io.board.log(`Writing ${folder.name}`);
    writeRun(folder, results, { command: commandText(plan.command), engine, card, sample });
    const notes = sample === null ? [] : [`${sample.says}.`];
    return (place) => ({
      result: {
        ...experimentsResult(results, place),
        ...(sample === null ? {} : { vocabulary: { says: sample.says, tokens: sample.tokens } }),
      },
      summary: experimentsSummary(results, `${place}/report.html`, notes),
    });
  });
}

/** The populations, and of a pretrained model the tokens that stand for its vocabulary. */
async function subjectsOf(
  options: ExperimentsOptions,
  io: RunIo,
): Promise<{ populations: PopulationSpec[]; sample: ExperimentModel | null }> {
  const { subjects } = options;
  if (subjects.kind !== "model") return { populations: await populationsOf(subjects, io.cwd), sample: null };
  const sample = await experimentModel(subjects.choice, options, io);
  return { populations: [sample.population], sample };
}

async function populationsOf(
  subjects: Exclude<ExperimentsOptions["subjects"], { kind: "model" }>,
  cwd: string,
): Promise<PopulationSpec[]> {
  if (subjects.kind === "run") {
    const { run, preset, step, seeds } = subjects;
    const opened = await readRunNetworks({ subject: run, preset, step, seeds: seeds ?? "all" }, cwd);
    const { config, init, weights } = opened;
    return [{ name: opened.name, config, init, step: opened.step, seeds: opened.seeds, weights }];
  }
  const { seeds, init } = subjects;
  const drawn = { init, step: 0, seeds };
  if (subjects.kind === "config")
    return [{ name: "config", config: readConfig(subjects.file, cwd), ...drawn }];
  return subjects.presets.map((name) => ({ name, config: presets[name], ...drawn }));
}

/** A model config out of a file that anybody may have written. */
function readConfig(file: string, cwd: string): ModelConfig {
  const value = parseJson(strictUtf8(readInput(file, { cwd, byteLimit: CONFIG_BYTES }), file), { file });
  if (value === null || typeof value !== "object" || Array.isArray(value))
    throw new FileError({ where: file, rule: "must hold a model config, a JSON object" });
  try {
    return validateConfig(value as unknown as ModelConfig);
  } catch (error) {
    if (error instanceof UserError) throw Object.assign(error, { message: `${file}: ${error.message}` });
    throw error;
  }
}

function checkPositions(population: PopulationSpec, options: ExperimentsOptions): void {
  const { nPos, config } = setupOf(population, options);
  if (nPos <= config.nCtx) return;
  throw new ArgumentError({
    where: "--positions",
    rule: `${population.name} reads at most ${config.nCtx}`,
    got: String(nPos),
  });
}

async function carryOut(
  populations: readonly PopulationSpec[],
  options: ExperimentsOptions,
  { backend, io, pool }: { backend: BackendName; io: RunIo; pool: Pool },
): Promise<PopulationResult[]> {
  const progress = progressState(
    populations.map(({ name, seeds }) => ({
      name,
      models: seeds.length + options.nulls,
      steps: sectionNames.length,
    })),
    io.clock,
    { stepName: "section" },
  );
  const places = new Map<object, { job: number; slot: number }>();
  return experiments(populations, options, {
    backend: { name: backend },
    runJobs: async (jobs, tell) => {
      await pool.runExperiments(jobs, (job, event, slot) => {
        places.set(jobs[job], { job, slot });
        tell(job, event);
      });
      io.board.log("Comparing networks with their nulls");
    },
    onEvent: (job, event) => {
      const { name, seeds } = job.population;
      const { job: index, slot } = places.get(job) as { job: number; slot: number };
      const step = event.kind === "section" ? event.done : sectionNames.length;
      progress.advance(name, index, seeds.length, slot, step);
      if (event.kind === "end") progress.leave(name, slot);
      io.board.update(progress.read());
    },
  });
}

function writeRun(
  folder: RunFolder,
  populations: readonly PopulationResult[],
  made: { command: string; engine: string | null; card: Card | null; sample: ExperimentModel | null },
): void {
  const { command, engine, card, sample } = made;
  const document = drawingDocument();
  for (const figure of experimentsFigures(populations))
    folder.write(`figures/${figure.name}.svg`, renderFigure(figure, document));
  const facts: [string, string][] = [
    ["Palimpsest", installed.versions.palimpsest],
    ...cardFacts(card),
    ["kernels", engine === null ? "none" : engine.slice(0, 16)],
    ...(sample === null ? [] : [["inputs", sample.says] as [string, string]]),
  ];
  folder.write("report.html", experimentsReport({ populations, command, facts, document }));
}

/** What decided the numbers. The folder of a run is a place and no such thing; the hash of its weights stands for it. */
function configOf(
  { nulls, blocks, draws, positions }: ExperimentsOptions,
  populations: readonly PopulationSpec[],
  backend: string,
): Record<string, JsonValue> {
  return {
    ...{ nulls, blocks, draws, positions, backend },
    populations: populations.map(({ name, config, init, initSays, step, seeds, weights }) => ({
      ...{ name, step, seeds: [...seeds], config: { ...config } },
      weights: weights === undefined ? null : hashOf(weights, config, seeds.length),
      init: initSays ?? { scheme: init.scheme, embeddingScale: init.embeddingScale ?? 1 },
    })),
  };
}

/** SHA-256 of the weights of a population, [model, ...shape]. */
function hashOf(weights: Weights, config: ModelConfig, models: number): string {
  const shapes = [...weightShapes(config)].map(([name, shape]) => [name, [models, ...shape]] as const);
  return sha256OfWeights(weights, shapes);
}
