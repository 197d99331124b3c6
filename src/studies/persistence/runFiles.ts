/**
 * The files of a run, as bytes: what `study persistence` writes into its folder, and what the page saves.
 *
 * Files are made one at a time as they are asked for, so that a large run is never in memory as a whole. The same study
 * gives the same bytes wherever it was computed; only the manifest says where.
 */
import { ArgumentError } from "../../base/errors.ts";
import { renderFigure } from "../../figures/index.ts";
import { weightShapes } from "../../model/weights.ts";
import { readableJson } from "../../record/canonicalJson.ts";
import { commandText, initWord, optionWords, seedsWord } from "../../record/commandWords.ts";
import type { ManifestParts, RunStatus } from "../../record/manifest.ts";
import { measurementsToParquet } from "../../record/measurements.ts";
import { writeSafetensors } from "../../record/safetensors.ts";
import type { ArmResult } from "../population/gather.ts";
import { persistenceFigures, persistenceReport } from "./report.ts";
import type { PersistenceResult } from "./result.ts";
import { persistenceConfig, type RunBackend, type StudioSettings, studioConfig } from "./runConfig.ts";
import type { PersistenceSettings } from "./spec.ts";
import { measurementRows, type PersistenceStudy, seedRows } from "./study.ts";
import { persistenceSummary } from "./summaryText.ts";

/** A file of a run: its path in the folder, with slashes, and its bytes. */
export type RunFile = readonly [path: string, bytes: Uint8Array];

/** Where a run was computed. */
export interface RunOrigin extends RunBackend {
  /** Of `palimpsest`, and of `node` or `browser` (such as "Chromium 147"), which decide no number. */
  readonly versions: { readonly palimpsest: string } & Readonly<Record<string, string>>;
  /** SHA-256 of the kernels; null where the backend has none. */
  readonly engine: string | null;
}

/** What a manifest says besides its files. */
export type ManifestFields = Omit<ManifestParts, "files">;

/** Where a population's weights at a step are kept. */
export function checkpointPath(preset: string, step: number): string {
  return `checkpoints/${stepName(preset, step)}.safetensors`;
}

/** Where a population's training losses are kept. */
export function lossPath(preset: string): string {
  return `measurements/${preset}-loss.parquet`;
}

/** Where the study's own numbers of every seed are kept. */
export function seedsPath(preset: string): string {
  return `measurements/${preset}-seeds.parquet`;
}

const stepName = (preset: string, step: number) => `${preset}-step-${String(step).padStart(6, "0")}`;

/**
 * The result of a study.
 *
 * @param run  where its folder is, for the reader; `.` in the folder itself, which may be moved
 */
export function persistenceResult({ summaries, claims }: PersistenceStudy, run: string): PersistenceResult {
  return { study: "persistence", presets: summaries, claims, run };
}

/**
 * Checkpoints and measurements of one population: a file of each for every step that was looked at, then its losses.
 *
 * @param main  an arm, as far as it was trained; every step of `checkpoints` once
 */
export function* populationFiles(preset: string, main: ArmResult): Generator<RunFile, void> {
  const shapes = weightShapes(main.arm.config);
  const models = main.models.length;
  for (const [at, { step, weights }] of main.checkpoints.entries()) {
    const tensors = [...shapes].map(
      ([weight, shape]) => [weight, { shape: [models, ...shape], data: weights[weight] }] as const,
    );
    const metadata = { step: String(step), seeds: main.models.map(({ init }) => init).join(",") };
    yield [checkpointPath(preset, step), writeSafetensors(tensors, { metadata })];
    const rows = measurementRows(preset, main, at);
    yield [`measurements/${stepName(preset, step)}.parquet`, measurementsToParquet(rows)];
  }
  const losses = main.losses.flatMap((ofModel, model) =>
    Array.from(ofModel, (value, step) => ({
      ...{ arm: preset, model, seed: main.models[model].init, step, site: "model" },
      ...{ unit: null, statistic: "trainingLoss", value },
    })),
  );
  yield [lossPath(preset), measurementsToParquet(losses)];
}

