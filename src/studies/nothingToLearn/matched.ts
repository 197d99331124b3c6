/** One seed's matched set: the same network with and without something to learn, and its two twins. */
import { inTurn } from "../../base/inTurn.ts";
import { randomStream } from "../../base/random.ts";
import { heldOut } from "../../data/batches.ts";
import { latinBlocks } from "../../data/probes.ts";
import { taskNamed } from "../../data/registry.ts";
import { networkDisplacement } from "../../features/displacement.ts";
import { displacementOf, drawDirection, matchedNoise } from "../../features/matchedNoise.ts";
import { nullNormalised, populationSimilarity } from "../../features/representationSimilarity.ts";
import type { TuningCurves } from "../../features/tuningCurves.ts";
import { unitMatching } from "../../features/unitMatching.ts";
import type { Backend } from "../../graph/backend.ts";
import type { Weights } from "../../model/weights.ts";
import { streams } from "../population/arm.ts";
import { growNetworks, lossesOf, unborn } from "../population/growth.ts";
import { openTuning } from "../population/lookInside.ts";
import type { MeasureContext } from "../protocol/study.ts";
import { type Condition, conditions, type controls, type MatchedArm, type moved, TWIN } from "./arms.ts";
import { type LayerNumbers, type LayerProbe, layerNumbers, layerProbe } from "./layerNumbers.ts";
import { type LayerPersistence, meanR, persistenceOf } from "./layerPersistence.ts";
import { layers } from "./plan.ts";

/** A network of one condition. */
export interface ConditionTold {
  /** Loss on unseen sequences of what it was trained on, nats. */
  readonly loss: number;
  /** The same before training. */
  readonly lossBefore: number;
  /** ‖θ − θ₀‖ / ‖θ₀‖ over all weights, [checkpoint]. */
  readonly displacement: readonly number[];
  /** [layer] */
  readonly persistence: readonly LayerPersistence[];
  /** After training, [layer]. */
  readonly numbers: readonly LayerNumbers[];
}

/** Two networks that share one of initialisation and data, compared by layer. */
export interface TwinTold {
  /** Correlation of the trained tuning of units of one index, [layer]. */
  readonly r: readonly number[];
  /** Matched mean correlation after training less that before, [layer]; NaN for twins that began alike. */
  readonly matchingGain: readonly number[];
  /** CKA of the trained layers, null-normalised by that of the untrained ones, [layer]; NaN likewise. */
  readonly ckaGain: readonly number[];
}

export interface MatchedTold {
  readonly kind: "matched";
  /** Step at which one of the six networks diverged first; null if none did. */
  readonly divergedAt: number | null;
  readonly steps: readonly number[];
  readonly of: Readonly<Record<Condition, ConditionTold>>;
  /** Tuning r of the task's displacement at the length of a control's, [layer]. */
  readonly scaled: Readonly<Record<(typeof controls)[number], readonly number[]>>;
  /** Tuning r after isotropic noise that moved every weight as far as training, [layer]. */
  readonly noise: Readonly<Record<(typeof moved)[number], readonly number[]>>;
  readonly otherData: TwinTold;
  readonly otherInit: TwinTold;
  /** Before training, [layer]. */
  readonly initial: readonly LayerNumbers[];
}

/** Sequences on which losses are measured. */
const UNSEEN = 512;

/** What all conditions of some seeds are compared with. Curves are [layer], networks [model]. */
interface Beginning {
  readonly seeds: readonly number[];
  readonly weights: Weights;
  readonly curves: readonly TuningCurves[];
  /** Untrained networks of other seeds. */
  readonly strangers: readonly TuningCurves[];
  readonly numbers: readonly (readonly LayerNumbers[])[];
  readonly probe: LayerProbe;
  readonly curvesOf: (weights: Weights) => Promise<readonly TuningCurves[]>;
}

/** Networks after training. */
interface Ending {
  readonly weights: Weights;
  readonly curves: readonly TuningCurves[];
  readonly divergedAt: readonly (number | null)[];
}

