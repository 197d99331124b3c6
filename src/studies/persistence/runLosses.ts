/** The training losses of a run, out of its measurements. */
import { ArgumentError, FileError } from "../../base/errors.ts";
import type { PresetName } from "../../model/config.ts";
import { readDoubleColumn } from "../../record/doubleColumn.ts";
import type { OpenedRun } from "./openRun.ts";
import { lossPath } from "./runFiles.ts";

/** Most losses of a population that are read: 160 MB of float64. */
const mostLosses = 20_000_000;

/**
 * Training loss before every update, [model][step] in nats, the models in the order of `settings.seeds`; as many steps as
 * were trained. null if the run has no such file, because it was stopped before it was written.
 *
 * @throws FileError      for a file that is not what the manifest and the settings say
 * @throws ArgumentError  for a preset that the run has not
 */
export async function runLosses(run: OpenedRun, preset: PresetName): Promise<Float64Array[] | null> {
  const { name, presets, manifest, settings } = run;
  if (!presets.includes(preset))
    throw new ArgumentError({ where: name, rule: `has the presets ${presets.join(", ")}`, got: preset });
  const path = lossPath(preset);
  if (!manifest.files.some((file) => file.path === path)) return null;
  const file = `${name}/${path}`;
  const models = settings.seeds.length;
  const maxRows = Math.min(mostLosses, models * settings.steps);
  // rows stand model by model, and of each model step by step
  const losses = readDoubleColumn(await run.file(path), { file, column: "value", maxRows });
  if (losses.length % models !== 0)
    throw new FileError({
      where: file,
      rule: `must hold as many losses of each of ${models} networks`,
      got: `${losses.length} in all`,
    });
  const steps = losses.length / models;
  return settings.seeds.map((_, model) => losses.slice(model * steps, (model + 1) * steps));
}
