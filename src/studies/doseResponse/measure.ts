/** What every network of S5 tells: a few numbers a checkpoint, and nothing that it was computed from. */
import { randomStream } from "../../base/random.ts";
import { heldOut } from "../../data/batches.ts";
import { latinBlocks } from "../../data/probes.ts";
import { taskNamed } from "../../data/registry.ts";
import { scoredMean } from "../../data/scored.ts";
import type { BayesFloor } from "../../data/types.ts";
import {
  displacementRank,
  functionDisplacement,
  identityRecovery,
  networkDisplacement,
  pooledDisplacement,
  type TuningCurves,
  tuningCorrelation,
  unitDisplacement,
  unitMeans,
  weightDisplacement,
} from "../../features/index.ts";
import type { Backend } from "../../graph/backend.ts";
import type { Shape } from "../../graph/node.ts";
import { forward, openNetwork } from "../../interp/index.ts";
import { type ModelConfig, type Weights, weightShapes } from "../../model/index.ts";
import { streams } from "../population/arm.ts";
import { type Growth, growNetworks, lossesOf, unborn } from "../population/growth.ts";
import { openTuning } from "../population/lookInside.ts";
import type { MeasureContext } from "../protocol/study.ts";
import type { DoseArm } from "./arms.ts";

/** Courses of one layer's units and weights; every array is [checkpoint]. */
export interface LayerCourse {
  /** Mean over units of the correlation with their own cell means before training, post-ReLU. */
  readonly r: Float64Array;
  /** The same before the ReLU. */
  readonly rPre: Float64Array;
  /** What r would be with units shuffled. */
  readonly chance: Float64Array;
  /** r with another network's initialisation, unit index by unit index. */
  readonly stranger: Float64Array;
  /** Share of units that are matched to themselves. */
  readonly recovered: Float64Array;
  /** Root mean square of ‖ΔW‖/‖W₀‖ over the matrices that the layer's units are computed from. */
  readonly displacement: Float64Array;
  /** ‖ΔW‖/‖W₀‖ of W_in alone. */
  readonly own: Float64Array;
  /** Mean over units of the cosine of their fan-in with itself before training. */
  readonly fanInCosine: Float64Array;
  /** Effective rank of the displacement of W_in. */
  readonly rank: Float64Array;
}

/** What one network tells; arrays are [checkpoint]. */
export interface DoseTold {
  readonly steps: readonly number[];
  /** Expected loss on unseen sequences, nats. */
  readonly loss: Float64Array;
  /** (L₀ − L)/(L₀ − L_Bayes). */
  readonly progress: Float64Array;
  /** ‖θ − θ₀‖/‖θ₀‖. */
  readonly network: Float64Array;
  /** Relative change of the logits on the probe. */
  readonly logits: Float64Array;
  /** Mean KL from the answers before training, nats. */
  readonly kl: Float64Array;
  readonly layers: readonly LayerCourse[];
  readonly divergedAt: number | null;
}

const SITES = ["blocks.*.mlp.hook_post", "blocks.*.mlp.hook_pre"] as const;

/** Grows the networks of an arm and reduces them to numbers at every checkpoint. */
export async function measure(
  arm: DoseArm,
  seeds: readonly number[],
  { backend, progress }: MeasureContext,
): Promise<DoseTold[]> {
  const { growth } = arm;
  const looks: Look[] = [];
  const viewer = await openViewer(backend, arm, seeds);
  try {
    const { divergedAt } = await growNetworks(
      backend,
      growth,
      seeds.map((seed) => ({ init: seed, data: seed })),
      {
        progress: (step, loss) => progress(step / growth.steps, loss),
        look: async (_, weights) => {
          looks.push(await viewer.look(weights));
        },
      },
    );
    return seeds.map((_, model) => {
      const course = (pick: (look: Look) => Float64Array) =>
        Float64Array.from(looks, (look) => pick(look)[model]);
      const loss = course((look) => look.loss);
      return {
        ...{ steps: growth.checkpoints, loss, divergedAt: divergedAt[model] },
        progress: loss.map((now) => (loss[0] - now) / (loss[0] - viewer.floor)),
        network: course((look) => look.network),
        logits: course((look) => look.logits),
        kl: course((look) => look.kl),
        layers: Array.from({ length: growth.config.nLayers }, (_, layer) => ({
          r: course(({ layers }) => layers[layer].r),
          rPre: course(({ layers }) => layers[layer].rPre),
          chance: course(({ layers }) => layers[layer].chance),
          stranger: course(({ layers }) => layers[layer].stranger),
          recovered: course(({ layers }) => layers[layer].recovered),
          displacement: course(({ layers }) => layers[layer].displacement),
          own: course(({ layers }) => layers[layer].own),
          fanInCosine: course(({ layers }) => layers[layer].fanInCosine),
          rank: course(({ layers }) => layers[layer].rank),
        })),
      };
    });
  } finally {
    viewer.close();
  }
}

