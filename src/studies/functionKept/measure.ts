/** What S11 measures of one network: how persistent each unit is, what it is worth, and what resets cost. */
import { inTurn } from "../../base/inTurn.ts";
import { type RandomStream, randomStream } from "../../base/random.ts";
import { heldOut, pickSequences } from "../../data/batches.ts";
import { latinBlocks } from "../../data/probes.ts";
import { taskNamed } from "../../data/registry.ts";
import type { Sequences } from "../../data/types.ts";
import { matchedGroups, withMeanUnits } from "../../features/importance.ts";
import { tuningCorrelation } from "../../features/persistence.ts";
import { fanIns, type ResetCosts, resetCosts, weightGroups } from "../../features/resetTest.ts";
import { siteActivations } from "../../features/siteActivations.ts";
import {
  openVariantLosses,
  overSets,
  type UnitSet,
  type VariantLosses,
} from "../../features/variantLosses.ts";
import type { Backend } from "../../graph/backend.ts";
import { taylorImportance } from "../../interp/ablation.ts";
import { lossMetric } from "../../interp/metrics.ts";
import { type Network, openNetwork } from "../../interp/network.ts";
import type { ModelConfig } from "../../model/config.ts";
import { hook } from "../../model/hookPoints.ts";
import { initialWeights } from "../../model/init.ts";
import { type Weights, weightsOfModel } from "../../model/weights.ts";
import { streams } from "../population/arm.ts";
import { growNetworks, unborn } from "../population/growth.ts";
import { openTuning } from "../population/lookInside.ts";
import type { MeasureContext } from "../protocol/study.ts";
import type { FunctionArm } from "./arms.ts";
import { GROUP } from "./plan.ts";

/** One layer of a network; arrays are [unit], losses in nats. NaN is a unit without tuning before or after. */
export interface LayerTold {
  /** Correlation of the cell means after training with those before. */
  readonly r: Float64Array;
  /** Variance over the probe after training. */
  readonly variance: Float64Array;
  /** What resampling the unit costs, on either half of the unseen sequences. */
  readonly importance: readonly [Float64Array, Float64Array];
  /** What the unit's mean in its place costs. */
  readonly meanAblation: Float64Array;
  /** Size of the first-order cost of its mean, after and before training. */
  readonly taylor: Float64Array;
  readonly taylorBefore: Float64Array;
  /** Resetting the unit's fan-in. */
  readonly fanIn: ResetCosts;
  readonly groups: GroupsTold;
}

/** Cost of resampling groups of {@link GROUP} units together. */
export interface GroupsTold {
  /** The most and the least persistent unit of every stratum of variance. */
  readonly persistent: number;
  readonly changed: number;
  /** The same with the units at their mean. */
  readonly persistentMean: number;
  readonly changedMean: number;
  /** The most and the least persistent units of all. */
  readonly persistentOfAll: number;
  readonly changedOfAll: number;
  /** One unit of every stratum at random, [draw]. */
  readonly random: Float64Array;
  /** Mean r of the matched groups, and the ratio of their mean variances, persistent to changed. */
  readonly r: readonly [persistent: number, changed: number];
  readonly varianceRatio: number;
}

/** What one seed of S11 tells. */
export interface FunctionTold {
  readonly seed: number;
  readonly divergedAt: number | null;
  /** Loss on the unseen sequences before and after training, nats. */
  readonly loss: { readonly before: number; readonly after: number };
  /** Names of the weight groups, in the order of {@link groupResets}. */
  readonly groupNames: readonly string[];
  readonly groupResets: ResetCosts;
  /** Empty where the network diverged. */
  readonly layers: readonly LayerTold[];
}

