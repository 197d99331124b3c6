/** What a layer shows, in one sentence with its numbers. */

import { compareUnits, counterparts } from "../../../../src/features/compareUnits.ts";
import { neighbourModel } from "../../../../src/features/pairing.ts";
import { seedInterval } from "../../../../src/features/seedInterval.ts";
import type { CurveKind } from "../../../../src/features/unitCurves.ts";
import { unitMeans } from "../../../../src/features/unitMeans.ts";
import { fixed, intervalText } from "../../../../src/figures/numberText.ts";
import { pearson } from "../../../../src/stats/correlation.ts";
import type { Interval } from "../../../../src/stats/intervals.ts";
import type { LayerLook } from "./layerLook.ts";
import type { Both } from "./rowPaths.ts";

/**
 * Correlation of every unit's curve now with its curve at initialisation, [model, unit]: that of
 * `tuningCorrelation`, on curves that are there already.
 */
export function unitPersistence({ first, now }: Both, kind: CurveKind): Float64Array {
  return correlations(first, now, kind, (model) => model);
}

function correlations(first: LayerLook, now: LayerLook, kind: CurveKind, partner: (model: number) => number) {
  return compareUnits(first.curves[kind], now.curves[kind], counterparts(first, now, partner), pearson);
}

/** Means over units, then seeds. */
export interface LayerFinding {
  /** With the own initialisation, with its 95 % t interval over seeds. */
  readonly own: Interval;
  /** Units now with those of the same index at the initialisation of the seed before, likewise. */
  readonly null: Interval;
  /** Seeds with a number. */
  readonly seeds: number;
  /** Units of those seeds that have none: flat then or now. */
  readonly excluded: number;
}

/**
 * The numbers of a layer; those of figure `tuning-through-training`.
 *
 * @param r    from {@link unitPersistence}
 * @param out  seeds that diverged, which have no number
 */
export function layerFinding(
  { first, now }: Both,
  { kind, r, out }: { kind: CurveKind; r: Float64Array; out: readonly boolean[] },
): LayerFinding {
  const { models } = first;
  const partner = neighbourModel(models);
  const units = unitMeans(r, models);
  const own = units.mean.map((mean, model) => (out[model] ? Number.NaN : mean));
  const other = unitMeans(correlations(first, now, kind, partner), models).mean.map((mean, model) =>
    out[model] || out[partner(model)] ? Number.NaN : mean,
  );
  return {
    own: seedInterval(own),
    null: seedInterval(other),
    seeds: own.filter(Number.isFinite).length,
    excluded: units.excluded.reduce((sum, count, model) => sum + (out[model] ? 0 : count), 0),
  };
}

/** What the parts of tuning are called. */
export const kindNames: Record<CurveKind, string> = {
  all: "cells",
  token: "tokens",
  position: "positions",
  interaction: "interaction",
};

/** What r compares, in a sentence. */
export const tuningNames: Record<CurveKind, string> = {
  all: "tuning",
  token: "token tuning",
  position: "position tuning",
  interaction: "interaction of token and position",
};

const estimate = ({ estimate: mean, low, high }: Interval) =>
  Number.isFinite(low) ? `${fixed(mean)} ${intervalText([low, high])}` : fixed(mean);

/**
 * Whether the own initialisation tells more than another's, by the intervals over seeds; null where too few seeds leave
 * one of the two without an interval.
 */
export function isBeyondNull({ own, null: other }: Pick<LayerFinding, "own" | "null">): boolean | null {
  return Number.isFinite(own.low) && Number.isFinite(other.high) ? own.low > other.high : null;
}

/** The finding as a title. */
export function findingSentence(
  finding: LayerFinding,
  { layer, kind, step }: { layer: number; kind: CurveKind; step: number },
): string {
  const { own, null: other } = finding;
  const what = tuningNames[kind];
  if (step === 0)
    return `Layer ${layer} before the first update: every unit is itself, and has r ${estimate(other)} with the unit of another initialisation.`;
  if (!Number.isFinite(own.estimate))
    return `Layer ${layer}, step ${step}: no unit has any ${what} to compare: all are flat, or all networks diverged.`;
  const numbers = `r ${estimate(own)}; another initialisation has r ${estimate(other)}`;
  const beyond = isBeyondNull(finding);
  // fewer than two seeds decide nothing
  if (beyond === null)
    return `Layer ${layer}, step ${step}: ${what} ${numbers}; it takes intervals over seeds to tell them apart.`;
  const kept = beyond ? `${what} is kept beyond chance` : `no ${what} is shown to be kept beyond chance`;
  return `Layer ${layer}, step ${step}: ${kept}, ${numbers}.`;
}
