/** Networks of a run as figures name them. */
import type { Subject } from "../../../src/figures/subject.ts";
import type { ModelSeeds } from "../../../src/studies/population/arm.ts";
import type { RunSettings } from "../state/runSettings.ts";

/** What a subject is made of; a run is one. */
export interface NamedNetworks {
  readonly settings: Pick<RunSettings, "preset">;
  readonly models: readonly ModelSeeds[];
}

/**
 * The subject of a figure: `original at step 160`.
 *
 * @param models  how many networks the numbers are of, where some diverged
 * @param model   index of the one that is shown singly; none for all
 */
export function subjectOf(
  run: NamedNetworks,
  step: number,
  { models = run.models.length, model }: { models?: number; model?: number } = {},
): Subject {
  return {
    name: `${run.settings.preset} at step ${step}`,
    seeds: models,
    time: step === 0 ? "then" : "now",
    ...(model === undefined ? {} : { seed: run.models[model].init }),
  };
}
