/** Grows networks of S9 and measures how tokens and positions persist. */
import { randomStream } from "../../base/random.ts";
import { heldOut } from "../../data/batches.ts";
import { latinBlocks } from "../../data/probes.ts";
import { taskNamed } from "../../data/registry.ts";
import { originalCriterion } from "../../features/criterion.ts";
import { tuningCorrelation } from "../../features/persistence.ts";
import type { TuningCurves } from "../../features/tuningCurves.ts";
import { unitMeans } from "../../features/unitMeans.ts";
import { varianceComponents } from "../../features/varianceComponents.ts";
import type { Weights } from "../../model/weights.ts";
import { streams } from "../population/arm.ts";
import { growNetworks, lossesOf, unborn } from "../population/growth.ts";
import { openTuning } from "../population/lookInside.ts";
import type { MeasureContext } from "../protocol/study.ts";
import type { TokenOrPositionArm } from "./arms.ts";
import { layers, type Measure } from "./plan.ts";

/** The two factors that are compared. */
export const factors = ["token", "position"] as const;
/** One of {@link factors}. */
export type Factor = (typeof factors)[number];

/** Persistence of one factor in one layer of one network. */
export interface FactorTold {
  /** Correlation of the curves with those at initialisation, mean over neurons, [checkpoint]. */
  readonly r: readonly number[];
  /** The same of the trained curves with another seed's at initialisation. */
  readonly nullR: number;
  /** Maintained share of the neurons followed by the original criterion, and the same beyond chance. */
  readonly raw: number;
  readonly kappa: number;
  /** Cross-validated variance, mean over neurons, before and after. */
  readonly before: number;
  readonly after: number;
}

export interface TokenOrPositionTold {
  readonly divergedAt: number | null;
  readonly steps: readonly number[];
  /** On unseen sequences, nats. */
  readonly loss: number;
  /** [layer] */
  readonly layers: readonly Readonly<Record<Factor, FactorTold>>[];
}

/** Seeds this far apart are strangers. */
const STRANGER = 1_000_000;
/** Neurons that the original criterion follows. */
const FOLLOWED = 5;
/** Sequences on which losses are measured. */
const UNSEEN = 512;

export async function measure(
  { growth, blocks }: TokenOrPositionArm,
  seeds: readonly number[],
  { backend, progress }: MeasureContext,
): Promise<TokenOrPositionTold[]> {
  const { study, config, steps, checkpoints } = growth;
  const models = seeds.length;
  const size = { dVocab: config.dVocab, nCtx: config.nCtx };
  const probe = latinBlocks({
    ...{ dVocab: config.dVocab, nPos: config.nCtx - 1, blocks },
    stream: randomStream(...streams.probe(study)),
  });
  const look = openTuning(backend, config, models, { sites: ["blocks.*.mlp.hook_post"], probe });
  try {
    const curvesOf = async (weights: Weights) => [...(await look.measure(weights)).values()];
    const initial = await curvesOf(unborn(growth, seeds));
    const strangers = await curvesOf(
      unborn(
        growth,
        seeds.map((seed) => seed + STRANGER),
      ),
    );
    const courses: Record<Factor, Float64Array>[][] = layers.map(() => []); // [layer][checkpoint]
    const grown = await growNetworks(
      backend,
      growth,
      seeds.map((seed) => ({ init: seed, data: seed })),
      {
        progress: (step, loss) => progress(step / steps, loss),
        look: async (_, weights) => {
          const curves = await curvesOf(weights);
          for (const layer of layers)
            courses[layer].push(byFactor((of) => meanR(initial[layer], curves[layer], of)));
        },
      },
    );
    const trained = await curvesOf(grown.weights);
    const unseen = heldOut(taskNamed(growth.task, size), streams.heldOut(study), UNSEEN);
    const losses = await lossesOf(backend, config, grown.weights, unseen);
    const ofLayers = layers.map((layer) => {
      const numbers = numbersOf(initial[layer], trained[layer], strangers[layer]);
      return (model: number) =>
        byFactor((factor): FactorTold => {
          const r = courses[layer].map((course) => course[factor][model]);
          return { r, ...numbers[factor](model) };
        });
    });
    return seeds.map(
      (_, model): TokenOrPositionTold => ({
        ...{ divergedAt: grown.divergedAt[model], steps: checkpoints, loss: losses[model] },
        layers: ofLayers.map((of) => of(model)),
      }),
    );
  } finally {
    look.close();
  }
}

/** Everything but the course of r, by factor and model. */
function numbersOf(initial: TuningCurves, trained: TuningCurves, strangers: TuningCurves) {
  const { models } = initial;
  const [before, after] = [varianceComponents(initial), varianceComponents(trained)];
  return byFactor((factor) => {
    const criterion = originalCriterion(before.eta2[factor], after.eta2[factor], models, {
      topK: FOLLOWED,
    });
    const nullR = meanR(strangers, trained, factor);
    const variance = [before, after].map(
      ({ crossValidated }) => unitMeans(crossValidated[factor], models).mean,
    );
    return (model: number) => ({
      nullR: nullR[model],
      raw: criterion.maintained[model],
      kappa: criterion.kappa[model],
      before: variance[0][model],
      after: variance[1][model],
    });
  });
}

function byFactor<T>(of: (factor: Factor) => T): Record<Factor, T> {
  return { token: of("token"), position: of("position") };
}

function meanR(before: TuningCurves, after: TuningCurves, kind: Factor): Float64Array {
  return unitMeans(tuningCorrelation(before, after, { kind }), before.models).mean;
}

/**
 * Token less position of one network by one measure; NaN where it has none, as for a variance that is not positive.
 *
 *   raw: difference in neurons;  kappa, r: difference;  variance: ln (after/before) of tokens − ln (after/before) of positions
 */
export function contrast(
  { token, position }: Readonly<Record<Factor, FactorTold>>,
  measured: Measure,
): number {
  const last = ({ r }: FactorTold) => r.at(-1) ?? Number.NaN;
  switch (measured) {
    case "raw":
      return Math.round(FOLLOWED * (token.raw - position.raw)); // whole, so that no rounding decides a sign
    case "kappa":
      return token.kappa - position.kappa;
    case "r":
      return last(token) - last(position);
    case "variance": {
      const lnRatio = ({ before, after }: FactorTold) =>
        before > 0 && after > 0 ? Math.log(after / before) : Number.NaN;
      return lnRatio(token) - lnRatio(position);
    }
  }
}
