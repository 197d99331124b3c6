/** Outcomes of S13 that were added after its first run: boosts in a transformer's units, and statistics of every kind. */
import type { Outcome } from "../protocol/outcome.ts";
import type { StudySize } from "../protocol/study.ts";
import { type LotteryKind, moduliOf } from "./arms.ts";
import { predictors } from "./lottery.ts";
import {
  crossSeeds,
  type LearnedPair,
  type LotteryResult,
  meansOverArms,
  overScales,
  placeboOf,
  type ResultsByTwin,
} from "./results.ts";

const effectOf = ({ boost: { effect } }: LearnedPair) => effect;
const kinds = ["perceptron", "transformer"] as const;
const coefficientLabels: Readonly<Record<(typeof predictors)[number], string>> = {
  amplitude: "amplitude",
  misalignment: "phase misalignment",
  growth: "growth under gradient descent",
};

/** The later outcomes; none of them changes one of the first run. */
export function laterOutcomes(
  { results, inUnits, inOneUnit }: ResultsByTwin,
  { quick }: StudySize,
): Outcome[] {
  const { smaller, larger } = moduliOf(quick);
  const moduli = [
    ["smaller", smaller],
    ["larger", larger],
  ] as const;
  const of = (kind: LotteryKind, modulus?: number) =>
    results.filter(({ arm }) => arm.kind === kind && (modulus === undefined || arm.modulus === modulus));
  const at = (chosen: readonly LotteryResult[], modulus: number) =>
    chosen.filter(({ arm }) => arm.modulus === modulus);
  const ofLarger = of("transformer", larger);
  return [
    ...moduli.map(([size, modulus]) =>
      overScales(at(inUnits, modulus), effectOf, {
        name: `boost in units, transformer ${size}`,
        label: `gain of boosted frequencies in units won, transformer, p = ${modulus}`,
        nothing: 0,
      }),
    ),
    overScales(inUnits, placeboOf, {
      name: "placebo, transformer",
      label: "gain of frequencies that were not boosted, in the other units, transformer",
      nothing: 0,
    }),
    overScales(inOneUnit, effectOf, {
      name: "boost in one unit, transformer",
      label: `gain of the boosted frequency in one unit boosted alone, transformer, p = ${smaller}`,
      nothing: 0,
    }),
    overScales(ofLarger, ({ draw }) => draw.match, {
      name: "match transformer larger",
      label: `units that end with their first frequency, transformer, p = ${larger}`,
      nothing: 2 / (larger - 1),
    }),
    overScales(ofLarger, effectOf, {
      name: "boost transformer larger",
      label: `gain of the frequency boosted in the embedding in units won, transformer, p = ${larger}`,
      nothing: 0,
    }),
    ...kinds.flatMap((kind) =>
      moduli.map(([size, modulus]) =>
        overScales(of(kind, modulus), ({ draw }) => draw.rank, {
          name: `rank, ${kind} ${size}`,
          label: `frequencies that were stronger than the winner at initialisation, ${kind}, p = ${modulus}`,
          nothing: ((modulus - 1) / 2 - 1) / 2,
        }),
      ),
    ),
    ...kinds.flatMap((kind) => [
      overScales(of(kind), ({ draw }) => draw.match - draw.shuffled, {
        name: `beyond shuffled, ${kind}`,
        label: `units that end with their first frequency, less shuffled units, ${kind}`,
        nothing: 0,
      }),
      meansOverArms(of(kind).map(beyondOtherSeed), {
        name: `beyond other seed, ${kind}`,
        label: `units that end with their first frequency, less that of another network, ${kind}`,
        nothing: 0,
      }),
      overScales(
        of(kind),
        ({ draw: { course } }) => course.purity[course.purity.length - 1] - course.purity[0],
        {
          name: `purity, ${kind}`,
          label: `mean purity after training less before, ${kind}`,
          nothing: 0,
        },
      ),
    ]),
    ...predictors.map((name, i) =>
      overScales(of("transformer"), ({ draw }) => draw.coefficients[i], {
        name: `${name}, transformer`,
        label: `log odds of winning per SD of initial ${coefficientLabels[name]}, transformer`,
        nothing: 0,
      }),
    ),
    overScales(of("transformer"), ({ draw }) => draw.information, {
      name: "information, transformer",
      label: "information of the first frequency on the last, beyond shuffled units, transformer",
      unit: "nats",
      nothing: 0,
    }),
  ];
}

/** Match of a network less that of its first frequencies with another's last, by seed. */
function beyondOtherSeed(result: LotteryResult): number[] {
  const cross = crossSeeds(result);
  return result.told.map((one, seed) => (one === undefined ? Number.NaN : one.draw.match - cross[seed]));
}
