/** From what a network told to one number a seed: everything within a layer first. */
import { weightedPersistence } from "../../features/importance.ts";
import { functionalPersistence, type ResetCosts } from "../../features/resetTest.ts";
import { spearman } from "../../stats/correlation.ts";
import { mean, sum } from "../../stats/moments.ts";
import { partialSpearman } from "../../stats/partialCorrelation.ts";
import { spearmanBrown } from "../../stats/reliability.ts";
import type { FunctionTold, LayerTold } from "./measure.ts";

/** Importance of every unit of a layer on all unseen sequences, nats. */
export function importanceOf({ importance: [first, second] }: LayerTold): Float64Array {
  return first.map((cost, unit) => (cost + second[unit]) / 2);
}

/** Units that have a persistence. */
export function livingUnits({ r }: LayerTold): number[] {
  return Array.from(r, (_, unit) => unit).filter((unit) => Number.isFinite(r[unit]));
}

/** Numbers of one layer of one network. */
export interface LayerNumbers {
  readonly weighted: number;
  readonly unweighted: number;
  /** weighted − unweighted */
  readonly advantage: number;
  readonly advantageMean: number;
  readonly spearman: number;
  readonly partial: number;
  readonly reliability: number;
  readonly taylorAgrees: number;
  readonly taylorBefore: number;
  readonly taylorBeforeR: number;
  readonly harmful: number;
  readonly dead: number;
  readonly persistent: number;
  readonly changed: number;
  readonly random: number;
  /** persistent − changed, matched on variance; with units at their mean; not matched */
  readonly groups: number;
  readonly groupsMean: number;
  readonly groupsOfAll: number;
  readonly varianceRatio: number;
  readonly rPersistent: number;
  readonly rChanged: number;
  /** Share of units and draws in which the own initial fan-in costs less than a fresh one. */
  readonly wins: number;
  /** FPI of single fan-ins, from their total costs: of the own beginning, and of points as far in random directions. */
  readonly unitFpi: number;
  readonly unitNear: number;
}

/** All {@link LayerNumbers} of a layer. */
export function layerNumbers(layer: LayerTold): LayerNumbers {
  const { r, variance, taylor, taylorBefore, meanAblation, groups, fanIn } = layer;
  const units = livingUnits(layer);
  const of = (values: ArrayLike<number>) => units.map((unit) => values[unit]);
  const importance = importanceOf(layer);
  const [persistence, cost] = [of(r), of(importance)];
  const { weighted, unweighted } = weightedPersistence(cost, persistence);
  const byMean = weightedPersistence(of(meanAblation), persistence);
  const halves = spearman(of(layer.importance[0]), of(layer.importance[1]));
  return {
    ...{ weighted, unweighted, advantage: weighted - unweighted },
    advantageMean: byMean.weighted - byMean.unweighted,
    spearman: spearman(cost, persistence),
    partial: partialSpearman(cost, persistence, [of(variance)]),
    reliability: spearmanBrown(halves),
    taylorAgrees: spearman(of(taylor), cost),
    taylorBefore: spearman(of(taylorBefore), cost),
    taylorBeforeR: spearman(of(taylorBefore), persistence),
    harmful: cost.filter((nats) => nats < 0).length / cost.length,
    dead: r.length - units.length,
    ...{ persistent: groups.persistent, changed: groups.changed, random: mean(groups.random) },
    groups: groups.persistent - groups.changed,
    groupsMean: groups.persistentMean - groups.changedMean,
    groupsOfAll: groups.persistentOfAll - groups.changedOfAll,
    varianceRatio: groups.varianceRatio,
    ...{ rPersistent: groups.r[0], rChanged: groups.r[1] },
    wins: winShare(fanIn),
    ...fanInIndices(fanIn),
  };
}

/** How often the own value costs less than a fresh one; a tie is half. One half by chance. */
function winShare({ own, fresh }: ResetCosts): number {
  const shares = fresh.flatMap((draws, part) =>
    Array.from(draws, (cost) => (own[part] < cost ? 1 : own[part] === cost ? 0.5 : 0)),
  );
  return mean(shares);
}

function fanInIndices({ own, fresh, near }: ResetCosts): { unitFpi: number; unitNear: number } {
  const freshCost = [sum(fresh.map((draws) => mean(draws)))];
  return {
    unitFpi: functionalPersistence(sum(own), freshCost),
    unitNear: functionalPersistence(sum(near.map((draws) => mean(draws))), freshCost),
  };
}

/** FPI of every weight group of a network: of its own beginning, and of points as far away in random directions. */
export function groupIndices({ groupResets: { own, fresh, near } }: FunctionTold): {
  fpi: Float64Array;
  near: Float64Array;
} {
  return {
    fpi: own.map((cost, part) => functionalPersistence(cost, fresh[part])),
    near: own.map((_, part) => functionalPersistence(mean(near[part]), fresh[part])),
  };
}

/**
 * FPI of a fresh draw against the others, as if it had been the network's own: what the index is by chance.
 *
 * @param draw  which of them
 */
export function freshIndex(fresh: Float64Array, draw: number): number {
  return functionalPersistence(
    fresh[draw],
    fresh.filter((_, other) => other !== draw),
  );
}

/**
 * Mean importance of the units of a layer by rank of their persistence.
 *
 * @param persistence  [unit], of living units alone; the caller may shuffle it
 * @param bins         the ranks are cut into so many parts of equal length (within one), least persistent first
 * @returns            [bin], nats
 */
export function importanceByRank(
  importance: ArrayLike<number>,
  persistence: ArrayLike<number>,
  bins: number,
): Float64Array {
  const order = Array.from(persistence, (_, at) => at).sort((a, b) => persistence[a] - persistence[b]);
  const end = (bin: number) => Math.round((bin * order.length) / bins);
  return Float64Array.from({ length: bins }, (_, bin) =>
    mean(order.slice(end(bin), end(bin + 1)).map((at) => importance[at])),
  );
}
