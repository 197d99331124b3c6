/** From what the networks of S5 told to what was found. */
import { chanceCorrected, whenReached } from "../../features/index.ts";
import { doseCollapse, doseResponseCurves, oneCurveFits } from "../../figures/index.ts";
import { type Outcome, type OutcomeNames, overSeeds } from "../protocol/outcome.ts";
import type { Findings, StudySize } from "../protocol/study.ts";
import { type AmountName, amountNames, amounts } from "./amounts.ts";
import { armOfRate } from "./arms.ts";
import { type Course, type FadingFit, fadingFit, type JudgedAmount, judge, kappaOf } from "./courses.ts";
import type { DoseTold } from "./measure.ts";
import { baseRate, layers, learned, outcomeNames, rates } from "./plan.ts";
import { amountTable, halfLifeTable, motionTable } from "./tables.ts";

/** Statistics over seeds, tables and figures. */
export function conclude(told: ReadonlyMap<string, readonly DoseTold[]>, { seeds }: StudySize): Findings {
  const everyone = rates.flatMap((rate) =>
    (told.get(armOfRate(rate)) ?? []).map((of, at): Course => ({ seed: seeds[at], rate, told: of })),
  );
  const courses = everyone.filter((course) => course.told.divergedAt === null);
  const fits = courses.flatMap((course) => layers.map((layer) => fadingFit(course, layer)));
  const judged = layers.flatMap((layer) => amountNames.map((amount) => judge(courses, layer, amount)));
  const outcomes = outcomesOf(courses, fits, judged);
  const data = { seeds: seeds.length, courses: courses.map(drawn), rates, layers };
  return {
    outcomes,
    notes: notesOf(everyone, courses, fits),
    tables: [halfLifeTable(courses, fits), amountTable(judged), motionTable(courses)],
    figures: [
      doseResponseCurves({ ...data, fits }),
      doseCollapse({ ...data, r2: (layer, amount) => found(judged, layer, amount).stretched.r2 }),
      oneCurveFits({
        seeds: seeds.length,
        rows: judged.map(({ layer, amount, stretched, monotone }) => ({
          ...{ layer, label: amounts[amount].label },
          ...{ stretched: stretched.r2, monotone: monotone.r2 },
        })),
      }),
    ],
  };
}

function outcomesOf(
  courses: readonly Course[],
  fits: readonly FadingFit[],
  judged: readonly JudgedAmount[],
): Outcome[] {
  const of = (layer: number, amount: AmountName) => found(judged, layer, amount);
  const base = courses.filter(({ rate }) => rate === baseRate);
  const perLayer = (make: (layer: number) => Outcome) => layers.map(make);
  const difference = (layer: number, family: "stretched" | "monotone") => {
    const other = of(layer, "progress")[family].r2;
    return of(layer, "displacement")[family].r2.map((r2, seed) => r2 - other[seed]);
  };
  return [
    ...perLayer((layer) =>
      overSeeds(
        base.map(({ told }) => whenReached(told.progress, told.layers[layer].r, learned)),
        {
          name: outcomeNames.atLearned(layer),
          label: `r at loss progress ${learned}, layer ${layer}`,
        },
      ),
    ),
    ...perLayer((layer) =>
      overSeeds(difference(layer, "stretched"), {
        name: outcomeNames.difference(layer),
        label: `R² of one curve in displacement − in loss progress, layer ${layer}`,
        nothing: 0,
      }),
    ),
    ...perLayer((layer) =>
      overSeeds(difference(layer, "monotone"), {
        name: outcomeNames.monotoneDifference(layer),
        label: `the same difference for curves without a formula, layer ${layer}`,
        nothing: 0,
      }),
    ),
    ...perLayer((layer) =>
      overSeeds(of(layer, "displacement").stretched.rateSlope, {
        name: outcomeNames.displacementSlope(layer),
        label: `κ per tenfold rate at equal displacement, layer ${layer}`,
        nothing: 0,
      }),
    ),
    ...perLayer((layer) =>
      overSeeds(of(layer, "progress").stretched.rateSlope, {
        name: outcomeNames.progressSlope(layer),
        label: `κ per tenfold rate at equal loss progress, layer ${layer}`,
        nothing: 0,
      }),
    ),
    ...perLayer((layer) =>
      timeOverSeeds(
        fits.filter((fit) => fit.layer === layer && fit.rate === baseRate).map((fit) => fit.halfLife),
        {
          name: outcomeNames.halfLife(layer),
          label: `fitted half-life of tuning at rate ${baseRate}, layer ${layer}`,
          unit: "steps",
        },
      ),
    ),
  ];
}

/** Geometric mean of one time a seed: times spread over orders of magnitude. */
function timeOverSeeds(bySeed: readonly number[], names: OutcomeNames): Outcome {
  const logs = overSeeds(bySeed.map(Math.log), names);
  const times = ([low, high]: readonly [number, number]) => [Math.exp(low), Math.exp(high)] as const;
  return {
    ...logs,
    ...{ estimate: Math.exp(logs.estimate), interval: times(logs.interval) },
    ...{
      interval90: times(logs.interval90),
      method: "geometric mean and t interval of logarithms over seeds",
    },
  };
}

function notesOf(everyone: readonly Course[], courses: readonly Course[], fits: readonly FadingFit[]) {
  const base = courses.filter(({ rate }) => rate === baseRate);
  const reached = base.filter(({ told }) => told.progress.some((progress) => progress >= learned)).length;
  const lost = everyone.length - courses.length;
  const last = courses[0]?.told.steps.at(-1) ?? Number.NaN;
  const beyond = fits.filter((fit) => fit.halfLife > last).length;
  return [
    `${reached} of ${base.length} networks of the base rate ${baseRate} reach loss progress ${learned}; those that do not have no r there and are left out of it.`,
    `${beyond} of ${fits.length} half-lives of networks lie beyond the last step, ${last}: they are extrapolations of the fitted curve.`,
    "Tuning is a function of the weights, so that it follows their displacement is less of a surprise than that it does not follow the loss; whether its direction matters besides its amount is not asked here.",
    "Intervals are not adjusted for the number of outcomes. The curve of a left-out seed comes from the other seeds, which are nearly the same for all: the spread over seeds is that of the networks judged.",
    ...(lost === 0 ? [] : [`${lost} of ${everyone.length} networks diverged and are left out.`]),
  ];
}

function found(judged: readonly JudgedAmount[], layer: number, amount: AmountName): JudgedAmount {
  return judged.find((each) => each.layer === layer && each.amount === amount) as JudgedAmount;
}

/** A course as figures take it. */
function drawn({ seed, rate, told }: Course) {
  return {
    ...{ seed, rate, steps: told.steps, progress: told.progress },
    layers: told.layers.map(({ displacement, stranger, chance }, layer) => ({
      ...{ displacement, kappa: kappaOf(told, layer) },
      stranger: stranger.map((value, c) => chanceCorrected(value, chance[c]).kappa),
    })),
  };
}