/** What is left of networks at one checkpoint; every array is [model]. */
interface Look {
  readonly loss: Float64Array;
  readonly network: Float64Array;
  readonly logits: Float64Array;
  readonly kl: Float64Array;
  readonly layers: readonly Readonly<Record<keyof LayerCourse, Float64Array>>[];
}

/** Compares weights with those before training. */
interface Viewer {
  look(weights: Weights): Promise<Look>;
  /** Exact Bayes floor of the loss, nats. */
  readonly floor: number;
  close(): void;
}

async function openViewer(
  backend: Backend,
  { growth, blocks, heldOut: count }: DoseArm,
  seeds: readonly number[],
): Promise<Viewer> {
  const { config, study } = growth;
  const models = seeds.length;
  const probe = latinBlocks({
    ...{ dVocab: config.dVocab, nPos: config.nCtx - 1, blocks },
    stream: randomStream(...streams.probe(study)),
  });
  const { sequences, floor, expected } = expectedLoss(growth, count);
  const start = unborn(growth, seeds);
  const network = openNetwork(backend, config, start);
  const logitsOf = async (weights: Weights) => {
    network.writeWeights(weights);
    return (await forward(network, { data: probe.tokens, batch: probe.count, pos: probe.nPos })).data;
  };
  const said = await logitsOf(start);
  const tuning = openTuning(backend, config, models, { sites: SITES, probe });
  const before = await tuning.measure(start);
  const strangers = await tuning.measure(unborn({ ...growth, study: `${study}, strangers` }, seeds));
  const layers = Array.from({ length: config.nLayers }, (_, layer) => layer);
  return {
    look: async (weights) => {
      const now = await tuning.measure(weights);
      const moved = weightDisplacement(start, weights, models);
      const change = functionDisplacement(said, await logitsOf(weights), { models, dVocab: config.dVocab });
      return {
        loss: expected(await lossesOf(backend, config, weights, sequences)),
        network: networkDisplacement(start, weights, models),
        ...{ logits: change.relative, kl: change.kl },
        layers: layers.map((layer) => {
          const name = `blocks.${layer}.mlp.W_in`;
          const shape = weightShapes(config).get(name) as Shape;
          const fanIn = unitDisplacement(start[name], weights[name], { shape, axis: 1 });
          return {
            ...keptOf(layer, { before, now, strangers }),
            displacement: pooledDisplacement(moved, upstream(config, layer)),
            own: pooledDisplacement(moved, [name]),
            fanInCosine: unitMeans(fanIn.cosine, models).mean,
            rank: displacementRank(name, start[name], weights[name], shape),
          };
        }),
      };
    },
    floor,
    close: () => {
      tuning.close();
      network.close();
    },
  };
}

type Curves = ReadonlyMap<string, TuningCurves>;

/** What is left of a layer's tuning, [model] each. */
function keptOf(layer: number, { before, now, strangers }: Record<"before" | "now" | "strangers", Curves>) {
  const [post, pre] = SITES.map((site) => site.replace("*", String(layer)));
  const of = (curves: Curves, site: string) => curves.get(site) as TuningCurves;
  const meanR = (first: Curves, site: string) =>
    unitMeans(tuningCorrelation(of(first, site), of(now, site)), of(now, site).models).mean;
  const { recovered, shuffledMean } = identityRecovery(of(before, post), of(now, post));
  return {
    ...{ r: meanR(before, post), rPre: meanR(before, pre), stranger: meanR(strangers, post) },
    ...{ recovered, chance: shuffledMean },
  };
}

/** Matrices that the units of a layer are computed from. */
function upstream(config: ModelConfig, layer: number): string[] {
  const names = [...weightShapes(config).keys()].filter((name) => name.includes(".W_"));
  return names.slice(0, names.indexOf(`blocks.${layer}.mlp.W_in`) + 1);
}

/**
 * From losses on some unseen sequences to expected losses: the best predictor's loss is known on both, exactly, and the
 * luck of the draw that it shows is taken off.
 *
 *   L = L(sample) − L_Bayes(sample) + L_Bayes
 */
function expectedLoss({ study, task: name, config }: Growth, count: number) {
  const task = taskNamed(name, { dVocab: config.dVocab, nCtx: config.nCtx });
  const sequences = heldOut(task, streams.heldOut(study), count);
  const floor = (task.bayesFloor() as BayesFloor).causal;
  const luck = scoredMean(task.bayesLoss(sequences) as Float64Array, sequences.scored) - floor;
  const expected = (losses: Float64Array) => losses.map((loss) => loss - luck);
  return { sequences, floor, expected };
}
