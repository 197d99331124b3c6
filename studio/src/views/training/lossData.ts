/** What the figure of losses draws of a run that is under way. */
import { taskNamed } from "../../../../src/data/registry.ts";
import type { LossCurvesData } from "../../../../src/figures/lossCurves.ts";
import { heldOutLoss, leaksOf } from "../../../../src/studies/persistence/analyse.ts";
import { meanOverSeeds } from "../../../../src/studies/persistence/overSeeds.ts";
import type { ArmResult } from "../../../../src/studies/population/gather.ts";

export function lossData(result: ArmResult): LossCurvesData {
  const { arm, models, checkpoints, losses, divergedAt } = result;
  const { config } = arm;
  const heldOut = checkpoints.map((_, at) => heldOutLoss(result, at));
  return {
    summary: {
      preset: "run",
      seeds: models.map(({ init }) => init),
      models: divergedAt.map((at) => ({ divergedAt: at })),
      loss: { heldOut: meanOverSeeds(heldOut[heldOut.length - 1]), leak: leaksOf(result).length > 0 },
    },
    config,
    checkpoints: checkpoints.map(({ step }) => step),
    loss: {
      train: losses,
      heldOut: models.map((_, model) => heldOut.map((ofStep) => ofStep[model])),
      floor: taskNamed(arm.task, { dVocab: config.dVocab, nCtx: config.nCtx }).bayesFloor() ?? null,
    },
  };
}
