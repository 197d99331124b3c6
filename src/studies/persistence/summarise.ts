/** From numbers by seed to what is printed and drawn: estimates with intervals over seeds. */
import { taskNamed } from "../../data/registry.ts";
import { type Source, tuningCorrelation, unitMeans, weightDisplacement } from "../../features/index.ts";
import { neighbourModel } from "../../features/pairing.ts";
import { finiteMean } from "../../train/grow.ts";
import type { ArmResult } from "../population/gather.ts";
import { type GroupBySeed, heldOutLoss, leaksOf, type PresetBySeed } from "./analyse.ts";
import { cellsAt } from "./cells.ts";
import type { ClaimEvidence } from "./claims.ts";
import { intervalOverSeeds, meanOverSeeds } from "./overSeeds.ts";
import type {
  CellDistribution,
  Components,
  Group,
  LayerDetail,
  ModelSummary,
  PresetDetail,
  PresetSummary,
} from "./result.ts";
import { layersOf, siteOfLayer } from "./spec.ts";

function summariseGroup(group: GroupBySeed, identity: Float64Array): Group {
  return {
    layer: group.layer,
    kind: group.kind,
    criterion: {
      maintained: meanOverSeeds(group.maintained),
      ci: intervalOverSeeds(group.maintained),
      null: meanOverSeeds(group.nullShuffle),
      excess: meanOverSeeds(group.excess),
      excessCi: intervalOverSeeds(group.excess),
      kappa: meanOverSeeds(group.kappa),
      kappaCi: intervalOverSeeds(group.kappa),
      nullOtherInit: meanOverSeeds(group.nullOtherInit),
    },
    tuning: {
      r: meanOverSeeds(group.r),
      ci: intervalOverSeeds(group.r),
      nullR: meanOverSeeds(group.nullR),
      nullCi: intervalOverSeeds(group.nullR),
      ceilingR: meanOverSeeds(group.ceilingR),
      ceilingCi: intervalOverSeeds(group.ceilingR),
      preferred: meanOverSeeds(group.preferred),
      preferredNull: meanOverSeeds(group.preferredNull),
    },
    identityRecovery: meanOverSeeds(identity),
    identityCi: intervalOverSeeds(identity),
  };
}

/** Training loss of the last pass over the data, or of the last 16 steps where a run is shorter. */
function lastLosses(main: ArmResult, stepsPerEpoch: number): number[] {
  const last = Math.min(stepsPerEpoch, main.arm.steps);
  return main.losses.map((ofModel) => meanOverSeeds(ofModel.subarray(ofModel.length - last)));
}

const orNull = (value: number) => (Number.isFinite(value) ? value : null);

/** A preset's numbers over seeds, and how they are distributed over them. */
export function summarisePreset(
  analysis: PresetBySeed,
  stepsPerEpoch: number,
  distribution: CellDistribution[] | null,
): PresetSummary {
  const { preset, main, groups, identity, weights } = analysis;
  const { arm, models } = main;
  const floor = taskNamed(arm.task, { dVocab: arm.config.dVocab, nCtx: arm.config.nCtx }).bayesFloor();
  const last = lastLosses(main, stepsPerEpoch);
  const leaks = leaksOf(main);
  return {
    preset,
    seeds: models.map(({ init }) => init),
    steps: arm.steps,
    loss: {
      first: finiteMean(main.losses.map((ofModel) => ofModel[0])),
      last: finiteMean(last),
      heldOut: finiteMean(heldOutLoss(main, main.checkpoints.length - 1)),
      bayesFloor: floor?.causal ?? null,
      leak: leaks.length > 0,
      leakAt: leaks,
    },
    groups: groups.map((group) => summariseGroup(group, identity[group.layer])),
    models: models.map(
      ({ init }, model): ModelSummary => ({
        seed: init,
        finalLoss: orNull(last[model]),
        weights: weights[model],
        divergedAt: main.divergedAt[model],
      }),
    ),
    distribution,
  };
}

