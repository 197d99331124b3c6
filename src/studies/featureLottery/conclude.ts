/** From what every network told to what S13 found. */
import { neighbourModel } from "../../features/pairing.ts";
import { mean } from "../../stats/moments.ts";
import { holm } from "../../stats/multiplicity.ts";
import { numberText } from "../protocol/numberText.ts";
import { type Outcome, type OutcomeNames, overSeeds } from "../protocol/outcome.ts";
import type { Findings, StudySize, StudyTable } from "../protocol/study.ts";
import { arms, type LotteryKind, moduliOf } from "./arms.ts";
import { drawing, type LotteryResult, toldBy } from "./drawing.ts";
import { predictors } from "./lottery.ts";
import type { LotteryTold } from "./measure.ts";
import { learned } from "./plan.ts";

/** The statistics of S13 over seeds. */
export function conclude(told: ReadonlyMap<string, readonly LotteryTold[]>, size: StudySize): Findings {
  const { smaller, larger } = moduliOf(size.quick);
  const results = arms(size).map(
    (arm): LotteryResult => ({
      arm,
      told: (told.get(arm.name) ?? []).map((one) =>
        one.accuracy.every((share) => share >= learned) ? one : undefined,
      ),
    }),
  );
  const of = (kind: LotteryKind, ...moduli: number[]) =>
    results.filter(({ arm }) => arm.kind === kind && moduli.includes(arm.modulus));
  /** One number a seed: the mean over the arms in which its network has learned. */
  const outcome = (
    chosen: readonly LotteryResult[],
    take: (one: LotteryTold) => number,
    names: OutcomeNames,
  ) =>
    overSeeds(
      size.seeds.map((_, seed) =>
        mean(
          chosen
            .map(({ told: own }) => (own[seed] === undefined ? Number.NaN : take(own[seed])))
            .filter(Number.isFinite),
        ),
      ),
      names,
    );
  const chance = (modulus: number) => 2 / (modulus - 1);
  const both = of("perceptron", smaller, larger);
  const coefficient = (name: (typeof predictors)[number], what: string) =>
    outcome(both, ({ draw }) => draw.coefficients[predictors.indexOf(name)], {
      ...{ name, label: `log odds of winning per SD of initial ${what}, perceptron`, nothing: 0 },
    });
  const match = (kind: LotteryKind, modulus: number, name: string) =>
    outcome(of(kind, modulus), ({ draw }) => draw.match, {
      name,
      label: `units that end with their first frequency, ${kind}, p = ${modulus}`,
      nothing: chance(modulus),
    });
  const boost = (kind: LotteryKind, modulus: number, name: string) =>
    outcome(of(kind, modulus), ({ boost: { effect } }) => effect, {
      name,
      label:
        kind === "perceptron"
          ? `gain of boosted frequencies in units won, perceptron, p = ${modulus}`
          : `gain of the frequency boosted in the embedding in units won, transformer, p = ${modulus}`,
      nothing: 0,
    });
  const outcomes = [
    match("perceptron", smaller, "match smaller"),
    match("perceptron", larger, "match larger"),
    boost("perceptron", smaller, "boost smaller"),
    boost("perceptron", larger, "boost larger"),
    outcome(both, ({ boost: own }) => (own.kind === "units" ? own.placebo : Number.NaN), {
      name: "placebo",
      label: "gain of frequencies that were not boosted, in the other units, perceptron",
      nothing: 0,
    }),
    coefficient("amplitude", "amplitude"),
    coefficient("misalignment", "phase misalignment"),
    coefficient("growth", "growth under gradient descent"),
    outcome(both, ({ draw }) => draw.information, {
      name: "information",
      label: "information of the first frequency on the last, beyond shuffled units, perceptron",
      unit: "nats",
      nothing: 0,
    }),
    outcome(both, ({ draw }) => draw.matchSpecialised, {
      name: "match specialised",
      label: "units that end with their first frequency, of those with purity above a half, perceptron",
    }),
    match("transformer", smaller, "match transformer"),
    boost("transformer", smaller, "boost transformer"),
  ];
  return {
    outcomes,
    notes: notes(results, outcomes),
    tables: [matchTable(results), boostTable(results), decidingTable(results)],
    figures: drawing(results),
  };
}

function notes(results: readonly LotteryResult[], outcomes: readonly Outcome[]): string[] {
  const all = results.flatMap(({ told }) => told);
  const failed = results
    .map(({ arm, told }) => ({ arm, count: told.filter((one) => one === undefined).length }))
    .filter(({ count }) => count > 0);
  const asleep = (kind: LotteryKind) =>
    percentText(
      valuesOf(
        results.filter(({ arm }) => arm.kind === kind),
        ({ draw }) => 1 - draw.awake / draw.units,
      ),
    );
  const tested = outcomes.filter(({ p }) => p !== null);
  const adjusted = holm(tested.map(({ p }) => p ?? Number.NaN));
  return [
    failed.length === 0
      ? `All ${all.length} networks and their twins learned at least ${100 * learned} % of the pairs.`
      : `Left out, with their twins, because one of both is right on less than ${100 * learned} % of the pairs or diverged: ${failed
          .map(({ arm, count }) => `${count} of ${arm.seeds.length} of ${arm.name}`)
          .join(", ")}. Means over scales are then over the others.`,
    `Units that no pair wakes after training have no last frequency and are left out: ${asleep("perceptron")} of the perceptrons' units, ${asleep("transformer")} of the transformers'.`,
    "At the largest scale units hardly specialise: that they keep their leading frequency there says that they have hardly moved, not that they were selected. The share among units with purity above a half is therefore given too; it favours units that had a head start.",
    "A boost changes the amplitude of one frequency in a unit's three curves and nothing else of the network; phases, mean and all other frequencies are those of the twin.",
    "The boost of the embedding is far larger than what initialisation does by itself: the power of a frequency over 64 directions varies by an eighth (standard deviation over mean), the boost raises it by five quarters. It shows that the embedding can decide; how far it does without a boost is the last column of the third table.",
    `Holm-adjusted p over the ${tested.length} tested outcomes: ${tested.map(({ name }, i) => `${name} ${pText(adjusted[i])}`).join(", ")}.`,
  ];
}

