/** What is said of the units of a network: statistics by layer, and how well a score tells the units that a mask keeps. */
import { presets } from "../../model/config.ts";
import { auroc } from "../../stats/mannWhitney.ts";
import { mean } from "../../stats/moments.ts";
import type { LayerUnits, SeedTickets } from "./measure.ts";
import { mainKeep } from "./tickets.ts";

/** Weights of a unit besides its bias: fan-in and fan-out. */
export const unitWeights = 2 * presets.causal.dModel;

/** What units are scored by. */
export type ScoreOfUnit = Exclude<keyof LayerUnits, "kept">;

/** A statistic of the units of each layer, averaged over layers, [seed]; units without the score are left out. */
export function overLayers(
  seeds: readonly Pick<SeedTickets, "units">[],
  score: ScoreOfUnit,
  statistic: (units: LayerUnits, usable: readonly number[]) => number,
): number[] {
  return seeds.map(({ units }) =>
    mean(
      units.map((layer) => {
        const usable = Array.from(layer.kept, (_, unit) => unit).filter((unit) =>
          Number.isFinite(layer[score][unit]),
        );
        return statistic(layer, usable);
      }),
    ),
  );
}

const isKept = (layer: LayerUnits, unit: number) => layer.kept[unit] > mainKeep * unitWeights;

/** AUROC of a score for the units of which the ticket keeps more than its share, [seed]; NaN where it keeps all or none. */
export function aurocOf(seeds: readonly Pick<SeedTickets, "units">[], score: ScoreOfUnit): number[] {
  return overLayers(seeds, score, (layer, usable) => {
    const [positives, negatives] = [true, false].map((kept) =>
      usable.filter((unit) => isKept(layer, unit) === kept).map((unit) => layer[score][unit]),
    );
    return positives.length === 0 || negatives.length === 0 ? Number.NaN : auroc(positives, negatives);
  });
}

/**
 * Where the mean AUROC over layers and seeds lies for scores that know nothing, 95 %: each has the variance
 * (n₊ + n₋ + 1)/(12 n₊ n₋).
 *
 * @source Mann & Whitney 1947
 */
export function aurocNull(seeds: readonly Pick<SeedTickets, "units">[]): {
  low: number;
  middle: number;
  high: number;
} {
  const layers = seeds.flatMap(({ units }) => units);
  const variances = layers.map((layer) => {
    const usable = Array.from(layer.kept, (_, unit) => unit).filter((unit) =>
      Number.isFinite(layer.persistence[unit]),
    );
    const kept = usable.filter((unit) => isKept(layer, unit)).length;
    return (usable.length + 1) / (12 * kept * (usable.length - kept));
  });
  const half = 1.96 * Math.sqrt(mean(variances) / layers.length);
  return { low: 0.5 - half, middle: 0.5, high: 0.5 + half };
}
