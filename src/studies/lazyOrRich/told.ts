/** What the seeds told, picked and paired: what outcomes, tables and pictures share. */
import { noiseArmName, settingNames } from "./arms.ts";
import type { Linearity } from "./linearity.ts";
import type { Told } from "./measure.ts";
import { layers } from "./plan.ts";

/** What every arm told, by its name. */
export type AllTold = ReadonlyMap<string, readonly Told[]>;

/** The entries of an arm; none where it was not run. */
export const toldOf = (told: AllTold, name: string): readonly Told[] => told.get(name) ?? [];

/** r of one kind of network by seed; NaN for a network that diverged. */
export function rBySeed(entries: readonly Told[], network: string, layer: number): number[] {
  return entries.map(({ diverged, r }) => (diverged ? Number.NaN : (r[network]?.[layer] ?? Number.NaN)));
}

/** How linear training was, by seed, of the seeds where that was measured; NaN for a network that diverged. */
export function linearityBySeed(entries: readonly Told[], what: keyof Linearity): number[] {
  return entries.flatMap(({ diverged, linearity }) =>
    linearity === null ? [] : [diverged ? Number.NaN : linearity[what]],
  );
}

/** r of one network − r of another by seed, mean over the settings of the noise; NaN where one of them diverged. */
export function pooledDifference(told: AllTold, a: string, b: string, layer: number): number[] {
  const other = pooledR(told, b, layer);
  return pooledR(told, a, layer).map((value, at) => value - other[at]);
}

/** Mean r of both layers of the trained networks, by seed. */
export function bothLayers(entries: readonly Told[]): number[] {
  return meansBySeed(layers.map((layer) => rBySeed(entries, "trained", layer)));
}

/** r of one kind of network by seed, mean over the settings of the noise; NaN where one of them diverged. */
export function pooledR(told: AllTold, network: string, layer: number): number[] {
  return meansBySeed(
    settingNames.map((setting) => rBySeed(toldOf(told, noiseArmName(setting)), network, layer)),
  );
}

/** Means over lists of one length, entry by entry. */
function meansBySeed(lists: readonly (readonly number[])[]): number[] {
  return lists[0].map((_, at) => lists.reduce((sum, of) => sum + of[at], 0) / lists.length);
}
