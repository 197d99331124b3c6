/** What S8 measures of one network: how much each layer keeps, and what of the loss is its own doing. */
import { inTurn } from "../../base/inTurn.ts";
import { randomStream } from "../../base/random.ts";
import { latinBlocks } from "../../data/probes.ts";
import { tuningCorrelation } from "../../features/persistence.ts";
import { swapDecomposition } from "../../features/swapDecomposition.ts";
import type { TuningCurves } from "../../features/tuningCurves.ts";
import { unitMeans } from "../../features/unitMeans.ts";
import { hook } from "../../model/hookPoints.ts";
import { initialPopulation } from "../../model/init.ts";
import { streams } from "../population/arm.ts";
import { growNetworks, unborn } from "../population/growth.ts";
import { openTuning } from "../population/lookInside.ts";
import type { MeasureContext } from "../protocol/study.ts";
import type { HierarchyArm } from "./arms.ts";
import { fanInDisplacement } from "./rates.ts";

/** One layer of a network. */
export interface LayerTold {
  /** Mean artanh r over units. */
  readonly z: number;
  /** Mean r over units with own block trained, with all before it trained, with both. */
  readonly own: number;
  readonly upstream: number;
  readonly both: number;
  /** Own part and upstream part of the lost 1 − r, by Shapley. */
  readonly lost: { readonly own: number; readonly upstream: number };
  /** Mean r against the initial tuning of another network, unit by unit. */
  readonly stranger: number;
  /** Row-wise displacement of W_in, of its initial length. */
  readonly displacement: number;
  /** Units whose tuning cannot be compared. */
  readonly dead: number;
}

/** What one seed of an arm of S8 tells. */
export interface HierarchyTold {
  readonly seed: number;
  readonly divergedAt: number | null;
  /** Mean training loss over the last 32 steps, nats. */
  readonly loss: number;
  readonly layers: readonly LayerTold[];
}

/** Steps whose training losses are averaged. */
const LAST = 32;

/** Measures some seeds of an arm. */
export async function measure(
  { growth, blocks }: HierarchyArm,
  seeds: readonly number[],
  { backend, progress }: MeasureContext,
): Promise<HierarchyTold[]> {
  const { study, config, init } = growth;
  const before = unborn(growth, seeds);
  const {
    weights: after,
    divergedAt,
    losses,
  } = await growNetworks(
    backend,
    growth,
    seeds.map((seed) => ({ init: seed, data: seed })),
    { progress: (step, loss) => progress((0.9 * step) / growth.steps, loss) },
  );
  const strangers = initialPopulation(
    config,
    init,
    seeds.map((seed) => randomStream(study, seed, "stranger")),
  );
  const probe = latinBlocks({
    ...{ dVocab: config.dVocab, nPos: config.nCtx - 1, blocks },
    stream: randomStream(...streams.probe(study)),
  });
  const look = openTuning(backend, config, seeds.length, { sites: [hook.mlpPost("all")], probe });
  try {
    const swaps = await swapDecomposition(config, { before, after }, look.measure);
    const [own, now, other] = await inTurn([before, after, strangers], look.measure);
    const displacement = fanInDisplacement(config, before, after);
    const byLayer = swaps.map((swap) => {
      const of = (tuning: typeof own) => tuning.get(hook.mlpPost(swap.layer)) as TuningCurves;
      const r = tuningCorrelation(of(own), of(now));
      return {
        swap,
        z: unitMeans(r.map(Math.atanh), seeds.length).mean,
        stranger: unitMeans(tuningCorrelation(of(other), of(now)), seeds.length).mean,
      };
    });
    progress(1, Number.NaN);
    return seeds.map((seed, model) => ({
      ...{ seed, divergedAt: divergedAt[model] },
      loss: losses.slice(-LAST).reduce((sum, of) => sum + of[model], 0) / Math.min(LAST, losses.length),
      layers: byLayer.map(({ swap: { layer, r, split, units }, z, stranger }) => ({
        ...{ z: z[model], stranger: stranger[model], displacement: displacement[layer][model] },
        ...{ own: r.own[model], upstream: r.upstream[model], both: r.both[model] },
        lost: { own: split[model].first, upstream: split[model].second },
        dead: config.dMlp - units[model],
      })),
    }));
  } finally {
    look.close();
  }
}
