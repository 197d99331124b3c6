/** What the figures of S13 are given, from what its networks told. */
import type { FigureSpec } from "../../figures/figure.ts";
import { lotteryCourses, lotteryUnits, winnerRanks } from "../../figures/studies/featureLottery.ts";
import { lotteryBoosts, lotteryCauses, type SeedValues } from "../../figures/studies/featureLotteryCauses.ts";
import type { LotteryKind } from "./arms.ts";
import { phaseBins, predictors } from "./lottery.ts";
import { boostFactor } from "./plan.ts";
import { type LearnedPair, type LotteryResult, placeboOf, type ResultsByTwin, toldBy } from "./results.ts";

const frequenciesOf = ({ arm: { modulus } }: LotteryResult) => (modulus - 1) / 2;
const nameOf = ({ arm: { kind, modulus, scale } }: LotteryResult) =>
  `${kind}, p = ${modulus}, scale ${scale}`;
const shortName = ({ arm: { kind, modulus, scale } }: LotteryResult) => `${kind} ${modulus}, ${scale}`;

/** All figures; the first perceptron whose units both specialise and take their time stands for single networks. */
export function drawing({ results, inUnits, inOneUnit }: ResultsByTwin): FigureSpec[] {
  const of = (kind: LotteryKind) => results.filter(({ arm }) => arm.kind === kind);
  const example = of("perceptron")[1];
  return [
    units(example),
    courses(results.filter(({ arm }) => arm.modulus === example.arm.modulus)),
    ranks(results),
    causes(results, example),
    boosts({ perceptrons: of("perceptron"), embeddings: of("transformer"), inUnits, inOneUnit }, example),
  ];
}

function units(result: LotteryResult): FigureSpec {
  const at = result.told.findIndex((one) => one !== undefined);
  const draw = result.told[at]?.draw;
  return lotteryUnits({
    ...{ network: nameOf(result), seed: result.arm.seeds[at] ?? 0, steps: result.arm.checkpoints },
    frequencies: frequenciesOf(result),
    units: (draw?.examples ?? []).map(({ unit, share }) => ({
      ...{ unit, share },
      first: draw?.first[unit] ?? 0,
      last: draw?.last[unit] ?? 0,
    })),
  });
}

function courses(results: readonly LotteryResult[]): FigureSpec {
  return lotteryCourses(
    results.map((result) => {
      const told = toldBy(result).map(({ draw }) => draw.course);
      const { kind, modulus, scale, checkpoints } = result.arm;
      return {
        ...{ kind, label: `p = ${modulus}, scale ${scale}` },
        ...{ chance: 1 / frequenciesOf(result), steps: checkpoints },
        asAtStart: told.map(({ asAtStart }) => asAtStart),
        asAtEnd: told.map(({ asAtEnd }) => asAtEnd),
        purity: told.map(({ purity }) => purity),
      };
    }),
  );
}

function ranks(results: readonly LotteryResult[]): FigureSpec {
  const names = [...new Set(results.map(({ arm: { kind, modulus } }) => `${kind}, p = ${modulus}`))];
  return winnerRanks({
    groups: names.map((label) => {
      const own = results.filter(({ arm: { kind, modulus } }) => `${kind}, p = ${modulus}` === label);
      return {
        ...{ label, frequencies: frequenciesOf(own[0]) },
        scales: own.map((result) => ({
          scale: result.arm.scale,
          wonByRank: toldBy(result).map(({ draw }) => draw.wonByRank),
        })),
      };
    }),
  });
}

const predictorNames: Readonly<Record<(typeof predictors)[number], string>> = {
  amplitude: "amplitude",
  misalignment: "phase misalignment",
  growth: "growth under gradient descent",
};

function causes(results: readonly LotteryResult[], example: LotteryResult): FigureSpec {
  const draws = toldBy(example).map(({ draw }) => draw);
  return lotteryCauses({
    map: {
      ...{ network: nameOf(example), frequencies: frequenciesOf(example), phaseBins },
      offered: pooled(draws.map(({ offered }) => offered)),
      won: pooled(draws.map(({ won }) => won)),
    },
    predictors: predictors.map((predictor, i) => ({
      name: predictorNames[predictor],
      networks: results.map((result) => valuesOf(result, ({ draw }) => draw.coefficients[i])),
    })),
  });
}

function boosts(
  {
    perceptrons,
    embeddings,
    inUnits,
    inOneUnit,
  }: Readonly<Record<"perceptrons" | "embeddings" | "inUnits" | "inOneUnit", readonly LotteryResult[]>>,
  example: LotteryResult,
): FigureSpec {
  const effect = ({ boost }: LearnedPair) => boost.effect;
  const ofUnits = (result: LotteryResult) => ({
    ...valuesOf(result, effect),
    placebo: valuesOf(result, placeboOf).values,
  });
  // one scale: the others watch the same frequencies of the same initial weights
  const pool = toldBy(example).flatMap(({ boost }) => (boost.kind === "embedding" ? [] : [boost]));
  return lotteryBoosts({
    factor: boostFactor,
    units: perceptrons.map(ofUnits),
    embeddings: embeddings.map((result) => valuesOf(result, effect)),
    transformerUnits: inUnits.map(ofUnits),
    oneUnit: inOneUnit.map(ofUnits),
    byRank: {
      offered: pooled(pool.map(({ offered }) => offered)),
      wonPlain: pooled(pool.map(({ wonPlain }) => wonPlain)),
      wonBoosted: pooled(pool.map(({ wonBoosted }) => wonBoosted)),
    },
    pooled: nameOf(example),
  });
}

function valuesOf(result: LotteryResult, take: (one: LearnedPair) => number): SeedValues {
  return { label: shortName(result), values: toldBy(result).map(take).filter(Number.isFinite) };
}

/** Sums of counts over networks; empty of none. */
function pooled(counts: readonly Float64Array[]): Float64Array {
  const [first = new Float64Array(0), ...rest] = counts;
  return rest.reduce((sum, each) => sum.map((value, i) => value + each[i]), first.slice());
}