/** What the figures of a preset need beside its summary. */
export function detailPreset(analysis: PresetBySeed, summary: PresetSummary): PresetDetail {
  const { main } = analysis;
  const { arm, models, checkpoints } = main;
  const { config } = arm;
  const nPos = config.nCtx - 1;
  const last = checkpoints.length - 1;
  const perModel = (values: Float64Array, size: number) =>
    models.map((_, model) => values.subarray(model * size, (model + 1) * size));
  const heldOut = checkpoints.map((_, at) => heldOutLoss(main, at));
  return {
    summary,
    config,
    task: arm.task,
    checkpoints: checkpoints.map(({ step }) => step),
    loss: {
      train: main.losses,
      heldOut: models.map((_, model) => heldOut.map((ofStep) => ofStep[model])),
      heldOutByPosition: perModel(checkpoints[last].heldOut, nPos),
      floor: taskNamed(arm.task, { dVocab: config.dVocab, nCtx: config.nCtx }).bayesFloor() ?? null,
    },
    layers: layersOf(config.attnOnly ? 0 : config.nLayers).map((layer) => detailLayer(analysis, layer)),
    bySeed: analysis.groups,
    probe: { sequences: arm.probe.blocks * config.dVocab, nPos: arm.probe.nPos, dVocab: config.dVocab },
  };
}

function detailLayer({ main, projection }: PresetBySeed, layer: number): LayerDetail {
  const { arm, models, checkpoints } = main;
  const { config } = arm;
  const site = siteOfLayer(layer);
  const count = models.length;
  const cells = checkpoints.map((checkpoint) => cellsAt(checkpoint, site, main.arm));
  const [first] = cells;
  const last = cells[cells.length - 1];
  const { units } = first;
  const meanR = (partner?: ReturnType<typeof neighbourModel>) =>
    cells.map((now) => unitMeans(tuningCorrelation(first, now, { partner }), count).mean);
  const byModel = (ofSteps: readonly Float64Array[]) =>
    models.map((_, model) => ofSteps.map((of) => of[model]));
  const eta2 = (kind: "token" | "position") =>
    models.map((_, model) =>
      checkpoints.map((checkpoint) =>
        checkpoint.sites[site].eta2[kind].subarray(model * units, (model + 1) * units),
      ),
    );
  const unitR = tuningCorrelation(first, last);
  const size = units * first.dVocab * first.nPos;
  const components = (at: number): Components => {
    const { amount } = checkpoints[at].sites[site];
    const overall = (source: Source) => meanOverSeeds(unitMeans(amount[source], count).mean);
    return {
      token: overall("token"),
      position: overall("position"),
      interaction: overall("interaction"),
      context: overall("context"),
    };
  };
  const prefix = `blocks.${layer}.`;
  const moved = weightDisplacement(
    checkpoints[0].weights,
    checkpoints[checkpoints.length - 1].weights,
    count,
  );
  // matrices only: biases and gains start at a constant. Embeddings are shown with the first layer, the unembedding last
  const belongs = (name: string) =>
    /\.W_[A-Za-z]+$/.test(name) &&
    (name.startsWith(prefix) ||
      (layer === 0 && /embed\.W_(E|pos)$/.test(name)) ||
      (layer === config.nLayers - 1 && name === "unembed.W_U"));
  const shortName = (name: string) => name.slice(name.lastIndexOf(".") + 1);
  return {
    layer,
    eta2: { token: eta2("token"), position: eta2("position") },
    tuningR: byModel(meanR()),
    tuningNullR: byModel(meanR(neighbourModel(count))),
    unitR: models.map((_, model) => unitR.subarray(model * units, (model + 1) * units)),
    projectionNull: projection ?? { token: [], position: [] },
    exemplar: {
      seed: models[0].init,
      units,
      before: Float32Array.from(first.cellMean.subarray(0, size)),
      after: Float32Array.from(last.cellMean.subarray(0, size)),
    },
    components: { before: components(0), after: components(checkpoints.length - 1) },
    displacement: Object.fromEntries(
      [...moved]
        .filter(([name]) => belongs(name))
        .map(([name, { relative }]) => [shortName(name), Array.from(relative)]),
    ),
  };
}

/** Mean eta² at initialisation beside the random-projection null's, for every layer and kind it applies to. */
export function selectivityEvidence(analyses: readonly PresetBySeed[]): ClaimEvidence["selectivity"] {
  return analyses.flatMap(({ preset, main, groups, projection }) => {
    if (projection === undefined) return [];
    return groups.map(({ layer, kind }) => {
      const observed = meanOverSeeds(
        unitMeans(main.checkpoints[0].sites[siteOfLayer(layer)].eta2[kind], main.models.length).mean,
      );
      return { preset, layer, kind, observed, null: meanOverSeeds(projection[kind]) };
    });
  });
}
