/** Outcomes that are tested together: together they may be wrong once in twenty times, not each of them. */
import { tInterval } from "../../stats/intervals.ts";
import { holm } from "../../stats/multiplicity.ts";
import { type Outcome, type OutcomeNames, overSeeds } from "./outcome.ts";

/** One of a family: one number a seed, and the value that would mean nothing. */
export interface FamilyMember extends OutcomeNames {
  readonly nothing: number;
  readonly bySeed: ArrayLike<number>;
}

/**
 * Outcomes of a family, each the mean of one number a seed.
 *
 *   interval: t, of level 1 − 0.05/m for m members, so that all hold together in 95 % of runs (Bonferroni)
 *   p: Holm's, over the members that could be tested
 *
 * Holm's p may reject where the interval still holds the value that means nothing: the interval is the stricter one.
 */
export function holmFamily(members: readonly FamilyMember[]): Outcome[] {
  const level = 1 - 0.05 / members.length;
  const outcomes = members.map((member) => overSeeds(member.bySeed, member));
  const tested = outcomes.flatMap(({ p }) => (p === null ? [] : [p]));
  const adjusted = Array.from(holm(tested));
  return outcomes.map((outcome, at) => {
    const kept = Array.from(members[at].bySeed).filter(Number.isFinite);
    const { low, high } = kept.length < 2 ? { low: Number.NaN, high: Number.NaN } : tInterval(kept, level);
    const p = outcome.p === null ? null : (adjusted.shift() as number);
    const method = `mean and t interval over seeds, ${members.length} intervals together at 95 % (Bonferroni); p by Holm`;
    return { ...outcome, interval: [low, high], p, method };
  });
}
