/** Every number that the tour tells, computed from the run on the page by the functions of the views and of the study. */
import { randomStream } from "../../../../src/base/random.ts";
import { patternKinds, patternOf } from "../../../../src/data/patternOf.ts";
import { taskNamed } from "../../../../src/data/registry.ts";
import type { BayesFloor } from "../../../../src/data/types.ts";
import { networkDisplacement } from "../../../../src/features/displacement.ts";
import { seedInterval } from "../../../../src/features/seedInterval.ts";
import type { CurveKind } from "../../../../src/features/unitCurves.ts";
import { unitMeans } from "../../../../src/features/unitMeans.ts";
import type { Spread } from "../../../../src/figures/spread.ts";
import type { ModelConfig } from "../../../../src/model/config.ts";
import type { Interval } from "../../../../src/stats/intervals.ts";
import { heldOutLoss, leaksOf } from "../../../../src/studies/persistence/analyse.ts";
import { siteOfLayer } from "../../../../src/studies/persistence/spec.ts";
import type { ArmSpec } from "../../../../src/studies/population/arm.ts";
import type { ArmResult } from "../../../../src/studies/population/gather.ts";
import type { Population, Seen } from "../../lab/population.svelte.ts";
import { initReference, nullCorrelations, sortedSpread } from "../units/initNull.ts";
import { type LayerFinding, layerFinding, unitPersistence } from "../units/layerFinding.ts";
import { type LayerLook, layerLook } from "../units/layerLook.ts";

/** What the tour reads of a run. */
export type TouredRun = Pick<Population, "arm" | "config" | "models" | "divergedAt" | "first" | "shown">;

/** Whether networks have MLP neurons. */
export const hasNeurons = ({ attnOnly, nLayers }: ModelConfig) => !attnOnly && nLayers > 0;
/** Whether networks have heads. */
export const hasHeads = ({ mlpOnly, nLayers }: ModelConfig) => !mlpOnly && nLayers > 0;

/** One sequence as the networks get it. */
export interface Example {
  /** Of the task `patterns`, its kind. */
  readonly kind: string | null;
  readonly tokens: readonly number[];
  /** What is to be predicted, where it is not the next token. */
  readonly targets: readonly number[] | null;
}

/** Sequences of the task: one of each kind where it has kinds. Number `draw` of endlessly many such sets. */
export function taskExamples({ task, config }: ArmSpec, draw: number): Example[] {
  const { dVocab, nCtx } = config;
  const stream = randomStream("studio", "tour", task, draw);
  if (task === "patterns")
    return patternKinds.map((kind) => ({
      kind,
      tokens: [...patternOf(kind, stream, { dVocab, nCtx })],
      targets: null,
    }));
  const { inputs, targets, nPos, count } = taskNamed(task, { dVocab, nCtx }).sample(
    stream,
    patternKinds.length,
  );
  return Array.from({ length: count }, (_, row) => {
    const [start, end] = [row * nPos, (row + 1) * nPos];
    const [read, wanted] = [[...inputs.subarray(start, end)], [...targets.subarray(start, end)]];
    const isShifted = wanted.slice(0, -1).every((token, at) => token === read[at + 1]);
    return isShifted
      ? { kind: null, tokens: [...read, wanted[nPos - 1]], targets: null }
      : { kind: null, tokens: read, targets: wanted };
  });
}

/** Whether what is to be predicted at a position is the token at the next one. */
export const predictsNext = (arm: ArmSpec) => taskExamples(arm, 0).every(({ targets }) => targets === null);

const floors = new WeakMap<ArmSpec, BayesFloor | null>();

/** The exact floor of an arm's task; null where none is known. */
export function floorOf(arm: ArmSpec): BayesFloor | null {
  let floor = floors.get(arm);
  if (floor === undefined) {
    const { dVocab, nCtx } = arm.config;
    floor = taskNamed(arm.task, { dVocab, nCtx }).bayesFloor() ?? null;
    floors.set(arm, floor);
  }
  return floor;
}

const resultAt = ({ arm, models, divergedAt }: TouredRun, at: Seen): ArmResult => ({
  ...{ arm, models, checkpoints: [at], losses: [], divergedAt: [...divergedAt], kernelShare: Number.NaN },
});

/** Held-out loss at a step, mean over seeds with its 95 % t interval, nats. */
export function lossAt(run: TouredRun, at: Seen): Interval {
  return seedInterval(heldOutLoss(resultAt(run, at), 0));
}

/** Seeds that have a loss at a step: those that did not diverge. */
export function seedsWithLoss(run: TouredRun, at: Seen): number {
  return heldOutLoss(resultAt(run, at), 0).filter(Number.isFinite).length;
}

/** Positions at which the loss is below what is possible without seeing the target. */
export function leaksAt(run: TouredRun, at: Seen): ReturnType<typeof leaksOf> {
  return leaksOf(resultAt(run, at));
}

/** How far all weights went, ‖θ − θ₀‖ / ‖θ₀‖, mean over seeds. */
export function distanceAt({ first, models }: TouredRun, at: Seen): Interval {
  return seedInterval(
    first === undefined ? [] : networkDisplacement(first.weights, at.weights, models.length),
  );
}

