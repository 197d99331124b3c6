/** The sentences of the tour that depend on what happened: each says what is the case, by its numbers. */
import { counted, fixed, intervalText, listed, percent } from "../../../../src/figures/numberText.ts";
import type { Band } from "../../../../src/figures/subject.ts";
import type { Interval } from "../../../../src/stats/intervals.ts";
import type { SeedEffect } from "../touch/effects.ts";
import type { Survival } from "../units/fates.ts";
import { isBeyondNull, type LayerFinding } from "../units/layerFinding.ts";
import type { StrongestLook } from "./tourNumbers.ts";

const withInterval = ({ estimate, low, high }: Interval, digits = 2) =>
  Number.isFinite(low)
    ? `${fixed(estimate, digits)} ${intervalText([low, high], digits)}`
    : fixed(estimate, digits);

/**
 * Loss at a step beside its floor.
 *
 * @param seeds  those with a loss
 */
export function lossSentence(
  loss: Interval,
  { step, start, floor, seeds }: { step: number; start: Interval; floor: number | null; seeds: number },
): string {
  if (!Number.isFinite(loss.estimate)) return `At step ${step} no network has a loss any more: all diverged.`;
  const what = `the loss on unseen sequences is ${withInterval(loss)} nats, mean over ${counted(seeds, "seed")}`;
  const since = step === 0 ? "" : `; before the first step it was ${fixed(start.estimate)}`;
  const beside = floor === null ? "" : `. The floor is ${fixed(floor)}`;
  return `At step ${step} ${what}${since}${beside}.`;
}

/** Numbers this close are told as equal: the margin by which the study calls selectivity that of its null. */
const MARGIN = 0.03;

/** Selectivity before training beside that of random projection. */
export function selectivitySentence(
  own: Interval,
  projected: number | null,
  { layer, factor }: { layer: number; factor: "token" | "position" },
): string {
  const what = `Layer ${layer}, by ${factor}: mean selectivity ${withInterval(own)}`;
  if (projected === null) return `${what}. For such networks the study has no random-projection null.`;
  const beside =
    Math.abs(own.estimate - projected) <= MARGIN
      ? `that is what random projection gives, within ${MARGIN}`
      : own.low > projected
        ? "that is more than random projection gives"
        : own.high < projected
          ? "that is less than random projection gives"
          : `that is farther off than ${MARGIN}, but these seeds do not tell the two apart`;
  return `${what}; random projection ${fixed(projected)}: ${beside}.`;
}

/** What a head prefers. */
export function lookSentence(
  look: StrongestLook | null,
  { head, seed, step, tokens }: { head: string; seed: number; step: number; tokens: readonly number[] },
): string {
  if (look === null) return `In a sequence of ${counted(tokens.length, "token")} no position has a choice.`;
  const { query, key, weight, uniform } = look;
  const of = (pos: number) => `position ${pos} (token ${tokens[pos]})`;
  const where = key === query ? "itself" : of(key);
  return `At step ${step}, in seed ${seed}, ${head} has its clearest preference at ${of(query)}: ${percent(weight)} of the attention from there goes to ${where}, where looking everywhere alike would give ${percent(uniform)}.`;
}

/** Where a sentence needs training. */
const later = "Press Play, or go to a later step, to see what becomes of it.";

/** What a unit prefers, then and now. */
export function featureSentence({
  name,
  seed,
  step,
  token,
  position,
  r,
  beside,
  what,
}: {
  name: string;
  seed: number;
  step: number;
  /** Levels with the highest mean activity, then and now; −1 of a flat curve. */
  token: readonly [number, number];
  position: readonly [number, number];
  r: number;
  /** r with units of other initialisations, middle 90 %. */
  beside: Band;
  /** What r compares. */
  what: string;
}): string {
  const at = (time: 0 | 1) =>
    token[time] < 0
      ? "had no activity that varies"
      : `was most active for token ${token[time]} and at position ${position[time]}`;
  const before = `Before training, ${name} of seed ${seed} ${at(0)}`;
  if (step === 0) return `${before}. ${later}`;
  const now =
    token[1] < 0
      ? "its activity does not vary"
      : `it is most active for token ${token[1]} and at position ${position[1]}`;
  const others = Number.isFinite(beside.low)
    ? `; with units of other networks' beginnings r is mostly in ${intervalText([beside.low, beside.high])}`
    : "";
  const alike = Number.isFinite(r)
    ? ` Its ${what} now correlates with that of then with r ${fixed(r)}${others}.`
    : "";
  return `${before}; at step ${step} ${now}.${alike}`;
}

