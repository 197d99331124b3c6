/** What the networks of an arm told that have learned, and numbers of it. */
import { neighbourModel } from "../../features/pairing.ts";
import { mean } from "../../stats/moments.ts";
import { type Outcome, type OutcomeNames, overSeeds } from "../protocol/outcome.ts";
import type { StudySize } from "../protocol/study.ts";
import { arms, type LotteryArm, type TwinKind } from "./arms.ts";
import type { Draw } from "./lottery.ts";
import type { LotteryTold, TwinTold } from "./measure.ts";
import { learned } from "./plan.ts";

/** A network that has learned, with one of its twins, which has learned too. */
export interface LearnedPair {
  readonly draw: Draw;
  readonly boost: TwinTold;
}

/** An arm with what its networks told; undefined for a seed whose network, or its twin, has not learned. */
export interface LotteryResult {
  readonly arm: LotteryArm;
  readonly twin: TwinKind;
  readonly told: readonly (LearnedPair | undefined)[];
}

/** Results of the arms that have such a twin; without one named, each arm's with its first. */
function resultsOf(
  told: ReadonlyMap<string, readonly LotteryTold[]>,
  size: StudySize,
  twin?: TwinKind,
): LotteryResult[] {
  return arms(size)
    .filter(({ twins }) => twin === undefined || twins.includes(twin))
    .map((arm) => {
      const at = twin === undefined ? 0 : arm.twins.indexOf(twin);
      return {
        ...{ arm, twin: arm.twins[at] },
        told: (told.get(arm.name) ?? []).map(({ accuracy, draw, boosts }) =>
          accuracy >= learned && boosts[at].accuracy >= learned ? { draw, boost: boosts[at] } : undefined,
        ),
      };
    });
}

/** Results by twin: of every arm with its first, and of the transformers whose units are boosted. */
export interface ResultsByTwin {
  readonly results: readonly LotteryResult[];
  readonly inUnits: readonly LotteryResult[];
  readonly inOneUnit: readonly LotteryResult[];
}

/** What was told, sorted by twin. */
export function resultsByTwin(
  told: ReadonlyMap<string, readonly LotteryTold[]>,
  size: StudySize,
): ResultsByTwin {
  return {
    results: resultsOf(told, size),
    inUnits: resultsOf(told, size, "units").filter(({ arm }) => arm.kind === "transformer"),
    inOneUnit: resultsOf(told, size, "unit"),
  };
}

/** The pairs of an arm that have learned. */
export function toldBy({ told }: LotteryResult): LearnedPair[] {
  return told.filter((one) => one !== undefined);
}

/** What a boost of units changes in the units that were not boosted. */
export const placeboOf = ({ boost }: LearnedPair) =>
  boost.kind === "embedding" ? Number.NaN : boost.placebo;

/** One number of every pair that has one. */
export function valuesOf(results: readonly LotteryResult[], take: (one: LearnedPair) => number): number[] {
  return results.flatMap((result) => toldBy(result).map(take)).filter(Number.isFinite);
}

/** One number a seed: the mean over the arms in which its network, and its twin, have learned. */
export function overScales(
  chosen: readonly LotteryResult[],
  take: (one: LearnedPair) => number,
  names: OutcomeNames,
): Outcome {
  return meansOverArms(
    chosen.map(({ told }) => told.map((one) => (one === undefined ? Number.NaN : take(one)))),
    names,
  );
}

/** The same of numbers by arm and seed; NaN for none. */
export function meansOverArms(values: readonly (readonly number[])[], names: OutcomeNames): Outcome {
  const seeds = Math.max(0, ...values.map(({ length }) => length));
  return overSeeds(
    Array.from({ length: seeds }, (_, seed) => mean(values.map((own) => own[seed]).filter(Number.isFinite))),
    names,
  );
}

/**
 * The leading frequency of one network at the start against that of another of its arm at the end: share of the other's
 * awake units in which they agree, by seed; NaN where the network has not learned.
 */
export function crossSeeds({ told }: LotteryResult): number[] {
  const kept = Array.from(told.keys()).filter((seed) => told[seed] !== undefined);
  const partner = neighbourModel(kept.length);
  return told.map((own, seed) => {
    const other = own === undefined ? undefined : told[kept[partner(kept.indexOf(seed))]];
    if (own === undefined || other === undefined) return Number.NaN;
    const { last } = other.draw;
    const awake = Array.from(last.keys()).filter((unit) => last[unit] >= 0);
    return mean(awake.map((unit) => (own.draw.first[unit] === last[unit] ? 1 : 0)));
  });
}
