/** From the gathered arms of one preset to its numbers: every statistic by seed first, then over seeds. */

import { leaksByPosition, type PositionLeak } from "../../data/leakByPosition.ts";
import { taskNamed } from "../../data/registry.ts";
import { scoredMean } from "../../data/scored.ts";
import {
  identityRecovery,
  originalCriterion,
  preferenceKept,
  tuningCorrelation,
  unitMeans,
} from "../../features/index.ts";
import { weightShapes, weightsOfModel } from "../../model/weights.ts";
import { sha256OfWeights } from "../../record/sha256.ts";
import { finiteMean } from "../../train/grow.ts";
import { unseenSequences } from "../population/arm.ts";
import type { ArmResult } from "../population/gather.ts";
import { cellsAt, sameDataOtherInit } from "./cells.ts";
import { type Projection, projectionNull } from "./projection.ts";
import type { Kind } from "./result.ts";
import { layersOf, siteOfLayer } from "./spec.ts";

/** Numbers of one layer and kind, one entry a seed; NaN where a model diverged. */
export interface GroupBySeed {
  layer: number;
  kind: Kind;
  /** Units that the criterion follows. */
  tracked: Float64Array;
  maintained: Float64Array;
  nullShuffle: Float64Array;
  nullOtherInit: Float64Array;
  excess: Float64Array;
  kappa: Float64Array;
  r: Float64Array;
  nullR: Float64Array;
  ceilingR: Float64Array;
  preferred: Float64Array;
  preferredNull: Float64Array;
  /** Absolute variance of this kind, after over before, as a ratio of means over units. */
  varianceRatio: Float64Array;
}

/** All numbers of a preset, by seed. */
export interface PresetBySeed {
  preset: string;
  main: ArmResult;
  groups: GroupBySeed[];
  /** Share of units that matching maps to themselves, [layer][seed]. */
  identity: Float64Array[];
  /** Mean tuning r over units with all cells, [layer][seed]: after training, against the own start. */
  overallR: Float64Array[];
  /** (L₀ − L) / (L₀ − floor) of held-out loss, by seed; NaN without a floor. */
  lossProgress: Float64Array;
  weights: string[];
  /** The random-projection null of this preset; undefined where it says nothing about it. */
  projection: Projection | undefined;
}

const kinds: readonly Kind[] = ["token", "position"];