/** Measures some seeds of an arm. */
export async function measure(
  arm: FunctionArm,
  seeds: readonly number[],
  { backend, progress }: MeasureContext,
): Promise<FunctionTold[]> {
  const { growth } = arm;
  const { config, study } = growth;
  const initial = unborn(growth, seeds);
  const { weights: trained, divergedAt } = await growNetworks(
    backend,
    growth,
    seeds.map((seed) => ({ init: seed, data: seed })),
    { progress: (step, loss) => progress((0.1 * step) / growth.steps, loss) },
  );
  const halves = unseenHalves(arm);
  const tuning = await tuningOfUnits(backend, arm, [initial, trained]);
  const [before, after] = await inTurn([initial, trained], async (weights) =>
    gradientImportance(backend, config, weights, halves),
  );
  const meter = openVariantLosses(backend, config, {
    ...{ sets: halves, partners: arm.partners, stream: randomStream(study, "partners") },
  });
  try {
    return await inTurn(seeds, async (seed, model): Promise<FunctionTold> => {
      const one = {
        ...{ arm, seed, meter, stream: randomStream(study, seed, arm.name) },
        trained: weightsOfModel(config, trained, model),
        initial: weightsOfModel(config, initial, model),
      };
      const fresh = freshDraws(arm, seed);
      const parts = weightGroups(config);
      const told = divergedAt[model] === null;
      const groupResets = await resetCosts(meter, {
        ...{ ...one, fresh, near: arm.groupDraws, parts: told ? parts : [] },
        stream: one.stream.child("groups"),
      });
      const [[lossBefore]] = [overSets(await meter.plain([one.initial]))];
      const layers = await inTurn(
        Array.from({ length: told ? config.nLayers : 0 }, (_, i) => i),
        async (_, layer) => {
          const mine = (values: Float64Array) => values.slice(model * config.dMlp, (model + 1) * config.dMlp);
          return layerTold(one, layer, {
            r: mine(tuning[layer].r),
            variance: mine(tuning[layer].variance),
            taylor: mine(after[layer].taylor),
            taylorBefore: mine(before[layer].taylor),
            means: mine(after[layer].means),
            fresh,
          });
        },
      );
      progress(0.1 + (0.9 * (model + 1)) / seeds.length, groupResets.loss);
      return {
        ...{ seed, divergedAt: divergedAt[model], layers, groupResets },
        loss: { before: lossBefore, after: groupResets.loss },
        groupNames: told ? parts.map(({ name }) => name) : [],
      };
    });
  } finally {
    meter.close();
  }
}

/** Sequences that no network was trained on, in two halves; the same for all networks. */
function unseenHalves({ growth, unseen }: FunctionArm): [Sequences, Sequences] {
  const { study, task, config } = growth;
  const all = heldOut(
    taskNamed(task, { dVocab: config.dVocab, nCtx: config.nCtx }),
    streams.heldOut(study),
    2 * unseen,
  );
  const half = (which: number) =>
    pickSequences(
      all,
      Int32Array.from({ length: unseen }, (_, i) => 2 * i + which),
    );
  return [half(0), half(1)];
}

interface UnitTuning {
  /** [model, unit] */
  r: Float64Array;
  variance: Float64Array;
}

async function tuningOfUnits(
  backend: Backend,
  { growth: { study, config }, blocks }: FunctionArm,
  [initial, trained]: readonly Weights[],
): Promise<UnitTuning[]> {
  const probe = latinBlocks({
    ...{ dVocab: config.dVocab, nPos: config.nCtx - 1, blocks },
    stream: randomStream(...streams.probe(study)),
  });
  const models = trained["embed.W_E"].length / (config.dVocab * config.dModel);
  const look = openTuning(backend, config, models, { sites: [hook.mlpPost("all")], probe });
  try {
    const early = await look.measure(initial);
    const late = await look.measure(trained);
    return [...late].map(([site, curves]) => ({
      r: tuningCorrelation(early.get(site) ?? curves, curves),
      variance: curves.totalSS.map((squares) => squares / (probe.count * probe.nPos)),
    }));
  } finally {
    look.close();
  }
}

interface GradientImportance {
  /** | mean over sequences of the first-order cost of the unit's mean |, [model, unit], nats. */
  taylor: Float64Array;
  /** Mean activation of every unit, [model, unit]. */
  means: Float64Array;
}

async function gradientImportance(
  backend: Backend,
  config: ModelConfig,
  weights: Weights,
  halves: readonly Sequences[],
): Promise<GradientImportance[]> {
  const [{ nPos }] = halves;
  const rows = (values: (half: Sequences) => Int32Array) =>
    halves.flatMap((half) =>
      Array.from({ length: half.count }, (_, row) => [
        ...values(half).subarray(row * nPos, (row + 1) * nPos),
      ]),
    );
  const network = openNetwork(backend, config, weights);
  try {
    const inputs = rows(({ inputs }) => inputs);
    const metric = lossMetric(rows(({ targets }) => targets));
    return await inTurn(
      Array.from({ length: config.nLayers }, (_, i) => i),
      async (_, layer) => {
        const over = [hook.mlpPost(layer)];
        const { impact } = await taylorImportance(network, inputs, {
          over,
          by: ["unit"],
          how: "mean",
          metric,
        });
        return {
          taylor: Float64Array.from(impact.estimate.data, Math.abs),
          means: await unitMeansOf(network, inputs, layer),
        };
      },
    );
  } finally {
    network.close();
  }
}

