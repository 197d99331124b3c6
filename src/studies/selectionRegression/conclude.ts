/** From the fate of strong units, seed by seed, to whether it was foretold. */
import {
  type SelectedGroup,
  selectionEffects,
  selectionFates,
} from "../../figures/studies/selectionRegression.ts";
import type { Interval } from "../../stats/intervals.ts";
import { mean } from "../../stats/moments.ts";
import { holmFamily } from "../protocol/family.ts";
import { numberText } from "../protocol/numberText.ts";
import { type Outcome, overSeeds } from "../protocol/outcome.ts";
import type { Findings, StudySize, StudyTable } from "../protocol/study.ts";
import type { Numbers, SelectionTold } from "./measure.ts";
import { groups, named } from "./plan.ts";

/** The seeds of one arm that have numbers. */
interface ArmTold {
  name: string;
  entries: readonly SelectionTold[];
  diverged: number;
}

type Statistic = keyof Numbers;
type Whose = Exclude<keyof SelectionTold, "diverged">;

/** Statistics over seeds of both arms. */
export function concludeSelection(
  told: ReadonlyMap<string, readonly SelectionTold[]>,
  _size: StudySize,
): Findings {
  const arms = [...told].map(([name, entries]): ArmTold => {
    const kept = entries.filter(({ diverged }) => !diverged);
    return { name, entries: kept, diverged: entries.length - kept.length };
  });
  const families = new Map(arms.map((arm) => [arm.name, familiesOf(arm)]));
  const base = families.get("base") as Outcome[];
  const excluded = arms.flatMap(({ entries }) => entries.flatMap(({ own }) => own.map((of) => of.excluded)));
  return {
    outcomes: base,
    notes: [
      ...arms.flatMap(({ name, diverged }) =>
        diverged === 0 ? [] : [`${diverged} seeds of ${name} diverged and are left out.`],
      ),
      `Of the 64 units of a layer ${numberText(mean(excluded))} are left out on average: without variance, without that kind of tuning, or so little reliable that nothing can be corrected.`,
      "The rule asks for both statistics in three of four groups. It is refuted where in two groups the strongest units' difference is compatible with none and not with 0.05 in eta².",
      "Ranks alone are positive wherever change has a size of its own: a strong curve is tilted less by the same push. The comparison with noise of training's size shows how much of them is that; it was added after a first run had shown the ranks, explains them, and is no part of the rule.",
      "Slopes of change on start are not used for the rule: of unrelated numbers they are negative by construction. Oldham's correlation is negative where shares drew together, whoever was strong.",
      "Half the probe has half the contexts: reliability over units of the initial share, half against half, is in the table.",
    ],
    tables: [effectsTable(arms, families), fatesTable(arms)],
    figures: [
      selectionEffects(arms.map((arm) => effectsOf(arm, families.get(arm.name) as Outcome[]))),
      selectionFates(
        arms.map(({ name, entries }) => ({
          name,
          seeds: entries.length,
          groups: groups.map((_, at) => fateOf(entries, at)),
        })),
      ),
    ],
  };
}

const bySeed = (entries: readonly SelectionTold[], group: number, of: Statistic, whose: Whose = "own") =>
  entries.map((entry) => entry[whose][group][of]);

/** Four differences and four rank correlations, each a family. */
function familiesOf({ name, entries }: ArmTold): Outcome[] {
  const differences = groups.map((group, at) => ({
    name: named("difference", group),
    label: `observed − predicted eta² of the top five, ${name} L${group.layer} ${group.kind}`,
    nothing: 0,
    bySeed: bySeed(entries, at, "difference"),
  }));
  const ranks = groups.map((group, at) => ({
    name: named("rank", group),
    label: `Spearman of initial eta² and tuning r, ${name} L${group.layer} ${group.kind}`,
    nothing: 0,
    bySeed: bySeed(entries, at, "spearman").map(Math.atanh),
  }));
  return [...holmFamily(differences), ...holmFamily(ranks).map(fromFisher)];
}

/** An outcome of Fisher's z as one of correlations; p is that of z. */
function fromFisher(outcome: Outcome): Outcome {
  const ends = ([low, high]: readonly [number, number]) => [Math.tanh(low), Math.tanh(high)] as const;
  return {
    ...outcome,
    estimate: Math.tanh(outcome.estimate),
    interval: ends(outcome.interval),
    interval90: ends(outcome.interval90),
    method: `${outcome.method}; through Fisher's z`,
  };
}

function intervalOf(values: readonly number[]): Interval {
  const { estimate, interval } = overSeeds(values, { name: "", label: "" });
  return { estimate, low: interval[0], high: interval[1] };
}

