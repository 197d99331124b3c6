/** What the seeds of an arm told, number by number. */
import { classTransitions, unitClassNames } from "../../features/index.ts";
import type { Interval } from "../../stats/intervals.ts";
import { mean } from "../../stats/moments.ts";
import { overSeeds } from "../protocol/outcome.ts";
import type { GroupTold, LayerTold, TransitionsTold } from "./compare.ts";
import type { PersistenceTold } from "./measure.ts";

/** The seeds of one arm that have numbers. */
export interface ArmTold {
  readonly name: string;
  readonly entries: readonly PersistenceTold[];
  readonly diverged: number;
}

/** One number of a layer and kind, by seed. */
export const ofGroup = ({ entries }: ArmTold, group: number, of: (told: GroupTold) => number): number[] =>
  entries.map((entry) => of(entry.groups[group]));
/** One number of a layer, by seed. */
export const ofLayer = ({ entries }: ArmTold, layer: number, of: (told: LayerTold) => number): number[] =>
  entries.map((entry) => of(entry.layers[layer]));
/**
 * Kappa of the means over seeds, as one linearised number a seed: the mean is (p̄ − c̄)/(1 − c̄) exactly, and its t interval
 * that of the delta method.
 *
 *   κ + ( (p − c) − κ (1 − c) )/(1 − c̄),  p: rate, c: chance
 *
 * A seed whose chance is nearly 1 has a kappa of its own that may be anything below; here it hardly counts.
 */
export function kappaOfMeans(rates: readonly number[], chances: readonly number[]): number[] {
  if (rates.length === 0) return [];
  const room = 1 - mean(chances);
  const kappa = (mean(rates) - mean(chances)) / room;
  return rates.map((rate, seed) => kappa + (rate - chances[seed] - kappa * (1 - chances[seed])) / room);
}

/** Kappa of means of the stranger's units: chance, drawn instead of computed. */
export const strangerKappa = (arm: ArmTold, group: number): Interval =>
  intervalOf(
    kappaOfMeans(
      ofGroup(arm, group, ({ nullStranger }) => nullStranger),
      ofGroup(arm, group, ({ nullShuffle }) => nullShuffle),
    ),
  );

/** Mean over seeds with its 95 % t interval. */
export function intervalOf(bySeed: readonly number[]): Interval {
  const { estimate, interval } = overSeeds(bySeed, { name: "", label: "" });
  return { estimate, low: interval[0], high: interval[1] };
}
/** Cohen's kappa of the classes of each seed. */
export const classKappas = (
  arm: ArmTold,
  layer: number,
  threshold: number,
  of: keyof TransitionsTold,
): number[] =>
  ofLayer(
    arm,
    layer,
    ({ transitions }) => classTransitions(tableOf(transitions[threshold][of])).kappa.estimate,
  );

/** Counts of all seeds together. */
export function pooledTransitions(
  { entries }: ArmTold,
  layer: number,
  threshold: number,
  of: keyof TransitionsTold,
): Float64Array[] {
  const total = new Float64Array(unitClassNames.length ** 2);
  for (const entry of entries)
    entry.layers[layer].transitions[threshold][of].forEach((count, at) => {
      total[at] += count;
    });
  return tableOf(total);
}

function tableOf(counts: Float64Array): Float64Array[] {
  const size = unitClassNames.length;
  return unitClassNames.map((_, row) => counts.subarray(row * size, (row + 1) * size));
}
