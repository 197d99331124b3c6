/** Networks with their strangers and twins, before and after training: what a seed tells of its units. */
import { inTurn } from "../../base/inTurn.ts";
import { randomStream } from "../../base/random.ts";
import { latinBlocks } from "../../data/probes.ts";
import type { TuningCurves } from "../../features/index.ts";
import type { SiteSelector } from "../../model/hookPoints.ts";
import { modelCount, type Weights } from "../../model/weights.ts";
import { streams } from "../population/arm.ts";
import { growNetworks } from "../population/growth.ts";
import { openTuning } from "../population/lookInside.ts";
import { type ScreenedLayer, screenUnits } from "../population/screenUnits.ts";
import type { MeasureContext } from "../protocol/study.ts";
import type { PersistenceArm } from "./arms.ts";
import { type GroupTold, groupsTold, kappas, type LayerTold, type Looks, layersTold } from "./compare.ts";
import { plan } from "./plan.ts";

/** What one seed tells; where any of its networks diverged, its numbers mean nothing. */
export interface PersistenceTold {
  readonly diverged: boolean;
  /** In the order of the plan's groups. */
  readonly groups: readonly GroupTold[];
  /** Kappas on a probe with the eighth position, which the original probed and never trained. */
  readonly kappaUntrained: readonly number[];
  readonly layers: readonly LayerTold[];
  /** Permutation tests, [before, after][layer]. */
  readonly screened: readonly (readonly ScreenedLayer[])[];
}

/** From the seed of a network to that of its stranger's initialisation, and of its twin's data. */
const OTHER = 10_000;
const units: SiteSelector = "blocks.*.mlp.hook_post";

/** Grows and measures some seeds. */
export async function measurePersistence(
  arm: PersistenceArm,
  seeds: readonly number[],
  { backend, progress }: MeasureContext,
): Promise<PersistenceTold[]> {
  const { growth, blocks, permuted } = arm;
  const { config, steps } = growth;
  const looks: Weights[] = [];
  // networks, then strangers, then twins
  const { divergedAt } = await growNetworks(
    backend,
    growth,
    [
      ...seeds.map((seed) => ({ init: seed, data: seed })),
      ...seeds.map((seed) => ({ init: seed + OTHER, data: seed })),
      ...seeds.map((seed) => ({ init: seed, data: seed + OTHER })),
    ],
    {
      look: (_, weights) => {
        looks.push(weights);
      },
      progress: (step, loss) => progress((0.6 * step) / steps, loss),
    },
  );
  const look = async (nPos: number, sites: readonly SiteSelector[]): Promise<Looks> => {
    const stream = randomStream(...streams.probe(plan.name));
    const probe = latinBlocks({ dVocab: config.dVocab, nPos, blocks, stream });
    const tuning = openTuning(backend, config, modelCount(config, looks[0]), { sites, probe });
    try {
      const [before, after] = await inTurn(
        looks,
        async (weights): Promise<ReadonlyMap<string, TuningCurves>> => tuning.measure(weights),
      );
      return { seeds: seeds.length, before, after };
    } finally {
      tuning.close();
    }
  };
  const trained = await look(config.nCtx - 1, ["blocks.*.hook_resid_mid", "blocks.*.mlp.hook_pre", units]);
  const groups = groupsTold(trained);
  const layers = layersTold(trained);
  const kappaUntrained = kappas(await look(config.nCtx, [units]));
  progress(0.8, Number.NaN);
  const small = latinBlocks({
    ...{ dVocab: config.dVocab, nPos: config.nCtx - 1, blocks: permuted.blocks },
    stream: randomStream(plan.name, "permutation probe"),
  });
  const screens = await inTurn(looks, async (weights) =>
    screenUnits(backend, config, weights, {
      ...{ study: plan.name, probe: small, permutations: permuted.permutations },
      seeds: new Map(seeds.entries()),
    }),
  );
  return seeds.map((seed, model) => ({
    diverged: [0, 1, 2].some((kin) => divergedAt[kin * seeds.length + model] !== null),
    groups: groups.map((of) => of[model]),
    kappaUntrained: kappaUntrained.map((of) => of[model]),
    layers: layers.map((of) => of[model]),
    screened: screens.map((of) => of.get(seed) ?? []),
  }));
}
