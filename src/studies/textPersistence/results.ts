/** What all networks of S15 told, seed by seed: pairs of arms stand together, and what diverged is left out. */

import { whenReached } from "../../features/persistenceDecay.ts";
import type { Condition } from "./arms.ts";
import type { ConditionTold, Factor, MatchedTold, ScalesTold, TextPersistenceTold } from "./told.ts";

/** One seed; undefined where one of the networks diverged. */
export interface SeedTold {
  readonly matched: MatchedTold | undefined;
  readonly scales: ScalesTold | undefined;
}

/** Conditions as a reader sees them. */
export const conditionNames: Readonly<Record<Condition, string>> = {
  text: "text",
  shuffled: "shuffled text",
  small: "small embeddings",
  gpt2: "GPT-2",
};

/** Factors as a reader sees them. */
export const factorNames: Readonly<Record<Factor, string>> = {
  character: "character",
  position: "position",
  before: "character before",
  pair: "both characters together",
};

/** The last of some checkpoints; NaN of none. */
export const last = (values: readonly number[]): number => values.at(-1) ?? Number.NaN;

/** Steps after which networks of an entry first diverged; empty where none did. */
export function divergences(told: TextPersistenceTold): number[] {
  const networks =
    told.kind === "matched"
      ? [told.of.text, told.of.shuffled, told.otherData, told.otherInit]
      : [told.of.small, told.of.gpt2];
  return networks.flatMap(({ divergedAt }) => (divergedAt === null ? [] : [divergedAt]));
}

/** Both arms, seed by seed. */
export function bySeed(told: ReadonlyMap<string, readonly TextPersistenceTold[]>): SeedTold[] {
  const all = [...told.values()].flat();
  const fine = (one: TextPersistenceTold) => divergences(one).length === 0;
  const matched = all.filter((one) => one.kind === "matched");
  const scales = all.filter((one) => one.kind === "scales");
  return Array.from({ length: Math.max(matched.length, scales.length) }, (_, seed) => ({
    matched: matched.slice(seed, seed + 1).find(fine),
    scales: scales.slice(seed, seed + 1).find(fine),
  }));
}

/** What a network of a condition told, for the seeds that have it. */
export function conditionOf({ matched, scales }: SeedTold, condition: Condition): ConditionTold | undefined {
  return condition === "text" || condition === "shuffled" ? matched?.of[condition] : scales?.of[condition];
}

/** One number for each seed; NaN where its network diverged. */
export function numbersOf(
  seeds: readonly SeedTold[],
  condition: Condition,
  of: (told: ConditionTold) => number,
): number[] {
  return seeds.map((seed) => {
    const told = conditionOf(seed, condition);
    return told === undefined ? Number.NaN : of(told);
  });
}

/** The same of what only matched sets tell. */
export function matchedNumbers(seeds: readonly SeedTold[], of: (told: MatchedTold) => number): number[] {
  return seeds.map(({ matched }) => (matched === undefined ? Number.NaN : of(matched)));
}

/** Tuning r of a layer where the loss of a network first is that of a model that counts; NaN where it never is. */
export function rAtLoss(layer: number, of: keyof ConditionTold["baseline"]) {
  return ({ loss, baseline, layers: told }: ConditionTold): number =>
    whenReached(
      loss.map((nats) => -nats),
      told[layer].r,
      -baseline[of],
    );
}
