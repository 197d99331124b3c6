/**
 * Activation patching: what of one run, put into another, makes its answer that of the first.
 *
 * A clean input has an answer that a corrupt one, alike but for what matters, has not. Denoising puts parts of the clean
 * run into the corrupt one and asks what suffices to restore the answer; noising puts parts of the corrupt run into the
 * clean one and asks what is necessary for it.
 */
import { ArgumentError, ShapeError, unknownName } from "../base/errors.ts";
import { pearson } from "../stats/correlation.ts";
import type { ActivationCache } from "./activationCache.ts";
import { type Estimate, overModels, overRows } from "./estimate.ts";
import type { Metric } from "./metrics.ts";
import type { Network } from "./network.ts";
import { runPass } from "./pass.ts";
import { firstOrderChange, replacedMetric, type SweepOptions, type SweepPlan, sweepPlan } from "./sweep.ts";
import type { Tensor } from "./tensor.ts";
import { type TokenArray, type Tokens, tokenArray } from "./tokens.ts";

/** What is put into what. */
const directions = {
  denoising: { from: "clean", into: "corrupt" },
  noising: { from: "corrupt", into: "clean" },
  cleanIntoClean: { from: "clean", into: "clean" },
  corruptIntoCorrupt: { from: "corrupt", into: "corrupt" },
} as const;

/**
 * What is put into what: clean into corrupt, or corrupt into clean. The other two are controls that patch a run with
 * itself; their effects are exactly 1 and exactly 0.
 */
export type PatchDirection = keyof typeof directions;

/** Pairs of inputs, and what is asked of them. */
export interface PatchOptions extends SweepOptions {
  /** [pair][pos]; row by row a pair with `corrupt`. */
  readonly clean: Tokens;
  readonly corrupt: Tokens;
  /** A metric of the pairs; lists of tokens or targets have one entry a pair. */
  readonly metric: Metric;
  /** Confidence of the intervals, in (0, 1), default 0.95. */
  readonly level?: number;
}

/** Effects of patches, with their intervals. */
export interface PatchEffects {
  /**
   * [model, ...by], mean over pairs with a t interval. Of one pair the interval is (−∞, ∞), of none all three are NaN.
   */
  readonly effect: Estimate;
  /** [...by], mean over the models' means with a t interval over models; models without a pair are left out. */
  readonly acrossModels: Estimate;
  /** [model, ...by, batch]: effects by pair; NaN where the metric does not tell clean from corrupt. */
  readonly effects: Tensor;
  /** Pairs that the means are of, by model: those where the metric tells clean from corrupt. */
  readonly pairs: readonly number[];
  /** The metric of the unpatched runs, [model, batch]. */
  readonly clean: Tensor;
  readonly corrupt: Tensor;
  /** The layer at each index of the axis `layer`. */
  readonly layers: readonly number[];
}

/** What {@link patchSweep} gives. */
export interface PatchSweep extends PatchEffects {
  /** The metric of the patched runs, [model, ...by, batch]. */
  readonly patched: Tensor;
}

/**
 * Patches every part of a network in turn.
 *
 *   effect = ( metric(patched) − metric(corrupt) ) / ( metric(clean) − metric(corrupt) )
 *
 * 0 is the answer of the corrupt run, 1 that of the clean one, whatever the direction. Patches are rows of packed
 * batches, in which only what can differ from the unpatched run is computed; their metrics are bit for bit what as many
 * whole runs would give.
 *
 * A pair with the same metric clean and corrupt has no effect to speak of: NaN, left out of the means and counted.
 *
 * @example patchSweep(network, { clean, corrupt, over: [hook.z("all")], by: ["layer", "head"], metric })
 * @param maxRows  most rows of one run, default 256; one patch of all pairs goes into one where its sites lie in several
 *                 layers or outside of all
 * @throws ArgumentError  if no pair of any model has a difference, or for what {@link SweepOptions} forbids
 * @throws ShapeError     if clean and corrupt differ in shape
 * @throws NameError      for a site, an axis or a direction that does not exist, with the nearest one
 * @source Meng et al. 2022 (causal tracing); Heimersheim & Nanda 2024 (denoising and noising, normalised metrics)
 */
export function patchSweep(
  network: Network,
  options: PatchOptions & { readonly direction?: PatchDirection; readonly maxRows?: number },
): PatchSweep {
  const { metric, direction = "denoising", maxRows, level = 0.95 } = options;
  if (!Object.hasOwn(directions, direction))
    throw unknownName("patch sweep, direction", direction, Object.keys(directions));
  const { from, into } = directions[direction];
  const both = pairsOf(network, options);
  const { plan } = both;
  const patched = replacedMetric(network, both[into].tokens, {
    plan,
    replacement: both[from].cache,
    metric,
    maxRows,
  });
  const [clean, corrupt] = [both.clean.metric, both.corrupt.metric];
  return { ...patchEffects(patched, clean, corrupt, { plan, level, shifted: true }), patched };
}