/** Mean activation of every unit over sequences and positions, [model, unit]. */
async function unitMeansOf(
  network: Network,
  inputs: readonly number[][],
  layer: number,
): Promise<Float64Array> {
  const { dMlp } = network.config;
  const sequences = { tokens: Int32Array.from(inputs.flat()), count: inputs.length, nPos: inputs[0].length };
  const site = hook.mlpPost(layer);
  const means = new Float64Array(network.models * dMlp);
  for (const [model, activations] of (await siteActivations(network, sequences, [site])).entries()) {
    const values = activations.get(site) ?? [];
    for (let at = 0; at < values.length; at++)
      means[model * dMlp + (at % dMlp)] += values[at] / sequences.tokens.length;
  }
  return means;
}

/** Networks that the same law would have drawn instead. */
function freshDraws({ growth: { study, config, init }, groupDraws }: FunctionArm, seed: number): Weights[] {
  return Array.from({ length: groupDraws }, (_, draw) =>
    initialWeights(config, init, randomStream(study, seed, "fresh init", draw)),
  );
}

/** One network and what it is measured with. */
interface Subject {
  arm: FunctionArm;
  trained: Weights;
  initial: Weights;
  meter: VariantLosses;
  stream: RandomStream;
}

async function layerTold(
  subject: Subject,
  layer: number,
  given: Pick<LayerTold, "r" | "variance" | "taylor" | "taylorBefore"> & {
    means: Float64Array;
    fresh: readonly Weights[];
  },
): Promise<LayerTold> {
  const { arm, trained, meter } = subject;
  const { config } = arm.growth;
  const { means, fresh, ...measured } = given;
  const units = Array.from({ length: config.dMlp }, (_, unit) => unit);
  const cost = await costs(subject);
  const importance = await cost.resampled(units.map((unit) => ({ layer, units: [unit] })));
  return {
    ...measured,
    importance: [importance[0], importance[1]],
    meanAblation: await cost.meaned(
      units.map((unit) => ({ layer, units: [unit] })),
      means,
    ),
    fanIn: await resetCosts(meter, {
      ...{ trained, initial: subject.initial, parts: fanIns(config, layer) },
      ...{ fresh: fresh.slice(0, arm.unitDraws.fresh), near: arm.unitDraws.near },
      stream: subject.stream.child("fan-in"),
    }),
    groups: await groupsTold(subject, layer, given),
  };
}

/** What ablations cost: loss less that of the intact network. */
async function costs({ arm, meter, trained }: Subject) {
  const { config } = arm.growth;
  const intact = await meter.plain([trained]);
  return {
    /** [set][group] */
    resampled: async (sets: readonly UnitSet[]) =>
      (await meter.resampled(sets.map((silenced) => ({ weights: trained, silenced })))).map((losses, set) =>
        losses.map((loss) => loss - intact[set][0]),
      ),
    /** [group] */
    meaned: async (sets: readonly UnitSet[], means: Float64Array) => {
      const [base] = overSets(intact);
      return overSets(await meter.plain(sets.map((set) => withMeanUnits(config, trained, set, means)))).map(
        (loss) => loss - base,
      );
    },
  };
}

async function groupsTold(
  subject: Subject,
  layer: number,
  { r, variance, means }: { r: Float64Array; variance: Float64Array; means: Float64Array },
): Promise<GroupsTold> {
  const { strata, highest, lowest } = matchedGroups(r, variance, GROUP);
  const ranked = strata.flat().sort((a, b) => r[b] - r[a]);
  const draws = subject.stream.child("random groups", layer);
  const random = Array.from({ length: subject.arm.randomGroups }, () =>
    strata.map((of) => of[draws.integer(of.length)]),
  );
  const sets = [highest, lowest, ranked.slice(0, GROUP), ranked.slice(-GROUP), ...random];
  const cost = await costs(subject);
  const [persistent, changed, persistentOfAll, changedOfAll, ...ofRandom] = overSets(
    await cost.resampled(sets.map((units) => ({ layer, units }))),
  );
  const [persistentMean, changedMean] = await cost.meaned(
    [highest, lowest].map((units) => ({ layer, units })),
    means,
  );
  const average = (values: Float64Array, units: readonly number[]) =>
    units.reduce((sum, unit) => sum + values[unit], 0) / units.length;
  return {
    ...{ persistent, changed, persistentOfAll, changedOfAll, persistentMean, changedMean },
    random: Float64Array.from(ofRandom),
    r: [average(r, highest), average(r, lowest)],
    varianceRatio: average(variance, highest) / average(variance, lowest),
  };
}
