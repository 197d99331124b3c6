/** What the figures of a training draw of a run that may still be under way. */
import type { PositionLeak } from "../../../../src/data/leakByPosition.ts";
import { taskNamed } from "../../../../src/data/registry.ts";
import { neighbourModel, tuningCorrelation, unitMeans } from "../../../../src/features/index.ts";
import type { LossByPositionData } from "../../../../src/figures/lossByPosition.ts";
import type { LossCurvesData } from "../../../../src/figures/lossCurves.ts";
import type { TuningThroughTrainingData } from "../../../../src/figures/tuningThroughTraining.ts";
import { heldOutLoss, leaksOf } from "../../../../src/studies/persistence/analyse.ts";
import { cellsAt } from "../../../../src/studies/persistence/cells.ts";
import { meanOverSeeds } from "../../../../src/studies/persistence/overSeeds.ts";
import { layersOf, siteOfLayer } from "../../../../src/studies/persistence/spec.ts";
import type { ArmCheckpoint, ArmResult } from "../../../../src/studies/population/gather.ts";

/** Everything that the view of a training draws. */
export type RunData = LossCurvesData &
  LossByPositionData &
  TuningThroughTrainingData & {
    /** Positions at which the held-out loss is below what a model could reach without seeing the target. */
    leaks: readonly PositionLeak[];
  };

/** Mean correlations of a look with the first one, [layer][seed]: with the own and with a neighbour's initialisation. */
interface Correlations {
  readonly own: readonly Float64Array[];
  readonly neighbour: readonly Float64Array[];
}

/** A look never changes, so what was computed of it is kept as long as it is. */
const known = new WeakMap<ArmCheckpoint, Correlations>();

function correlationsOf(first: ArmCheckpoint, now: ArmCheckpoint, { arm, models }: ArmResult): Correlations {
  const found = known.get(now);
  if (found !== undefined) return found;
  const layers = arm.config.attnOnly ? [] : layersOf(arm.config.nLayers);
  const partner = neighbourModel(models.length);
  const means = (options: Parameters<typeof tuningCorrelation>[2]) =>
    layers.map((layer) => {
      const [before, after] = [first, now].map((at) => cellsAt(at, siteOfLayer(layer), arm));
      return unitMeans(tuningCorrelation(before, after, options), models.length).mean;
    });
  const made = { own: means({}), neighbour: means({ partner }) };
  known.set(now, made);
  return made;
}

/**
 * A run's data.
 *
 * @param name  how the figures call it
 */
export function runData(name: string, result: ArmResult): RunData {
  const { arm, models, checkpoints, losses, divergedAt } = result;
  const { config } = arm;
  const nPos = config.nCtx - 1;
  const heldOut = checkpoints.map((_, at) => heldOutLoss(result, at));
  const last = checkpoints[checkpoints.length - 1];
  const leaks = leaksOf(result);
  const correlations = checkpoints.map((now) => correlationsOf(checkpoints[0], now, result));
  const bySeed = (ofSteps: readonly Float64Array[]) =>
    models.map((_, model) => ofSteps.map((of) => of[model]));
  return {
    summary: {
      preset: name,
      seeds: models.map(({ init }) => init),
      models: divergedAt.map((at) => ({ divergedAt: at })),
      loss: { heldOut: meanOverSeeds(heldOut[heldOut.length - 1]), leak: leaks.length > 0, leakAt: leaks },
    },
    config,
    checkpoints: checkpoints.map(({ step }) => step),
    loss: {
      train: losses,
      heldOut: bySeed(heldOut),
      heldOutByPosition: models.map((_, model) => last.heldOut.subarray(model * nPos, (model + 1) * nPos)),
      floor: taskNamed(arm.task, { dVocab: config.dVocab, nCtx: config.nCtx }).bayesFloor() ?? null,
    },
    layers: (config.attnOnly ? [] : layersOf(config.nLayers)).map((layer) => ({
      layer,
      tuningR: bySeed(correlations.map(({ own }) => own[layer])),
      tuningNullR: bySeed(correlations.map(({ neighbour }) => neighbour[layer])),
    })),
    leaks,
  };
}