const pText = (p: number) => (Number.isNaN(p) ? "–" : p < 0.001 ? "< 0.001" : p.toFixed(3));
const percentText = (values: readonly number[]) => `${(100 * mean(values)).toFixed(1)} %`;

/** One number of every network that has one. */
function valuesOf(results: readonly LotteryResult[], take: (one: LotteryTold) => number): number[] {
  return results.flatMap((result) => toldBy(result).map(take)).filter(Number.isFinite);
}

/** Mean over seeds with its 95 % t interval, as text. */
function cell(result: LotteryResult, take: (one: LotteryTold) => number): string {
  const { estimate, interval } = overSeeds(valuesOf([result], take), { name: "", label: "" });
  return Number.isFinite(estimate) ? `${numberText(estimate)} [${interval.map(numberText).join(", ")}]` : "–";
}

/** The leading frequency of one network at the start against that of another at the end, mean over seeds. */
function crossSeed(result: LotteryResult): number {
  const kept = toldBy(result);
  const partner = neighbourModel(kept.length);
  const shares = kept.map(({ draw: { first } }, seed) => {
    const last = kept[partner(seed)]?.draw.last ?? [];
    const awake = Array.from(last.keys()).filter((unit) => last[unit] >= 0);
    return mean(awake.map((unit) => (first[unit] === last[unit] ? 1 : 0)));
  });
  return mean(shares);
}

const armText = ({ arm: { kind, modulus, scale } }: LotteryResult) => [kind, modulus, scale];

function matchTable(results: readonly LotteryResult[]): StudyTable {
  return {
    title: "Whether units end with the frequency that led at initialisation",
    columns: [
      ...[
        "network",
        "p",
        "scale",
        "seeds",
        "chance",
        "match",
        "shuffled units",
        "other seed",
        "rank of winner",
      ],
      ...["units with purity > ½", "match of these", "purity before", "purity after", "information, nats"],
    ],
    rows: results.map((result) => [
      ...armText(result),
      toldBy(result).length,
      2 / (result.arm.modulus - 1),
      cell(result, ({ draw }) => draw.match),
      mean(valuesOf([result], ({ draw }) => draw.shuffled)),
      crossSeed(result),
      cell(result, ({ draw }) => draw.rank),
      mean(valuesOf([result], ({ draw }) => draw.specialised)),
      cell(result, ({ draw }) => draw.matchSpecialised),
      mean(valuesOf([result], ({ draw }) => draw.course.purity[0])),
      mean(valuesOf([result], ({ draw }) => draw.course.purity[draw.course.purity.length - 1])),
      cell(result, ({ draw }) => draw.information),
    ]),
    caption:
      "Means over seeds, with 95 % t intervals. Match: share of awake units. Rank of winner: number of frequencies that were stronger at initialisation; by chance half of the others. Information: beyond its expectation under shuffled units.",
  };
}

function boostTable(results: readonly LotteryResult[]): StudyTable {
  return {
    title: "What a boost by half changes",
    columns: ["network", "p", "scale", "boosted in", "without", "with", "effect", "not boosted"],
    rows: results.map((result) => [
      ...armText(result),
      result.arm.kind === "perceptron" ? "units" : "embedding",
      mean(valuesOf([result], ({ boost }) => boost.plain)),
      mean(valuesOf([result], ({ boost }) => boost.boosted)),
      cell(result, ({ boost }) => boost.effect),
      result.arm.kind === "perceptron"
        ? cell(result, ({ boost }) => (boost.kind === "units" ? boost.placebo : Number.NaN))
        : "–",
    ]),
    caption:
      "Perceptron: share of units that the boosted frequency wins, and its change for frequencies in units that were not boosted. Transformer: share of all awake units that the frequency boosted in the embedding wins. Means over seeds, with 95 % t intervals.",
  };
}

function decidingTable(results: readonly LotteryResult[]): StudyTable {
  return {
    title: "What decides the winner",
    columns: [
      ...["network", "p", "scale", ...predictors, "named by all", "named by growth"],
      ...["network's strength to units won, ρ", "embedding to units won, ρ"],
    ],
    rows: results.map((result) => [
      ...armText(result),
      ...predictors.map((_, i) => cell(result, ({ draw }) => draw.coefficients[i])),
      mean(valuesOf([result], ({ draw }) => draw.hitRate)),
      mean(valuesOf([result], ({ draw }) => draw.hitRateOfGrowth)),
      cell(result, ({ draw }) => draw.networkLottery),
      cell(result, ({ boost }) => (boost.kind === "embedding" ? boost.lottery : Number.NaN)),
    ]),
    caption:
      "Coefficients of the conditional logit, log odds per standard deviation over the alternatives of a network. Named: share of units whose most probable frequency won, in the units that the logit was fitted to. ρ: Spearman over the frequencies of a network. Means over seeds, with 95 % t intervals.",
  };
}