/** Every statistic of a preset, seed by seed. */
export function analysePreset(preset: string, main: ArmResult, otherData: ArmResult): PresetBySeed {
  const { config } = main.arm;
  const models = main.models.length;
  const first = main.checkpoints[0];
  const last = main.checkpoints[main.checkpoints.length - 1];
  const other = otherData.checkpoints[otherData.checkpoints.length - 1];
  const partner = sameDataOtherInit(models);
  const layers = layersOf(config.attnOnly ? 0 : config.nLayers);

  // a model that diverged has no number, neither its own nor as somebody's null
  const isOut = main.divergedAt.map((at) => at !== null);
  const otherIsOut = otherData.divergedAt.map((at) => at !== null);
  const own = (values: Float64Array) => values.map((value, model) => (isOut[model] ? Number.NaN : value));
  const withTwin = (values: Float64Array) =>
    own(values).map((value, model) => (otherIsOut[model] ? Number.NaN : value));
  const withPartner = (values: Float64Array) =>
    own(values).map((value, model) => (otherIsOut[partner(model)] ? Number.NaN : value));
  const groups: GroupBySeed[] = [];
  const identity: Float64Array[] = [];
  const overallR: Float64Array[] = [];
  for (const layer of layers) {
    const site = siteOfLayer(layer);
    const [before, after, elsewhere] = [
      cellsAt(first, site, main.arm),
      cellsAt(last, site, main.arm),
      cellsAt(other, site, main.arm),
    ];
    identity.push(own(identityRecovery(before, after).recovered));
    overallR.push(own(unitMeans(tuningCorrelation(before, after), models).mean));
    for (const kind of kinds) {
      const initial = first.sites[site].eta2[kind];
      const criterion = originalCriterion(initial, last.sites[site].eta2[kind], models);
      const byOtherInit = originalCriterion(
        initial,
        paired(other.sites[site].eta2[kind], models, partner),
        models,
      );
      const meanR = (...args: Parameters<typeof tuningCorrelation>) =>
        unitMeans(tuningCorrelation(...args), models).mean;
      const amount = (at: typeof first) => unitMeans(at.sites[site].amount[kind], models).mean;
      const [start, end] = [amount(first), amount(last)];
      groups.push({
        layer,
        kind,
        tracked: own(Float64Array.from(criterion.tracked, ({ length }) => length)),
        maintained: own(criterion.maintained),
        nullShuffle: own(criterion.nullShuffle),
        nullOtherInit: withPartner(byOtherInit.maintained),
        excess: own(criterion.excess),
        kappa: own(criterion.kappa),
        r: own(meanR(before, after, { kind })),
        nullR: withPartner(meanR(before, elsewhere, { kind, partner })),
        ceilingR: withTwin(meanR(after, elsewhere, { kind })),
        preferred: own(unitMeans(preferenceKept(before, after, kind), models).mean),
        preferredNull: withPartner(
          unitMeans(preferenceKept(before, elsewhere, kind, { partner }), models).mean,
        ),
        varianceRatio: own(end.map((value, seed) => value / start[seed])),
      });
    }
  }
  const shapes = weightShapes(config);
  return {
    preset,
    main,
    groups,
    identity,
    overallR,
    lossProgress: own(progressOf(main)),
    weights: main.models.map((_, model) =>
      sha256OfWeights(weightsOfModel(config, last.weights, model), shapes),
    ),
    projection: projectionNull(main.arm),
  };
}

/** Rows of a [model, unit] array in the order of another arm's models. */
function paired(values: Float64Array, models: number, partner: (model: number) => number): Float64Array {
  const units = values.length / models;
  const out = new Float64Array(values.length).fill(Number.NaN);
  for (let model = 0; model < models; model++) {
    const from = partner(model);
    if (!Number.isNaN(from)) out.set(values.subarray(from * units, (from + 1) * units), model * units);
  }
  return out;
}

/** Mean over the positions that count of held-out loss, by model. */
export function heldOutLoss(result: ArmResult, at: number): Float64Array {
  const { heldOut } = result.checkpoints[at];
  const scored = taskOf(result).bayesFloor()?.scored;
  const nPos = result.arm.config.nCtx - 1;
  return Float64Array.from(result.models, (_, model) =>
    scoredMean(heldOut.subarray(model * nPos, (model + 1) * nPos), scored),
  );
}

function taskOf({ arm }: ArmResult) {
  return taskNamed(arm.task, { dVocab: arm.config.dVocab, nCtx: arm.config.nCtx });
}

function progressOf(main: ArmResult): Float64Array {
  const floor = taskOf(main).bayesFloor();
  const [start, end] = [heldOutLoss(main, 0), heldOutLoss(main, main.checkpoints.length - 1)];
  if (floor === undefined) return start.map(() => Number.NaN);
  return start.map((loss, seed) => (loss - end[seed]) / (loss - floor.causal));
}

/** Positions at which the held-out loss, averaged over seeds, is below what prediction allows. */
export function leaksOf(main: ArmResult): PositionLeak[] {
  const { arm } = main;
  const floors = taskOf(main).bayesLoss(unseenSequences(arm));
  if (floors === undefined) return [];
  const last = main.checkpoints.length - 1;
  const nPos = main.arm.config.nCtx - 1;
  const byPosition = Float64Array.from({ length: nPos }, (_, pos) =>
    finiteMean(main.models.map((_, model) => main.checkpoints[last].heldOut[model * nPos + pos])),
  );
  return leaksByPosition(byPosition, floors, arm.heldOut);
}
