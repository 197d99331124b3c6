/** `palimpsest experiments`: from checked options to a run folder with its report. */
import packageJson from "../../../package.json" with { type: "json" };
import { type BackendName, chosenBackend } from "../../backends/registry.ts";
import { engineBytes } from "../../backends/wasm/index.ts";
import { ArgumentError, FileError, UserError } from "../../base/errors.ts";
import { renderFigure } from "../../figures/index.ts";
import { type ModelConfig, presets, validateConfig } from "../../model/config.ts";
import { type Weights, weightShapes } from "../../model/weights.ts";
import { type JsonValue, parseJson, readableJson } from "../../record/canonicalJson.ts";
import { sha256OfBytes, sha256OfWeights } from "../../record/sha256.ts";
import { strictUtf8 } from "../../record/strictJson.ts";
import { experiments } from "../../studies/experiments/experiments.ts";
import { experimentsFigures, experimentsReport } from "../../studies/experiments/report.ts";
import { experimentsResult, type PopulationResult } from "../../studies/experiments/result.ts";
import { type PopulationSpec, sectionNames, setupOf } from "../../studies/experiments/spec.ts";
import type { ExperimentsOptions } from "../commands/experiments.ts";
import { readRunNetworks } from "../inspect/runNetworks.ts";
import type { Outcome, RunIo } from "../io.ts";
import { readInput } from "../readInput.ts";
import { createRunFolder, type RunFolder } from "../runFolder.ts";
import { drawingDocument } from "../svgFile.ts";
import { openPool } from "../workers/pool.ts";
import { type ExperimentModel, experimentModel } from "./experimentModel.ts";
import { experimentsSummary } from "./experimentsSummary.ts";
import { progressState } from "./progressState.ts";

/** Longest config file: a config is a few hundred bytes. */
const CONFIG_BYTES = 2 ** 20;

/** Carries the experiments out into a run folder. */
export async function runExperiments(options: ExperimentsOptions, io: RunIo): Promise<Outcome> {
  const { populations, sample } = await subjectsOf(options, io);
  const backend = chosenBackend(options.backend, populations[0].config);
  for (const population of populations) checkPositions(population, options);
  const folder = createRunFolder({ study: "experiments", out: options.out, cwd: io.cwd, date: io.date });
  folder.log({
    event: "started",
    populations: populations.map(({ name, seeds }) => ({ name, seeds: seeds.length })),
    workers: options.workers,
  });
  const parts = {
    study: "experiments",
    config: {
      ...configOf(options, populations, backend),
      ...(sample === null ? {} : { tokens: [...sample.tokens] }),
    },
    versions: { palimpsest: packageJson.version, node: process.versions.node },
    engine: backend === "wasm" ? sha256OfBytes(engineBytes()) : null,
  };
  const pool = openPool({ workers: options.workers, signal: io.signal });
  try {
    const results = await carryOut(populations, options, { backend, io, pool });
    io.board.log(`Writing ${folder.name}`);
    const result = writeRun(folder, results, {
      command: commandOf(options, backend),
      ...{ engine: parts.engine, sample },
    });
    folder.log({ event: "complete" });
    folder.commit({ ...parts, status: "complete" });
    const notes = sample === null ? [] : [`${sample.says}.`];
    return { result, summary: experimentsSummary(results, `${folder.name}/report.html`, notes) };
  } catch (error) {
    folder.log({ event: "failed", message: error instanceof Error ? error.message : String(error) });
    folder.commit({ ...parts, status: io.signal.aborted ? "interrupted" : "failed" });
    throw error;
  } finally {
    await pool.close();
  }
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
  { backend, io, pool }: { backend: BackendName; io: RunIo; pool: ReturnType<typeof openPool> },
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
  { command, engine, sample }: { command: string; engine: string | null; sample: ExperimentModel | null },
): object {
  const result = {
    ...experimentsResult(populations, folder.name),
    ...(sample === null ? {} : { vocabulary: { says: sample.says, tokens: sample.tokens } }),
  };
  // the folder's own place is no part of what was found: a run that is moved or repeated has the same bytes
  folder.write("result.json", `${readableJson({ ...result, run: "." })}\n`);
  const document = drawingDocument();
  for (const figure of experimentsFigures(populations))
    folder.write(`figures/${figure.name}.svg`, renderFigure(figure, document));
  const facts: [string, string][] = [
    ["Palimpsest", packageJson.version],
    ["kernels", engine === null ? "none" : engine.slice(0, 16)],
    ...(sample === null ? [] : [["inputs", sample.says] as [string, string]]),
  ];
  folder.write("report.html", experimentsReport({ populations, command, facts, document }));
  return result;
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

/** The command that carries the same out again. */
function commandOf(
  { subjects, nulls, blocks, draws, positions }: ExperimentsOptions,
  backend: string,
): string {
  const list = (seeds: readonly number[]) =>
    seeds.every((seed, i) => seed === i) ? String(seeds.length) : seeds.join(",");
  const initText = ({ scheme, embeddingScale }: { scheme: string; embeddingScale: number }) =>
    `--init ${scheme}${embeddingScale === 1 ? "" : `:${embeddingScale}`}`;
  const whose = () => {
    switch (subjects.kind) {
      case "presets":
        return `--preset ${subjects.presets.join(",")} --seeds ${list(subjects.seeds)} ${initText(subjects.init)}`;
      case "config":
        return `--config ${subjects.file} --seeds ${list(subjects.seeds)} ${initText(subjects.init)}`;
      case "model": {
        const { model, revision, cache, processing, vocabulary } = subjects.choice;
        return [
          JSON.stringify(model),
          ...(revision === null ? [] : [`--revision ${revision}`]),
          ...(cache === null ? [] : [`--cache ${JSON.stringify(cache)}`]),
          ...(processing.length === 0 ? [] : [`--processing ${processing.join(",")}`]),
          ...(vocabulary === null ? [] : [`--vocabulary ${vocabulary}`]),
        ].join(" ");
      }
      case "run":
        return [
          `--run ${subjects.run}`,
          ...(subjects.preset === null ? [] : [`--preset ${subjects.preset}`]),
          ...(subjects.step === null ? [] : [`--step ${subjects.step}`]),
          ...(subjects.seeds === null ? [] : [`--seeds ${subjects.seeds.join(",")}`]),
        ].join(" ");
    }
  };
  const where = positions === null ? "" : ` --positions ${positions}`;
  return `npx palimpsest experiments ${whose()} --nulls ${nulls} --blocks ${blocks} --draws ${draws}${where} --backend ${backend}`;
}
