/** What every network of S4 tells: both measures of every kind of tuning, and the curves of a few units to look at. */
import { randomStream } from "../../base/random.ts";
import { heldOut } from "../../data/batches.ts";
import { latinBlocks } from "../../data/probes.ts";
import { taskNamed } from "../../data/registry.ts";
import {
  identityRecovery,
  originalCriterion,
  preferenceKept,
  type TuningCurves,
  tuningCorrelation,
  unitCurves,
  unitMeans,
  varianceComponents,
  weightDisplacement,
} from "../../features/index.ts";
import { streams } from "../population/arm.ts";
import { growNetworks, lossesOf, unborn } from "../population/growth.ts";
import { openTuning } from "../population/lookInside.ts";
import type { MeasureContext } from "../protocol/study.ts";
import type { ScaleArm } from "./arms.ts";
import { keptAbove } from "./plan.ts";

/** What units can be tuned to. */
export const kinds = ["token", "position"] as const;
export type Kind = (typeof kinds)[number];

/** One kind of tuning in one layer of one network. */
export interface CellTold {
  readonly layer: number;
  readonly kind: Kind;
  /** Share of the tracked units that the original criterion calls maintained. */
  readonly maintained: number;
  /** What it would be with the units of the trained layer shuffled. */
  readonly base: number;
  /** What it is of the units that are the most selective in another network's initialisation. */
  readonly strangerBase: number;
  /** Share of the tracked units with r > 0.7. */
  readonly trackedKept: number;
  /** Mean r of the tracked units. */
  readonly trackedR: number;
  /** Mean r of all units. */
  readonly r: number;
  /** Mean r with another network's initialisation. */
  readonly stranger: number;
  /** Share of all units that still prefer the same token or position. */
  readonly preferred: number;
}

/** A tracked unit, before and after training. */
export interface TrackedUnit {
  readonly unit: number;
  /** Share of variance that tokens explain. */
  readonly eta2: readonly [before: number, after: number];
  readonly r: number;
  /** Token curves, [token]. */
  readonly before: Float64Array;
  readonly after: Float64Array;
}

/** What one network tells. */
export interface ScaleTold {
  /** On unseen sequences, nats. */
  readonly loss: number;
  /** ‖ΔW_E‖ / ‖W_E‖. */
  readonly displacement: number;
  /** Share of units that are matched to themselves, [layer]. */
  readonly recovered: readonly number[];
  readonly cells: readonly CellTold[];
  /** Units of layer 0 that are tracked for tokens, most selective first. */
  readonly tracked: readonly TrackedUnit[];
  readonly divergedAt: number | null;
}

const SITE = "blocks.*.mlp.hook_post";

/** Grows the networks of an arm and compares their units before and after. */
export async function measure(
  { growth, blocks, heldOut: count }: ScaleArm,
  seeds: readonly number[],
  { backend, progress }: MeasureContext,
): Promise<ScaleTold[]> {
  const { config, study, steps, task } = growth;
  const models = seeds.length;
  const start = unborn(growth, seeds);
  const { weights, divergedAt } = await growNetworks(
    backend,
    growth,
    seeds.map((seed) => ({ init: seed, data: seed })),
    { progress: (step, loss) => progress(step / steps, loss) },
  );
  const probe = latinBlocks({
    ...{ dVocab: config.dVocab, nPos: config.nCtx - 1, blocks },
    stream: randomStream(...streams.probe(study)),
  });
  const unseen = heldOut(taskNamed(task, config), streams.heldOut(study), count);
  const losses = await lossesOf(backend, config, weights, unseen);
  const moved = weightDisplacement(start, weights, models).get("embed.W_E")?.relative as Float64Array;
  const tuning = openTuning(backend, config, models, { sites: [SITE], probe });
  try {
    const [before, after, stranger] = [
      await tuning.measure(start),
      await tuning.measure(weights),
      await tuning.measure(unborn({ ...growth, study: `${study}, strangers` }, seeds)),
    ].map((look) => [...look.values()]); // [layer]
    const layers = before.map((_, layer) =>
      layerOf(layer, { before: before[layer], after: after[layer], stranger: stranger[layer] }),
    );
    return seeds.map((_, model) => ({
      ...{ loss: losses[model], displacement: moved[model], divergedAt: divergedAt[model] },
      recovered: layers.map(({ recovered }) => recovered[model]),
      cells: layers.flatMap(({ cells }) => cells[model]),
      tracked: layers[0].tracked[model],
    }));
  } finally {
    tuning.close();
  }
}

/** The same layer of the networks before and after training, and of strangers before it. */
interface LayerLooks {
  readonly before: TuningCurves;
  readonly after: TuningCurves;
  readonly stranger: TuningCurves;
}

function layerOf(layer: number, looks: LayerLooks) {
  const parts = kinds.map((kind) => kindOf(layer, kind, looks));
  return {
    recovered: identityRecovery(looks.before, looks.after).recovered,
    cells: Array.from({ length: looks.before.models }, (_, model) => parts.map(({ cells }) => cells[model])),
    tracked: parts[0].tracked,
  };
}

function kindOf(layer: number, kind: Kind, { before, after, stranger }: LayerLooks) {
  const { models, units } = before;
  const [first, last, other] = [before, after, stranger].map((look) => varianceComponents(look).eta2[kind]);
  const criterion = originalCriterion(first, last, models);
  const strangers = originalCriterion(other, last, models);
  const r = tuningCorrelation(before, after, { kind });
  const means = {
    r: unitMeans(r, models).mean,
    stranger: unitMeans(tuningCorrelation(stranger, after, { kind }), models).mean,
    preferred: unitMeans(preferenceKept(before, after, kind), models).mean,
  };
  const [curves, later] = [before, after].map((look) => unitCurves(look)[kind]);
  const tracked = criterion.tracked.map((of, model) =>
    Array.from(of, (unit): TrackedUnit => {
      const at = model * units + unit;
      const curveOf = ({ values, length }: typeof curves) => values.slice(at * length, (at + 1) * length);
      return {
        ...{ unit, eta2: [first[at], last[at]], r: r[at] },
        ...{ before: curveOf(curves), after: curveOf(later) },
      };
    }),
  );
  const cells = tracked.map((of, model): CellTold => {
    const kept = of.filter((unit) => unit.r > keptAbove).length; // a unit that died (NaN) has not kept its tuning
    const alive = of.map((unit) => unit.r).filter(Number.isFinite);
    return {
      ...{ layer, kind, maintained: criterion.maintained[model], base: criterion.nullShuffle[model] },
      ...{ strangerBase: strangers.maintained[model], trackedKept: kept / of.length },
      trackedR: alive.reduce((total, value) => total + value, 0) / alive.length,
      ...{ r: means.r[model], stranger: means.stranger[model], preferred: means.preferred[model] },
    };
  });
  return { cells, tracked };
}
