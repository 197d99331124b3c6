/**
 * What became of every unit by the thresholds of the original criterion, and how often any unit of the layer would have
 * passed them. The original follows the five most selective units of a layer; here every selective unit is followed.
 */
import { seedInterval } from "../../../../src/features/seedInterval.ts";
import type { Interval } from "../../../../src/stats/intervals.ts";
import type { Fate } from "../../state/rowChoice.ts";
import { countFrom } from "./sorted.ts";

/** Share of variance that a selective unit exceeds, and the share of its initial value that it must keep. */
const FLOOR = 0.05;
const RATIO = 0.5;

/** What a unit must exceed to count as survived. */
const barOf = (then: number) => Math.max(FLOOR, RATIO * then);

/**
 * The fate of one unit.
 *
 *   survived: then > floor and now > max(floor, ratio · then)    lost: then > floor and not    new: now > floor only
 *
 * A unit without variance (NaN) is not selective at that time.
 */
export function fateOf(then: number, now: number): Fate {
  if (then > FLOOR) return now > barOf(then) ? "survived" : "lost";
  return now > FLOOR ? "new" : "never";
}

/** How many units were selective and survived, beside the null. */
export interface Survival {
  readonly selective: number;
  readonly survived: number;
  /**
   * Share of the selective that would survive if it were forgotten which unit of the same trained network is which:
   * the identity shuffle in closed form. NaN where none was selective.
   */
  readonly chance: number;
  /** Share that survived less that of chance, by network: mean over networks with its 95 % t interval. */
  readonly excess: Interval;
  /** Networks that count. */
  readonly networks: number;
}

/**
 * Survival over some networks; one that diverged has none.
 *
 * @param then    shares of variance before training, [model, unit]
 * @param models  those that are asked for
 * @param out     networks that diverged, [model]
 */
export function survival(
  then: ArrayLike<number>,
  now: ArrayLike<number>,
  { models, units, out }: { models: readonly number[]; units: number; out: readonly boolean[] },
): Survival {
  let [selective, survived, passing] = [0, 0, 0];
  const sound = models.filter((model) => !out[model]);
  const excess: number[] = [];
  for (const model of sound) {
    const start = [selective, survived, passing];
    const sorted = Float64Array.from({ length: units }, (_, unit) => now[model * units + unit])
      .filter(Number.isFinite)
      .sort();
    for (let at = model * units; at < (model + 1) * units; at++) {
      if (!(then[at] > FLOOR)) continue;
      selective++;
      if (now[at] > barOf(then[at])) survived++;
      passing += countFrom(sorted, barOf(then[at]), { beyond: true }) / units;
    }
    excess.push((survived - start[1] - (passing - start[2])) / (selective - start[0]));
  }
  return {
    ...{ selective, survived, chance: passing / selective },
    ...{ excess: seedInterval(excess), networks: sound.length },
  };
}