/** Mean correlation with its 95 % interval, through Fisher's z. */
function meanRank(values: readonly number[]): Interval {
  const { estimate, low, high } = intervalOf(values.map(Math.atanh));
  return { estimate: Math.tanh(estimate), low: Math.tanh(low), high: Math.tanh(high) };
}

/** Fisher's z of strength and persistence after training minus that after noise of its size, by seed. */
function rankBeyondNoise(entries: readonly SelectionTold[], at: number): number[] {
  const z = (whose: Whose) => bySeed(entries, at, "spearman", whose).map(Math.atanh);
  const astray = z("noise");
  return z("own").map((value, seed) => value - astray[seed]);
}

const asInterval = ({ estimate, interval: [low, high] }: Outcome): Interval => ({ estimate, low, high });
const withInterval = ({ estimate, low, high }: Interval) =>
  `${numberText(estimate)} [${numberText(low)}, ${numberText(high)}]`;

function effectsOf({ name, entries }: ArmTold, outcomes: readonly Outcome[]) {
  return {
    ...{ name, seeds: entries.length },
    groups: groups.map(({ layer, kind }, at) => ({
      label: `L${layer} ${kind}`,
      difference: asInterval(outcomes[at]),
      differenceNull: intervalOf(bySeed(entries, at, "difference", "stranger")),
      differenceNoise: intervalOf(bySeed(entries, at, "difference", "noise")),
      rank: asInterval(outcomes[groups.length + at]),
      rankNull: meanRank(bySeed(entries, at, "spearman", "stranger")),
      rankNoise: meanRank(bySeed(entries, at, "spearman", "noise")),
    })),
  };
}

function fateOf(entries: readonly SelectionTold[], at: number): SelectedGroup {
  const { layer, kind } = groups[at];
  const of = (statistic: Statistic) => intervalOf(bySeed(entries, at, statistic));
  return {
    label: `L${layer} ${kind}`,
    ...{ before: of("topBefore"), after: of("topAfter"), predicted: of("predicted") },
    ...{ allBefore: of("allBefore"), allAfter: of("allAfter") },
  };
}

function effectsTable(
  arms: readonly ArmTold[],
  families: ReadonlyMap<string, readonly Outcome[]>,
): StudyTable {
  return {
    title: "Strength and persistence",
    columns: [
      ...["arm", "layer", "kind", "observed − predicted", "p (Holm)", "with a stranger", "after noise"],
      ...["Spearman", "p (Holm)", "with a stranger", "after noise", "z, trained − noise"],
      ...["Oldham's r", "Blomqvist's slope", "reliability"],
    ],
    rows: arms.flatMap(({ name, entries }) =>
      groups.map(({ layer, kind }, at) => {
        const [difference, rank] = [0, groups.length].map((from) => (families.get(name) ?? [])[from + at]);
        const p = (outcome: Outcome) => (outcome.p === null ? "no value" : numberText(outcome.p));
        return [
          ...[name, layer, kind, withInterval(asInterval(difference)), p(difference)],
          withInterval(intervalOf(bySeed(entries, at, "difference", "stranger"))),
          withInterval(intervalOf(bySeed(entries, at, "difference", "noise"))),
          ...[withInterval(asInterval(rank)), p(rank)],
          withInterval(meanRank(bySeed(entries, at, "spearman", "stranger"))),
          withInterval(meanRank(bySeed(entries, at, "spearman", "noise"))),
          withInterval(intervalOf(rankBeyondNoise(entries, at))),
          withInterval(meanRank(bySeed(entries, at, "oldham"))),
          withInterval(intervalOf(bySeed(entries, at, "blomqvist"))),
          numberText(mean(bySeed(entries, at, "reliability"))),
        ];
      }),
    ),
    caption:
      "Means over seeds. Differences and Spearman correlations of the own units: four intervals together at 95 %; all others 95 % each. With a stranger: the same statistic with the trained units of another initialisation, which should be zero; after noise: of the own units after every weight tensor was moved in a random direction as far as training moved it. Blomqvist's slope of change on start: 0 if change does not depend on the start, −1 if the end does not.",
  };
}

function fatesTable(arms: readonly ArmTold[]): StudyTable {
  return {
    title: "Where the strongest units went",
    columns: ["arm", "layer", "kind", "top five before", "after", "predicted", "all units before", "after"],
    rows: arms.flatMap(({ name, entries }) =>
      groups.map(({ layer, kind }, at) => [
        ...[name, layer, kind],
        ...(["topBefore", "topAfter", "predicted", "allBefore", "allAfter"] as const).map((of) =>
          numberText(mean(bySeed(entries, at, of))),
        ),
      ]),
    ),
    caption: "Mean eta² over units, then seeds: before on one half of the probe, after on the other.",
  };
}