/** r with the own initialisation beside its null. */
export function persistenceSentence(
  finding: LayerFinding,
  { layer, what, step }: { layer: number; what: string; step: number },
): string {
  const { own, null: other, seeds } = finding;
  if (step === 0) return `At step 0 every unit is compared with itself, so r is 1. ${later}`;
  if (!Number.isFinite(own.estimate))
    return `At step ${step} no unit of layer ${layer} has any ${what} that could be compared.`;
  const numbers = `Layer ${layer}, step ${step}, ${what}: r ${withInterval(own)} with the own beginning, ${withInterval(other)} with that of another network (${counted(seeds, "seed")})`;
  const beyond = isBeyondNull(finding);
  if (beyond === null) return `${numbers}.`;
  return beyond
    ? `${numbers}. The own beginning tells more than a stranger's: some of what was there at random is still there.`
    : `${numbers}. These seeds do not show that the own beginning tells more than a stranger's, that is, that anything persists beyond chance.`;
}

/** The original's count beside what chance supplies; of the same units as in the view. */
export function criterionSentence(
  { selective, survived, chance, excess: over, networks }: Survival,
  step: number,
): string {
  if (step === 0) return "";
  if (networks === 0) return "Where a network diverged, no unit can be counted.";
  if (selective === 0) return "By the earlier study's thresholds no unit was selective before training.";
  const share = survived / selective;
  const spread = Number.isFinite(over.low)
    ? ` Over ${networks} seeds it is beyond that by ${withInterval(over)} of the units.`
    : "";
  const beside =
    share > chance
      ? `Only what is between the two can be persistence.${spread}`
      : `The count is no higher than that.${spread}`;
  return `By the earlier study's thresholds ${survived} of ${selective} selective units survived, ${percent(share)}. Any unit of the same trained layer would pass in ${percent(chance)}. ${beside}`;
}

/** A run as it is compared. */
export interface ComparedRun {
  readonly name: string;
  readonly step: number;
  readonly r: number;
}

/** Differences in r that two decimals do not show. */
const SAME = 0.005;

/** What became of r in a branch. */
export function comparisonSentence(before: ComparedRun, now: ComparedRun): string {
  const of = ({ name, step, r }: ComparedRun) => `${fixed(r)} (${name}, step ${step})`;
  if (!Number.isFinite(now.r))
    return `${now.name} has no r any more at step ${now.step}: its networks diverged.`;
  if (!Number.isFinite(before.r)) return `${before.name} has no r to compare with.`;
  const change = now.r - before.r;
  if (Math.abs(change) < SAME) return `Here r is the same: ${of(before)} and ${of(now)}.`;
  return `Here r ${change < 0 ? "fell" : "rose"} from ${of(before)} to ${of(now)}.`;
}

/** What ablating a part does. */
export function ablationSentence(
  effect: SeedEffect,
  { what, tokens }: { what: string; tokens: number },
): string {
  const { over, seeds } = effect;
  if (!Number.isFinite(over.estimate)) return "No network has a number: all diverged.";
  const by = `${fixed(Math.abs(over.estimate), 3)} nats`;
  const way = over.estimate === 0 ? "stays as it is" : `${over.estimate > 0 ? "rises" : "falls"} by ${by}`;
  const isKnown = Number.isFinite(over.low);
  const between = isKnown ? `, 95 % interval ${intervalText([over.low, over.high], 3)}` : "";
  const numbers = `${way}, mean over ${counted(seeds, "seed")}${between}`;
  const verdict = !isKnown
    ? " One seed alone leaves no interval, and so no verdict."
    : over.low > 0 || over.high < 0
      ? ""
      : " The interval holds 0: with these seeds and this sequence the effect cannot be told from none.";
  return `With ${what} the loss of this sequence (${counted(tokens, "token")} to predict) ${numbers}.${verdict}`;
}

/**
 * The alarm, or why there is none.
 *
 * @param blind     whether no position can see what comes later
 * @param hasFloor  whether the best predictor of the task is known
 */
export function leakSentence(
  leaks: readonly { pos: number; loss: number; floor: number }[],
  { step, blind, hasFloor }: { step: number; blind: boolean; hasFloor: boolean },
): string {
  if (!hasFloor) return "For this task the best predictor is not known, and so there can be no alarm.";
  if (step === 0) return `At step 0 nothing is learned, neither honestly nor otherwise. ${later}`;
  if (leaks.length > 0) {
    const [{ pos, loss, floor }] = leaks;
    const where = `${leaks.length === 1 ? "position" : "positions"} ${listed(leaks.map((leak) => String(leak.pos)))}`;
    return `Alarm at ${where}. At position ${pos} the networks lose ${fixed(loss)} nats, where the best predictor that sees only what came before loses ${fixed(floor)} on the same sequences.`;
  }
  return blind
    ? `No alarm at step ${step}: no position is below what is possible.`
    : `No alarm at step ${step} so far: no position is below what is possible yet.`;
}