type Progress = (step: number, loss: number) => void;

export async function measureMatched(
  { growths, blocks, samples }: MatchedArm,
  seeds: readonly number[],
  { backend, progress }: MeasureContext,
): Promise<MatchedTold[]> {
  const { study, config, steps } = growths.task;
  const stream = randomStream(...streams.probe(study));
  const probe = latinBlocks({ dVocab: config.dVocab, nPos: config.nCtx - 1, blocks, stream });
  const look = openTuning(backend, config, seeds.length, { sites: ["blocks.*.mlp.hook_post"], probe });
  const parts = conditions.length + 2;
  const inPart =
    (part: number): Progress =>
    (step, loss) =>
      progress((part + step / steps) / parts, loss);
  try {
    const curvesOf = async (weights: Weights) => [...(await look.measure(weights)).values()];
    const strange = seeds.map((seed) => seed + TWIN);
    const weights = unborn(growths.task, seeds);
    const layerwise = layerProbe(growths.task, samples);
    const start: Beginning = {
      ...{ seeds, weights, probe: layerwise, curvesOf },
      ...{ curves: await curvesOf(weights), strangers: await curvesOf(unborn(growths.task, strange)) },
      numbers: await layerNumbers(backend, growths.task, weights, layerwise),
    };
    const trained = new Map(
      await inTurn(conditions, async (condition, part) => [
        condition,
        await underCondition(backend, condition, growths[condition], start, inPart(part)),
      ]),
    );
    const ended = (condition: Condition) => trained.get(condition) as Ending & { told: ConditionTold[] };
    const task = ended("task");
    const twin = async (init: number, data: number, part: number): Promise<Ending> => {
      const growth = { ...growths.task, checkpoints: [] };
      const models = seeds.map((seed) => ({ init: seed + init, data: seed + data }));
      const grown = await growNetworks(backend, growth, models, { progress: inPart(part) });
      return { ...grown, curves: await curvesOf(grown.weights) };
    };
    const otherData = await twin(0, TWIN, conditions.length);
    const otherInit = await twin(TWIN, 0, conditions.length + 1);
    const ofOtherData = twinTold(task.curves, otherData.curves);
    const ofOtherInit = twinTold(task.curves, otherInit.curves, [start.curves, start.strangers]);
    const rOf = async (elsewhere: Weights) => {
      const curves = await curvesOf(elsewhere);
      return layers.map((layer) => meanR(start.curves[layer], curves[layer]));
    };
    const inTask = displacementOf(weights, task.weights);
    // the task's direction in every weight, as far as the control went
    const pulled = async (control: (typeof controls)[number]) =>
      rOf(matchedNoise(weights, ended(control).weights, inTask, seeds.length));
    const scaled = { random: await pulled("random"), permuted: await pulled("permuted") };
    const shaken = async (condition: (typeof moved)[number]) => {
      const end = ended(condition).weights;
      const noise = seeds.map((seed) => randomStream(study, seed, "noise", condition));
      const direction = drawDirection(config, "isotropic", displacementOf(weights, end), noise);
      return rOf(matchedNoise(weights, end, direction, seeds.length));
    };
    const noise = {
      task: await shaken("task"),
      random: await shaken("random"),
      permuted: await shaken("permuted"),
    };
    const all: Ending[] = [...trained.values(), otherData, otherInit];
    return seeds.map((_, model): MatchedTold => {
      const diverged = all.flatMap(({ divergedAt }) => divergedAt[model] ?? []);
      return {
        kind: "matched",
        divergedAt: diverged.length === 0 ? null : Math.min(...diverged),
        steps: growths.task.checkpoints,
        of: byCondition((condition) => ended(condition).told[model]),
        scaled: {
          random: scaled.random.map((r) => r[model]),
          permuted: scaled.permuted.map((r) => r[model]),
        },
        noise: {
          task: noise.task.map((r) => r[model]),
          random: noise.random.map((r) => r[model]),
          permuted: noise.permuted.map((r) => r[model]),
        },
        ...{ otherData: ofOtherData(model), otherInit: ofOtherInit(model), initial: start.numbers[model] },
      };
    });
  } finally {
    look.close();
  }
}