/**
 * All files of a run of the study but its manifest and log: populations, result.json, summary.txt, figures, report.html.
 *
 * The same bytes come of linkedom's document in Node and in a web worker. A page's own document has attributes in another
 * order, and Plot moves lines by half a pixel where there is a window.
 *
 * @param document  where the figures are drawn; nothing is attached to it
 */
export function* persistenceFiles(
  study: PersistenceStudy,
  settings: PersistenceSettings,
  origin: RunOrigin,
  document: Document,
): Generator<RunFile, void> {
  const text = (content: string) => new TextEncoder().encode(content);
  for (const analysis of study.analyses) {
    yield* populationFiles(analysis.preset, analysis.main);
    yield [seedsPath(analysis.preset), measurementsToParquet(seedRows(analysis))];
  }
  // the folder's own place is no part of what was found: a run that is moved or repeated has the same bytes
  const result = persistenceResult(study, ".");
  yield ["result.json", text(`${readableJson(result)}\n`)];
  yield ["summary.txt", text(`${persistenceSummary(result, "./report.html")}\n`)];
  for (const figure of persistenceFigures(study.details))
    yield [`figures/${figure.name}.svg`, text(renderFigure(figure, document))];
  const { backend, relaxed, engine, versions } = origin;
  const facts: [string, string][] = [
    ["Palimpsest", versions.palimpsest],
    ["backend", relaxed ? `${backend}, fused multiply-add` : backend],
    ...(versions.adapter === undefined ? [] : [["card", versions.adapter] as [string, string]]),
    ["kernels", engine === null ? "none" : engine.slice(0, 16)],
  ];
  const report = persistenceReport({
    result,
    details: study.details,
    manifestSummary: { command: commandText(persistenceWords(settings, origin)), facts },
    document,
  });
  yield ["report.html", text(report)];
}

/** What the manifest of a run of the study says besides its files. */
export function persistenceManifest(
  settings: PersistenceSettings,
  origin: RunOrigin,
  status: RunStatus,
): ManifestFields {
  const { versions, engine } = origin;
  const command = persistenceWords(settings, origin);
  return {
    study: "persistence",
    status,
    command,
    config: persistenceConfig(settings, origin),
    versions,
    engine,
  };
}

/**
 * What the manifest of one population says besides its files, which {@link populationFiles} makes: `complete` where it
 * was trained to the last step of its settings, else `interrupted`.
 *
 * @param made  what the population began with, and what was changed on the way
 * @throws ArgumentError unless the settings are of one preset and the seeds of the population
 */
export function studioManifest(main: ArmResult, made: StudioSettings, origin: RunOrigin): ManifestFields {
  const { presets, seeds, steps } = made.settings;
  const where = "run of one population";
  if (presets.length !== 1)
    throw new ArgumentError({ where, rule: "has one preset", got: presets.join(", ") || "none" });
  const grown = main.models.map(({ init }) => init);
  if (grown.join() !== seeds.join())
    throw new ArgumentError({ where, rule: `has the seeds ${seeds.join(", ")}`, got: grown.join(", ") });
  const { versions, engine } = origin;
  const status = main.checkpoints.at(-1)?.step === steps ? "complete" : "interrupted";
  return { study: "studio", status, command: null, config: studioConfig(made, origin), versions, engine };
}

/** The words of the command that makes a run of the study again. */
export function persistenceWords(
  { presets, seeds, sequences, batch, steps, lr, optimizer, task, init, probe }: PersistenceSettings,
  { backend, relaxed }: RunBackend,
): string[] {
  return [
    ...["study", "persistence"],
    ...optionWords([
      ["preset", presets.join(",")],
      ["seeds", seedsWord(seeds)],
      ["sequences", sequences],
      ["batch", batch],
      ["steps", steps],
      ["lr", lr],
      ["optimizer", optimizer],
      ["task", task],
      ["init", initWord(init)],
      ["probe", probe],
      ["backend", backend],
      ["relaxed", relaxed],
    ]),
  ];
}
