/** The pictures of the report, from what the seeds told. */
import type { FigureSpec } from "../../figures/figure.ts";
import { fixed, intervalText } from "../../figures/numberText.ts";
import {
  noiseDifferences,
  noiseLadder,
  noiseLevels,
  partsAlone,
  sweepFigure,
} from "../../figures/studies/lazyOrRich.ts";
import type { Outcome } from "../protocol/outcome.ts";
import type { StudySize } from "../protocol/study.ts";
import {
  noiseArmName,
  outputScales,
  parametrisationNames,
  parametrisations,
  scaleArmName,
  scaledOptimizers,
  settingNames,
  settings,
  widthArmName,
  widthsOf,
} from "./arms.ts";
import { noiseTitles } from "./kinds.ts";
import { noiseNames, partly, partNames } from "./measure.ts";
import { layers, margin, outcomeNames } from "./plan.ts";
import { type AllTold, pooledDifference, pooledR, rBySeed, toldOf } from "./told.ts";

const optimizerTitles = { adam: "Adam, rate / α", sgd: "plain descent, rate / α²" } as const;

export function figuresOf(told: AllTold, size: StudySize, outcomes: readonly Outcome[]): FigureSpec[] {
  const seeds = size.seeds.length;
  const ofSettings = settingNames.flatMap((setting) =>
    layers.map((layer) => {
      const entries = toldOf(told, noiseArmName(setting));
      const r = (network: string) => rBySeed(entries, network, layer);
      return {
        setting: settings[setting],
        layer,
        trained: r("trained"),
        isotropic: r("isotropic"),
        gradient: r("gradient"),
      };
    }),
  );
  const rungs = layers.flatMap((layer) => [
    ...noiseNames
      .filter((name) => name !== "isotropic")
      .map((name) => ({
        kind: noiseTitles[name],
        layer,
        difference: pooledDifference(told, name, "isotropic", layer),
      })),
    {
      kind: "training itself",
      layer,
      difference: pooledDifference(told, "trained", "isotropic", layer),
      isTraining: true,
    },
  ]);
  const alone = layers.flatMap((layer) =>
    partNames.map((part) => ({
      part,
      layer,
      trained: pooledR(told, partly(part, "trained"), layer),
      isotropic: pooledR(told, partly(part, "isotropic"), layer),
    })),
  );
  const data = { settings: ofSettings, margin, seeds };
  return [
    noiseDifferences(data),
    noiseLevels(data),
    noiseLadder(rungs, seeds),
    partsAlone(alone, seeds),
    scaleFigure(told, outcomes),
    widthFigure(told, size, outcomes),
  ];
}

/** Mean r by layer of the trained networks of one arm. */
const pointOf = (told: AllTold, arm: string, at: number) => ({
  at,
  r: layers.map((layer) => rBySeed(toldOf(told, arm), "trained", layer)),
});

const slopeText = (outcomes: readonly Outcome[], name: string) => {
  const { estimate, interval, unit } = outcomes.find((outcome) => outcome.name === name) as Outcome;
  return `slope ${fixed(estimate, 3)} ${intervalText(interval, 3)} ${unit}`;
};

function scaleFigure(told: AllTold, outcomes: readonly Outcome[]): FigureSpec {
  const lazy = scaledOptimizers.map((name) => {
    const { estimate } = outcomes.find((outcome) => outcome.name === outcomeNames.lazy(name)) as Outcome;
    return fixed(estimate, 3);
  });
  return sweepFigure(
    scaledOptimizers.map((name) => ({
      title: optimizerTitles[name],
      slope: slopeText(outcomes, outcomeNames.scale(name)),
      points: outputScales.map((at) => pointOf(told, scaleArmName(name, at), at)),
    })),
    {
      name: "output-scale",
      title: `Tuning kept at output scale ${outputScales.at(-1)}: r ${lazy.join(" (Adam) and ")} (descent).`,
      question: "Does a lazier training, by a larger scale of the output, keep more tuning?",
      axis: "output scale α",
      nullModel:
        "r = 0, another network's tuning. Scales are compared after equally many steps, not at equal loss.",
      seeds: toldOf(told, scaleArmName(scaledOptimizers[0], outputScales[0])).length,
    },
  );
}

function widthFigure(told: AllTold, size: StudySize, outcomes: readonly Outcome[]): FigureSpec {
  const widths = widthsOf(size);
  const found = parametrisationNames.map((name) => {
    const { estimate } = outcomes.find((outcome) => outcome.name === outcomeNames.width(name)) as Outcome;
    return `${fixed(estimate, 3)} (${parametrisations[name]})`;
  });
  return sweepFigure(
    parametrisationNames.map((name) => ({
      title: parametrisations[name],
      slope: slopeText(outcomes, outcomeNames.width(name)),
      points: widths.map((at) => pointOf(told, widthArmName(name, at), at)),
    })),
    {
      name: "width",
      title: `Change of r for every doubling of the width: ${found.join(", ")}.`,
      question: "Do wider networks keep more of their tuning?",
      axis: "width (dModel)",
      nullModel: "r = 0, another network's tuning; slope 0 where width does not matter.",
      seeds: toldOf(told, widthArmName("constant", widths[0])).length,
    },
  );
}
