/** A run in a few words: what of it differs from the settings at the beginning, or from the run that it branched from. */
import type { Population } from "../../lab/population.svelte.ts";
import { defaultSettings, type RunSettings } from "../../state/runSettings.ts";

const shown: readonly (readonly [field: keyof RunSettings, name: string])[] = [
  ["task", "task"],
  ["lr", "lr"],
  ["steps", "steps"],
  ["optimizer", "optimiser"],
  ["seeds", "seeds"],
  ["sequences", "sequences"],
  ["batch", "batch"],
  ["probe", "probe"],
];

/** `original, lr 0.01`; of a branch `from run 1 at step 32, lr 0.01`; of a run that was opened `opened: original`. */
export function runText({
  settings,
  origin,
  recording,
}: Pick<Population, "settings" | "origin" | "recording">): string {
  const before = origin?.parent.settings ?? defaultSettings;
  const first = recording === null ? settings.preset : `opened: ${settings.preset}`;
  const from = origin === null ? first : `from ${origin.parent.name} at step ${origin.step}`;
  const { scheme, embeddingScale } = settings.init;
  const init = scheme + (embeddingScale === 1 ? "" : `:${embeddingScale}`);
  const own = [
    ...shown
      .filter(([field]) => settings[field] !== before[field])
      .map(([field, name]) => `${name} ${settings[field]}`),
    ...(origin === null && init !== defaultSettings.init.scheme ? [`init ${init}`] : []),
    ...(origin === null ? Object.entries(settings.changes).map(([name, value]) => `${name} ${value}`) : []),
  ];
  return [from, ...own].join(", ");
}