function byCondition<T>(of: (condition: Condition) => T): Record<Condition, T> {
  return { task: of("task"), random: of("random"), permuted: of("permuted"), frozen: of("frozen") };
}

/** Grows the networks of one condition and measures them on the way and at the end. */
async function underCondition(
  backend: Backend,
  condition: Condition,
  growth: MatchedArm["growths"][Condition],
  start: Beginning,
  progress: Progress,
): Promise<Ending & { told: ConditionTold[] }> {
  const { seeds, curvesOf } = start;
  const { config, study } = growth;
  const r = layers.map(() => seeds.map((): number[] => []));
  const displacement = seeds.map((): number[] => []);
  const grown = await growNetworks(
    backend,
    growth,
    seeds.map((seed) => ({ init: seed, data: seed })),
    {
      progress,
      look: async (_, weights) => {
        const curves = await curvesOf(weights);
        for (const layer of layers)
          meanR(start.curves[layer], curves[layer]).forEach((value, model) => {
            r[layer][model].push(value);
          });
        networkDisplacement(start.weights, weights, seeds.length).forEach((value, model) => {
          displacement[model].push(value);
        });
      },
    },
  );
  const curves = await curvesOf(grown.weights);
  const numbers = await layerNumbers(backend, growth, grown.weights, start.probe);
  const persistence = layers.map((layer) =>
    persistenceOf({
      ...{ initial: start.curves[layer], trained: curves[layer], strangers: start.strangers[layer] },
      ...{ r: r[layer], qualities: start.numbers.map((ofModel) => ofModel[layer].units) },
      stream: (model) => randomStream(study, seeds[model], "matching", condition, layer),
    }),
  );
  const task = taskNamed(growth.task, { dVocab: config.dVocab, nCtx: config.nCtx });
  const unseen = heldOut(task, [...streams.heldOut(study), growth.task], UNSEEN);
  const [lossBefore, loss] = await inTurn([start.weights, grown.weights], async (weights) =>
    lossesOf(backend, config, weights, unseen),
  );
  const told = seeds.map(
    (_, model): ConditionTold => ({
      ...{ loss: loss[model], lossBefore: lossBefore[model] },
      ...{ displacement: displacement[model], numbers: numbers[model] },
      persistence: persistence.map((ofLayer) => ofLayer[model]),
    }),
  );
  return { weights: grown.weights, divergedAt: grown.divergedAt, curves, told };
}

/**
 * Compares trained networks with their twins, by model.
 *
 * @param untrained  both as they began, where they began differently
 */
function twinTold(
  own: readonly TuningCurves[],
  others: readonly TuningCurves[],
  untrained?: readonly (readonly TuningCurves[])[],
): (model: number) => TwinTold {
  const ofLayers = layers.map((layer) => {
    const [a, b] = [own[layer], others[layer]];
    const none = new Float64Array(a.models).fill(Number.NaN);
    if (untrained === undefined) return { r: meanR(a, b), matchingGain: none, ckaGain: none };
    const [before, beforeOther] = untrained.map((curves) => curves[layer]);
    const base = unitMatching(before, beforeOther).oneToOne;
    return {
      r: meanR(a, b),
      matchingGain: unitMatching(a, b).oneToOne.map((value, model) => value - base[model]),
      ckaGain: nullNormalised(
        populationSimilarity(a, b, { measures: ["cka"] }).cka,
        populationSimilarity(before, beforeOther, { measures: ["cka"] }).cka,
      ),
    };
  });
  return (model) => ({
    r: ofLayers.map(({ r }) => r[model]),
    matchingGain: ofLayers.map(({ matchingGain }) => matchingGain[model]),
    ckaGain: ofLayers.map(({ ckaGain }) => ckaGain[model]),
  });
}
