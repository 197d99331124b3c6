/** A run of the page as a run folder says it, and the other way round. */
import type { PresetName } from "../../../src/model/config.ts";
import type {
  Branch,
  RunConfig,
  StudioSettings,
  TrainingSettings,
} from "../../../src/studies/persistence/runConfig.ts";
import type { RunLine } from "./link.ts";
import { type RunSettings, seedsSetting, studySettingsOf } from "./runSettings.ts";

/** Settings that a branch may change; its length is that of the whole run. */
const branchFields = ["lr", "optimizer", "task", "sequences", "batch"] as const;

/** The training settings that differ from those before. */
function changesOf(now: RunSettings, before: RunSettings): Partial<TrainingSettings> {
  return Object.fromEntries(
    branchFields.filter((field) => now[field] !== before[field]).map((field) => [field, now[field]]),
  );
}

/**
 * How a population was made, as its run folder says it: every way that it took and did not leave again, in the order of
 * the steps. Of two branches at one step the later holds; one that changed only the length of the run is none.
 */
export function madeOf({ settings, branches }: RunLine): StudioSettings {
  const ways: RunLine["branches"][number][] = [];
  for (const branch of branches) {
    while (ways.length > 0 && ways[ways.length - 1].step >= branch.step) ways.pop();
    ways.push(branch);
  }
  let before = settings;
  const told: Branch[] = [];
  for (const { step, settings: now } of ways) {
    const changes = changesOf(now, before);
    if (Object.keys(changes).length > 0) told.push({ step, ...changes });
    before = now;
  }
  const { steps } = ways.at(-1)?.settings ?? settings;
  return { settings: studySettingsOf({ ...settings, steps }), model: settings.changes, branches: told };
}

/** One population of a run folder, as the page would make it. */
export function lineOf(
  { settings, model, branches }: Pick<RunConfig, "settings" | "model" | "branches">,
  preset: PresetName,
): RunLine {
  const { seeds, sequences, batch, steps, lr, optimizer, task, init, probe } = settings;
  const { scheme, embeddingScale = 1 } = init;
  const first: RunSettings = {
    ...{ preset, changes: model, sequences, batch, steps, lr, optimizer, task, probe },
    init: { scheme, embeddingScale },
    seeds: seedsSetting(seeds),
  };
  let now = first;
  return {
    settings: first,
    branches: branches.map(({ step, ...changes }) => {
      now = { ...now, ...changes };
      return { step, settings: now };
    }),
  };
}
