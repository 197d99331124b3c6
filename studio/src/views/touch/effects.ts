/** Effects of edits over seeds: the seed is the unit of replication. */
import { seedInterval } from "../../../../src/features/seedInterval.ts";
import type { Band } from "../../../../src/figures/subject.ts";
import { type EffectSize, pairedEffectSize } from "../../../../src/stats/effectSize.ts";
import type { Interval } from "../../../../src/stats/intervals.ts";
import { quantile } from "../../../../src/stats/quantile.ts";

/** An effect in every seed, and over them. */
export interface SeedEffect {
  /** Edited less clean, [model]; NaN for a seed that diverged. */
  readonly bySeed: Float64Array;
  /** Mean with its 95 % t interval; ends are NaN with fewer than two seeds. */
  readonly over: Interval;
  /** In standard deviations over seeds; null where seeds do not differ or are fewer than three. */
  readonly size: EffectSize | null;
  /** Seeds with a number. */
  readonly seeds: number;
}

/** Differences of paired values, one a seed. */
export function seedEffect(before: ArrayLike<number>, after: ArrayLike<number>): SeedEffect {
  const bySeed = Float64Array.from(before, (value, model) => after[model] - value);
  const known = bySeed.filter(Number.isFinite);
  const spread = known.some((value) => value !== known[0]);
  return {
    bySeed,
    over: seedInterval(bySeed),
    size: known.length >= 3 && spread ? pairedEffectSize(known) : null,
    seeds: known.length,
  };
}

/** How far apart two effects are, seed by seed. */
export const effectBetween = (a: SeedEffect, b: SeedEffect): SeedEffect => seedEffect(a.bySeed, b.bySeed);

/** Variants from which on their middle 95 % leaves any out: of fewer the band is the whole range. */
const ENOUGH = 20;

/** Where the mean effects of other variants lie. */
export interface Elsewhere extends Band {
  /** Variants with a number. */
  readonly variants: number;
  /** What the band is: their middle 95 %, or of fewer than twenty all of them. */
  readonly holds: "middle 95 %" | "range";
}

/**
 * Where the mean effects of other variants lie: their middle 95 % by quantiles, or of a few their range.
 *
 * @param variants  the measure of each, [variant][model]
 * @returns         null for none with a number
 */
export function elsewhereOf(clean: ArrayLike<number>, variants: readonly Float64Array[]): Elsewhere | null {
  const means = variants.map((values) => seedEffect(clean, values).over.estimate).filter(Number.isFinite);
  if (means.length === 0) return null;
  const tail = means.length < ENOUGH ? 0 : 0.025;
  return {
    ...{ low: quantile(means, tail), middle: quantile(means, 0.5), high: quantile(means, 1 - tail) },
    ...{ variants: means.length, holds: tail === 0 ? "range" : "middle 95 %" },
  };
}

/** Indices by |effect|, the largest first; those without a number last. */
export function bySize(effects: readonly SeedEffect[]): number[] {
  const size = (i: number) => {
    const { estimate } = effects[i].over;
    return Number.isNaN(estimate) ? -1 : Math.abs(estimate);
  };
  return effects.map((_, i) => i).sort((a, b) => size(b) - size(a));
}

/** Means over models that have numbers, of [model, …]; NaN where none has. */
export function meanOverModels(values: ArrayLike<number>, models: number): Float64Array {
  const per = values.length / models;
  const total = new Float64Array(per);
  let count = 0;
  for (let model = 0; model < models; model++) {
    let finite = true;
    for (let i = 0; i < per && finite; i++) finite = Number.isFinite(values[model * per + i]);
    if (!finite) continue;
    count++;
    for (let i = 0; i < per; i++) total[i] += values[model * per + i];
  }
  return total.map((sum) => sum / count);
}

/** The values of one model, or means over models. */
export function ofModel(values: Float64Array, models: number, model: number | null): Float64Array {
  if (model === null) return meanOverModels(values, models);
  const per = values.length / models;
  return values.subarray(model * per, (model + 1) * per);
}