/** What {@link attributionPatching} gives. */
export interface AttributionPatching extends PatchEffects {
  /** First-order change of the metric, [model, ...by, batch]: the effects before division. */
  readonly change: Tensor;
  /** The sweep it approximates, where asked for. */
  readonly exact?: PatchSweep;
  /** Pearson's r of its effects with the exact ones over all parts, by model; NaN where either does not vary. */
  readonly correlation?: readonly number[];
}

/**
 * Patching by gradient: the effect of every patch to first order, from one clean run and one corrupt run with gradients.
 *
 *   effect ≈ Σ ( clean − corrupt ) · ∂ metric / ∂ activation  /  ( metric(clean) − metric(corrupt) ),
 *
 * the slope taken in the corrupt run. It is exact where the metric is linear in what is patched, such as the last
 * block's heads without a final norm; softmax, norms and saturation in between make it wrong. Sites that lie after one
 * another and are patched together are each counted with all that follows, so tell them apart by layer.
 *
 * @param exact  also do the exact sweep, denoising, and correlate
 * @throws ArgumentError if the metric is not differentiable; otherwise as {@link patchSweep}
 * @source Nanda 2023, "Attribution patching"; Syed, Rager & Conmy 2024
 */
export function attributionPatching(
  network: Network,
  options: PatchOptions & { readonly exact?: boolean; readonly maxRows?: number },
): AttributionPatching {
  const { metric, level = 0.95 } = options;
  const { plan, clean, corrupt } = pairsOf(network, options);
  const { change } = firstOrderChange(network, corrupt.tokens, { plan, replacement: clean.cache, metric });
  const own = patchEffects(change, clean.metric, corrupt.metric, { plan, level, shifted: false });
  if (options.exact !== true) return { ...own, change };
  const exact = patchSweep(network, { ...options, direction: "denoising" });
  const [approximate, whole] = [own.effect.estimate.data, exact.effect.estimate.data];
  const cells = plan.cells.length;
  const correlation = Array.from({ length: network.models }, (_, model) => {
    const [first, end] = [model * cells, (model + 1) * cells];
    return pearson(approximate.subarray(first, end), whole.subarray(first, end));
  });
  return { ...own, change, exact, correlation };
}

interface Side {
  tokens: TokenArray;
  cache: ActivationCache;
  metric: Tensor;
}

/** The unpatched runs, with the sites that are swept. */
function pairsOf(network: Network, options: PatchOptions): { plan: SweepPlan; clean: Side; corrupt: Side } {
  const [clean, corrupt] = [tokenArray(network, options.clean), tokenArray(network, options.corrupt)];
  if (clean.batch !== corrupt.batch || clean.pos !== corrupt.pos)
    throw new ShapeError({
      where: "patching",
      rule: "clean and corrupt must be pairs of equally long sequences",
      got: `[batch ${clean.batch}, pos ${clean.pos}] and [batch ${corrupt.batch}, pos ${corrupt.pos}]`,
    });
  const plan = sweepPlan(network.config, options, clean.pos);
  const side = (tokens: TokenArray): Side => {
    const { logits, cache } = runPass(network, tokens, { sites: plan.sites.map(({ name }) => name) });
    return { tokens, cache, metric: options.metric.measure(logits) };
  };
  return { plan, clean: side(clean), corrupt: side(corrupt) };
}

/**
 * Metrics, or changes of them, divided by the distance from corrupt to clean.
 *
 * @param shifted  whether the values are metrics, from which corrupt must be taken, or already changes
 */
function patchEffects(
  values: Tensor,
  clean: Tensor,
  corrupt: Tensor,
  { plan, level, shifted }: { plan: SweepPlan; level: number; shifted: boolean },
): PatchEffects {
  const [models, batch] = clean.shape;
  const distance = Array.from(clean.data, (value, i) => value - corrupt.data[i]);
  const told = (model: number, row: number) => distance[model * batch + row] !== 0;
  const pairs = Array.from({ length: models }, (_, model) => {
    return distance.slice(model * batch, (model + 1) * batch).filter((apart) => apart !== 0).length;
  });
  if (pairs.every((count) => count === 0))
    throw new ArgumentError({
      where: "patching, metric",
      rule: "must differ between clean and corrupt",
      got: `the same value in every pair of every model, the first ${clean.data[0]}`,
      wayOut: "Take inputs that the networks answer differently, or another metric.",
    });
  const perModel = values.data.length / models;
  const data = Float64Array.from(values.data, (value, i) => {
    const row = Math.floor(i / perModel) * batch + (i % batch);
    if (distance[row] === 0) return Number.NaN;
    const moved = shifted ? value - corrupt.data[row] : value;
    return moved === 0 ? 0 : moved / distance[row]; // 0 over a negative distance is −0
  });
  const effects = { ...values, data };
  const effect = overRows(effects, level, told);
  return {
    effect,
    acrossModels: overModels(effect.estimate, level, (model) => pairs[model] > 0),
    effects,
    pairs,
    clean,
    corrupt,
    layers: plan.layers,
  };
}