/** eta² of the units before training, mean over the units of a network, over seeds. */
export function initialSelectivity(
  { first, models }: TouredRun,
  layer: number,
  kind: "token" | "position",
): Interval | null {
  if (first === undefined) return null;
  return seedInterval(unitMeans(first.sites[siteOfLayer(layer)].eta2[kind], models.length).mean);
}

/** A layer then and now, and what that comes to. */
export interface LayerTuning {
  readonly layer: number;
  readonly kind: CurveKind;
  readonly first: LayerLook;
  readonly now: LayerLook;
  /** Of every unit with its own initialisation, [model, unit]. */
  readonly r: Float64Array;
  /** Networks that diverged, [model]. */
  readonly out: readonly boolean[];
  readonly finding: LayerFinding;
}

const starts = new WeakMap<Seen, Map<number, LayerLook>>();

/** The layer at the initialisation, which is looked at again and again. */
function startOf(first: Seen, layer: number, arm: ArmSpec): LayerLook {
  const known = starts.get(first) ?? new Map<number, LayerLook>();
  starts.set(first, known);
  const look = known.get(layer) ?? layerLook(first, layer, arm);
  known.set(layer, look);
  return look;
}

/** The layer of a choice, as the view "Then and now" bounds it. */
export const shownLayer = ({ config }: Pick<TouredRun, "config">, layer: number) =>
  Math.max(0, Math.min(layer, config.nLayers - 1));

/** The tuning of a layer at the shown step; null without neurons, and before the first look. */
export function layerTuning(
  run: TouredRun,
  { layer: chosen, kind }: { layer: number; kind: CurveKind },
): LayerTuning | null {
  const { first: start, shown, arm, config, divergedAt } = run;
  if (start === undefined || shown === undefined || !hasNeurons(config)) return null;
  const layer = shownLayer(run, chosen);
  const first = startOf(start, layer, arm);
  const now = shown === start ? first : layerLook(shown, layer, arm);
  const r = unitPersistence({ first, now }, kind);
  const out = divergedAt.map((at: number | null) => at !== null && at <= now.step);
  return { layer, kind, first, now, r, out, finding: layerFinding({ first, now }, { kind, r, out }) };
}

/** A run in one line of numbers. */
export interface RunNumbers {
  readonly step: number;
  readonly loss: Interval;
  readonly distance: Interval;
  readonly finding: LayerFinding;
}

const lines = new WeakMap<Seen, Map<string, RunNumbers>>();

/** The numbers of a run at its shown step; null where {@link layerTuning} is. Computed once for each look. */
export function runNumbers(run: TouredRun, choice: { layer: number; kind: CurveKind }): RunNumbers | null {
  const { shown, first, divergedAt } = run;
  if (shown === undefined || first === undefined || !hasNeurons(run.config)) return null;
  const known = lines.get(shown) ?? new Map<string, RunNumbers>();
  lines.set(shown, known);
  // a task decides what counts for the loss, and looks are shared with the run that one branched from
  const key = [shownLayer(run, choice.layer), choice.kind, run.arm.task, divergedAt].join();
  const found = known.get(key);
  if (found !== undefined) return found;
  const { finding } = layerTuning(run, choice) as LayerTuning;
  const made = { step: shown.step, loss: lossAt(run, shown), distance: distanceAt(run, shown), finding };
  known.set(key, made);
  return made;
}

/** The unit that the tour follows: the chosen one, or the most selective of the network before training. */
export function followedUnit(
  { selectivity, units }: LayerLook,
  { model, kind, unit }: { model: number; kind: CurveKind; unit: number | null },
): number {
  if (unit !== null && unit < units) return unit;
  const own = selectivity[kind].subarray(model * units, (model + 1) * units);
  return own.reduce((best, value, at) => (value > own[best] || Number.isNaN(own[best]) ? at : best), 0);
}

/** r of one unit now with units of other networks' beginnings: what the card of the unit draws as its null. */
export function unitNull(
  { first, now, kind }: LayerTuning,
  { model, unit }: { model: number; unit: number },
): Spread {
  const reference = initReference(first.curves[kind], first);
  const at = model * first.units + unit;
  return sortedSpread(nullCorrelations(reference, now.curves[kind], { at, model }));
}

/** Where a head prefers one position most. */
export interface StrongestLook {
  readonly query: number;
  readonly key: number;
  readonly weight: number;
  /** What each key would get if the query looked everywhere alike. */
  readonly uniform: number;
}

/**
 * The weight of a pattern that exceeds uniform attention most; a query that sees only itself has no choice.
 *
 * @param pattern  [queryPos, keyPos]
 * @returns        null where no query has a choice
 */
export function strongestLook(
  pattern: ArrayLike<number>,
  { nPos, causal }: { nPos: number; causal: boolean },
): StrongestLook | null {
  let best: StrongestLook | null = null;
  for (let query = 0; query < nPos; query++) {
    const keys = causal ? query + 1 : nPos;
    for (let key = 0; keys > 1 && key < keys; key++) {
      const weight = pattern[query * nPos + key];
      if (best === null || weight - 1 / keys > best.weight - best.uniform)
        best = { query, key, weight, uniform: 1 / keys };
    }
  }
  return best;
}
