/** The tables of S13: every statistic of every arm. */
import { mean } from "../../stats/moments.ts";
import { numberText } from "../protocol/numberText.ts";
import { overSeeds } from "../protocol/outcome.ts";
import type { StudyTable } from "../protocol/study.ts";
import type { TwinKind } from "./arms.ts";
import { predictors } from "./lottery.ts";
import { crossSeeds, type LearnedPair, type LotteryResult, toldBy, valuesOf } from "./results.ts";

/** Mean over seeds with its 95 % t interval, as text. */
function cellOf(values: readonly number[]): string {
  const { estimate, interval } = overSeeds(values, { name: "", label: "" });
  return Number.isFinite(estimate) ? `${numberText(estimate)} [${interval.map(numberText).join(", ")}]` : "–";
}

const cell = (result: LotteryResult, take: (one: LearnedPair) => number) => cellOf(valuesOf([result], take));
const armText = ({ arm: { kind, modulus, scale } }: LotteryResult) => [kind, modulus, scale];

/** What units end with, and what they would by chance. */
export function matchTable(results: readonly LotteryResult[]): StudyTable {
  return {
    title: "Whether units end with the frequency that led at initialisation",
    columns: [
      ...["network", "p", "scale", "seeds", "awake", "chance", "match", "shuffled units", "other seed"],
      ...["rank of winner", "units with purity > ½", "match of these", "purity before", "purity after"],
      "information, nats",
    ],
    rows: results.map((result) => [
      ...armText(result),
      toldBy(result).length,
      mean(valuesOf([result], ({ draw }) => draw.awake / draw.units)),
      2 / (result.arm.modulus - 1),
      cell(result, ({ draw }) => draw.match),
      cell(result, ({ draw }) => draw.shuffled),
      cellOf(crossSeeds(result)),
      cell(result, ({ draw }) => draw.rank),
      mean(valuesOf([result], ({ draw }) => draw.specialised)),
      cell(result, ({ draw }) => draw.matchSpecialised),
      cell(result, ({ draw }) => draw.course.purity[0]),
      cell(result, ({ draw }) => draw.course.purity[draw.course.purity.length - 1]),
      cell(result, ({ draw }) => draw.information),
    ]),
    caption:
      "Means over seeds, with 95 % t intervals. Match: share of awake units. Rank of winner: number of frequencies that were stronger at initialisation; by chance half of the others. Information: beyond its expectation under shuffled units.",
  };
}

/** What is boosted, as the table says it. */
const boostedIn: Readonly<Record<TwinKind, string>> = {
  units: "half of the units",
  unit: "one unit",
  embedding: "embedding",
};

/** What the boosts change. */
export function boostTable(results: readonly LotteryResult[]): StudyTable {
  return {
    title: "What a boost by half changes",
    columns: [
      ...["network", "p", "scale", "boosted in", "seeds", "leads after the boost"],
      ...["wins without", "wins with", "effect", "not boosted"],
    ],
    rows: results.map((result) => {
      const ofUnits = (take: "leads" | "placebo") =>
        result.twin === "embedding"
          ? "–"
          : cell(result, ({ boost }) => (boost.kind === "embedding" ? Number.NaN : boost[take]));
      return [
        ...armText(result),
        boostedIn[result.twin],
        valuesOf([result], ({ boost }) => boost.effect).length,
        ofUnits("leads"),
        mean(valuesOf([result], ({ boost }) => boost.plain)),
        mean(valuesOf([result], ({ boost }) => boost.boosted)),
        cell(result, ({ boost }) => boost.effect),
        ofUnits("placebo"),
      ];
    }),
    caption:
      "Units: share of boosted frequencies that lead their unit right after the boost; of units that are awake after training in both networks, the share that the boosted frequency wins, without and with the boost; and the change for frequencies in units that were not boosted. Embedding: share of all awake units that the frequency boosted in the embedding wins. Of one unit a network's number is −1, 0 or 1. Means over seeds, with 95 % t intervals.",
  };
}

/** The logit of the winner. */
export function decidingTable(results: readonly LotteryResult[]): StudyTable {
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
